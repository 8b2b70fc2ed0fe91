package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/collector/internal/web"
)

const foodBankID = "riverside-food-bank"

// post sends a form as a page of the collector does.
func (s *site) post(path string, fields ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	q := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		q.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(q.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return s.do(r)
}

// Every action by its form, in an order in which each finds what it needs, what is
// kept then, and that the audit log has it.
func TestActions(t *testing.T) {
	ctx := context.Background()
	s := newSite(t)
	s.foodBank()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	upload, err := s.SaveUpload(ctx, foodBankID, store.Upload{Kind: store.ContractImport, Name: "new.csv", Content: []byte(sccFile)})
	must(err)
	done := map[string]bool{}
	for _, step := range []struct {
		action string
		fields []string
		back   string
		then   func() (any, bool)
	}{
		{"acknowledge", []string{"finding", "4", "note", "ordered", "author", "Admin"}, "/findings/4", func() (any, bool) {
			f, err := s.Finding(ctx, 4)
			must(err)
			return f, f.AcknowledgedBy == "Admin" && f.Note == "ordered"
		}},
		{"unacknowledge", []string{"finding", "4"}, "/findings/4", func() (any, bool) {
			f, err := s.Finding(ctx, 4)
			must(err)
			return f, f.Acknowledged.IsZero()
		}},
		{"reject_rma", []string{"finding", "3", "reason", "moved", "author", "Admin"}, "/findings/3", func() (any, bool) {
			all, err := s.Rejections(ctx, foodBankID)
			must(err)
			return all, len(all) == 1 && all[0].OldSerial == "FCW1111A1AA" && all[0].NewSerial == "FCW2345L0AB"
		}},
		{"withdraw_rejection", []string{"old_serial", "FCW1111A1AA", "new_serial", "FCW2345L0AB"}, "/records?organization=" + foodBankID, func() (any, bool) {
			all, err := s.Rejections(ctx, foodBankID)
			must(err)
			return all, len(all) == 0
		}},
		{"confirm_rma", []string{"finding", "3", "rma_number", "800123456", "return_by", "2026-04-01", "author", "Admin"}, "/findings/3", func() (any, bool) {
			all, err := s.RMAs(ctx, foodBankID)
			must(err)
			return all, len(all) == 1 && all[0].Entry.RMANumber == "800123456" && all[0].Entry.NewSerial == "FCW2345L0AB" && all[0].Author == "Admin"
		}},
		{"save_rma", []string{"id", "1", "old_serial", "FCW1111A1AA", "new_serial", "FCW2345L0AB", "case_number", "690000001", "author", "Other"}, "/records?organization=" + foodBankID + "#rma", func() (any, bool) {
			all, err := s.RMAs(ctx, foodBankID)
			must(err)
			return all, len(all) == 1 && all[0].Entry.CaseNumber == "690000001" && all[0].Entry.RMANumber == "" && all[0].Author == "Other"
		}},
		{"delete_rma", []string{"id", "1"}, "/records?organization=" + foodBankID + "#rma", func() (any, bool) {
			all, err := s.RMAs(ctx, foodBankID)
			must(err)
			return all, len(all) == 0
		}},
		{"save_order", []string{"order_number", "TS-1", "product_id", "C9300-48P", "quantity", "2", "author", "Admin"}, "/records?organization=" + foodBankID + "#orders", func() (any, bool) {
			all, err := s.Orders(ctx, foodBankID)
			must(err)
			return all, len(all) == 1 && all[0].Entry.Quantity == 2
		}},
		{"delete_order", []string{"id", "2"}, "/records?organization=" + foodBankID + "#orders", func() (any, bool) {
			all, err := s.Orders(ctx, foodBankID)
			must(err)
			return all, len(all) == 0
		}},
		{
			"declare",
			[]string{"serial", "FDO2201A1BC", "pid", "ISR4331/K9", "kind", "spare", "reason", "on the shelf", "author", "Admin"},
			"/unit?organization=" + foodBankID + "&pid=ISR4331%2FK9&serial=FDO2201A1BC", func() (any, bool) {
				all, err := s.Declarations(ctx, foodBankID)
				must(err)
				return all, len(all) == 1 && all[0].Kind == reconcile.DeclaredSpare && all[0].Date == "2026-03-02"
			},
		},
		{"withdraw_declaration", []string{"serial", "FDO2201A1BC", "pid", "ISR4331/K9"}, "/unit?organization=" + foodBankID + "&pid=ISR4331%2FK9&serial=FDO2201A1BC", func() (any, bool) {
			all, err := s.Declarations(ctx, foodBankID)
			must(err)
			return all, len(all) == 0
		}},
		{"retire", []string{"kind", "contract", "name", "200900111", "reason", "cancelled", "author", "Admin"}, "/records?organization=" + foodBankID + "#gone", func() (any, bool) {
			all, err := s.Retirements(ctx, foodBankID)
			must(err)
			return all, len(all) == 1 && all[0].Holds
		}},
		{"withdraw_retirement", []string{"kind", "contract", "name", "200900111"}, "/records?organization=" + foodBankID + "#gone", func() (any, bool) {
			all, err := s.Retirements(ctx, foodBankID)
			must(err)
			return all, len(all) == 0
		}},
		{"set_site", []string{"name", "Depot", "street", "2 Dock Road", "city", "Riverside"}, "/records?organization=" + foodBankID + "#sites", func() (any, bool) {
			all, err := s.Sites(ctx, foodBankID)
			must(err)
			return all, slices.ContainsFunc(all, func(x reconcile.Site) bool { return x.Name == "Depot" && x.Address() == "2 Dock Road, Riverside" })
		}},
		{"undo_import", []string{"import", "2", "author", "Admin"}, "/records?organization=" + foodBankID, func() (any, bool) {
			all, err := s.Imports(ctx, foodBankID)
			must(err)
			return all, len(all) == 1 && all[0].Contract == "204123456"
		}},
		{"import", []string{"upload", upload}, "/records?organization=" + foodBankID, func() (any, bool) {
			all := s.contractNumbers(foodBankID)
			return all, slices.Contains(all, "777000111")
		}},
	} {
		done[step.action] = true
		t.Run(step.action, func(t *testing.T) {
			var answer *httptest.ResponseRecorder
			if len(s.written(func() { answer = s.post("/do/"+step.action, append(step.fields, "organization", foodBankID)...) })) == 0 {
				t.Error("the audit log has nothing of it")
			}
			if answer.Code != http.StatusSeeOther || answer.Header().Get("Location") != step.back {
				t.Fatalf("status %d to %q, want %d to %q: %s", answer.Code, answer.Header().Get("Location"), http.StatusSeeOther, step.back, answer.Body)
			}
			if got, ok := step.then(); !ok {
				t.Errorf("kept: %+v", got)
			}
			if page := s.get(strings.Split(step.back, "#")[0]); page.Code != http.StatusOK {
				t.Errorf("the page behind it has status %d: %s", page.Code, page.Body)
			}
		})
	}
	for _, rt := range web.RoutesForTest() {
		if name, ok := strings.CutPrefix(rt.Pattern, "POST /api/v1/do/"); ok && !done[name] {
			t.Errorf("the action %s is not done here", name)
		}
	}
	if page := s.get("/imports/2?organization=" + foodBankID); !strings.Contains(page.Body.String(), "It was undone by <bdi>Admin</bdi>") {
		t.Errorf("the page of the import: %s", page.Body)
	}
}

// What an action refuses, by its form and by the API.
func TestActionsRefused(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	s.school()
	s.imported(foodBankID, "204123456-new.csv", 0, "204123456")
	tests := []struct {
		name, action, fields string // of the form
		want                 int
		text                 string
	}{
		{"no author", "acknowledge", "organization=" + foodBankID + "&finding=4", 400, "The field &#34;author&#34; is empty"},
		{"unknown field", "acknowledge", "organization=" + foodBankID + "&finding=4&author=A&nots=x", 400, "There is no field &#34;nots&#34;"},
		{"no organization", "acknowledge", "finding=4&author=A", 400, "of which organization"},
		{"unknown organization", "acknowledge", "organization=nobody&finding=4&author=A", 404, "There is no organization"},
		{"finding of another organization", "acknowledge", "organization=hill-school&finding=4&author=A", 404, "There is nothing of that name or number"},
		{"replacement of another organization", "confirm_rma", "organization=hill-school&finding=3&author=A", 404, "There is nothing of that name or number"},
		{"no replacement", "confirm_rma", "organization=" + foodBankID + "&finding=4&author=A", 400, "not about a replacement"},
		{"no number", "acknowledge", "organization=" + foodBankID + "&finding=four&author=A", 400, "no number"},
		{"import of another organization", "undo_import", "organization=hill-school&import=1&author=A", 404, "There is nothing of that name or number"},
		{"import with a later one", "undo_import", "organization=" + foodBankID + "&import=1&author=A", 409, "import 4"},
		{"unknown kind of declaration", "declare", "organization=" + foodBankID + "&serial=FDO2201A1BC&kind=lost&reason=x&author=A", 400, "is not one of"},
		{"bad date", "save_rma", "organization=" + foodBankID + "&old_serial=FDO2201A1BC&opened_on=1.2.2026&author=A", 400, "opened_on"},
		{"same serial twice", "save_rma", "organization=" + foodBankID + "&old_serial=FDO2201A1BC&new_serial=fdo2201a1bc&author=A", 400, "new_serial"},
		{"contract that is not there", "retire", "organization=" + foodBankID + "&kind=contract&name=9&reason=x&author=A", 404, "nothing of that name"},
		{"site of another organization", "set_site", "organization=hill-school&name=Depot&city=X", 404, "nothing of that name"},
		{"bad escape", "acknowledge", "organization=%zz", 400, "The form cannot be read"},
		{"too large", "acknowledge", "organization=" + foodBankID + "&finding=4&author=A&note=" + strings.Repeat("x", 70_000), 413, "larger than 64 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/do/"+tt.action, strings.NewReader(tt.fields))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if answer := s.do(r); answer.Code != tt.want || !strings.Contains(answer.Body.String(), tt.text) {
				t.Errorf("form: status %d, want %d with %q: %s", answer.Code, tt.want, tt.text, answer.Body)
			}
			q, err := url.ParseQuery(tt.fields)
			if err != nil {
				return
			}
			object := map[string]string{}
			for name := range q {
				object[name] = q.Get(name)
			}
			raw, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			r = httptest.NewRequest(http.MethodPost, "/api/v1/do/"+tt.action, strings.NewReader(string(raw)))
			r.Header.Set("Content-Type", "application/json")
			var fault struct{ Error string }
			answer := s.do(r)
			if err := json.Unmarshal(answer.Body.Bytes(), &fault); err != nil || answer.Code != tt.want || fault.Error == "" {
				t.Errorf("API: status %d, want %d: %s", answer.Code, tt.want, answer.Body)
			}
		})
	}
}

