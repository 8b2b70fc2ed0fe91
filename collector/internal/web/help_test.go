package web_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"rollcall/configs/docs"
)

// Every document is a page, has a title, and its links lead somewhere.
func TestHelp(t *testing.T) {
	s := newSite(t)
	names, err := fs.Glob(docs.Pages, "*.md")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d documents, error %v", len(names), err)
	}
	link := regexp.MustCompile(`<article[\s\S]*</article>`)
	href := regexp.MustCompile(`href="([^"]+)"`)
	for _, name := range names {
		path := "/help/" + strings.TrimSuffix(name, ".md")
		t.Run(path, func(t *testing.T) {
			page := s.help(t, path, http.StatusOK)
			if !strings.Contains(page, "<h1>") {
				t.Error("the page has no title")
			}
			for _, m := range href.FindAllStringSubmatch(link.FindString(page), -1) {
				switch {
				case strings.HasPrefix(m[1], "https://"):
				case strings.HasPrefix(m[1], "/"):
					s.help(t, m[1], http.StatusOK)
				default:
					s.help(t, "/help/"+m[1], http.StatusOK)
				}
			}
		})
	}
	if page := s.help(t, "/help/", http.StatusOK); !strings.Contains(page, "<table>") {
		t.Error("the list of pages is no table")
	}
	s.help(t, "/help/nothing", http.StatusNotFound)
	s.help(t, "/help/..%2fdocs.go", http.StatusNotFound)
}

func (s *site) help(t *testing.T, path string, status int) string {
	t.Helper()
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	if answer.Code != status {
		t.Errorf("%s: status %d, want %d", path, answer.Code, status)
	}
	return answer.Body.String()
}
