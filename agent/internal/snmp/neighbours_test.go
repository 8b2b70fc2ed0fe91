package snmp

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
)

// cdp is a row of cdpCacheTable; an empty text leaves the column out.
func cdp(index, n int, id, address, platform, capabilities string) objects {
	o := objects{}
	for column, v := range map[int]string{4: address, 5: "software of " + id, 6: id, 8: platform, 9: capabilities} {
		if v != "" {
			o[fmt.Sprintf("1.3.6.1.4.1.9.9.23.1.2.1.1.%d.%d.%d", column, index, n)] = v
		}
	}
	return o
}

// lldp is a row of lldpRemTable.
func lldp(mark, port, n, subtype int, chassis, name, descr, capabilities string) objects {
	at := func(c int) string { return fmt.Sprintf("1.0.8802.1.1.2.1.4.1.1.%d.%d.%d.%d", c, mark, port, n) }
	return objects{at(4): subtype, at(5): chassis, at(9): name, at(10): descr, at(12): capabilities}
}

func management(mark, port, n int, index string) objects {
	return objects{fmt.Sprintf("1.0.8802.1.1.2.1.4.2.1.3.%d.%d.%d.%s", mark, port, n, index): 2}
}

func TestNeighbours(t *testing.T) {
	router := system("Cisco IOS Software", "1.3.6.1.4.1.9.1.1208")
	ports := objects{"1.3.6.1.2.1.31.1.1.1.1.10": "Gi0/10", "1.3.6.1.2.1.2.2.1.2.11": "GigabitEthernet0/11"}
	tests := []struct {
		name    string
		objects objects
		want    []Neighbour
	}{
		{name: "none", objects: router},
		{
			name:    "switch",
			objects: router.with(ports, cdp(10, 1, "sw1.example.org", "\xc0\x00\x02\x01", "cisco WS-C3850-12S", "\x00\x00\x00\x29")),
			want: []Neighbour{{
				LocalPort: "Gi0/10", Name: "sw1.example.org", Address: "192.0.2.1", Platform: "cisco WS-C3850-12S",
				Description: "software of sw1.example.org", Source: "cdp",
			}},
		},
		{
			name: "names with serials, and ports by their description or number",
			objects: router.with(ports,
				cdp(11, 1, "nx1(FOC1712R3XX)", "\xc0\x00\x02\x02", "N3K-C3064PQ-10GE", "\x00\x00\x02\x09"),
				cdp(12, 1, "066538121(cat1)", "\xc0\x00\x02\x03", "WS-C6509", "")),
			want: []Neighbour{
				{LocalPort: "GigabitEthernet0/11", Name: "nx1", Serial: "FOC1712R3XX", Address: "192.0.2.2", Platform: "N3K-C3064PQ-10GE", Description: "software of nx1(FOC1712R3XX)", Source: "cdp"},
				{LocalPort: "ifIndex 12", Name: "cat1", Serial: "066538121", Address: "192.0.2.3", Platform: "WS-C6509", Description: "software of 066538121(cat1)", Source: "cdp"},
			},
		},
		{
			name: "identifier that is a MAC address or a serial",
			objects: router.with(ports, cdp(10, 1, "00005e005301", "\xc0\x00\x02\x04", "", ""), cdp(10, 2, "FOC1712R3XX", "\xc0\x00\x02\x05", "", ""),
				objects{"1.3.6.1.4.1.9.9.23.1.2.1.1.17.10.1": "small1", "1.3.6.1.4.1.9.9.23.1.2.1.1.17.10.2": "big1"}),
			want: []Neighbour{
				{LocalPort: "Gi0/10", Name: "small1", MAC: "00:00:5e:00:53:01", Address: "192.0.2.4", Description: "software of 00005e005301", Source: "cdp"},
				{LocalPort: "Gi0/10", Name: "big1", Serial: "FOC1712R3XX", Address: "192.0.2.5", Description: "software of FOC1712R3XX", Source: "cdp"},
			},
		},
		{
			name: "management address before that of the interface, unusable ones none",
			objects: router.with(ports,
				cdp(10, 1, "a", "\xc0\x00\x02\x06", "", ""), objects{"1.3.6.1.4.1.9.9.23.1.2.1.1.20.10.1": "\xc6\x33\x64\x06"},
				cdp(10, 2, "b", "\xc0\x00\x02\x07", "", ""), objects{"1.3.6.1.4.1.9.9.23.1.2.1.1.20.10.2": "\x00\x00\x00\x00"},
				cdp(10, 3, "c", "\x00\x11\x22\x33\x44\x55", "", ""),
				cdp(10, 4, "d", "\xfe\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", "", ""),
				cdp(10, 5, "e", "2001:db8::1:1234", "", "")),
			want: []Neighbour{
				{LocalPort: "Gi0/10", Name: "a", Address: "198.51.100.6", Description: "software of a", Source: "cdp"},
				{LocalPort: "Gi0/10", Name: "b", Address: "192.0.2.7", Description: "software of b", Source: "cdp"},
				{LocalPort: "Gi0/10", Name: "c", Description: "software of c", Source: "cdp"},
				{LocalPort: "Gi0/10", Name: "d", Description: "software of d", Source: "cdp"},
				{LocalPort: "Gi0/10", Name: "e", Address: "2001:db8::1:1234", Description: "software of e", Source: "cdp"},
			},
		},
		{
			name: "telephones",
			objects: router.with(ports,
				cdp(10, 1, "SEP00005E005302", "\xc0\x00\x02\x08", "Cisco IP Phone 8841", "\x00\x00\x04\x90"),
				cdp(10, 2, "ATA00005E005303", "\xc0\x00\x02\x09", "", ""),
				cdp(10, 3, "door", "\xc0\x00\x02\x0a", "", "\x00\x00\x00\x80"),
				lldp(0, 7, 1, 5, "\x01\xc0\x00\x02\x0b", "SEP00005E005304.example.org", "Cisco IP Phone 8841", "\x24\x00"),
				lldp(0, 7, 2, 5, "\x01\xc0\x00\x02\x0c", "desk", "", "\x04")),
			want: []Neighbour{
				{LocalPort: "Gi0/10", Name: "SEP00005E005302", MAC: "00:00:5e:00:53:02", Address: "192.0.2.8", Platform: "Cisco IP Phone 8841", Description: "software of SEP00005E005302", Source: "cdp", Phone: true},
				{LocalPort: "Gi0/10", Name: "ATA00005E005303", MAC: "00:00:5e:00:53:03", Address: "192.0.2.9", Description: "software of ATA00005E005303", Source: "cdp", Phone: true},
				{LocalPort: "Gi0/10", Name: "door", Address: "192.0.2.10", Description: "software of door", Source: "cdp", Phone: true},
				{LocalPort: "port 7", Name: "SEP00005E005304.example.org", MAC: "00:00:5e:00:53:04", Address: "192.0.2.11", Description: "Cisco IP Phone 8841", Source: "lldp", Phone: true},
				{LocalPort: "port 7", Name: "desk", Address: "192.0.2.12", Source: "lldp", Phone: true},
			},
		},
		{
			name: "lldp",
			objects: router.with(
				objects{"1.0.8802.1.1.2.1.3.7.1.2.7": 5, "1.0.8802.1.1.2.1.3.7.1.3.7": "Gi1/0/7", "1.0.8802.1.1.2.1.3.7.1.2.8": 3, "1.0.8802.1.1.2.1.3.7.1.3.8": "\x00\x00\x5e\x00\x53\x08", "1.0.8802.1.1.2.1.3.7.1.4.8": "uplink"},
				lldp(5, 7, 1, 4, "\x00\x00\x5e\x00\x53\x05", "sw5", "Cisco NX-OS(tm) n7000", "\x28\x00"),
				management(5, 7, 1, "2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.5"), management(5, 7, 1, "1.4.192.0.2.13"), management(5, 7, 1, "6.6.0.0.94.0.83.5"),
				lldp(9, 8, 2, 4, "00:00:5e:00:53:06", "sw6", "", "28 00 2 4"), management(9, 8, 2, "1.192.0.2.14"),
				lldp(9, 9, 3, 7, "local name", "<private>", "", "\x28")),
			want: []Neighbour{
				{LocalPort: "Gi1/0/7", Name: "sw5", Address: "192.0.2.13", MAC: "00:00:5e:00:53:05", Description: "Cisco NX-OS(tm) n7000", Source: "lldp"},
				{LocalPort: "uplink", Name: "sw6", Address: "192.0.2.14", MAC: "00:00:5e:00:53:06", Source: "lldp"},
				{LocalPort: "port 9", Source: "lldp"},
			},
		},
		{
			name: "lldp address in the last column alone, and rows of every time mark",
			objects: router.with(
				lldp(1, 7, 1, 4, "\x00\x00\x5e\x00\x53\x07", "sw7", "", "\x28"), lldp(2, 7, 1, 4, "\x00\x00\x5e\x00\x53\x07", "sw7", "", "\x28"),
				objects{"1.0.8802.1.1.2.1.4.2.1.5.1.7.1.1.4.192.0.2.15": parseOID("1.3")}),
			want: []Neighbour{{LocalPort: "port 7", Name: "sw7", Address: "192.0.2.15", MAC: "00:00:5e:00:53:07", Source: "lldp"}},
		},
		{
			name:    "control characters and overlong text",
			objects: router.with(ports, cdp(10, 1, "a\x1b[31m"+strings.Repeat("b", 400), "\xc0\x00\x02\x10", "x\x07\x00", "")),
			want: []Neighbour{{
				LocalPort: "Gi0/10", Name: "a[31m" + strings.Repeat("b", 250), Address: "192.0.2.16", Platform: "x",
				Description: "software of a[31m" + strings.Repeat("b", 400), Source: "cdp",
			}},
		},
	}
	for _, tt := range tests {
		for _, version := range []string{"2c", "1"} {
			t.Run(tt.name+" v"+version, func(t *testing.T) {
				list, problems := Neighbours(context.Background(), serve(t, tt.objects, nil).target(version), quiet())
				if diff := cmp.Diff(tt.want, list, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("neighbours (-want +got):\n%s", diff)
				}
				if len(problems) > 0 {
					t.Errorf("problems %v", problems)
				}
			})
		}
	}
}

