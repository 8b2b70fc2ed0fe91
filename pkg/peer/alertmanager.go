package peer

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
)

// StartAlertmanager starts a real Alertmanager with the configuration of a file
// and returns its address (host:port), or skips the test. It ends with the test.
func StartAlertmanager(t testing.TB, configuration string) string {
	t.Helper()
	path := Need(t, "prometheus-alertmanager", "prometheus-alertmanager")
	address := freeTCP(t)
	cmd := exec.Command(path, "--config.file="+configuration, "--storage.path="+filepath.Join(t.TempDir(), "data"),
		"--web.listen-address="+address, "--cluster.listen-address=", "--data.retention=744h", "--log.level=warn")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start alertmanager: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("alertmanager said:\n%s", stderr.String())
		}
	})
	awaitReady(t, "alertmanager", "http://"+address+"/-/ready")
	return address
}
