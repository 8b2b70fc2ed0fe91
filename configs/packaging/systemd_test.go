// Package packaging_test holds the units for systemd against what they promise.
package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rollcall/pkg/peer"
)

// maxExposure is the worst mark that systemd may give, of 10.
const maxExposure = 1.5

func TestUnits(t *testing.T) {
	analyze := peer.Need(t, "systemd-analyze", "systemd")
	units, err := filepath.Glob("*.service")
	if err != nil || len(units) != 2 {
		t.Fatalf("units %v, %v; want those of both programs", units, err)
	}
	overall := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	for _, unit := range units {
		t.Run(unit, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--no-pager", unit).CombinedOutput()
			m := overall.FindSubmatch(out)
			if err != nil || m == nil {
				t.Fatalf("%v: %s", err, out)
			}
			if mark, err := strconv.ParseFloat(string(m[1]), 64); err != nil || mark > maxExposure {
				t.Errorf("exposure %s, want %v at most:\n%s", m[1], maxExposure, out)
			}
			raw, err := os.ReadFile(unit)
			if err != nil {
				t.Fatal(err)
			}
			program := strings.TrimSuffix(unit, ".service")
			for _, line := range []string{"ExecStart=/usr/bin/" + program + " ", "StateDirectory=" + program + "\n", "ExecReload=/bin/kill -HUP $MAINPID\n", "Restart=always\n", "LimitCORE=0\n"} {
				if !strings.Contains(string(raw), "\n"+line) {
					t.Errorf("there is no line %q", line)
				}
			}
			// It knows every key; a unit with one that it does not know is no error to it.
			said, _ := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "./"+unit).CombinedOutput() // the programs are not installed
			for line := range strings.Lines(string(said)) {
				if strings.Contains(line, unit) && !strings.Contains(line, "is not executable") {
					t.Error(line)
				}
			}
		})
	}
}