// What was read before an agent fails is kept, and the problem says so.
func TestNeighboursPartial(t *testing.T) {
	many := func(n int) objects {
		o := system("Cisco IOS Software", "1.3.6.1.4.1.9.1.1208")
		for i := range n {
			o = o.with(lldp(0, i+1, 1, 4, "\x00\x00\x5e\x00\x53\x01", fmt.Sprint("sw", i+1), "", "\x28"))
		}
		return o
	}
	chassisIDs := parseOID("1.0.8802.1.1.2.1.4.1.1.5")
	walkingChassis := func(req *gosnmp.SnmpPacket) bool {
		at := parseOID(req.Variables[0].Name)
		return req.PDUType != gosnmp.GetRequest && (at.in(chassisIDs) || slices.Equal(at, chassisIDs))
	}
	tests := []struct {
		name   string
		fault  fault
		want   int
		reason string
	}{
		{
			name: "the table goes back", want: 10, reason: "lldpRemTable was not read to its end: the device does not advance",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if walkingChassis(req) && len(parseOID(req.Variables[0].Name)) > len(chassisIDs) {
					resp.Variables[0].Name = chassisIDs.with(0, 1, 1).String()
				}
				return encode(resp)
			},
		},
		{
			name: "rows without end", want: maxNeighbours, reason: "more than 4096 rows",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if !walkingChassis(req) {
					return encode(resp)
				}
				at := parseOID(req.Variables[0].Name)
				next := uint32(1)
				if at.in(chassisIDs) {
					next = at[len(at)-2] + 1
				}
				resp.Variables = nil
				for i := range uint32(1000) {
					resp.Variables = append(resp.Variables, gosnmp.SnmpPDU{Name: chassisIDs.with(0, next+i, 1).String(), Type: gosnmp.OctetString, Value: ""})
				}
				return encode(resp)
			},
		},
		{
			name: "one row at ever new times", want: 1, reason: "or repeats them",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if !walkingChassis(req) {
					return encode(resp)
				}
				at := parseOID(req.Variables[0].Name)
				next := uint32(1)
				if at.in(chassisIDs) {
					next = at[len(at)-3] + 1
				}
				resp.Variables = nil
				for i := range uint32(1000) {
					resp.Variables = append(resp.Variables, gosnmp.SnmpPDU{Name: chassisIDs.with(next+i, 1, 1).String(), Type: gosnmp.OctetString, Value: ""})
				}
				return encode(resp)
			},
		},
		{
			name: "an error status", want: 0, reason: "lldpRemTable was not read to its end: the device answers genErr",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if walkingChassis(req) {
					resp.Error, resp.ErrorIndex = gosnmp.GenErr, 1
				}
				return encode(resp)
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, problems := Neighbours(context.Background(), serve(t, many(30), tt.fault).target("2c"), quiet())
			if len(list) != tt.want {
				t.Errorf("%d neighbours, want %d", len(list), tt.want)
			}
			if !slices.ContainsFunc(problems, func(p inventory.Problem) bool {
				return p.Kind == inventory.ProblemIncomplete && strings.Contains(p.Message, tt.reason)
			}) {
				t.Errorf("problems %v, want one with %q", problems, tt.reason)
			}
		})
	}
}

