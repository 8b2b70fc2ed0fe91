package nodelist_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/nodelist"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Every file of testdata, its format told by itself, against its golden file.
func TestFiles(t *testing.T) {
	formats := map[string]nodelist.Format{
		"devices.csv": nodelist.CSV, "netbox-export.csv": nodelist.CSV, "semicolons.csv": nodelist.CSV,
		"router.db": nodelist.RouterDB, "rancid2.db": nodelist.RouterDB, "oxidized.db": nodelist.RouterDB, "oxidized-names.db": nodelist.RouterDB,
		"netbox.json": nodelist.NetBoxJSON, "hosts.ini": nodelist.AnsibleINI, "hosts.yml": nodelist.AnsibleYAML, "plain.txt": nodelist.Plain,
	}
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name)
			list, err := nodelist.Read(path, nodelist.Auto)
			if err != nil {
				t.Fatal(err)
			}
			if list.Format != format {
				t.Errorf("format %q, want %q", list.Format, format)
			}
			got, err := json.MarshalIndent(list, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			if strings.Contains(string(got), "do-not-keep") || strings.Contains(string(got), "do not keep") || strings.Contains(string(got), "6430") {
				t.Errorf("a password was kept:\n%s", got)
			}
			golden := path + ".golden"
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			unnamed, err := nodelist.Parse("list", raw, nodelist.Auto)
			if err != nil || unnamed.Format != format {
				t.Errorf("by its content alone it is %q (%v), want %q", unnamed.Format, err, format)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	tests := []struct {
		name, file, text string
		want             nodelist.Format
	}{
		{"csv", "", "ip,name\n192.0.2.1,a\n", nodelist.CSV},
		{"csv with tabs", "", "Name\tIP Address\na\t192.0.2.1\n", nodelist.CSV},
		{"one column under a header", "list.csv", "hostname\nsw1\n", nodelist.CSV},
		{"rancid 3", "", "sw1;cisco;up\n", nodelist.RouterDB},
		{"rancid 2", "", "# comment\nsw1:cisco:up\n", nodelist.RouterDB},
		{"oxidized", "", "sw1:192.0.2.1:ios\n", nodelist.RouterDB},
		{"netbox page", "", `{"count":1,"results":[{"name":"a","primary_ip":{"address":"192.0.2.1/24"}}]}`, nodelist.NetBoxJSON},
		{"netbox results", "", `[ {"name":"a","primary_ip":{"address":"192.0.2.1/24"}}]`, nodelist.NetBoxJSON},
		{"ini", "", "[switches]\nsw1\n", nodelist.AnsibleINI},
		{"ini without groups", "", "sw1 ansible_host=192.0.2.1\n", nodelist.AnsibleINI},
		{"yaml", "", "all:\n  hosts:\n    sw1:\n", nodelist.AnsibleYAML},
		{"yaml with its mark", "", "---\nall:\n  hosts: {sw1: }\n", nodelist.AnsibleYAML},
		{"plain", "", "192.0.2.1\nsw1\n", nodelist.Plain},
		{"plain ipv6", "", "2001:db8::1\n2001:db8::2\n", nodelist.Plain},
		{"hosts file", "", "192.0.2.1 sw1\n", nodelist.Plain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := nodelist.Parse(tt.file, []byte(tt.text), nodelist.Auto)
			if err != nil {
				t.Fatal(err)
			}
			if list.Format != tt.want || len(list.Ask()) == 0 || len(list.Refused) > 0 {
				t.Errorf("%q: %+v, want format %q and a device", tt.text, list, tt.want)
			}
		})
	}
}

