package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
)

// hostile is what a device can put into any of its texts.
const hostile = "=cmd|'/C calc'!A0\x1b]52;c;aGk=\x07\x1b[31m\u009b2J\r\nfake line\t\u202eevil\u200b\x00"

func hostileDevice() inventory.Device {
	return inventory.Device{
		Address: "192.0.2.1", Name: hostile, Platform: hostile, Model: hostile, Serial: hostile, Software: hostile, Via: []string{"snmp"},
		Components: []inventory.Component{{
			Serial: hostile, PID: "-" + hostile, VID: "@x", Class: inventory.ClassChassis, Name: "+1", Description: hostile, Parent: hostile, Aliases: []string{hostile}, Unit: true,
		}},
		Errors: []inventory.Problem{{Kind: inventory.ProblemIncomplete, Message: "it said " + hostile}},
	}
}

func TestHostileTextIsInert(t *testing.T) {
	r := scanResult{Scan: inventory.Scan{Devices: []inventory.Device{hostileDevice()}, Unanswered: []inventory.Unanswered{{Address: "192.0.2.2", Reason: hostile}}}}
	outputs := map[string]func(*bytes.Buffer) error{
		"table": func(b *bytes.Buffer) error { return r.table(b) },
		"json":  func(b *bytes.Buffer) error { return writeJSON(b, r) },
		"csv":   func(b *bytes.Buffer) error { return writeCSV(b, r.Devices) },
		"notes": func(b *bytes.Buffer) error {
			streams{errOut: b}.note("no answer: %s", hostile)
			return nil
		},
	}
	for name, write := range outputs {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			for _, r := range b.String() {
				if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
					t.Fatalf("character %U in the output:\n%q", r, b.String())
				}
			}
			switch name {
			case "json":
				var back scanResult
				if err := json.Unmarshal(b.Bytes(), &back); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(r.Devices, back.Devices); diff != "" {
					t.Errorf("JSON changed the texts (-want +got):\n%s", diff)
				}
			case "csv":
				rows, err := csv.NewReader(&b).ReadAll()
				if err != nil || len(rows) != 2 {
					t.Fatalf("%d rows, %v, want 2", len(rows), err)
				}
				for i, cell := range rows[1] {
					if cell != "" && strings.ContainsAny(cell[:1], "=+-@") {
						t.Errorf("cell %s is a formula: %q", rows[0][i], cell)
					}
				}
			}
		})
	}
}

// What a device puts into its texts does nothing to the terminal of who has it
// explained.
func TestExplainedTextIsInert(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	server := startDevice(t, "ios-switch")
	server.Update(func(d *simdevice.Device) {
		d.Name = "sw\x1b]52;c;aGk=\x07\u009b2J"
		d.Units[0].Parts = append(d.Units[0].Parts, simdevice.Part{Serial: "FNS\x1b[31m1", PID: hostile, Name: hostile, Description: hostile})
	})
	status, out, errOut := execution(t.Context(), "scan", "--explain", "--community", "public", "--snmp-port", port(t, server.SNMPAddr()), "127.0.0.1")
	if status != 0 || !strings.Contains(out, "kept FOC1601X0A1") {
		t.Fatalf("exit status %d\n%s%s", status, out, errOut)
	}
	for _, r := range out {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Fatalf("character %U in the output:\n%q", r, out)
		}
	}
}