// The API takes what forms take, numbers too, and says what it did.
func TestActionByAPI(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	ask := func(contentType, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/do/acknowledge", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		return s.do(r)
	}
	answer := ask("application/json; charset=utf-8", `{"organization":"riverside-food-bank","finding":4,"author":"Admin","note":null}`)
	if want := "{\n  \"done\": \"acknowledge\",\n  \"page\": \"/findings/4\"\n}\n"; answer.Code != http.StatusOK || answer.Body.String() != want {
		t.Errorf("status %d, %s", answer.Code, answer.Body)
	}
	for body, want := range map[string]int{
		`[]`: 400, `{"a":`: 400, `{} {}`: 400, `{"finding":{"x":1}}`: 400, `null`: 400,
	} {
		if answer := ask("application/json", body); answer.Code != want {
			t.Errorf("%s: status %d, want %d", body, answer.Code, want)
		}
	}
	if answer := ask("text/plain", `{}`); answer.Code != http.StatusUnsupportedMediaType {
		t.Errorf("a form of another site's could send this: status %d", answer.Code)
	}
	var records struct {
		Imports []struct{ File string }
		Sites   []struct{ Name string }
		RMAs    []any
	}
	if err := json.Unmarshal(s.get("/api/v1/records?organization="+foodBankID).Body.Bytes(), &records); err != nil || len(records.Imports) != 2 || len(records.Sites) != 2 || records.RMAs == nil {
		t.Errorf("records %+v, %v", records, err)
	}
}

