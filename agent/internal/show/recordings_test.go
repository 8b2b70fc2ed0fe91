package show_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/show"
	"rollcall/pkg/peer"
)

// recordedUnits are the units of each recorded inventory, told by a person who
// read the recording.
var recordedUnits = map[string][]string{
	"asa-show-inventory":                {"AAAAA11111"},
	"cisco-asa-show-inventory-empty-sn": {"JMX8318372GB"},
	"cisco-asa-show-inventory":          {"FTX1930101U"},
	"cisco-nxos-show-inventory1":        {"SAL1819S6LU"},
	"cisco-wlc-ssh-show-inventory":      {"ABC1234D567"},
	"cisco-xr-admin-show-inventory":     {"JCY98XR393D"},
	"cisco-xr-admin-show-inventory2":    {"FOXXXXXXXX"},
	"ios-cat6k-show-inventory":          {"FXS1821Q2H9"},
	"ios-show-inventory-10":             {"FOX1638GU8L"},
	"ios-show-inventory-2":              {"FXS1712Q1R8"},
	"ios-show-inventory-3":              {"FXS1821Q2H9"},
	// Two stacks pasted together, the second of one member.
	"ios-show-inventory-4":             {"FDO123R12W", "FD5678Z90P", "FD2043B0K3"},
	"ios-show-inventory-6":             {"FOC09876NP3"},
	"iosxe-cat9k-c9300-show-inventory": {"FCW2242G114", "FCW2242G0V3"},
	"iosxe-cat9k-c9500-show-inventory": {"CAT2242L6CG"},
	"iosxe-show-inventory-1":           {"FGL172511Q5"},
	"iosxe-show-inventory-3":           {"FXS1941Q20T", "FOX1353G062"},
	// The stack's own row has a serial that no listed member has.
	"iosxe-show-inventory-6":     {"FCW88888888", "FCW999999999"},
	"iosxe-show-inventory-asr1k": {"FOX1204G6WN"},
	"iosxe-show-inventory-c3850": {"FCW1932D0LB", "FOC1932X0K1", "FCW1932C0MA", "FCW1932D0L0", "FOC1932X0F9"},
	"iosxe-show-inventory-isr4k": {"FDO2201A0SR"},
	"iosxe-show-inventory-raw-2": nil, // an excerpt; its only member is provisioned and absent
	"iosxe-show-inventory-raw-8": {"FXS1939Q442"},
	"iosxr-show-inventory-1":     nil, // without admin, XR lists cards only
	"iosxr-show-inventory-3":     nil,
	"nxos-show-inventory-1":      {"JAF1704ARQG"},
	"nxos-show-inventory-3":      nil, // the chassis answers N/A
}

func TestRecordedInventories(t *testing.T) {
	dir := peer.Recordings(t, "cli")
	files, err := filepath.Glob(filepath.Join(dir, "*.serials"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", dir, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".serials")
		t.Run(name, func(t *testing.T) {
			text := read(t, strings.TrimSuffix(file, ".serials")+".txt")
			for reader, parse := range map[string]func(string, string) show.Result{"Inventory": show.Inventory, "Parse": show.Parse} {
				got := parse("auto", text)
				serials, units := []string{}, []string(nil)
				for _, c := range got.Components {
					serials = append(serials, c.Serial)
					if c.Unit {
						units = append(units, c.Serial)
					}
				}
				slices.Sort(serials)
				if diff := cmp.Diff(strings.Fields(read(t, file)), slices.Compact(serials)); diff != "" {
					t.Errorf("%s: serials (-want +got):\n%s", reader, diff)
				}
				want, listed := recordedUnits[name]
				if !listed {
					t.Logf("%s: units %v", reader, units)
				} else if diff := cmp.Diff(want, units); diff != "" {
					t.Errorf("%s: units (-want +got):\n%s", reader, diff)
				}
				for _, w := range got.Warnings {
					if strings.Contains(w, "not understood") {
						t.Errorf("%s: %s", reader, w)
					}
				}
			}
			if testing.Verbose() {
				got := show.Inventory("", text)
				t.Log(got.Platform, got.Warnings)
				for _, c := range got.Components {
					t.Logf("%-16s %-20s %-12s u=%v p=%s %q %q %q", c.Serial, c.PID, c.Class, c.Unit, c.Parent, c.Name, c.Description, c.Aliases)
				}
			}
		})
	}
}

func TestRecordedVersions(t *testing.T) {
	dir := peer.Recordings(t, "cli")
	type facts struct{ Name, Platform, Software, Model string }
	for name, want := range map[string]struct {
		facts
		units []string
	}{
		"cisco-asa-show-version1":              {facts{"asa1", "asa", "9.5(2)204", "ASAv10"}, []string{"9AT1L9EX0DF ASAv10"}},
		"cisco-asa-show-version4":              {facts{"asa1", "asa", "9.16(3)19", "ISA-3000-2C2F"}, []string{"9AT1L9EX0DF ISA-3000-2C2F"}},
		"cisco-ios-show-version-special-build": {facts{"AKBTESTW01", "iosxe", "16.9.5", "C9500-40X"}, []string{"FCW2233FFG3 C9500-40X", "FCW1234F88V C9500-40X"}},
		"cisco-ios-show-version2":              {facts{"my_device", "iosxe", "15.3(2)S1", "ASR1001"}, []string{"SSI1289001MH ASR1001"}},
		"cisco-ios-show-version5":              {facts{"Switch-Hostname", "iosxe", "16.12.4", "C9500-48Y4C"}, []string{"CAT23XXXXXX C9500-48Y4C"}},
		"cisco-nxos-show-version2":             {facts{"IEDP02-N5K-SW01", "nxos", "7.1(4)N1(1)", "Nexus 5596"}, []string{"FOC17153X08 "}},
		"cisco-nxos-show-version5":             {facts{"N9K-LAB-15", "nxos", "10.4(5)", "N9K-C93180YC-FX3"}, []string{"FLM27400B3D N9K-C93180YC-FX3"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := read(t, filepath.Join(dir, name+".txt"))
			v := show.ParseVersion(text)
			if diff := cmp.Diff(want.facts, facts{v.Name, v.Platform, v.Software, v.Model}); diff != "" {
				t.Errorf("facts (-want +got):\n%s", diff)
			}
			var units []string
			for _, c := range v.Components {
				units = append(units, c.Serial+" "+c.PID)
			}
			if diff := cmp.Diff(want.units, units); diff != "" {
				t.Errorf("units (-want +got):\n%s", diff)
			}
			var parsed []string
			for _, c := range show.Parse("auto", text).Components {
				parsed = append(parsed, c.Serial+" "+c.PID)
			}
			if diff := cmp.Diff(want.units, parsed); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordedSystemID(t *testing.T) {
	text := read(t, filepath.Join(peer.Recordings(t, "cli"), "cisco-s300-show-system-id.txt"))
	got := show.Parse("auto", text)
	if len(got.Components) != 1 || got.Components[0].Serial != "IDN123456AA" || !got.Components[0].Unit || got.Platform != "smb" {
		t.Errorf("got %+v, want the one unit IDN123456AA", got)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
