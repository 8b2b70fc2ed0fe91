package web_test

import (
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"rollcall/collector/internal/document"
	"rollcall/pkg/peer"
)

const foodBankDocuments = "?organization=riverside-food-bank"

// TestDocuments: every document of the list is there in every format that it
// links, as a file of that type or as a page to print.
func TestDocuments(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	body := s.get("/documents" + foodBankDocuments).Body.String()
	links := regexp.MustCompile(`href="(/documents/[^"]+)"`).FindAllStringSubmatch(body, -1)
	if len(links) < 35 {
		t.Fatalf("the page links %d documents", len(links))
	}
	for _, l := range links {
		path := strings.ReplaceAll(l[1], "&amp;", "&")
		answer := s.get(path)
		h := answer.Header()
		file, _, _ := strings.Cut(strings.TrimPrefix(path, "/documents/"), "?")
		_, extension, written := strings.Cut(file, ".")
		switch answer.Code {
		case http.StatusOK:
		case http.StatusConflict: // what only people know
			if !written || !strings.Contains(answer.Body.String(), "still to fill in: ") {
				t.Errorf("%s: %s", path, answer.Body)
			}
			continue
		case http.StatusNotFound: // nothing of the food bank is of that kind
			if !regexp.MustCompile(`there is no finding|to look for|There is no finding|Every line`).MatchString(answer.Body.String()) {
				t.Errorf("%s: %s", path, answer.Body)
			}
			continue
		default:
			t.Errorf("%s: status %d: %s", path, answer.Code, answer.Body)
			continue
		}
		if !written {
			continue
		}
		attached := strings.HasPrefix(h.Get("Content-Disposition"), "attachment; filename=")
		if shown := extension == "html" || extension == "txt"; shown == attached {
			t.Errorf("%s: Content-Disposition %q", path, h.Get("Content-Disposition"))
		}
		want := map[string]string{"html": "text/html", "txt": "text/plain", "csv": "text/csv", "json": "application/json", "xlsx": "application/vnd.openxmlformats"}[extension]
		if want == "" || !strings.HasPrefix(h.Get("Content-Type"), want) {
			t.Errorf("%s: Content-Type %q", path, h.Get("Content-Type"))
		}
	}
}

// TestDocumentContent looks into some of them.
func TestDocumentContent(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	rows, err := csv.NewReader(s.get("/documents/units.csv" + foodBankDocuments).Body).ReadAll()
	if err != nil || len(rows) != 20 {
		t.Errorf("%d rows of units as CSV, want a header and 19 (%v)", len(rows), err)
	}
	answer := s.get("/findings/3/sheet.xlsx?rma_number=800123456")
	if name := answer.Header().Get("Content-Disposition"); name != "attachment; filename=sheet-FCW2345L0AB.xlsx" {
		t.Errorf("the sheet is kept as %q", name)
	}
	f, err := excelize.OpenReader(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	cells, err := f.GetRows(f.GetSheetName(0))
	if err != nil || len(cells) != 2 || !strings.Contains(strings.Join(cells[1], "|"), "800123456") {
		t.Errorf("the sheet as a workbook: %q, %v", cells, err)
	}
	card := "/documents/tac.txt" + foodBankDocuments + "&of=FOC1932X0QQ"
	if answer := s.get(card); answer.Code != http.StatusConflict || !strings.Contains(answer.Body.String(), "Contact person (contact)") {
		t.Errorf("a card without contact: status %d\n%s", answer.Code, answer.Body)
	}
	body := s.get(card + "&field.contact=the+admin&field.site_address=1+River+Street%0AUS").Body.String()
	if !strings.Contains(body, "Contact person:               the admin\n") || !strings.Contains(body, "1 River Street US\n") {
		t.Errorf("the card is\n%s", body)
	}
}

// TestDocumentRefusals: what makes no sense, what is not there, and what is
// somebody else's.
func TestDocumentRefusals(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	s.school()
	tests := []struct {
		name, path string
		status     int
		says       string
	}{
		{"no organization", "/documents/units.csv", 400, "of one organization"},
		{"no such organization", "/documents/units.csv?organization=x", 404, "There is no organization"},
		{"no such document", "/documents/letter.txt" + foodBankDocuments, 404, "There is no document"},
		{"no such format", "/documents/units.pdf" + foodBankDocuments, 404, "There is no format"},
		{"a draft is no table", "/documents/draft.csv" + foodBankDocuments + "&of=contract_not_found&field.order_number=1&field.serials=2", 400, "offered as text, html, json"},
		{"no such draft", "/documents/draft" + foodBankDocuments + "&of=poem", 400, "early_activation"},
		{"no such unit", "/documents/tac.txt" + foodBankDocuments + "&of=FOC0", 404, "No unit FOC0 was seen"},
		{"a unit of another organization", "/documents/tac.txt" + foodBankDocuments + "&of=JAE24990K01", 404, "No unit JAE24990K01 was seen"},
		{"another mail address", "/documents/draft.txt" + foodBankDocuments + "&of=contract_not_found&field.to=x@example.org", 400, "cisco@techsoup.org"},
		{"a field as long as a book", "/documents/tac.txt" + foodBankDocuments + "&of=FOC1932X0QQ&field.contact=" + strings.Repeat("x", 2001), 400, "longer than 2000 bytes"},
		{"bad escape", "/documents/tac.txt" + foodBankDocuments + "&of=%zz", 400, "cannot be read"},
		{"no such sheet", "/findings/3/letter.txt", 404, "no page at this address"},
		{"no such format of a sheet", "/findings/3/sheet.pdf", 404, "There is no format"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := s.get(tt.path)
			if body := answer.Body.String(); answer.Code != tt.status || !strings.Contains(body, tt.says) {
				t.Errorf("%s: status %d, want %d with %q:\n%s", tt.path, answer.Code, tt.status, tt.says, body)
			}
		})
	}
	if body := s.get("/documents").Body.String(); !strings.Contains(body, `choose it above`) {
		t.Error("the page of documents of several organizations does not say to choose one")
	}
}

