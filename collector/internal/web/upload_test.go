package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollcall/collector/internal/store"
	"rollcall/collector/internal/web"
)

const sccFile = `SERIAL NUMBER / PAK NUMBER,CONTRACT NUMBER,SERVICE LEVEL,PRODUCT NUMBER,BEGIN DATE,END DATE
FCW9999Z9Z9,777000111,SNT,C9300-48P,2025-01-01,2030-01-01
FCW9999Z9Z8,777000111,SNT,C9300-48P,2025-01-01,sometime
`

// give sends a file as the page for it does.
func (s *site) give(name, content string, fields ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		s.must(form.WriteField(fields[i], fields[i+1]))
	}
	if name != "" {
		part, err := form.CreateFormFile("file", name)
		s.must(err)
		_, err = part.Write([]byte(content))
		s.must(err)
	}
	s.must(form.Close())
	r := httptest.NewRequest(http.MethodPost, "/import", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return s.do(r)
}

// contractNumbers are those whose lines are kept.
func (s *site) contractNumbers(organization string) []string {
	s.t.Helper()
	facts, err := s.Facts(context.Background(), organization)
	s.must(err)
	var all []string
	for _, l := range facts.Lines {
		if !slices.Contains(all, l.Contract) {
			all = append(all, l.Contract)
		}
	}
	return all
}

// A file is looked at first, and imported when a person says so.
func TestImportByPage(t *testing.T) {
	s := newSite(t)
	s.handler = s.replicas(web.Options{LoginOff: true}) // the preview is of one, the import of the other
	s.foodBank()
	before := s.contractNumbers(foodBankID)

	shown := s.give("new.csv", sccFile, "organization", foodBankID, "kind", "contract")
	if shown.Code != http.StatusOK {
		t.Fatalf("preview: %d\n%s", shown.Code, shown.Body)
	}
	page := shown.Body.String()
	for _, want := range []string{"1 added, 0 removed, 0 changed", "new.csv: row 3, column &#34;END DATE&#34;, value &#34;sometime&#34;"} {
		if !strings.Contains(page, want) {
			t.Errorf("the preview lacks %q:\n%s", want, page)
		}
	}
	if after := s.contractNumbers(foodBankID); !slices.Equal(before, after) {
		t.Errorf("the preview changed the contracts from %v to %v", before, after)
	}
	upload := regexp.MustCompile(`name="upload" value="([^"]+)"`).FindStringSubmatch(page)
	if upload == nil {
		t.Fatalf("the preview has no form to import the file:\n%s", page)
	}
	if other := s.post("/do/import", "organization", "nobody", "upload", upload[1]); other.Code != http.StatusNotFound {
		t.Errorf("another organization's import: %d, want 404", other.Code)
	}
	done := s.post("/do/import", "organization", foodBankID, "upload", upload[1])
	if done.Code != http.StatusSeeOther || done.Header().Get("Location") != "/records?organization="+foodBankID {
		t.Fatalf("import: %d to %q\n%s", done.Code, done.Header().Get("Location"), done.Body)
	}
	if after := s.contractNumbers(foodBankID); !slices.Contains(after, "777000111") {
		t.Errorf("the contract is not kept: %v", after)
	}
	if again := s.post("/do/import", "organization", foodBankID, "upload", upload[1]); again.Code != http.StatusNotFound {
		t.Errorf("the same file once more: %d, want 404", again.Code)
	}
}

func TestImportByPageRefused(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	tests := []struct {
		name, file, content string
		fields              []string
		status              int
		want                string
	}{
		{"no file", "", "", []string{"organization", foodBankID}, http.StatusBadRequest, "choose one"},
		{"empty file", "a.csv", "", []string{"organization", foodBankID}, http.StatusBadRequest, "choose one"},
		{"no serial column", "a.csv", "name,end\nx,2030-01-01\n", []string{"organization", foodBankID}, http.StatusBadRequest, "serial"},
		{"no organization", "a.csv", sccFile, []string{"organization", "nobody"}, http.StatusNotFound, "nobody"},
		{"kind", "a.csv", sccFile, []string{"organization", foodBankID, "kind", "poem"}, http.StatusBadRequest, "poem"},
		{"order of dates", "a.csv", sccFile, []string{"organization", foodBankID, "date_order", "ymd"}, http.StatusBadRequest, "mdy or dmy"},
		{"too large", "a.csv", strings.Repeat("x", store.MaxUpload+1), []string{"organization", foodBankID}, http.StatusRequestEntityTooLarge, "MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := s.give(tt.file, tt.content, tt.fields...)
			if got.Code != tt.status || !strings.Contains(got.Body.String(), tt.want) {
				t.Errorf("%d, want %d with %q:\n%s", got.Code, tt.status, tt.want, got.Body)
			}
		})
	}
}

// Programs give the file as the body.
func TestImportByAPI(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	give := func(query, content string) (status int, answer struct {
		Result   string
		Imported bool
		Refused  []struct {
			Row    int
			Column string
		}
		Error string
	},
	) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, "/api/v1/imports?organization="+foodBankID+query, strings.NewReader(content))
		got := s.do(r)
		s.must(json.Unmarshal(got.Body.Bytes(), &answer))
		return got.Code, answer
	}
	status, answer := give("&name=new.csv&preview=true", sccFile)
	if status != http.StatusOK || answer.Imported || !strings.Contains(answer.Result, "1 added, 0 removed") {
		t.Errorf("preview: %d %+v", status, answer)
	}
	if slices.Contains(s.contractNumbers(foodBankID), "777000111") {
		t.Error("the preview imported the file")
	}
	status, answer = give("&name=new.csv", sccFile)
	if status != http.StatusOK || !answer.Imported || len(answer.Refused) != 1 || answer.Refused[0].Row != 3 || answer.Refused[0].Column != "END DATE" {
		t.Errorf("import: %d %+v", status, answer)
	}
	if !slices.Contains(s.contractNumbers(foodBankID), "777000111") {
		t.Error("the contract is not kept")
	}
	status, answer = give("&kind=orders&name=orders.csv", "order_number,product_id,serial\nSO-1,C9300-48P,FCW9999Z9Z7\n")
	if orders, err := s.Orders(context.Background(), foodBankID); err != nil || status != http.StatusOK || len(orders) != 1 {
		t.Errorf("orders: %d %+v, kept %v, %v", status, answer, orders, err)
	}
	if status, answer = give("&name=new.csv", strings.Split(sccFile, "FCW9999Z9Z9")[0]+"FCW9999Z9Z8,777000111,SNT,C9300-48P,2025-01-01,sometime\n"); status != http.StatusBadRequest || !strings.Contains(answer.Error, "sometime") {
		t.Errorf("a file without a row that can be used: %d %+v", status, answer)
	}
	if status, answer = give("", "nothing of use"); status != http.StatusBadRequest || answer.Error == "" {
		t.Errorf("a file without a table: %d %+v", status, answer)
	}
}