// No page of elsewhere does anything here, and no other name leads here.
func TestActionsFromElsewhere(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://elsewhere.example"}} {
		r := httptest.NewRequest(http.MethodPost, "/do/acknowledge", strings.NewReader("organization=riverside-food-bank&finding=4&author=A"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(header[0], header[1])
		if answer := s.do(r); answer.Code != http.StatusForbidden {
			t.Errorf("%v: status %d, want 403", header, answer.Code)
		}
	}
	if f, err := s.Finding(t.Context(), 4); err != nil || !f.Acknowledged.IsZero() {
		t.Errorf("finding 4 is acknowledged (%v)", err)
	}
	guarded := web.New(web.Options{Store: s.Store, LoginOff: true, Now: s.now, Hosts: func(host string) bool { return host == "127.0.0.1:8480" }})
	for host, want := range map[string]int{"127.0.0.1:8480": 200, "rebound.example": 421} {
		for _, path := range []string{"/", "/api/v1/units"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Host = host
			answer := httptest.NewRecorder()
			guarded.ServeHTTP(answer, r)
			if answer.Code != want {
				t.Errorf("%s at %s: status %d, want %d", path, host, answer.Code, want)
			}
		}
	}
}

// Units lead to those that they replaced, and the other way.
func TestReplacedByLinks(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	for serial, want := range map[string]string{
		"FCW2345L0AB": `Came for <a href="/unit?organization=riverside-food-bank&amp;pid=C9300-48P&amp;serial=FCW1111A1AA">`,
		"FCW1111A1AA": `Replaced by <a href="/unit?organization=riverside-food-bank&amp;pid=C9300-48P&amp;serial=FCW2345L0AB">`,
	} {
		if answer := s.get("/unit?organization=" + foodBankID + "&pid=C9300-48P&serial=" + serial); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%s: status %d, want %s in %s", serial, answer.Code, want, answer.Body)
		}
	}
}

// What people typed is shown as text.
func TestHostileRecords(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	for i, payload := range hostile {
		name := fmt.Sprintf("%s-%d", payload, i)
		s.post("/do/declare", "organization", foodBankID, "serial", "FDO2201A1BC", "pid", "ISR4331/K9", "kind", "spare", "reason", name, "author", name)
		s.post("/do/save_order", "organization", foodBankID, "order_number", name, "product_id", "C9300-48P", "quantity", "1", "author", name)
		s.post("/do/set_site", "organization", foodBankID, "name", "Depot", "street", name)
		for _, path := range []string{"/records?organization=" + foodBankID, "/unit?organization=" + foodBankID + "&pid=ISR4331%2FK9&serial=FDO2201A1BC"} {
			body := s.get(path).Body.String()
			if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=/pwned") {
				t.Fatalf("%s shows %q as markup", path, payload)
			}
		}
	}
	if _, err := s.Orders(t.Context(), foodBankID); err != nil {
		t.Fatal(err)
	}
}