// TestDocumentsLinked: each page leads to the documents that help there.
func TestDocumentsLinked(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	for path, wants := range map[string][]string{
		"/":           {`/documents/units.xlsx?organization=riverside-food-bank`, `/documents?organization=riverside-food-bank`},
		"/findings/2": {`/documents/renewal?of=204123456&amp;organization=riverside-food-bank`, `formaction="/findings/2/sheet.html"`},
		"/findings/3": {`formaction="/findings/3/sheet.xlsx"`, `formaction="/findings/3/sheet.html"`},
		"/findings/4": {`/documents/draft?about=4&amp;of=contract_not_found&amp;organization=riverside-food-bank`},
		"/unit?organization=riverside-food-bank&pid=C9300-48P&serial=FCW2345L0AC": {`/documents/tac?of=FCW2345L0AC&amp;organization=riverside-food-bank&amp;pid=C9300-48P`},
	} {
		body := s.get(path).Body.String()
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not lead to %s", path, want)
			}
		}
	}
}

// TestPrintView: the page to print needs no script, keeps within the policy that
// it is served with, and overflows no screen; on paper its hints are gone.
func TestPrintView(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	srv := httptest.NewServer(s.handler)
	defer srv.Close()
	browser := peer.Chromium(t)
	paths := map[string]string{
		"units":    "/documents/units.html" + foodBankDocuments,
		"findings": "/documents/findings.html" + foodBankDocuments,
		"renewal":  "/documents/renewal.html" + foodBankDocuments,
		"sheet":    "/findings/3/sheet.html",
		"draft":    "/documents/draft.html" + foodBankDocuments + "&of=contract_not_found&field.order_number=TS-1&field.serials=FCW2345L0AC",
		"form":     "/documents/draft" + foodBankDocuments + "&of=contract_not_found",
		"list":     "/documents" + foodBankDocuments,
	}
	for _, width := range []int{390, 900} {
		page := browser.Page(width, 1000, "light")
		page.WithoutScript()
		for name, path := range paths {
			page.Open(srv.URL + path)
			var got struct {
				Overflow, Scripts int
				Heading, Font     string
			}
			page.Eval(`({overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth, scripts: document.scripts.length,
				heading: document.querySelector("h1").textContent, font: getComputedStyle(document.body).fontFamily})`, &got)
			if got.Overflow > 0 || got.Heading == "" || !strings.Contains(got.Font, "system-ui") {
				t.Errorf("%s at %d: %+v, want a page with its style that fits", name, width, got)
			}
			if alone := strings.Contains(path, ".html"); alone && got.Scripts > 0 {
				t.Errorf("%s has %d scripts", name, got.Scripts)
			}
			if dir := os.Getenv("ROLLCALL_SHOTS"); dir != "" && width == 900 {
				page.Screenshot(filepath.Join(dir, "document-"+name+".png"))
			}
		}
		if e := page.Errors(); len(e) > 0 {
			t.Errorf("at %d the browser complains: %q", width, e)
		}
	}
	page := browser.Page(900, 1000, "dark")
	page.Open(srv.URL + paths["draft"])
	visible := func() (v bool) {
		page.Eval(`document.querySelector("a[href^='mailto:']").checkVisibility()`, &v)
		return v
	}
	if !visible() {
		t.Error("the draft can't be opened in a mail program")
	}
	page.Print()
	if visible() {
		t.Error("the link to the mail program is on paper")
	}
	if got := s.get(paths["draft"]).Header().Get("Content-Security-Policy"); got != document.Policy() || strings.Contains(got, "script") {
		t.Errorf("policy %q", got)
	}
}
