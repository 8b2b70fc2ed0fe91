package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/collector/internal/web"
)

// many makes organizations with units each; the last unit of every tenth
// organization has no cover.
func (s *site) many(organizations, units int) {
	s.t.Helper()
	for o := range organizations {
		org, err := s.CreateOrganization(context.Background(), fmt.Sprintf("Organization %04d", o))
		s.must(err)
		var r reconcile.Result
		for u := range units {
			c := reconcile.Covered
			if o%10 == 0 && u == units-1 {
				c = reconcile.Uncovered
			}
			unit := s.unit("Main", fmt.Sprintf("sw%d", u), "chassis", "C9300-48P", fmt.Sprintf("FCW%04dA%05d", o, u), c)
			r.Units = append(r.Units, unit)
			if c == reconcile.Uncovered {
				r.Findings = append(r.Findings, reconcile.Finding{
					Key: unit.Serial, Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Subject: unit.Serial, Site: "Main", Serial: unit.Serial,
				})
			}
		}
		s.result(org.ID, r)
	}
}

// countingStore counts the reads of units of all organizations.
type countingStore struct {
	*store.Store

	all int
}

func (c *countingStore) Units(ctx context.Context, organization string) ([]store.Unit, error) {
	if organization == "" {
		c.all++
	}
	return c.Store.Units(ctx, organization)
}

// TestManyOrganizations: who looks after hundreds sees which ones need them,
// and the page that refreshes does not read every unit for it.
func TestManyOrganizations(t *testing.T) {
	s := newSite(t)
	s.many(120, 3)
	counting := &countingStore{Store: s.Store}
	s.handler = web.New(web.Options{Store: counting, LoginOff: true, Now: s.now})
	has := func(path string, wants ...string) string {
		t.Helper()
		body := s.get(path).Body.String()
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
		return body
	}
	body := has("/", "12 of 360 units have no cover.", "Choose an <a href=\"/organizations\">organization</a>", "All 120 organizations",
		"Organization 0090</bdi></a>", "FCW0000A00002")
	if strings.Contains(body, "FCW0001A00000") || strings.Contains(body, "<option value=\"organization-0001\">") {
		t.Error("the overview lists all units or organizations")
	}
	if counting.all != 0 {
		t.Errorf("the overview read the units of all organizations %d times", counting.all)
	}
	has("/?q=fcw0077a00001", "FCW0077A00001", "Organization 0077", "12 of 360 units")
	has("/organizations", "1–100 of 120", `href="/organizations?page=2"`)
	second := has("/organizations?page=2", "101–120 of 120", `href="/organizations"`)
	if strings.Contains(second, "Needs someone") {
		t.Error("an organization that needs someone is on the second page")
	}
	has("/organizations?q=0077", "Organization 0077")
	has("/organizations?page=99", "No organization matches")
	has("/?coverage=covered&page=4", "301–348 of 348", "page=3")
	has("/?coverage=covered&page=99", "There is no such page", "Show all units")
	s.imported("organization-0110", "c.csv", 0, "204123456")
	has("/?organization=organization-0110", "1 of 3 units has no cover.", "<strong>Organization 0110</strong>")
}

func BenchmarkDashboard(b *testing.B) {
	for _, size := range []struct{ organizations, units int }{{1, 20}, {1, 10_000}, {1000, 20}} {
		b.Run(fmt.Sprintf("organizations=%d/units=%d", size.organizations, size.units), func(b *testing.B) {
			s := newSite(b)
			s.many(size.organizations, size.units)
			b.ReportAllocs()
			for b.Loop() {
				answer := httptest.NewRecorder()
				s.handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
				if answer.Code != http.StatusOK {
					b.Fatal(answer.Body)
				}
			}
		})
	}
}