func TestNeighboursNoAnswer(t *testing.T) {
	list, problems := Neighbours(context.Background(), v2c(peer.FreeUDP(t), "public"), quiet())
	if len(list) != 0 || len(problems) != 1 || problems[0].Kind != inventory.ProblemUnreachable {
		t.Errorf("%v, %v, want an unreachable device", list, problems)
	}
}

// recorded is a neighbour as a recording has it, read without the code above.
type recorded struct{ Source, Port, ID, Address string }

// recordedNeighbours reads the rows out of a recording, in its order.
func recordedNeighbours(t *testing.T, path string) []recorded {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	row := regexp.MustCompile(`^(?:1\.3\.6\.1\.4\.1\.9\.9\.23\.1\.2\.1\.1\.(4|6|20)|1\.0\.8802\.1\.1\.2\.1\.4\.(1\.1\.5|2\.1\.3))\.([\d.]+)\|(\w+)\|(.*)$`)
	var order []string
	found := map[string]recorded{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := row.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		value, index := m[5], strings.Split(m[3], ".")
		if strings.HasSuffix(m[4], "x") {
			raw, err := hex.DecodeString(value)
			if err != nil {
				t.Fatal(err)
			}
			value = string(raw)
		}
		key := m[3]
		if m[2] == "2.1.3" {
			key = strings.Join(index[:3], ".")
		}
		r := found[key]
		switch {
		case m[1] == "6", m[2] == "1.1.5":
			order = append(order, key)
			r.Source, r.ID = map[bool]string{true: "cdp", false: "lldp"}[m[1] == "6"], value
		case m[2] == "2.1.3" && index[3] == "1":
			r.Address = strings.Join(index[5:], ".")
		case m[1] == "20" && value != "":
			r.Address = value
		case m[1] == "4" && len(value) == 4 && r.Address == "":
			a, _ := netip.AddrFromSlice([]byte(value))
			r.Address = a.String()
		}
		found[key] = r
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	// CDP before LLDP, as the code reads them; the file is in the order of
	// identifiers, LLDP's first.
	var list []recorded
	for _, source := range []string{"cdp", "lldp"} {
		for _, key := range order {
			if found[key].Source == source {
				list = append(list, found[key])
			}
		}
	}
	return list
}

// TestRecordedNeighbours reads the neighbours of every recording through a
// real agent.
func TestRecordedNeighbours(t *testing.T) {
	// As a person finds them in the recordings.
	byEye := map[string][]string{
		"ios_2960x": {
			"Gi1/0/3 acme-fr-ap-011 172.27.49.84 AIR-AP2702I-UXK9", "Gi1/0/4 acme-fr-ap-013 172.27.49.77 AIR-AP2702I-UXK9",
			"Gi1/0/5 acme-fr-ap-015 172.27.49.73 AIR-AP2702I-UXK9", "Gi1/0/52 acme-fr-s-001 10.54.64.5 WS-C3850-12S",
			"Gi3/0/3 acme-fr-ap-012 172.27.49.78 AIR-AP2702I-UXK9", "Gi3/0/4 acme-fr-ap-014 172.27.49.72 AIR-AP2702I-UXK9",
			"Gi3/0/52 acme-fr-s-001 10.54.64.5 WS-C3850-12S",
		},
		"ciscosb_sg350x-24p": {
			"gi1/0/14 Biologie 192.168.177.27 SG300-10PP-K9", "te1/0/1 CoreSwitch 192.168.177.14 SG550XG-8F8T-K9", "te1/0/2 BIB 192.168.177.21 SG350X-24P-K9",
			"gi1/0/14 Biologie - -", "gi1/0/16 Aula 192.168.177.234 -", "port 17 InforaumPC 192.168.177.194 -", "te1/0/1 CoreSwitch 192.168.177.14 -", "te1/0/2 BIB 192.168.177.21 -",
		},
		"ciscowlc_cbw240ac": {"GigabitEthernet0/0/1 switch 10.25.2.1 -"},
		"nxos_n3k-3064pq":   {"mgmt0 - - -", "Ethernet1/49 - 10.4.1.1 N3K-C3064PQ-10GE", "Ethernet1/49 - 172.30.192.161 -"},
		// They announce a MAC address and nothing else.
		"linksys-ss_lgs318p": {"gi14 - - -", "gi16 - - -"},
	}
	folder := peer.Recordings(t, "snmp")
	files, err := filepath.Glob(filepath.Join(folder, "*.snmprec"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s (%v)", folder, err)
	}
	port := peer.SNMPSim(t, folder)
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".snmprec")
		t.Run(name, func(t *testing.T) {
			list, problems := Neighbours(context.Background(), v2c(port, name), quiet())
			if len(problems) > 0 {
				t.Errorf("problems %v", problems)
			}
			want := recordedNeighbours(t, path)
			if len(list) != len(want) {
				t.Fatalf("%d neighbours, recorded %d", len(list), len(want))
			}
			var got []string
			for i, n := range list {
				if n.Source != want[i].Source || n.Address != want[i].Address {
					t.Errorf("neighbour %d is %+v, recorded %+v", i, n, want[i])
				}
				if mac := macBytesOf(want[i].ID); n.MAC != mac {
					t.Errorf("MAC address of %q is %q, recorded %q", want[i].ID, n.MAC, mac)
				}
				if n.Phone || n.Serial != "" {
					t.Errorf("%+v is a phone or has a serial", n)
				}
				got = append(got, fmt.Sprintf("%s %s %s %s", n.LocalPort, dash(n.Name), dash(n.Address), dash(n.PID())))
			}
			if diff := cmp.Diff(byEye[name], got); diff != "" {
				t.Errorf("neighbours (-by eye +read):\n%s", diff)
			}
		})
	}
}

