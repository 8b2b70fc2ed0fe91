package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/common/model"
)

// compare holds figures of panels against the API, until a scrape and the API
// are of the same moment.
func (d *dashboards) compare() {
	d.t.Helper()
	diff := ""
	for end := time.Now().Add(patience); ; {
		diff = cmp.Diff(d.byAPI(), d.byPanels(), cmpopts.EquateApprox(0, 1e-9))
		if diff == "" || time.Now().After(end) {
			break
		}
		d.prom.WaitFor(`changes(rollcall_ingest_reports_total{status="stored"}[2s])`, func(v model.Vector) bool { return len(v) > 0 })
	}
	if diff != "" {
		d.t.Errorf("figures (-API +panels):\n%s", diff)
	}
}

// byPanels are the figures of the panels, by place and what they count.
func (d *dashboards) byPanels() map[string]float64 {
	figures := map[string]float64{}
	ask := func(uid, title, key string, set values) {
		raw, err := os.ReadFile(observability("grafana", "dashboards", uid+".json"))
		if err != nil {
			d.t.Fatal(err)
		}
		var f grafanaFile
		if err := json.Unmarshal(raw, &f); err != nil {
			d.t.Fatal(err)
		}
		for _, p := range f.Panels {
			if p.Title != title {
				continue
			}
			for _, s := range d.prom.Query(set.fill(p.Targets[0].Expr)) {
				name := key
				for _, l := range []model.LabelName{"coverage", "kind", "class"} {
					if v := s.Metric[l]; v != "" {
						name += " " + string(v)
					}
				}
				if s.Value != 0 {
					figures[name] = float64(s.Value)
				}
			}
			return
		}
		d.t.Fatalf("there is no panel %q in %s", title, uid)
	}
	places := map[string]values{"": {}}
	for _, s := range d.prom.Query(`rollcall_organization_info`) {
		places[string(s.Metric["organization"])] = values{"organization": string(s.Metric["organization"])}
	}
	for place, set := range places {
		uid := "rollcall-organization"
		if place == "" {
			uid = "rollcall-portfolio"
		}
		for title, key := range map[string]string{
			"Units in use": "units", "Covered": "share", "Without support": "without", "Urgent findings": "urgent",
			"Units by coverage": "units", "Findings by kind": "findings",
		} {
			ask(uid, title, place+" "+key, set)
		}
	}
	for _, s := range d.prom.Query(`group by (organization, site) (rollcall_nodes)`) {
		set := values{"organization": string(s.Metric["organization"]), "site": string(s.Metric["site"])}
		ask("rollcall-site", "Units by coverage", set["organization"]+"/"+set["site"]+" units", set)
		ask("rollcall-site", "Findings here", set["organization"]+"/"+set["site"]+" findings", set)
	}
	for _, s := range d.prom.Query(`group by (organization, contract) (rollcall_contract_lines)`) {
		set := values{"organization": string(s.Metric["organization"]), "contract": string(s.Metric["contract"])}
		ask("rollcall-contract", "Units covered", set["organization"]+" contract "+set["contract"], set)
	}
	return figures
}

// byAPI are the same figures by /api/v1.
func (d *dashboards) byAPI() map[string]float64 {
	var units struct {
		Total int
		Units []struct{ Organization, Site, Coverage, Contract string }
	}
	var findings struct {
		Total    int
		Findings []struct{ Organization, Site, Kind, Severity string }
	}
	d.get("api/v1/units?limit=1000", &units)
	d.get("api/v1/findings?limit=1000", &findings)
	if units.Total != len(units.Units) || findings.Total != len(findings.Findings) {
		d.t.Fatalf("%d units and %d findings are too many for one page", units.Total, findings.Total)
	}
	figures := map[string]float64{}
	coverable, covered := map[string]float64{}, map[string]float64{}
	for _, u := range units.Units {
		figures[u.Organization+"/"+u.Site+" units "+u.Coverage]++
		is := func(states ...string) bool { return slices.Contains(states, u.Coverage) }
		if is("covered", "expiring") {
			figures[u.Organization+" contract "+u.Contract]++
		}
		for _, place := range []string{"", u.Organization} {
			figures[place+" units"]++
			figures[place+" units "+u.Coverage]++
			if is("uncovered", "expired", "rma_pending") {
				figures[place+" without"]++
			}
			if !is("ineligible") {
				coverable[place]++
			}
			if is("covered", "expiring") {
				covered[place]++
			}
		}
	}
	for place, n := range covered {
		figures[place+" share"] = n / coverable[place]
	}
	for _, f := range findings.Findings {
		if f.Site != "" {
			figures[f.Organization+"/"+f.Site+" findings"]++
		}
		for _, place := range []string{"", f.Organization} {
			figures[place+" findings "+f.Kind]++
			if f.Severity == "critical" {
				figures[place+" urgent"]++
			}
		}
	}
	return figures
}

func (d *dashboards) get(path string, into any) {
	d.t.Helper()
	resp, err := http.Get(d.url + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		d.t.Fatalf("%s: %v", path, err)
	}
}
