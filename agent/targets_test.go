package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseTarget(t *testing.T) {
	tests := []struct {
		in    string
		want  []string
		sweep bool
	}{
		{"192.0.2.1", []string{"192.0.2.1"}, false},
		{" 192.0.2.1 ", []string{"192.0.2.1"}, false},
		{"2001:DB8::1", []string{"2001:db8::1"}, false},
		{"::ffff:192.0.2.1", []string{"192.0.2.1"}, false},
		{"fe80::1%eth0", []string{"fe80::1%eth0"}, false},
		{"Core-1.Example.org.", []string{"core-1.example.org"}, false},
		{"switch1", []string{"switch1"}, false},
		{"sw-1-2", []string{"sw-1-2"}, false},
		{"core_sw", []string{"core_sw"}, false},
		{"127.0.0.1", []string{"127.0.0.1"}, false},
		{"192.0.2.0/30", []string{"192.0.2.1", "192.0.2.2"}, true},
		{"192.0.2.1/30", []string{"192.0.2.1", "192.0.2.2"}, true},
		{"192.0.2.0/31", []string{"192.0.2.0", "192.0.2.1"}, true},
		{"192.0.2.7/32", []string{"192.0.2.7"}, false},
		{"2001:db8::/127", []string{"2001:db8::", "2001:db8::1"}, true},
		{"192.0.2.254-192.0.3.1", []string{"192.0.2.254", "192.0.2.255", "192.0.3.0", "192.0.3.1"}, true},
		{"192.0.2.1 - 192.0.2.2", []string{"192.0.2.1", "192.0.2.2"}, true},
		{"192.0.2.1-192.0.2.1", []string{"192.0.2.1"}, false},
		{"2001:db8::1-2001:db8::2", []string{"2001:db8::1", "2001:db8::2"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseTarget(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.List); diff != "" || got.Sweep != tt.sweep {
				t.Errorf("sweep %v, want %v; addresses (-want +got):\n%s", got.Sweep, tt.sweep, diff)
			}
		})
	}
}