// macBytesOf is the MAC address that an identifier is, in octets or digits.
func macBytesOf(id string) string {
	if len(id) == 12 {
		if raw, err := hex.DecodeString(id); err == nil {
			id = string(raw)
		}
	}
	if len(id) != 6 || !strings.ContainsFunc(id, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }) {
		return ""
	}
	return fmt.Sprintf("%x:%x:%x:%x:%x:%x", id[:1], id[1:2], id[2:3], id[3:4], id[4:5], id[5:])
}

func TestSplitDeviceID(t *testing.T) {
	tests := []struct{ id, name, serial string }{
		{"sw1", "sw1", ""},
		{"sw1.example.org", "sw1.example.org", ""},
		{"nx1(FOC1712R3XX)", "nx1", "FOC1712R3XX"},
		{"nx1.example.org(JAF1234ABCD)", "nx1.example.org", "JAF1234ABCD"},
		{"066538121(cat1)", "cat1", "066538121"},
		{"SCA040400XX(cat1)", "cat1", "SCA040400XX"},
		{"TBM06123456(cat1)", "cat1", "TBM06123456"},
		{"sw1(backup)", "sw1(backup)", ""},
		{"sw1()", "sw1()", ""},
		{"(FOC1712R3XX)", "(FOC1712R3XX)", ""},
		{"a(b)(FOC1712R3XX)", "a(b)(FOC1712R3XX)", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		if name, serial := splitDeviceID(tt.id); name != tt.name || serial != tt.serial {
			t.Errorf("splitDeviceID(%q) = %q, %q, want %q, %q", tt.id, name, serial, tt.name, tt.serial)
		}
	}
}

func TestNeighbourPID(t *testing.T) {
	tests := []struct{ platform, want string }{
		{"cisco WS-C3850-12S", "WS-C3850-12S"},
		{"Cisco SG300-10PP (PID:SG300-10PP-K9)-VSD", "SG300-10PP-K9"},
		{"N3K-C3064PQ-10GE", "N3K-C3064PQ-10GE"},
		{"cisco 2811", "2811"},
		{"cisco", ""},
		{"Cisco IP Phone 8841", ""},
		{"VMware ESX", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := (Neighbour{Platform: tt.platform}).PID(); got != tt.want {
			t.Errorf("PID of %q is %q, want %q", tt.platform, got, tt.want)
		}
	}
}

func FuzzNeighbourIdentity(f *testing.F) {
	f.Add("nx1(FOC1712R3XX)", "nx1", "cisco N3K", []byte("\xc0\x00\x02\x01"), []byte{1, 4, 192, 0, 2, 1})
	f.Add("SEP00005E005302", "", "Cisco IP Phone", []byte("\x00\x00\x5e\x00\x53\x01"), []byte{2})
	f.Add("((", ")(", "(PID:)", []byte("2001:db8::1:1234"), []byte{6, 6, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, id, other, platform string, chassis, index []byte) {
		n := Neighbour{Platform: words([]byte(platform)), Address: firstAddress(chassis)}
		n.identify(words([]byte(id)), words([]byte(other)))
		n.chassis(chassisIsMAC, chassis)
		n.chassis(chassisIsAddress, chassis)
		for _, s := range []string{n.Name, n.Serial, n.MAC, n.Address, n.PID()} {
			if strings.ContainsFunc(s, unicode.IsControl) {
				t.Errorf("%q holds control characters", s)
			}
		}
		if n.Address != "" {
			if _, err := netip.ParseAddr(n.Address); err != nil {
				t.Errorf("address %q: %v", n.Address, err)
			}
		}
		arcs := make(oid, len(index))
		for i, b := range index {
			arcs[i] = uint32(b)
		}
		if len(arcs) > 0 {
			if a := indexAddress(arcs[0], arcs[1:]); a != "" {
				if _, err := netip.ParseAddr(a); err != nil {
					t.Errorf("address %q: %v", a, err)
				}
			}
		}
	})
}
