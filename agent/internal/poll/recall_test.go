package poll_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/show"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
	"rollcall/pkg/table"
)

// report is where TestRecall writes its table; `make recall` prints that.
var report = flag.String("report", "", "file for the table of TestRecall")

// Columns of serial numbers. The oracle has its own list, and shares no table
// with the code.
const (
	entity    = "1.3.6.1.2.1.47.1.1.1.1.11"
	smbUnits  = "1.3.6.1.4.1.9.6.1.101.53.14.1.5"
	ucsBoards = "1.3.6.1.4.1.9.9.719.1.9.6.1.14"
)

var serialColumns = []string{
	entity, smbUnits, ucsBoards,
	"1.3.6.1.4.1.9.3.6.3",                 // chassisId
	"1.3.6.1.4.1.9.5.1.2.19",              // CatOS chassis
	"1.3.6.1.4.1.9.5.1.3.1.1.26",          // CatOS modules
	"1.3.6.1.4.1.9.9.92.1.1.1.2",          // ceAssetTable
	"1.3.6.1.4.1.3955.1000.201.53.14.1.5", // Linksys units
	"1.3.6.1.4.1.14179.1.1.1.4",           // Airespace controller
	"1.3.6.1.4.1.14179.2.2.1.1.17",        // Airespace access points
	"1.3.6.1.4.1.41916.3.1.1.1.5",         // Viptela
	"1.3.6.1.4.1.9.6.1.101.217.1.7",       // Small Business transceivers
	"1.3.6.1.4.1.3955.1000.201.217.1.7",   // Linksys transceivers
	"1.3.6.1.4.1.1429.78.4.1.3",           // Scientific-Atlanta
	"1.0.8802.1.1.2.1.5.4795.1.3.3.1.4",   // LLDP-MED
	// UCS and CIMC: servers, chassis, power, fans, cards, memory, processors,
	// disks, controllers.
	"1.3.6.1.4.1.9.9.719.1.9.35.1.47", "1.3.6.1.4.1.9.9.719.1.9.2.1.47", "1.3.6.1.4.1.9.9.719.1.15.7.1.32",
	"1.3.6.1.4.1.9.9.719.1.15.56.1.13", "1.3.6.1.4.1.9.9.719.1.15.13.1.13", "1.3.6.1.4.1.9.9.719.1.15.30.1.33",
	"1.3.6.1.4.1.9.9.719.1.15.19.1.26", "1.3.6.1.4.1.9.9.719.1.15.70.1.15", "1.3.6.1.4.1.9.9.719.1.30.11.1.19",
	"1.3.6.1.4.1.9.9.719.1.41.9.1.15", "1.3.6.1.4.1.9.9.719.1.45.4.1.12", "1.3.6.1.4.1.9.9.719.1.45.1.1.14",
}

// noSerial are the placeholders of the recordings, by eye.
var noSerial = regexp.MustCompile(`^(|N/?A|<PRIVATE>|UNKNOWN|NOT SPECIFIED|0+|X+|9+|[A-Z]{3}0+)$`)

// recordedUnits are the objects with the serials of units, found by hand in the
// recordings: class chassis(3), or what the facts say of the platform.
var recordedUnits = map[string][]string{
	"apic":               nil, // its serial was blanked by the donor
	"arubaos-cx_6300m":   nil, // not a Cisco device: nothing a contract could cover
	"asa":                {entity + ".1"},
	"catos":              nil,                // sysDescr and sysObjectID alone
	"cimc":               {ucsBoards + ".1"}, // no rack unit: the board stands for it
	"ciscosb":            {entity + ".1"},
	"ciscosb_c1200":      {smbUnits + ".1"},
	"ciscosb_cbs350":     {entity + ".67109120"},
	"ciscosb_sg350x-24p": {smbUnits + ".1"},
	"ciscospa":           nil, // an empty serial
	// Access points are root rows; the first one, with the controller, has a
	// placeholder.
	"ciscowlc_cbw240ac":  {entity + ".8", entity + ".24", entity + ".32", entity + ".48"},
	"ftd_3130":           nil, // the only serial is a fan tray's
	"ios_2960x":          {entity + ".1001", entity + ".2001", entity + ".3001"},
	"ios_3560g":          {entity + ".1001"},
	"ios_4948e":          nil, // blanked
	"ios_c3560":          {entity + ".1001"},
	"ios_ir809":          {entity + ".1"},
	"iosxe_c9300":        {entity + ".1000"}, // row 1 is the stack
	"iosxe_ir1101":       {entity + ".1"},
	"iosxe_isr4321":      {entity + ".1"},
	"iosxr_asr9001":      {entity + ".24555730"},
	"ise_3595":           {entity + ".1"}, // class other(1), contained in nothing
	"linksys-ss_lgs318p": {entity + ".67108992"},
	"merakims":           nil, // all nines
	"nxos_n3k-3064pq":    nil, // blanked
}

