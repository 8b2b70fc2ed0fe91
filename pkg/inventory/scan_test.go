package inventory

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A scan may be edited, cut short, or another file altogether.
func TestReadScan(t *testing.T) {
	const begin = `{"schema":"rollcall.scan/1","started":"2026-06-15T06:00:00Z","devices":[`
	for _, tt := range []struct{ name, scan, want string }{
		{"no JSON", "Serial Number,PID\n", "not the JSON of a scan"},
		{"cut short", begin, "not the JSON of a scan"},
		{"another version", `{"schema":"rollcall.scan/2"}`, `schema is "rollcall.scan/2", want "rollcall.scan/1"`},
		{"without a time", `{"schema":"rollcall.scan/1"}`, "started is missing"},
		{"a time that is past all calendars, in UTC", `{"schema":"rollcall.scan/1","started":"9999-12-31T23:59:59-01:00"}`, "started is in the year 10000"},
		{"a device without an address", begin + `{"address":"192.0.2.1"},{"name":"sw1"}]}`, "devices[1] has no address"},
		{"no device", begin + `]}`, ""},
	} {
		_, err := ReadScan(strings.NewReader(tt.scan))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	s, err := ReadScan(strings.NewReader(begin + `{"address":"192.0.2.1","components":[
		{"serial":" foc1111a0aa","pid":"C9300-48P ","unit":true},{"serial":"N/A","pid":"C9300-48P","unit":true},{"serial":"n/a","pid":"PWR-C1-715WAC"},
		{"serial":"dca1111a0aa","pid":"PWR-C1-715WAC","parent":"foc1111a0aa"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Component{
		{Serial: "FOC1111A0AA", PID: "C9300-48P", Unit: true},
		{Serial: "N/A", PID: "C9300-48P", Unit: true},
		{Serial: "DCA1111A0AA", PID: "PWR-C1-715WAC", Parent: "FOC1111A0AA"},
	}
	if diff := cmp.Diff(want, s.Devices[0].Components); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
}

// What is read is clean, and read again it is the same.
func FuzzReadScan(f *testing.F) {
	const begin = `{"schema":"rollcall.scan/1","started":"2026-06-15T06:00:00Z","devices":[`
	f.Add(begin + `{"address":"192.0.2.1","name":"sw1","complete":true,"components":[{"serial":"foc1111a0aa","pid":"C9300-48P=","unit":true},{"serial":"N/A","unit":true}]}],"unanswered":[{"address":"192.0.2.9","reason":"no answer."}]}`)
	f.Add(begin + `{"address":"192.0.2.1","components":[{"serial":"\u0000\ufffd","pid":"\"","parent":"x","aliases":[{"serial":"y"}]}]}]}`)
	f.Add(begin + `null,{}]}`)
	f.Add(`{"schema":"rollcall.scan/1","started":"9999-12-31T23:59:59+24:00"}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ReadScan(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, d := range s.Devices {
			for _, c := range d.Components {
				if c.Serial == "" || !c.Unit && c.Serial != CleanSerial(c.Serial) || c.PID != CleanPID(c.PID) {
					t.Errorf("component %+v is not clean", c)
				}
			}
			// Nothing of a scan that was accepted may break what is made of it.
			d.Fingerprint()
			for _, c := range d.Components {
				d.Slot(c)
			}
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := ReadScan(strings.NewReader(string(again)))
		if err != nil {
			t.Fatalf("read again: %v", err)
		}
		if !slices.EqualFunc(s.Devices, twice.Devices, func(a, b Device) bool { return a.Fingerprint() == b.Fingerprint() }) {
			t.Errorf("read again it is another scan:\n%s\n%+v", again, twice.Devices)
		}
	})
}
