package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosnmp/gosnmp"
)

// An SNMPObject is one value that snmpd serves, as its `override` directive
// words it: Type is "octet_str", "integer", "object_id" and so on.
type SNMPObject struct {
	OID, Type, Value string
}

// An SNMPUser is a SNMPv3 user with authentication and privacy. Protocols are
// written as net-snmp does: "SHA-256", "AES", "AES-256", "AES-256-C".
type SNMPUser struct {
	Name                       string
	AuthProtocol, AuthPassword string
	PrivProtocol, PrivPassword string
}

// An SNMPDaemon is a running snmpd of net-snmp.
type SNMPDaemon struct {
	Port      int
	Community string // reads everything over SNMPv1 and v2c
}

// SNMPD starts net-snmp's snmpd on a free port of 127.0.0.1 with these users
// and objects, and returns once it answers. It stops with the test. The
// objects sysDescr.0, sysObjectID.0 and sysName.0 are set by the directives of
// those names, as snmpd serves them itself.
func SNMPD(t testing.TB, users []SNMPUser, objects []SNMPObject) SNMPDaemon {
	t.Helper()
	program := Need(t, "snmpd", "snmpd")
	d := SNMPDaemon{Port: FreeUDP(t), Community: "roll-call-reader"}
	dir := t.TempDir()
	path := filepath.Join(dir, "snmpd.conf")
	if err := os.WriteFile(path, []byte(d.config(users, objects)), 0o600); err != nil {
		t.Fatal(err)
	}
	// -C reads no other configuration, -M and -m load no MIB files.
	cmd := exec.Command(program, "-f", "-C", "-c", path, "-Le", "-M", "", "-m", "")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+filepath.Join(dir, "state"))
	p := startAgent(t, cmd)
	p.awaitSNMP(t, &gosnmp.GoSNMP{Target: "127.0.0.1", Port: uint16(d.Port), Version: gosnmp.Version2c, Community: d.Community})
	return d
}

func (d SNMPDaemon) config(users []SNMPUser, objects []SNMPObject) string {
	var b strings.Builder
	fmt.Fprintf(&b, "agentAddress udp:127.0.0.1:%d\n", d.Port)
	fmt.Fprintf(&b, "rocommunity %s 127.0.0.1\n", d.Community)
	for _, u := range users {
		fmt.Fprintf(&b, "createUser %s %s %q %s %q\n", u.Name, u.AuthProtocol, u.AuthPassword, u.PrivProtocol, u.PrivPassword)
		fmt.Fprintf(&b, "rouser %s priv\n", u.Name)
	}
	for _, o := range objects {
		switch strings.TrimPrefix(o.OID, ".") {
		case "1.3.6.1.2.1.1.1.0":
			fmt.Fprintf(&b, "sysDescr %s\n", o.Value)
		case "1.3.6.1.2.1.1.2.0":
			fmt.Fprintf(&b, "sysObjectID %s\n", o.Value)
		case "1.3.6.1.2.1.1.5.0":
			fmt.Fprintf(&b, "sysName %s\n", o.Value)
		default:
			fmt.Fprintf(&b, "override .%s %s %q\n", strings.TrimPrefix(o.OID, "."), o.Type, o.Value)
		}
	}
	return b.String()
}