// capturedUnits are the names of units in outputs of `show inventory`, found by
// hand.
var capturedUnits = map[string][]string{
	"asa-show-inventory":                {"Chassis"},
	"cisco-asa-show-inventory":          {"Chassis"},
	"cisco-asa-show-inventory-empty-sn": {"Chassis"},
	"cisco-nxos-show-inventory1":        {"Chassis"},
	"cisco-wlc-ssh-show-inventory":      {"Chassis"},
	"cisco-xr-admin-show-inventory":     {"chassis ASR-9006"},
	"cisco-xr-admin-show-inventory2":    {"Rack 0"},
	"ios-cat6k-show-inventory":          {"WS-C6503-E"},
	"ios-show-inventory-10":             {"Switch System"},
	"ios-show-inventory-2":              {"WS-C6504-E"},
	"ios-show-inventory-3":              {"WS-C6503-E"},
	"ios-show-inventory-4":              {"1", "2"}, // two stacks pasted together
	"ios-show-inventory-6":              {"1"},
	"iosxe-cat9k-c9300-show-inventory":  {"Switch 1", "Switch 2"},
	"iosxe-cat9k-c9500-show-inventory":  {"Chassis"},
	"iosxe-show-inventory-1":            {"Chassis"},
	"iosxe-show-inventory-3":            {"Switch1 System", "Switch2 System"},
	"iosxe-show-inventory-6":            {"c93xx Stack", "Switch 1"}, // the stack's serial is on no member that is listed
	"iosxe-show-inventory-asr1k":        {"Chassis"},
	"iosxe-show-inventory-c3850":        {"Switch 1", "Switch 2", "Switch 3", "Switch 4", "Switch 5"},
	"iosxe-show-inventory-isr4k":        {"Chassis"},
	"iosxe-show-inventory-raw-2":        nil, // an excerpt; its only member is provisioned and absent
	"iosxe-show-inventory-raw-8":        {"Chassis"},
	"iosxr-show-inventory-1":            nil, // without admin, XR lists cards only
	"iosxr-show-inventory-3":            nil,
	"nxos-show-inventory-1":             {"Chassis"},
	"nxos-show-inventory-3":             nil, // the chassis answers N/A
}

// capturedLines are what stands before the serials of units in other outputs.
var capturedLines = map[string]string{
	"cisco-asa-show-version1":              `Serial Number:`,
	"cisco-asa-show-version4":              `Serial Number:`,
	"cisco-ios-show-version-special-build": `System Serial Number +:`,
	"cisco-ios-show-version2":              `Processor board ID`,
	"cisco-ios-show-version5":              `System Serial Number +:`,
	"cisco-nxos-show-version2":             `Processor Board ID`,
	"cisco-nxos-show-version5":             `Processor Board ID`,
	"cisco-s300-show-system-id":            `Serial number :`,
}

// A recalled capture is what is in it, and what was made of it.
type recalled struct {
	source, name, platform          string
	want, wantUnits                 []string
	got                             []inventory.Component
	missing, foreign, twice, wrong  []string
	found, marked, requests, repeat int
	byColumn, sideBySide            int // requests of other ways to read entPhysicalTable
}

