// Package torture is what the tests of promises share: how long they go on,
// where their figures go, and what a power cut leaves of a file. The faults
// themselves are in the tests beside what they break. It is imported by
// _test.go files only.
//
// `go test` runs the short forms, which take seconds. `make torture` sets
// ROLLCALL_TORTURE for the long ones, and ROLLCALL_FIGURES to the file in which
// the figures of all tests become one table. A ROLLCALL_TORTURE below 1, such as
// 0.25, is that part of the long forms.
package torture

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

// Long says whether the long forms are asked for.
func Long() bool { return os.Getenv("ROLLCALL_TORTURE") != "" }

// Times is how often something is done: short in every run of the tests, long
// where the long forms are asked for, and never less than short.
func Times(short, long int) int {
	if !Long() {
		return short
	}
	if part, err := strconv.ParseFloat(os.Getenv("ROLLCALL_TORTURE"), 64); err == nil && part < 1 {
		return max(short, int(part*float64(long)))
	}
	return long
}

// Figure keeps what a test measured for a gate of configs/docs/reliability.md,
// such as "R1".
func Figure(t testing.TB, gate, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	t.Logf("%s: %s", gate, text)
	path := os.Getenv("ROLLCALL_FIGURES")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Errorf("figures are not kept: %v", err)
		return
	}
	// One write for each line: tests of several packages share the file.
	_, err = fmt.Fprintf(f, "%-4s %-6s %-40s %s\n", gate, pass(t), t.Name(), text)
	if cerr := f.Close(); err != nil || cerr != nil {
		t.Errorf("figures are not kept: %v, %v", err, cerr)
	}
}

func pass(t testing.TB) string {
	if t.Failed() {
		return "FAILED"
	}
	return "held"
}
