package web_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/reconcile"
)

// lists are two organizations with a switch of the same name each.
func (s *site) lists() {
	s.t.Helper()
	for org, address := range map[string]string{"Riverside Food Bank": "192.0.2.1", "Hill School": "2001:db8::1"} {
		a := s.agent(org, "Main office", "pi")
		units := []reconcile.Unit{
			s.unit("Main office", "core-sw1", "1", "C9300-48P", "FCW2345L0AB", reconcile.Covered),
			s.unit("Main office", "core-sw1", "2", "C9300-48P", "FCW2345L0AC", reconcile.Uncovered),
		}
		if org == "Hill School" {
			units = units[:1]
		}
		for i := range units {
			units[i].Address = address
		}
		s.polled(a, "complete", map[string][]reconcile.Unit{address: units})
		s.polled(a, "unanswered", map[string][]reconcile.Unit{"192.0.2.99": nil}) // nothing was ever there
		s.result(a.Organization, reconcile.Result{Units: units})
	}
	// A device that names itself to do harm where its name is read.
	a := s.agent("Hill School", "Annex", "pi")
	evil := s.unit("Annex", "{{ lookup('pipe', 'id') }}", "1", "=cmd|'/C calc'!A0", "FCW0000L0AB", reconcile.Expiring)
	evil.Address = "192.0.2.66"
	s.polled(a, "complete", map[string][]reconcile.Unit{evil.Address: {evil}})
}

func TestNodeLists(t *testing.T) {
	s := newSite(t)
	s.lists()
	for name, path := range map[string]string{
		"nodes-sd.json":      "/api/v1/sd/nodes",
		"nodes.csv":          "/api/v1/nodes.csv",
		"nodes.netbox.csv":   "/api/v1/nodes.netbox.csv",
		"nodes.ansible.json": "/api/v1/nodes.ansible.json",
	} {
		t.Run(path, func(t *testing.T) {
			answer := s.get(path)
			if answer.Code != http.StatusOK {
				t.Fatalf("status %d: %s", answer.Code, answer.Body)
			}
			body := answer.Body.String()
			contentType := answer.Header().Get("Content-Type")
			if strings.HasSuffix(path, ".csv") {
				rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
				if err != nil || len(rows) != 4 || contentType != "text/csv; charset=utf-8; header=present" {
					t.Errorf("%d rows of %s, error %v; want the header and 3 nodes", len(rows), contentType, err)
				}
			} else if !json.Valid([]byte(body)) || contentType != "application/json; charset=utf-8" {
				t.Errorf("no JSON, or not of its type: %s", contentType)
			}
			if strings.HasSuffix(path, ".ansible.json") && strings.Contains(body, "{{") {
				t.Errorf("a device's name is a template to Ansible:\n%s", body)
			}
			golden := filepath.Join("testdata", name)
			if *update {
				s.must(os.WriteFile(golden, []byte(body), 0o600))
			}
			want, err := os.ReadFile(golden)
			s.must(err)
			if diff := cmp.Diff(string(want), body); diff != "" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
		})
	}
}

// What NetBox's import of devices (its DeviceImportForm since 3.6) insists on:
// columns that it knows, a value in those that are required, one of its states,
// and names that are short enough and that no other device of the site has.
func TestNodesForNetBox(t *testing.T) {
	s := newSite(t)
	s.lists()
	long := s.agent("Hill School", strings.Repeat("Long ", 10), "pi")
	for _, address := range []string{"192.0.2.7", "192.0.2.8"} {
		u := s.unit(long.Site, strings.Repeat("é", 200), "1", "C9300-48P", "FCW2345"+address, reconcile.Covered)
		u.Address = address
		s.polled(long, "complete", map[string][]reconcile.Unit{address: {u}})
	}
	rows, err := csv.NewReader(s.get("/api/v1/nodes.netbox.csv").Body).ReadAll()
	s.must(err)
	known := []string{
		"name", "role", "tenant", "manufacturer", "device_type", "platform", "serial", "asset_tag", "status", "site", "location", "rack", "position", "face",
		"latitude", "longitude", "parent", "device_bay", "airflow", "virtual_chassis", "vc_position", "vc_priority", "cluster", "description", "config_template", "comments", "tags",
	}
	required := []string{"role", "manufacturer", "device_type", "status", "site"}
	states := []string{"offline", "active", "planned", "staged", "failed", "inventory", "decommissioning"}
	for _, column := range append(required, rows[0]...) {
		if !slices.Contains(known, column) || !slices.Contains(rows[0], column) {
			t.Errorf("column %q is not known to NetBox, or missing", column)
		}
	}
	if len(rows) != 6 {
		t.Errorf("%d rows, want the header and 5 nodes", len(rows))
	}
	names := map[string]bool{}
	for _, row := range rows[1:] {
		value := map[string]string{}
		for i, column := range rows[0] {
			value[column] = row[i]
		}
		for _, column := range required {
			if value[column] == "" {
				t.Errorf("%v: no %s, which NetBox wants", row, column)
			}
		}
		place := strings.ToLower(value["site"] + "/" + value["name"])
		if n := utf8.RuneCountInString(value["name"]); n == 0 || n > 64 || names[place] || len(value["serial"]) > 50 || !slices.Contains(states, value["status"]) {
			t.Errorf("%v: a name of %d characters (seen before: %t), status %q", row, n, names[place], value["status"])
		}
		names[place] = true
	}
}

func TestNodeListsPick(t *testing.T) {
	s := newSite(t)
	if got := s.get("/api/v1/sd/nodes").Body.String(); strings.TrimSpace(got) != "[]" {
		t.Errorf("nothing is %q, and Prometheus wants []", got)
	}
	s.lists()
	tests := []struct {
		query  string
		status int
		want   []string // addresses
	}{
		{"", 200, []string{"192.0.2.66", "2001:db8::1", "192.0.2.1"}},
		{"?organization=hill-school", 200, []string{"192.0.2.66", "2001:db8::1"}},
		{"?organization=hill-school&site=Annex", 200, []string{"192.0.2.66"}},
		{"?coverage=uncovered", 200, []string{"192.0.2.1"}},
		{"?coverage=covered&organization=riverside-food-bank", 200, nil},
		{"?organization=nobody", 404, nil},
		{"?organization=", 400, nil},
		{"?coverage=none", 400, nil},
		{"?organisation=hill-school", 400, nil},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			answer := s.get("/api/v1/sd/nodes" + tt.query)
			if answer.Code != tt.status {
				t.Fatalf("status %d, want %d: %s", answer.Code, tt.status, answer.Body)
			}
			if tt.status != http.StatusOK {
				return
			}
			var groups []struct{ Targets []string }
			s.must(json.Unmarshal(answer.Body.Bytes(), &groups))
			var got []string
			for _, g := range groups {
				got = append(got, g.Targets...)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("nodes (-want +got):\n%s", diff)
			}
		})
	}
}
