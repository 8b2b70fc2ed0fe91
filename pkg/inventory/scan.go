package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// ScanSchema names the version of Scan.
const ScanSchema = "rollcall.scan/1"

// A Scan is what one run of `rollcall-agent scan` saw: the object that
// `--format json` prints and `rollcall-collector reconcile` reads.
type Scan struct {
	Schema     string       `json:"schema"`
	Started    time.Time    `json:"started"`
	Devices    []Device     `json:"devices"`
	Unanswered []Unanswered `json:"unanswered"`
	// Seen are neighbours that a crawl heard of, and has no serial number of.
	Seen []Seen `json:"seen,omitzero"`
}

// Unanswered is an address that was asked and gave nothing.
type Unanswered struct {
	Address string `json:"address"`
	Reason  string `json:"reason"`
}

// A Seen is a device that others hear over CDP or LLDP and that could not or may
// not be asked: proof that it exists, and no more.
type Seen struct {
	Name     string `json:"name"`     // as it announces itself
	Address  string `json:"address"`  // for management; "" when it announces none
	Platform string `json:"platform"` // its PID as announced; "" when it says none
	Where    string `json:"where"`    // who hears it: "sw1 Gi1/0/1 (cdp), sw2 Gi1/0/3 (lldp)"
	Reason   string `json:"reason"`   // why there is no serial number, and what to do
	// Why sorts the reasons: "silent", "not_allowed", "phone" and others.
	Why    string `json:"why"`
	MAC    string `json:"mac"`
	Serial string `json:"serial"` // what it announces with its name: a hint, not read from itself
}

// maxScan bounds a scan's JSON, in bytes: about a hundred thousand devices.
const maxScan = 512 << 20

// ReadScan reads a scan's JSON. Serials and PIDs are cleaned as if they came
// from devices, for the file may have been edited; components without a serial
// are dropped, but for units with a placeholder in its place, which somebody
// should look at.
func ReadScan(r io.Reader) (Scan, error) {
	limited := &io.LimitedReader{R: r, N: maxScan + 1}
	var s Scan
	if err := json.NewDecoder(limited).Decode(&s); err != nil {
		if limited.N <= 0 {
			return Scan{}, fmt.Errorf("scan is larger than %d bytes", maxScan)
		}
		return Scan{}, fmt.Errorf("not the JSON of a scan: %w", err)
	}
	if s.Schema != ScanSchema {
		return Scan{}, fmt.Errorf("schema is %.40q, want %q: make the file with rollcall-agent scan --format json", s.Schema, ScanSchema)
	}
	if s.Started.IsZero() {
		return Scan{}, errors.New("started is missing: it says when the devices were seen")
	}
	s.Started = s.Started.UTC()
	if year := s.Started.Year(); year < 1 || year > 9999 {
		return Scan{}, fmt.Errorf("started is in the year %d: it says when the devices were seen", year)
	}
	for i := range s.Devices {
		d := &s.Devices[i]
		if d.Address == "" {
			return Scan{}, fmt.Errorf("devices[%d] has no address", i)
		}
		kept := make([]Component, 0, len(d.Components))
		for _, c := range d.Components {
			serial := CleanSerial(c.Serial)
			if serial == "" && c.Unit {
				serial = CleanText(c.Serial)
			}
			c.Serial, c.PID, c.Parent = serial, CleanPID(c.PID), CleanSerial(c.Parent)
			if c.Serial != "" {
				kept = append(kept, c)
			}
		}
		d.Components = kept
	}
	return s, nil
}
