package simdevice

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/peer"
)

const (
	serialColumn = "1.3.6.1.2.1.47.1.1.1.1.11"
	classColumn  = "1.3.6.1.2.1.47.1.1.1.1.5"
	upTime       = "1.3.6.1.2.1.1.3.0"
	lastChange   = "1.3.6.1.2.1.47.1.4.1.0"
)

// dial returns a gosnmp client of the server, not yet connected.
func dial(t *testing.T, s *Server, version gosnmp.SnmpVersion) *gosnmp.GoSNMP {
	t.Helper()
	host, port, err := net.SplitHostPort(s.SNMPAddr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return &gosnmp.GoSNMP{
		Target: host, Port: uint16(n), Version: version, Community: s.Device().Community,
		Timeout: 10 * time.Second, Retries: 1, MaxOids: gosnmp.MaxOids, MaxRepetitions: 20,
	}
}

func connect(t *testing.T, g *gosnmp.GoSNMP) *gosnmp.GoSNMP {
	t.Helper()
	if err := g.Connect(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// column walks one column and returns its texts by index.
func column(t *testing.T, g *gosnmp.GoSNMP, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	walk := g.BulkWalk
	if g.Version == gosnmp.Version1 {
		walk = g.Walk
	}
	err := walk(root, func(p gosnmp.SnmpPDU) error {
		text := fmt.Sprint(p.Value)
		if raw, ok := p.Value.([]byte); ok {
			text = string(raw)
		}
		out[strings.TrimPrefix(p.Name, "."+root+".")] = text
		return nil
	})
	if err != nil {
		t.Fatalf("walk of %s: %v", root, err)
	}
	return out
}

func nonEmpty(m map[string]string) map[string]string {
	maps.DeleteFunc(m, func(_, v string) bool { return strings.TrimSpace(v) == "" })
	return m
}

func TestStackTables(t *testing.T) {
	s := start(t, "iosxe-stack", nil)
	g := connect(t, dial(t, s, gosnmp.Version2c))
	serials := nonEmpty(column(t, g, serialColumn))
	if serials["1"] != "FCW2401G0A1" || serials["1000"] != "FCW2401G0A1" || serials["2000"] != "FCW2401G0A2" {
		t.Errorf("root, member 1 and member 2 have serials %q, %q, %q", serials["1"], serials["1000"], serials["2000"])
	}
	classes := column(t, g, classColumn)
	if classes["1"] != "11" || classes["1000"] != "3" || classes["2000"] != "3" {
		t.Errorf("root, member 1 and member 2 have classes %q, %q, %q", classes["1"], classes["1000"], classes["2000"])
	}
	if !slices.Contains(slices.Collect(maps.Values(serials)), "AVD24010A01     ") {
		t.Errorf("the optic's serial is not padded to 16: %q", serials)
	}
	states := column(t, g, stackWise+"2.1.1.6")
	if diff := cmp.Diff(map[string]string{"1000": "4", "2000": "4"}, states); diff != "" {
		t.Errorf("cswSwitchState (-want +got):\n%s", diff)
	}
	phones := column(t, g, "1.0.8802.1.1.2.1.5.4795.1.3.3.1.4")
	if diff := cmp.Diff(map[string]string{"0.3.1": "FCH2401D0A1"}, phones); diff != "" {
		t.Errorf("LLDP-MED serials (-want +got):\n%s", diff)
	}
}

// TestEveryExample walks the whole view of every example with v1, v2c and v3
// and compares it with what was rendered.
func TestEveryExample(t *testing.T) {
	for _, name := range Examples() {
		t.Run(name, func(t *testing.T) {
			s := start(t, name, nil)
			want := map[string]bool{}
			for _, b := range s.state.Load().view.objects {
				want["."+b.name.String()] = true
			}
			for _, g := range []*gosnmp.GoSNMP{dial(t, s, gosnmp.Version1), dial(t, s, gosnmp.Version2c), dialV3(t, s, s.Device().V3[0])} {
				connect(t, g)
				got := map[string]bool{}
				walk := g.BulkWalk
				if g.Version == gosnmp.Version1 {
					walk = g.Walk
				}
				for _, root := range []string{"1.0", "1.3"} {
					if err := walk(root, func(p gosnmp.SnmpPDU) error { got[p.Name] = true; return nil }); err != nil {
						t.Fatalf("%v: walk: %v", g.Version, err)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%v: objects (-want +got):\n%s", g.Version, diff)
				}
			}
			every := strings.Join(slices.Collect(maps.Values(texts(s))), "\n")
			for _, u := range s.Device().Units {
				if !strings.Contains(every, u.Serial) && name != "ftd-firewall" && !strings.HasPrefix(u.Serial, "FOX2301") {
					t.Errorf("serial %s is nowhere", u.Serial)
				}
			}
		})
	}
}

// texts returns every octet string of the view.
func texts(s *Server) map[string]string {
	out := map[string]string{}
	for _, b := range s.state.Load().view.objects {
		if b.value.tag == tagOctets {
			out[b.name.String()] = string(b.value.body)
		}
	}
	return out
}

var (
	authProtocols = map[string]gosnmp.SnmpV3AuthProtocol{
		"MD5": gosnmp.MD5, "SHA": gosnmp.SHA, "SHA224": gosnmp.SHA224, "SHA256": gosnmp.SHA256, "SHA384": gosnmp.SHA384, "SHA512": gosnmp.SHA512,
	}
	privProtocols = map[string]gosnmp.SnmpV3PrivProtocol{
		"DES": gosnmp.DES, "AES": gosnmp.AES, "AES192": gosnmp.AES192, "AES256": gosnmp.AES256, "AES192C": gosnmp.AES192C, "AES256C": gosnmp.AES256C,
	}
)

func dialV3(t *testing.T, s *Server, u V3User) *gosnmp.GoSNMP {
	t.Helper()
	g := dial(t, s, gosnmp.Version3)
	g.SecurityModel = gosnmp.UserSecurityModel
	g.MsgFlags = gosnmp.NoAuthNoPriv
	usm := &gosnmp.UsmSecurityParameters{UserName: u.User, AuthenticationProtocol: gosnmp.NoAuth, PrivacyProtocol: gosnmp.NoPriv}
	if u.AuthProtocol != "" {
		g.MsgFlags = gosnmp.AuthNoPriv
		usm.AuthenticationProtocol, usm.AuthenticationPassphrase = authProtocols[u.AuthProtocol], u.AuthPassword
	}
	if u.PrivProtocol != "" {
		g.MsgFlags = gosnmp.AuthPriv
		usm.PrivacyProtocol, usm.PrivacyPassphrase = privProtocols[u.PrivProtocol], u.PrivPassword
	}
	g.SecurityParameters = usm
	return g
}

func TestV3Protocols(t *testing.T) {
	users := []V3User{{User: "nobody"}}
	for _, auth := range slices.Sorted(maps.Keys(authProtocols)) {
		users = append(users, V3User{User: auth, AuthProtocol: auth, AuthPassword: "auth-" + auth})
		for _, priv := range slices.Sorted(maps.Keys(privProtocols)) {
			users = append(users, V3User{User: auth + "-" + priv, AuthProtocol: auth, AuthPassword: "auth-" + auth, PrivProtocol: priv, PrivPassword: "priv-" + priv})
		}
	}
	s := start(t, "ios-switch", func(d *Device) { d.V3 = users })
	for _, u := range users {
		t.Run(u.User, func(t *testing.T) {
			g := connect(t, dialV3(t, s, u))
			if got := nonEmpty(column(t, g, serialColumn))["1001"]; got != "FOC1601X0A1" {
				t.Errorf("serial of the chassis is %q", got)
			}
		})
	}
}

// TestV3Refusals has gosnmp's words. Since 1.47 it takes a report without a
// digest, as RFC 3414 has it for all of these, for a forgery; TestNetSNMP shows
// which report it was. Real net-snmp agents get the same from gosnmp.
func TestV3Refusals(t *testing.T) {
	const discarded = "not authentic"
	good := V3User{User: "rollcall", AuthProtocol: "SHA256", AuthPassword: "auth-password", PrivProtocol: "AES", PrivPassword: "priv-password"}
	tests := map[string]struct {
		change func(*V3User)
		want   string
	}{
		"nothing is amiss":  {func(*V3User) {}, "NoError"},
		"unknown user":      {func(u *V3User) { u.User = "stranger" }, discarded},
		"unknown plain":     {func(u *V3User) { *u = V3User{User: "stranger"} }, "unknown username"},
		"wrong password":    {func(u *V3User) { u.AuthPassword = "guess" }, discarded},
		"wrong key":         {func(u *V3User) { u.PrivPassword = "guess" }, discarded},
		"another auth":      {func(u *V3User) { u.AuthProtocol = "SHA" }, discarded},
		"another algorithm": {func(u *V3User) { u.PrivProtocol = "AES256" }, discarded},
		"without privacy":   {func(u *V3User) { u.PrivProtocol = "" }, "AuthorizationError"},
		"without a digest":  {func(u *V3User) { u.AuthProtocol, u.PrivProtocol = "", "" }, "AuthorizationError"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, "ios-switch", func(d *Device) { d.V3 = []V3User{good, {User: "plain"}} })
			u := good
			tt.change(&u)
			g := connect(t, dialV3(t, s, u))
			got := ""
			p, err := g.Get([]string{upTime})
			if err != nil {
				got = err.Error()
			} else {
				got = p.Error.String()
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("answer is %q, want %q", got, tt.want)
			}
		})
	}
}

// TestTimeWindow shows a manager with old engine times that it is out of the
// window, and lets it in again with the right ones.
func TestTimeWindow(t *testing.T) {
	s := start(t, "ios-switch", nil)
	g := connect(t, dialV3(t, s, s.Device().V3[0]))
	if _, err := g.Get([]string{upTime}); err != nil {
		t.Fatal(err)
	}
	s.reboot()
	before := s.reports.Load()
	p, err := g.Get([]string{upTime})
	if err != nil {
		t.Fatal(err)
	}
	if s.reports.Load() == before {
		t.Error("a message with old boots was not met with a report")
	}
	if ticks := gosnmp.ToBigInt(p.Variables[0].Value).Uint64(); ticks > uint64(ranBefore/(10*time.Millisecond)) {
		t.Errorf("sysUpTime is %d after a reboot", ticks)
	}
}

// netSNMP runs one of net-snmp's programs.
func netSNMP(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	path := peer.Need(t, program, "snmp")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{"-m", "", "-M", "", "-On", "-t", "5", "-r", "1"}, args...)...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "SNMP_PERSISTENT_DIR=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestNetSNMP(t *testing.T) {
	s := start(t, "iosxe-stack", func(d *Device) {
		d.V3 = append(d.V3, V3User{User: "old", AuthProtocol: "MD5", AuthPassword: "old-password", PrivProtocol: "DES", PrivPassword: "old-privacy"}, V3User{User: "plain"})
	})
	secure := []string{"-v3", "-u", "rollcall", "-l", "authPriv", "-a", "SHA-256", "-A", "auth-password", "-x", "AES"}
	tests := map[string]struct {
		program string
		args    []string
		want    string
	}{
		"v1 walk":         {"snmpwalk", []string{"-v1", "-c", "public"}, `"FCW2401G0A2"`},
		"v2c bulk walk":   {"snmpbulkwalk", []string{"-v2c", "-c", "public", "-Cr50"}, `"FCW2401G0A2"`},
		"v3 SHA-256, AES": {"snmpbulkwalk", append(slices.Clone(secure), "-X", "priv-password"), `"FCW2401G0A2"`},
		"v3 MD5, DES":     {"snmpbulkwalk", []string{"-v3", "-u", "old", "-l", "authPriv", "-a", "MD5", "-A", "old-password", "-x", "DES", "-X", "old-privacy"}, `"FCW2401G0A2"`},
		"wrong community": {"snmpwalk", []string{"-v2c", "-c", "private", "-t", "1", "-r", "0"}, "Timeout"},
		"wrong password": {
			"snmpwalk",
			[]string{"-v3", "-u", "rollcall", "-l", "authPriv", "-a", "SHA-256", "-A", "not-the-password", "-x", "AES", "-X", "priv-password"},
			"Authentication failure",
		},
		"wrong key": {"snmpwalk", append(slices.Clone(secure), "-X", "not-the-password"), "Decryption error"},
		"no such level": {
			"snmpwalk", []string{"-v3", "-u", "plain", "-l", "authNoPriv", "-a", "SHA", "-A", "not-the-password"}, "Unsupported security level",
		},
		"unknown user": {"snmpwalk", []string{"-v3", "-u", "stranger", "-l", "noAuthNoPriv"}, "Unknown user name"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := netSNMP(t, tt.program, append(tt.args, s.SNMPAddr(), serialColumn)...)
			if !strings.Contains(out, tt.want) {
				t.Errorf("%s: %v\n%s\nwant %q", tt.program, err, out, tt.want)
			}
			if ok := strings.HasPrefix(tt.want, `"`); ok != (err == nil) {
				t.Errorf("%s ended with %v\n%s", tt.program, err, out)
			}
		})
	}
}

func TestGetOfNothing(t *testing.T) {
	s := start(t, "ios-switch", nil)
	g := connect(t, dial(t, s, gosnmp.Version2c))
	p, err := g.Get([]string{upTime, "1.3.6.1.2.1.1.99.0", "1.3.6.1.2.1.1.3.7"})
	if err != nil {
		t.Fatal(err)
	}
	got := []gosnmp.Asn1BER{p.Variables[0].Type, p.Variables[1].Type, p.Variables[2].Type}
	if diff := cmp.Diff([]gosnmp.Asn1BER{gosnmp.TimeTicks, gosnmp.NoSuchObject, gosnmp.NoSuchInstance}, got); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	old := connect(t, dial(t, s, gosnmp.Version1))
	if p, err = old.Get([]string{upTime, "1.3.6.1.2.1.1.99.0"}); err != nil {
		t.Fatal(err)
	}
	if p.Error != gosnmp.NoSuchName || p.ErrorIndex != 2 {
		t.Errorf("v1 answers %v at %d, want NoSuchName at 2", p.Error, p.ErrorIndex)
	}
}
