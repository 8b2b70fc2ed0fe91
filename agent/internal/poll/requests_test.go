package poll_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"rollcall/agent/internal/poll"
	"rollcall/agent/internal/snmp"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
)

// A recording is polled as a node of its own, by a poller that remembers what
// it was like.
type recording struct {
	poller              *poll.Poller
	node                poll.Node
	requests, unchanged int // so far: datagrams, and readings that were probes
}

// record makes the node of a recording that is served on a port.
func record(name string, port int) *recording {
	r := &recording{node: poll.Node{
		// A request is repeated by no slow machine.
		Address: "127.0.0.1", Via: poll.ViaSNMP, SNMPPort: port, Timeout: 20 * time.Second, Retries: 2,
		SNMP: []snmp.Credential{{Name: name, Version: "2c", Community: config.Plain(name)}},
	}}
	memory := poll.NewMemory(poll.MemoryOptions{Readings: poll.DefaultReadings, Asked: func(unchanged bool, requests int) {
		r.requests += requests
		if unchanged {
			r.unchanged++
		}
	}})
	r.poller = poll.New(nil, memory, slog.New(slog.DiscardHandler))
	return r
}

// poll reads it, and counts the requests of that.
func (r *recording) poll(ctx context.Context) (d inventory.Device, answered bool, requests int) {
	before := r.requests
	d, answered = r.poller.Poll(ctx, r.node)
	return d, answered, r.requests - before
}

// A walker reads entPhysicalTable as other tools do, and nothing else.
type walker struct {
	*gosnmp.GoSNMP

	requests int
}

// plainColumns are those of entPhysicalTable that hold what an inventory wants
// (discovery facts 2.1).
var plainColumns = []string{
	entPhysicalEntry + ".2", entPhysicalEntry + ".4", entPhysicalEntry + ".5", entPhysicalEntry + ".7", entPhysicalEntry + ".8",
	entPhysicalEntry + ".9", entPhysicalEntry + ".10", entPhysicalEntry + ".11", entPhysicalEntry + ".13", entPhysicalEntry + ".16",
}

const entPhysicalEntry = ".1.3.6.1.2.1.47.1.1.1.1"

func walk(t testing.TB, port int, community string) *walker {
	t.Helper()
	w := &walker{GoSNMP: &gosnmp.GoSNMP{
		Target: "127.0.0.1", Port: uint16(port), Version: gosnmp.Version2c, Community: community,
		Timeout: 20 * time.Second, Retries: 2, MaxOids: gosnmp.MaxOids, MaxRepetitions: 10,
	}}
	w.OnSent = func(*gosnmp.GoSNMP) { w.requests++ }
	if err := w.Connect(); err != nil {
		t.Fatal(err)
	}
	return w
}

// byColumn walks one column after the other, and returns how many requests that
// took.
func byColumn(t testing.TB, port int, community string) int {
	t.Helper()
	w := walk(t, port, community)
	defer func() { _ = w.Close() }()
	for _, c := range plainColumns {
		if err := w.BulkWalk(c, func(gosnmp.SnmpPDU) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return w.requests
}

// wideRows is how many rows of all columns a GETBULK of sideBySide asks for: 60
// variables, about what the simulated agents put into one answer.
const wideRows = 6

// sideBySide walks all columns with one GETBULK after the other.
func sideBySide(t testing.TB, port int, community string) int {
	t.Helper()
	w := walk(t, port, community)
	defer func() { _ = w.Close() }()
	last := map[string]string{}
	open := slices.Clone(plainColumns)
	for len(open) > 0 {
		ask := make([]string, len(open))
		for i, c := range open {
			ask[i] = c + last[c]
		}
		packet, err := w.GetBulk(ask, 0, wideRows)
		if err != nil {
			t.Fatal(err)
		}
		ended := map[string]bool{}
		for i, v := range packet.Variables {
			c := open[i%len(open)]
			below, inside := strings.CutPrefix(v.Name, c+".")
			if ended[c] = ended[c] || !inside || v.Type == gosnmp.EndOfMibView; !ended[c] {
				last[c] = "." + below
			}
		}
		open = slices.DeleteFunc(open, func(c string) bool { return ended[c] })
	}
	return w.requests
}

// BenchmarkRequests counts the requests for all recordings: those of the two
// usual ways to read entPhysicalTable alone beside those of a first poll, which
// reads all tables, and of one that finds nothing changed.
func BenchmarkRequests(b *testing.B) {
	folder := peer.Recordings(b, "snmp")
	port := peer.SNMPSim(b, folder)
	files, err := filepath.Glob(filepath.Join(folder, "*.snmprec"))
	if err != nil || len(files) == 0 {
		b.Fatalf("no recordings in %s (%v)", folder, err)
	}
	known := map[string]*recording{}
	first := func(name string) int {
		known[name] = record(name, port)
		_, _, n := known[name].poll(b.Context())
		return n
	}
	for _, bb := range []struct {
		name string
		read func(name string) int
	}{
		{"column-by-column", func(name string) int { return byColumn(b, port, name) }},
		{"side-by-side", func(name string) int { return sideBySide(b, port, name) }},
		{"first", first},
		{"unchanged", func(name string) int {
			if known[name] == nil { // run alone
				first(name)
			}
			_, _, n := known[name].poll(b.Context())
			return n
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			requests := 0
			for b.Loop() {
				for _, path := range files {
					requests += bb.read(strings.TrimSuffix(filepath.Base(path), ".snmprec"))
				}
			}
			b.ReportMetric(float64(requests)/float64(b.N), "requests/op")
		})
	}
}
