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

// SNMPSim starts snmpsimd on a free port of 127.0.0.1, serving every .snmprec
// file of the folder under the community that is its name without the
// extension, and returns the port once it answers. It stops with the test.
func SNMPSim(t testing.TB, folder string) int {
	t.Helper()
	program := Need(t, "snmpsimd", "snmpsim")
	files, err := filepath.Glob(filepath.Join(folder, "*.snmprec"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no .snmprec file in %s (%v)", folder, err)
	}
	// Not t.TempDir: snmpsimd gives up root, and the folders above that one
	// are for their owner alone.
	cache, err := os.MkdirTemp("", "snmpsim")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(cache) })
	port := FreeUDP(t)
	args := []string{
		"--data-dir=" + folder,
		"--cache-dir=" + cache,
		fmt.Sprintf("--agent-udpv4-endpoint=127.0.0.1:%d", port),
		"--logging-method=null",
		// Without the SNMPv3 machinery of the simulator answers come several
		// times as fast.
		"--v2c-arch",
	}
	if os.Geteuid() == 0 {
		// snmpsimd refuses to stay root.
		if err := os.Chmod(cache, 0o777); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--process-user=nobody", "--process-group=nogroup")
	}
	p := startAgent(t, exec.Command(program, args...))
	p.awaitSNMP(t, &gosnmp.GoSNMP{
		Target: "127.0.0.1", Port: uint16(port), Version: gosnmp.Version2c,
		Community: strings.TrimSuffix(filepath.Base(files[0]), ".snmprec"),
	})
	return port
}