func TestParseTargetCounts(t *testing.T) {
	for in, want := range map[string]int{"198.51.100.0/24": 254, "10.0.0.0/16": 65534, "2001:db8::/112": 65536, "10.0.0.0-10.0.255.255": 65536} {
		got, err := ParseTarget(in)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.List) != want {
			t.Errorf("%s has %d addresses, want %d", in, len(got.List), want)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", `"" is not an address, a name, a network or a range`},
		{"10.0.0.0/33", `"10.0.0.0/33" is not a network: write it as 192.0.2.0/24`},
		{"10.0.0/24", `"10.0.0/24" is not a network: write it as 192.0.2.0/24`},
		{"10.0.0.0/8", `"10.0.0.0/8" has more than 65536 addresses: sweep it in smaller networks`},
		{"2001:db8::/64", `"2001:db8::/64" has more than 65536 addresses: sweep it in smaller networks`},
		{"224.0.0.0/24", `"224.0.0.0/24" is a multicast network`},
		{"10.0.0.300", `"10.0.0.300" is not an address: write it as 192.0.2.1 or 2001:db8::1`},
		{"10.0.0", `"10.0.0" is not an address: write it as 192.0.2.1 or 2001:db8::1`},
		{"2001:db8:::1", `"2001:db8:::1" is not an address: write it as 192.0.2.1 or 2001:db8::1`},
		{"0.0.0.0", `"0.0.0.0" is not the address of one device`},
		{"255.255.255.255", `"255.255.255.255" is not the address of one device`},
		{"10.0.0.1-50", `"10.0.0.1-50" is not a range: write both ends in full, as in 192.0.2.1-192.0.2.50`},
		{"10.0.0.9-10.0.0.1", `"10.0.0.9-10.0.0.1" is not a range: it ends before it begins`},
		{"10.0.0.1-2001:db8::1", `"10.0.0.1-2001:db8::1" is not a range: its ends are of different kinds`},
		{"10.0.0.0-10.1.0.0", `"10.0.0.0-10.1.0.0" has more than 65536 addresses: sweep it in smaller ranges`},
		{"switch1:22", `"switch1:22" has a port: write the address alone, and the ports as snmp_port and ssh_port`},
		{"https://10.0.0.1", `"https://10.0.0.1" is a web address: write the device's address or name alone`},
		{"two words", `"two words" is not an address, a name, a network or a range`},
		{"-x", `"-x" is not an address, a name, a network or a range`},
		{"a..b", `"a..b" is not an address, a name, a network or a range`},
		{"switch\x1b[31m", `"switch\x1b[31m" is not an address, a name, a network or a range`},
		{"@file", `"@file" names a file of targets, which cannot stand here`},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			_, err := ParseTarget(tt.in)
			if err == nil {
				t.Fatal("was taken")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadTargets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.txt")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("\ufeff# the building\r\n192.0.2.1   # hall\r\n\r\n192.0.2.8/30\nsw1\n192.0.2.21 - 192.0.2.22\n192.0.2.30 sw-attic\n2001:db8::7\n")
	got, err := ReadTargets("@" + path)
	if err != nil {
		t.Fatal(err)
	}
	want := TargetList{Groups: []Addresses{
		{Written: "192.0.2.1", List: []string{"192.0.2.1"}},
		{Written: "192.0.2.8/30", Sweep: true, List: []string{"192.0.2.9", "192.0.2.10"}},
		{Written: "sw1", List: []string{"sw1"}},
		{Written: "192.0.2.21 - 192.0.2.22", Sweep: true, List: []string{"192.0.2.21", "192.0.2.22"}},
		{Written: "192.0.2.30", List: []string{"192.0.2.30"}},
		{Written: "2001:db8::7", List: []string{"2001:db8::7"}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}

	refused := []struct {
		name, text string
		want       []string
		taken      int
	}{
		{"mistake with its line", "192.0.2.1\n192.0.2.300\n192.0.2.2\n", []string{path + `:2: "192.0.2.300" is not an address: write it as 192.0.2.1 or 2001:db8::1`}, 2},
		{"file in a file", "192.0.2.1\n@other\n", []string{path + `:2: "@other" names a file of targets, which cannot stand here`}, 1},
		{"too many", strings.Repeat("10.0.0.0/16\n", 5), []string{path + `:5: more than 262144 addresses in all`}, 4 * 65534},
		{"several words", "192.0.2.1 - \n192.0.2.0/30 hall\n", []string{
			path + `:1: "192.0.2.1 -" is not a range: write both ends in full, as in 192.0.2.1-192.0.2.50`, path + `:2: "192.0.2.0/30 hall" is not a network: write it as 192.0.2.0/24`,
		}, 0},
	}
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			write(tt.text)
			got, err := ReadTargets("@" + path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Refused); diff != "" || got.Count() != tt.taken {
				t.Errorf("%d addresses, want %d; refused (-want +got):\n%s", got.Count(), tt.taken, diff)
			}
		})
	}
	for name, text := range map[string]string{"nothing": "# nothing\n", "not text": "PK\x03\x04\x00"} {
		write(text)
		if _, err := ReadTargets("@" + path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one that names the file", name, err)
		}
	}
	if _, err := ReadTargets("@" + path + ".none"); err == nil {
		t.Error("a file that is not there was taken")
	}
}

// Lists of other tools are targets as they are.
func TestReadTargetsOfOtherTools(t *testing.T) {
	for name, tt := range map[string]struct {
		text             string
		want             []string
		refused, skipped []string
	}{
		"devices.csv": {
			"Name,IP Address,Vendor\nsw1,192.0.2.1,Cisco\nfw1,192.0.2.9,Juniper\nsw2,nowhere/,Cisco\n",
			[]string{"192.0.2.1"},
			[]string{`devices.csv:4, column "IP Address", value "nowhere/": neither an address nor a name`},
			[]string{"devices.csv: 1 not asked: not Cisco's: Juniper"},
		},
		"router.db": {
			"sw1.example.org:cisco:up\n192.0.2.2:cisco:down\n", []string{"sw1.example.org"}, nil, []string{"router.db: 1 not asked: "},
		},
		"hosts.ini": {
			"[switches]\nsw1 ansible_host=192.0.2.1 ansible_password=canary\nsw2 ansible_host=192.0.2.2\n", []string{"192.0.2.1", "192.0.2.2"}, nil, nil,
		},
		"netbox.json": {
			`{"count":1,"next":null,"results":[{"id":7,"name":"sw1","primary_ip":{"address":"192.0.2.1/24"},"status":{"value":"active"},"device_type":{"manufacturer":{"name":"Cisco"},"model":"C9300"}}]}`,
			[]string{"192.0.2.1"},
			nil, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadTargets("@" + path)
			if err != nil {
				t.Fatal(err)
			}
			var addresses []string
			for _, g := range got.Groups {
				addresses = append(addresses, g.List...)
				if g.Sweep {
					t.Errorf("%s is a sweep", g.Written)
				}
			}
			if diff := cmp.Diff(tt.want, addresses); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
			for what, lists := range map[string][2][]string{"refused": {tt.refused, got.Refused}, "skipped": {tt.skipped, got.Skipped}} {
				want, got := lists[0], lists[1]
				if len(want) != len(got) {
					t.Errorf("%s %q, want %q", what, got, want)
					continue
				}
				for i := range want {
					if !strings.Contains(got[i], want[i]) || strings.Contains(got[i], "canary") {
						t.Errorf("%s %q, want %q", what, got[i], want[i])
					}
				}
			}
		})
	}
}

// Whatever is taken as a target is a bounded list of addresses or a name, each
// of which is taken again as itself.
func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "sw1.example.org", "192.0.2.0/24", "192.0.2.1-192.0.2.9", "2001:db8::/112", "::1", "fe80::1%eth0", "-", "a-b", "1-2", "10.0.0.1-", "@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseTarget(s)
		if err != nil {
			return
		}
		if len(a.List) == 0 || len(a.List) > MaxSweep {
			t.Fatalf("%q gives %d addresses", s, len(a.List))
		}
		for _, one := range []string{a.List[0], a.List[len(a.List)-1]} {
			again, err := ParseTarget(one)
			if err != nil {
				t.Fatalf("%q gives %q, which is refused: %v", s, one, err)
			}
			if !slices.Equal(again.List, []string{one}) {
				t.Fatalf("%q gives %q, which gives %q", s, one, again.List)
			}
		}
	})
}