// compare sorts out what was lost, made up, or is there twice.
func (r *recalled) compare() {
	seen, units := map[string]bool{}, map[string]bool{}
	parts := map[string]bool{}
	for _, c := range r.got {
		seen[c.Serial] = true
		if !slices.Contains(r.want, c.Serial) {
			r.foreign = append(r.foreign, c.Serial)
		}
		part := c.Serial + " " + inventory.PIDFamily(c.PID)
		if parts[part] {
			r.twice = append(r.twice, part)
		}
		parts[part] = true
		if c.Unit {
			units[c.Serial] = true
			if !slices.Contains(r.wantUnits, c.Serial) {
				r.wrong = append(r.wrong, c.Serial)
			}
		}
	}
	for _, s := range r.want {
		if seen[s] {
			r.found++
		} else {
			r.missing = append(r.missing, s)
		}
	}
	for _, s := range r.wantUnits {
		if units[s] {
			r.marked++
		} else {
			r.wrong = append(r.wrong, s)
		}
	}
}

// check fails the test for whatever is not as it should be.
func (r *recalled) check(t *testing.T) {
	t.Helper()
	for _, loss := range []struct {
		what string
		list []string
	}{{"missing", r.missing}, {"foreign", r.foreign}, {"there twice", r.twice}, {"wrongly a unit or wrongly none", r.wrong}} {
		if len(loss.list) > 0 {
			t.Errorf("%s %s: %v %s", r.source, r.name, loss.list, loss.what)
		}
	}
	if r.repeat > 2 {
		t.Errorf("%s %s: %d requests while nothing changed, want at most 2", r.source, r.name, r.repeat)
	}
}

// TestRecall polls every recording and parses every capture, and fails on any
// serial that is lost, made up or doubled, and on any unit that is not marked. A
// first poll of all takes at most a fifth of the requests of a walk of
// entPhysicalTable column by column.
func TestRecall(t *testing.T) {
	rows := append(recallSNMP(t), recallCLI(t)...)
	first, byColumn, sideBySide := 0, 0, 0
	for i := range rows {
		rows[i].compare()
		rows[i].check(t)
		first, byColumn, sideBySide = first+rows[i].requests, byColumn+rows[i].byColumn, sideBySide+rows[i].sideBySide
	}
	if 5*first > byColumn || first > sideBySide {
		t.Errorf("%d requests for a first poll: more than a fifth of the %d column by column, or than the %d side by side", first, byColumn, sideBySide)
	}
	if *report != "" {
		if err := writeReport(*report, rows); err != nil {
			t.Fatal(err)
		}
	}
}

func recallSNMP(t *testing.T) []recalled {
	t.Helper()
	folder := peer.Recordings(t, "snmp")
	port := peer.SNMPSim(t, folder)
	var rows []recalled
	for _, path := range captures(t, folder, "*.snmprec") {
		name := strings.TrimSuffix(filepath.Base(path), ".snmprec")
		r := record(name, port)
		first, answered, requests := r.poll(t.Context())
		again, _, repeat := r.poll(t.Context())
		if !answered || r.unchanged != 1 {
			t.Errorf("snmp %s: answered %v, then %d times unchanged: %v", name, answered, r.unchanged, first.Errors)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("snmp %s: device (-first +again):\n%s", name, diff)
		}
		serials := recordedSerials(t, path)
		objects, known := recordedUnits[name]
		if !known {
			t.Errorf("snmp %s: nobody has looked which rows are units", name)
		}
		row := recalled{
			source: "snmp", name: name, platform: first.Platform, want: sortedValues(serials), got: first.Components,
			requests: requests, repeat: repeat, byColumn: byColumn(t, port, name), sideBySide: sideBySide(t, port, name),
		}
		for _, o := range objects {
			if serials[o] == "" {
				t.Errorf("snmp %s has no serial at %s", name, o)
			}
			row.wantUnits = append(row.wantUnits, serials[o])
		}
		rows = append(rows, row)
	}
	return rows
}

