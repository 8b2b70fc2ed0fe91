// Package peer finds and starts the real programs that tests run against:
// net-snmp's snmpd, snmpsim, OpenSSH, Prometheus and others, each from its
// Debian package, and has servers of mails and of names for tests to answer by
// their own rules. It is for tests alone and imported by _test.go files only.
//
// A missing peer skips the test and says which package it needs; each skip is
// also written to the file named by ROLLCALL_SKIPS, so that `make test` can
// count them. With ROLLCALL_REQUIRE_PEERS=1 a missing peer fails the test.
package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Need returns the path of the program, which the Debian package provides, or
// skips the test.
func Need(t testing.TB, program, debianPackage string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin", "/usr/bin") {
		path := filepath.Join(dir, program)
		if p, err := exec.LookPath(path); err == nil {
			return p
		}
	}
	Skip(t, fmt.Sprintf("needs %s: install Debian's package %s", program, debianPackage))
	return ""
}

// NeedRoot skips the test unless it runs as root.
func NeedRoot(t testing.TB, why string) {
	t.Helper()
	if os.Geteuid() != 0 {
		Skip(t, "needs root: "+why)
	}
}

// Recordings returns the folder of recorded device answers below name ("snmp",
// "cli"), which lies beside the project and is not part of it, or skips.
func Recordings(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
	path := filepath.Join(filepath.Dir(dir), "shared", "recordings", name)
	if _, err := os.Stat(path); err != nil {
		Skip(t, "needs the optional recordings of devices in ../shared/recordings/"+name)
	}
	return path
}

// Skip skips the test for want of a peer, counted; it fails the test where all
// peers are required.
func Skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("ROLLCALL_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s (ROLLCALL_REQUIRE_PEERS=1)", why)
	}
	if path := os.Getenv("ROLLCALL_SKIPS"); path != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(f, "%s: %s\n", t.Name(), why); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Skip(why)
}
