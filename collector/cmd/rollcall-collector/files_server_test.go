package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/ingest"
	"rollcall/collector/internal/limit"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// A place is what one organization has: two scans of its site, three weeks
// apart, its contract files and its ledgers.
type place struct {
	previous, current inventory.Scan
	contracts         []string // CSV
	rmas, orders      []string // rows
}

const (
	placeToday    = "2026-06-15"
	contractHead  = "Contract Number,Instance Number,Serial Number,Product Number,Product Type,Product Quantity,Service Level,Begin Date,End Date,Last Date of Support,Site Name\n"
	rmaHead       = "rma_number,case_number,contract_number,old_serial,old_pid,new_serial,new_pid,opened_on,shipped_on,return_by\n"
	orderHead     = "order_number,organization,product_id,serial,quantity,ordered_on,completed_on\n"
	placeOrg      = "Riverside Food Bank"
	placeSite     = "Main"
	betweenScans  = 21 * 24 * time.Hour
	placesToCheck = 30
)

// placeDay is a date so many days from the day of the test.
func placeDay(n int) string {
	return time.Date(2026, 6, 15+n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// makePlace makes a small organization in which much is wrong.
func makePlace(rng *rand.Rand) place {
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	one := func(n int) bool { return rng.IntN(n) == 0 }
	at := time.Date(2026, 6, 15, 6, 0, 0, 0, time.UTC)
	p := place{previous: inventory.Scan{Schema: inventory.ScanSchema, Started: at.Add(-betweenScans)}, current: inventory.Scan{Schema: inventory.ScanSchema, Started: at}}
	var serials []string
	pids := map[string]string{}
	fresh := func() string {
		s := fmt.Sprintf("FOC%04dA0%s%s", 1000+rng.IntN(9000), pick("A", "B", "C"), pick("A", "B", "C"))
		if one(15) {
			s = "N/A"
		}
		serials = append(serials, s)
		pids[s] = pick("C9300-48P", "C9300-48P", "C9300-24P", "ISR4331/K9", "LGS318P", "C8000V")
		return s
	}
	for i := range 2 + rng.IntN(4) {
		d := inventory.Device{Address: fmt.Sprintf("192.0.2.%d", i+1), Name: fmt.Sprintf("sw%d", i+1), Platform: inventory.PlatformIOSXE, Complete: true, Via: []string{"snmp"}, Errors: []inventory.Problem{}}
		members := make([]string, 1+rng.IntN(3))
		for m := range members {
			members[m] = fresh()
		}
		was := withUnits(d, members, pids)
		for m := range members {
			switch {
			case one(5): // replaced
				old := members[m]
				members[m] = fresh()
				pids[members[m]] = pids[old]
			case one(12) && len(serials) > 1: // two have one serial
				members[m] = serials[rng.IntN(len(serials))]
			}
		}
		if len(members) > 1 && one(6) { // one is gone
			members = members[1:]
		}
		now := withUnits(d, members, pids)
		if one(6) {
			now.Complete, now.Errors = false, []inventory.Problem{{Kind: inventory.ProblemIncomplete, Message: "the walk was cut short."}}
		}
		if one(4) {
			now.Errors = append(now.Errors, inventory.Problem{Kind: inventory.ProblemWeakAccess, Message: "SNMPv2c is in use."})
		}
		p.previous.Devices = append(p.previous.Devices, was)
		if one(8) {
			p.current.Unanswered = append(p.current.Unanswered, inventory.Unanswered{Address: d.Address, Reason: "no answer"})
		} else {
			p.current.Devices = append(p.current.Devices, now)
		}
	}
	p.contracts = []string{contractHead, contractHead}
	for i, s := range serials {
		if one(4) || s == "N/A" {
			continue
		}
		for range 1 + rng.IntN(6)/5 {
			n := rng.IntN(2)
			begin := -100 - rng.IntN(3)*400
			end := begin + []int{365, 1826, 1826, 1826, 90, 100, 130, 180}[rng.IntN(8)]
			if one(15) {
				begin, end = 5, 1000
			}
			support := ""
			if one(10) {
				support = placeDay(-3)
			}
			serial, pid := s, pids[s]+pick("", "", "", "=", "-RF")
			if one(6) {
				serial = " " + strings.ToLower(s) + "  "
			}
			if one(20) {
				pid = "WS-C2960X-24TS-L"
			}
			ends := placeDay(end)
			if one(25) {
				ends = pick("soon", "")
			}
			p.contracts[n] += fmt.Sprintf("20410000%d,%d,%s,%s,CHASSIS,1,SNT,%s,%s,%s,%s\n", n, 9000+10*i+n, serial, pid, placeDay(begin), ends, support, pick("", "RIVERSIDE MAIN"))
		}
	}
	for n := range p.contracts {
		p.contracts[n] += fmt.Sprintf("20410000%d,8001,4ABC1234567,L-C9300-DNA-E,SOFTWARE,1,SNT,%s,%s,,\n20410000%d,8002,,GLC-SX-MMD,,12,SNT,%s,%s,,\n", n, placeDay(-10), placeDay(900), n, placeDay(-10), placeDay(900))
	}
	p.contracts[0] += fmt.Sprintf("204100000,8003,FOC9999A0AA,C9300-48P,CHASSIS,1,SNT,%s,%s,,RIVERSIDE MAIN\n", placeDay(-300), placeDay(900)) // never seen
	some := func() string { return serials[rng.IntN(len(serials))] }
	for range rng.IntN(3) {
		p.rmas = append(p.rmas, fmt.Sprintf("80001,6001,204100000,%s,,%s,,%s,,%s\n", some(), pick(some(), ""), placeDay(-30), placeDay(rng.IntN(40)-20)))
	}
	for i := range rng.IntN(4) {
		s := some()
		p.orders = append(p.orders, fmt.Sprintf("TS-%d,%s,%s,%s,1,%s,%s\n", i, placeOrg, pids[s], pick(s, ""), placeDay(-150), pick("", placeDay(-21), placeDay(-22), placeDay(-120))))
	}
	return p
}

func withUnits(d inventory.Device, serials []string, pids map[string]string) inventory.Device {
	for i, s := range serials {
		d.Components = append(d.Components,
			inventory.Component{Serial: s, PID: pids[s], Class: inventory.ClassChassis, Name: fmt.Sprintf("Switch %d", i+1), Unit: true, Aliases: []string{}},
			inventory.Component{Serial: "PSU" + s, PID: "PWR-C1-715WAC", Class: inventory.ClassPowerSupply, Name: fmt.Sprintf("Switch %d - Power Supply A", i+1), Parent: s, Aliases: []string{}})
	}
	return d
}

// byFiles is what `rollcall-collector reconcile` prints.
func byFiles(t *testing.T, p place, today string) reconcile.Result {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, v any) string {
		raw, ok := v.(string)
		if !ok {
			encoded, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			raw = string(encoded)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	args := []string{"reconcile", "--format", "json", "--today", today, "--inventory", write("scan.json", p.current), "--previous", write("previous.json", p.previous)}
	if len(p.rmas) > 0 {
		args = append(args, "--rma", write("rma.csv", rmaHead+strings.Join(p.rmas, "")))
	}
	if len(p.orders) > 0 {
		args = append(args, "--orders", write("orders.csv", orderHead+strings.Join(p.orders, "")))
	}
	args = append(args, "--contract")
	for i, text := range p.contracts {
		args = append(args, write(fmt.Sprintf("contract%d.csv", i), text))
	}
	var out, told bytes.Buffer
	if status := run(t.Context(), args, stdio{strings.NewReader(""), &out, &told}); status != 0 && status != int(missing) {
		t.Fatalf("status %d: %s", status, told.String())
	}
	var r reconcile.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// byServer is what a collector has after an agent uploaded the scans and the
// files were imported.
func byServer(t *testing.T, p place, today string, more ...inventory.Scan) reconcile.Result {
	t.Helper()
	now := p.previous.Started
	s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	agent, token, err := s.CreateAgent(t.Context(), placeOrg, placeSite, "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	often := limit.Rate{PerSecond: 1000, Burst: 1000}
	server := httptest.NewServer(ingest.New(ingest.Options{
		Store: s, Registry: reg, Log: slog.New(slog.DiscardHandler),
		Limits: limit.New(limit.Settings{Connections: 100, PerAddress: 100, Pages: 10, Uploads: 10, BodyRate: 1024, Address: often, Organization: often, Agent: often}, reg),
	}))
	defer server.Close()
	upload(t, server.URL, token, 1, p.previous)
	now = p.current.Started
	upload(t, server.URL, token, 100, p.current)
	for i, scan := range more {
		now = scan.Started
		upload(t, server.URL, token, int64(200+100*i), scan)
	}
	if now, err = time.Parse(time.DateOnly, today); err != nil {
		t.Fatal(err)
	}
	now = now.Add(12 * time.Hour)
	for i, text := range p.contracts {
		f, err := contract.Read(fmt.Sprintf("contract%d.csv", i), strings.NewReader(text), contract.Options{})
		if err == nil {
			_, err = s.ImportContract(t.Context(), agent.Organization, f, time.Time{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(p.rmas) > 0 {
		entries, _, err := contract.ReadRMAs("rma.csv", strings.NewReader(rmaHead+strings.Join(p.rmas, "")), contract.Options{})
		if err == nil {
			_, err = s.ImportRMAs(t.Context(), agent.Organization, "rma.csv", entries)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(p.orders) > 0 {
		entries, _, err := contract.ReadOrders("orders.csv", strings.NewReader(orderHead+strings.Join(p.orders, "")), contract.Options{})
		if err == nil {
			_, err = s.ImportOrders(t.Context(), agent.Organization, "orders.csv", entries)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	facts, err := s.Facts(t.Context(), agent.Organization)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveResult(t.Context(), agent.Organization, reconcile.Reconcile(facts)); err != nil {
		t.Fatal(err)
	}
	var r reconcile.Result
	units, err := s.Units(t.Context(), agent.Organization)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		r.Units = append(r.Units, u.Unit)
	}
	findings, err := s.Findings(t.Context(), agent.Organization, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		r.Findings = append(r.Findings, f.Finding)
	}
	return r
}

// upload sends a scan as an agent reports it: each device by itself, and those
// that did not answer as such.
func upload(t *testing.T, url, token string, seq int64, scan inventory.Scan) {
	t.Helper()
	b := wire.Batch{Agent: "agent-1", SentAt: scan.Started, Interval: 86400}
	add := func(d inventory.Device, answered bool) {
		seq++
		b.Reports = append(b.Reports, wire.Report{
			ReportID: fmt.Sprintf("report-%d", seq), Epoch: 1, Seq: seq, PolledAt: scan.Started, Answered: answered, Fingerprint: d.Fingerprint(), Device: d,
		})
	}
	for _, d := range scan.Devices {
		add(d, true)
	}
	for _, u := range scan.Unanswered {
		add(inventory.Device{Address: u.Address, Errors: []inventory.Problem{{Kind: inventory.ProblemUnreachable, Message: u.Reason}}}, false)
	}
	body, err := wire.EncodeBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+wire.ReportsPath, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", wire.BatchType)
	req.Header.Set("Content-Encoding", wire.Encoding)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var receipt wire.Receipt
	if err := json.NewDecoder(res.Body).Decode(&receipt); err != nil || len(receipt.Results) != len(b.Reports) {
		t.Fatalf("receipt %+v, %v", receipt, err)
	}
	for _, r := range receipt.Results {
		if r.Status != wire.Stored {
			t.Fatalf("%s: %s %s", r.ReportID, r.Status, r.Reason)
		}
	}
}

// A said is what is compared of a result. Files do not know what the site is
// called, nor the organization.
type said struct {
	Units    []string
	Findings []string
}

func saidBy(r reconcile.Result) said {
	var s said
	for _, u := range r.Units {
		s.Units = append(s.Units, fmt.Sprint(u.Serial, " ", u.PID, " ", u.Node, " ", u.Address, " ", u.Slot, ": ", u.Coverage, " ", u.Reason, " ", u.Contract, " ", u.ServiceLevel, " ", u.LineEnd))
	}
	for _, f := range r.Findings {
		sheet := []string{}
		for k, v := range f.NextStep.Sheet {
			if (k != "site" || v != placeSite) && (k != "organization" || v != placeOrg) && v != "" {
				sheet = append(sheet, k+"="+v)
			}
		}
		slices.Sort(sheet)
		text := fmt.Sprintf("%s %s: %s\n  %s\n  %s\n  %s\n  %s", f.Kind, f.Severity, f.Subject, strings.Join(f.Evidence, "\n  "), f.NextStep.Title, strings.Join(f.NextStep.Steps, "\n  "), strings.Join(sheet, "\n  "))
		s.Findings = append(s.Findings, strings.ReplaceAll(strings.ReplaceAll(text, " ("+placeSite+")", ""), "/"+placeSite+"/", "/"))
	}
	slices.Sort(s.Units)
	slices.Sort(s.Findings)
	return s
}

// `rollcall-collector reconcile` on files says what the server says of the same
// facts: of every unit, and of every finding down to its steps and its sheet.
func TestFilesAndServerAgree(t *testing.T) {
	kinds, coverages := map[string]int{}, map[string]int{}
	for seed := range uint64(placesToCheck) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := makePlace(rand.New(rand.NewPCG(seed, 4)))
			files, server := byFiles(t, p, placeToday), byServer(t, p, placeToday)
			if diff := cmp.Diff(saidBy(server), saidBy(files)); diff != "" {
				t.Errorf("files say otherwise than the server (-server +files):\n%s", diff)
			}
			for _, f := range server.Findings {
				kinds[string(f.Kind)]++
			}
			for _, u := range server.Units {
				coverages[string(u.Coverage)]++
			}
		})
	}
	for _, c := range reconcile.Coverages {
		if coverages[string(c)] == 0 {
			t.Errorf("no unit was %s: %v", c, coverages)
		}
	}
	for _, k := range []reconcile.Kind{
		reconcile.UncoveredUnit, reconcile.RMAMismatch, reconcile.LineNotSeen, reconcile.CoverageExpiring, reconcile.CoverageExpired, reconcile.TermShort,
		reconcile.ActivationOverdue, reconcile.PIDMismatch, reconcile.DuplicateSerial, reconcile.SuspectSerial, reconcile.DuplicateLine, reconcile.DataStale,
		reconcile.NodeUnreachable, reconcile.Incomplete, reconcile.WeakAccess,
	} {
		if kinds[string(k)] == 0 {
			t.Errorf("no finding was %s: %v", k, kinds)
		}
	}
}

// What two scans can't know, a server that was told all along does: since when a
// serial is away. That is the one kind of finding that files give later.
func TestServerKnowsSinceWhen(t *testing.T) {
	pids := map[string]string{"FOC1111A0AA": "C9300-48P", "FOC2222A0BB": "C9300-48P"}
	d := inventory.Device{Address: "192.0.2.1", Name: "sw1", Platform: inventory.PlatformIOSXE, Complete: true, Via: []string{"snmp"}, Errors: []inventory.Problem{}}
	scan := func(day int, serials ...string) inventory.Scan {
		at := time.Date(2026, 6, 15+day, 6, 0, 0, 0, time.UTC)
		return inventory.Scan{Schema: inventory.ScanSchema, Started: at, Devices: []inventory.Device{withUnits(d, serials, pids)}}
	}
	before, gone, today := scan(-21, "FOC1111A0AA", "FOC2222A0BB"), scan(-14, "FOC1111A0AA"), scan(0, "FOC1111A0AA")
	p := place{previous: before, current: gone, contracts: []string{contractHead}}
	for i, serial := range []string{"FOC1111A0AA", "FOC2222A0BB"} {
		p.contracts[0] += fmt.Sprintf("204100000,%d,%s,C9300-48P,CHASSIS,1,SNT,%s,%s,,\n", 9000+i, serial, placeDay(-100), placeDay(900))
	}
	server := byServer(t, p, placeToday, today)
	p.current = today
	files := byFiles(t, p, placeToday)
	if len(server.Findings) != 1 || server.Findings[0].Kind != reconcile.LineNotSeen || len(files.Findings) != 0 {
		t.Errorf("the server finds %v, and files %v", server.Findings, files.Findings)
	}
	if diff := cmp.Diff(saidBy(server).Units, saidBy(files).Units); diff != "" {
		t.Errorf("units (-server +files):\n%s", diff)
	}
}
