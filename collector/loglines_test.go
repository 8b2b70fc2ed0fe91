package collector

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"
)

// One record is one line in both formats, whatever a device is called.
func TestLogLines(t *testing.T) {
	const evil = "sw1\r\ntime=2026-01-01T00:00:00Z level=ERROR msg=forged\u0085\u2028\u009b31m\x1b[2J\u202e\x7f\x00"
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		log, err := Log{Level: "info", Format: format}.Logger(&b, nil)
		if err != nil {
			t.Fatal(err)
		}
		log.With("device", evil).Warn("not polled", "serial", evil, evil, errors.New(evil))
		log.Info("next")
		said := b.String()
		if strings.Count(said, "\n") != 2 || !strings.Contains(said, "forged") {
			t.Errorf("%s: two records are %q", format, said)
		}
		for _, r := range strings.ReplaceAll(said, "\n", "") {
			if !unicode.IsPrint(r) {
				t.Errorf("%s: %U is in %q", format, r, said)
				break
			}
		}
	}
}