// Files of which nothing can be used.
func TestErrors(t *testing.T) {
	tests := []struct {
		name, text string
		format     nodelist.Format
		want       string
	}{
		{"empty", "", nodelist.Auto, "it names no device"},
		{"comments", "# nothing\n\n", nodelist.Auto, "it names no device"},
		{"header alone", "ip,name\n", nodelist.CSV, "it names no device"},
		{"no header", "192.0.2.1,sw1\n", nodelist.CSV, "it has no header row"},
		{"workbook", "PK\x03\x04...", nodelist.Auto, "save it as CSV"},
		{"binary", "a\x00b", nodelist.Plain, "it is not text"},
		{"unknown format", "a", "xml", `there is no format "xml"`},
		{"other json", `{"hosts": []}`, nodelist.Auto, `that has "results"`},
		{"json scalar", `12`, nodelist.NetBoxJSON, `that has "results"`},
		{"cut json", `{"results": [{"name": "a"`, nodelist.Auto, "it is not JSON"},
		{"two jsons", `{"results": [{"name": "a"}]} {}`, nodelist.Auto, "more follows its end"},
		{"not yaml", "all: [\n", nodelist.AnsibleYAML, "it is not YAML: yaml: line 1"},
		{"yaml list", "- a\n", nodelist.AnsibleYAML, "it is no Ansible inventory"},
		{"inventory plugin", "plugin: netbox.netbox.nb_inventory\n", nodelist.AnsibleYAML, "run ansible-inventory --list --yaml"},
		{"groups in a circle", "[a:children]\nb\n[b:children]\na\n[a]\nsw1\n", nodelist.AnsibleINI, "in a circle"},
		{"many ranges", strings.Repeat("[g]\nx[1:65536]\n", 100), nodelist.AnsibleINI, "stand for more than 2000000 hosts"},
		{"many devices", strings.Repeat("192.0.2.1\n", nodelist.MaxEntries+1), nodelist.Plain, "more than 200000 devices"},
		{"large", strings.Repeat("#", nodelist.MaxFile+1), nodelist.Plain, "larger than 16 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := nodelist.Parse("list", []byte(tt.text), tt.format)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "cannot read list of devices list: ") {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	if _, err := nodelist.Read(filepath.Join(t.TempDir(), "none.csv"), nodelist.Auto); err == nil || !strings.Contains(err.Error(), "none.csv") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

func TestEncodings(t *testing.T) {
	text := "name;ip;site\r\nsw1;192.0.2.1;Küche\r\n"
	utf16le := []byte{0xff, 0xfe}
	utf16be := []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(text)) {
		utf16le = append(utf16le, byte(u), byte(u>>8))
		utf16be = append(utf16be, byte(u>>8), byte(u))
	}
	var latin1 []byte
	for _, r := range text {
		latin1 = append(latin1, byte(r))
	}
	for name, raw := range map[string][]byte{
		"utf-8": []byte(text), "with mark": []byte("\ufeff" + text), "utf-16 le": utf16le, "utf-16 be": utf16be, "latin-1": latin1,
		"old line ends": []byte(strings.ReplaceAll(text, "\r\n", "\r")),
	} {
		list, err := nodelist.Parse("list.csv", raw, nodelist.Auto)
		want := []nodelist.Entry{{Address: "192.0.2.1", Name: "sw1", Site: "Küche", Line: 2}}
		if diff := cmp.Diff(want, list.Entries); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// Quotation marks in CSV: line ends within them, and those that never close.
func TestQuotes(t *testing.T) {
	text := "ip,note\n192.0.2.1,\"two\nlines, \"\"quoted\"\"\"\n192.0.2.2,\"open\n192.0.2.3,5\" disk\n" +
		strings.Repeat("192.0.2.4,x\n", 300) + "192.0.2.5,x\n"
	list, err := nodelist.Parse("list.csv", []byte(text), nodelist.Auto)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list.Ask() {
		got = append(got, fmt.Sprintf("%d %s", e.Line, e.Address))
	}
	if diff := cmp.Diff([]string{"2 192.0.2.1", "4 192.0.2.2", "5 192.0.2.3", "6 192.0.2.4", "306 192.0.2.5"}, got); diff != "" {
		t.Errorf("devices (-want +got):\n%s", diff)
	}
	list, err = nodelist.Parse("list.csv", []byte("ip,note\n192.0.2.2,\"open\n"+strings.Repeat("192.0.2.4,x\n", 300)+"192.0.2.5,x\n"), nodelist.Auto)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(list.Ask()); n != 3 {
		t.Errorf("%d devices under a quotation mark that never closes, want 3: %+v", n, list.Ask())
	}
}

// A refusal names the place and never more than the field; there are not too
// many of them.
func TestRefusals(t *testing.T) {
	r := nodelist.Refusal{File: "a.csv", Line: 3, Column: "IP", Value: "x y", Reason: "neither an address nor a name"}
	if got, want := r.Error(), `a.csv:3, column "IP", value "x y": neither an address nor a name`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	list, err := nodelist.Parse("list", []byte(strings.Repeat("a/b\n", 5000)+"sw1\n"+strings.Repeat("x", 3000)+"\n\x1b]0;title\x07/\n"), nodelist.Plain)
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Refused) != 1000 || list.MoreRefused != 4002 || len(list.Entries) != 1 {
		t.Errorf("%d refused, %d more, %d entries", len(list.Refused), list.MoreRefused, len(list.Entries))
	}
	list, err = nodelist.Parse("list", []byte(strings.Repeat("x", 3000)+"\n\x1b]0;title\x07/\n"), nodelist.Plain)
	if err != nil {
		t.Fatal(err)
	}
	want := []nodelist.Refusal{
		{File: "list", Line: 1, Value: strings.Repeat("x", 60) + "…", Reason: "it is longer than 1024 bytes"},
		{File: "list", Line: 2, Value: "]0;title/", Reason: "neither an address nor a name"},
	}
	if diff := cmp.Diff(want, list.Refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// The largest lists that are taken fit the limit of bytes in every format, and are read in bounded time
// and memory: a tenth would not end in time otherwise.
func TestLargest(t *testing.T) {
	const tenth = nodelist.MaxEntries / 10 // all take the race detector a minute
	var csv, db, ini, yaml, js, plain strings.Builder
	csv.WriteString("name,ip\n")
	ini.WriteString("[g]\n")
	yaml.WriteString("g:\n hosts:\n")
	js.WriteString(`{"results":[`)
	for i := range tenth {
		ip := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		fmt.Fprintf(&csv, "s%d,%s\n", i, ip)
		fmt.Fprintf(&db, "%s;cisco;up\n", ip)
		fmt.Fprintf(&ini, "s%d ansible_host=%s\n", i, ip)
		fmt.Fprintf(&yaml, "  s%d: {ansible_host: %s}\n", i, ip)
		fmt.Fprintf(&js, `{"primary_ip":{"address":"%s/32"}},`, ip)
		fmt.Fprintf(&plain, "%s\n", ip)
	}
	js.WriteString("0]}")
	for format, b := range map[nodelist.Format]*strings.Builder{
		nodelist.CSV: &csv, nodelist.RouterDB: &db, nodelist.AnsibleINI: &ini, nodelist.AnsibleYAML: &yaml, nodelist.NetBoxJSON: &js, nodelist.Plain: &plain,
	} {
		t.Run(string(format), func(t *testing.T) {
			list, err := nodelist.Parse("list", []byte(b.String()), format)
			if err != nil || len(list.Ask()) != tenth || 10*b.Len() > nodelist.MaxFile {
				t.Errorf("%d devices in %d bytes, %v", len(list.Ask()), b.Len(), err)
			}
		})
	}
}

// check holds what is true of every list.
func check(t *testing.T, raw []byte, format nodelist.Format) {
	list, err := nodelist.Parse("list", raw, format)
	if err != nil {
		return
	}
	lines := strings.Count(string(raw), "\n") + strings.Count(string(raw), "\r") + 1
	seen := map[string]bool{}
	for _, e := range list.Entries {
		for _, s := range []string{e.Address, e.Name, e.Platform, e.Site} {
			if strings.ContainsFunc(s, unicode.IsControl) || len(s) > 2*nodelist.MaxField {
				t.Errorf("%q in %+v", s, e)
			}
		}
		if e.Skip == "" && (e.Address == "" || seen[e.Address] || strings.ContainsAny(e.Address, " /\"'{}@")) {
			t.Errorf("address of %+v", e)
		}
		seen[e.Address] = seen[e.Address] || e.Skip == ""
		if e.Line < 1 || e.Line > lines {
			t.Errorf("line %d of %d", e.Line, lines)
		}
	}
	for _, r := range list.Refused {
		if r.Reason == "" || strings.ContainsFunc(r.Error(), unicode.IsControl) || r.Line > lines {
			t.Errorf("refusal %q", r)
		}
	}
}

func addFiles(f *testing.F, add func(raw []byte), names ...string) {
	f.Helper()
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		add(raw)
	}
}

func FuzzRouterDB(f *testing.F) {
	addFiles(f, func(raw []byte) { f.Add(raw) }, "router.db", "rancid2.db", "oxidized.db", "oxidized-names.db")
	f.Fuzz(func(t *testing.T, raw []byte) { check(t, raw, nodelist.RouterDB) })
}

// FuzzLists reads a text as each of the formats, and as one that is not known.
func FuzzLists(f *testing.F) {
	addFiles(f, func(raw []byte) { f.Add(raw) }, "devices.csv", "netbox-export.csv", "semicolons.csv", "netbox.json", "hosts.ini", "hosts.yml", "plain.txt", "rancid2.db")
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, format := range []nodelist.Format{
			nodelist.CSV, nodelist.NetBoxJSON, nodelist.AnsibleINI, nodelist.AnsibleYAML, nodelist.Plain, nodelist.Auto,
		} {
			check(t, raw, format)
		}
	})
}