func recallCLI(t *testing.T) []recalled {
	t.Helper()
	var rows []recalled
	for _, path := range captures(t, peer.Recordings(t, "cli"), "*.txt") {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		text := readFile(t, path)
		result := show.Parse("auto", text)
		row := recalled{source: "cli", name: name, platform: result.Platform, got: result.Components}
		names, inventory := capturedUnits[name]
		line, other := capturedLines[name]
		switch {
		case inventory:
			row.want = strings.Fields(readFile(t, strings.TrimSuffix(path, ".txt")+".serials"))
			for _, n := range names {
				n = regexp.QuoteMeta(n)
				row.wantUnits = append(row.wantUnits, capturedSerials(t, name, text, `(?im)^ *name: *(?:"`+n+`"|`+n+` +descr:).*\s+^ *pid:.*\bsn: *(\S+)`)...)
			}
		case other:
			row.wantUnits = capturedSerials(t, name, text, `(?im)^ *`+line+` *(\S+)`)
			row.want = row.wantUnits
		default:
			t.Errorf("cli %s: nobody has looked which parts are units", name)
		}
		rows = append(rows, row)
	}
	return rows
}

// capturedSerials finds serials by what stands before them.
func capturedSerials(t *testing.T, name, text, pattern string) []string {
	t.Helper()
	var serials []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		serials = append(serials, strings.ToUpper(m[1]))
	}
	if len(serials) == 0 {
		t.Errorf("cli %s: nothing fits %s", name, pattern)
	}
	slices.Sort(serials)
	return slices.Compact(serials)
}

// captures lists the files of a folder; a folder without any fails the test.
func captures(t *testing.T, folder, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s in %s (%v)", pattern, folder, err)
	}
	return files
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(raw), "\r", "")
}

// recordedSerials reads every clean serial out of a recording, by its object.
func recordedSerials(t *testing.T, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for line := range strings.Lines(readFile(t, path)) {
		object, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "|")
		tag, value, _ := strings.Cut(rest, "|")
		if !slices.ContainsFunc(serialColumns, func(c string) bool { return strings.HasPrefix(object, c+".") }) {
			continue
		}
		if strings.HasSuffix(tag, "x") {
			raw, err := hex.DecodeString(value)
			if err != nil {
				t.Fatal(err)
			}
			value = string(raw)
		}
		if value = strings.ToUpper(strings.TrimSpace(value)); !noSerial.MatchString(value) {
			found[object] = value
		}
	}
	return found
}

func sortedValues(m map[string]string) []string {
	return slices.Compact(slices.Sorted(maps.Values(m)))
}

// writeReport writes the table and its sums.
func writeReport(path string, rows []recalled) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	var sum recalled
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, r.cells())
		sum.want, sum.wantUnits = append(sum.want, r.want...), append(sum.wantUnits, r.wantUnits...)
		sum.missing, sum.foreign, sum.twice = append(sum.missing, r.missing...), append(sum.foreign, r.foreign...), append(sum.twice, r.twice...)
		sum.wrong = append(sum.wrong, r.wrong...)
		sum.byColumn, sum.sideBySide = sum.byColumn+r.byColumn, sum.sideBySide+r.sideBySide
		sum.found, sum.marked, sum.requests, sum.repeat = sum.found+r.found, sum.marked+r.marked, sum.requests+r.requests, sum.repeat+r.repeat
	}
	sum.source = fmt.Sprintf("all %d", len(rows))
	header := []string{"source", "capture", "platform", "serials", "found", "missing", "foreign", "doubled", "units", "marked", "wrong", "by column", "side by side", "first", "unchanged"}
	if err := table.Columns(f, "", header, append(cells, sum.cells())); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, "\nThe last four are SNMP requests: of a walk of entPhysicalTable alone by gosnmp, column by column and with all columns side by side,\nand of a first poll, which reads all tables, and one that finds nothing changed."); err != nil {
		return err
	}
	return f.Close()
}

func (r *recalled) cells() []string {
	cells := []string{r.source, r.name, r.platform}
	for _, n := range []int{len(r.want), r.found, len(r.missing), len(r.foreign), len(r.twice), len(r.wantUnits), r.marked, len(r.wrong), r.byColumn, r.sideBySide, r.requests, r.repeat} {
		cells = append(cells, fmt.Sprint(n))
	}
	if r.source == "cli" {
		for i := len(cells) - 4; i < len(cells); i++ {
			cells[i] = "-" // no requests
		}
	}
	return cells
}
