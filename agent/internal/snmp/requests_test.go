package snmp

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/peer"
)

// A meter passes datagrams on to an agent of 127.0.0.1 and counts those that
// ask.
type meter struct {
	port     int
	requests atomic.Int64
}

// metered puts a meter in front of the agent on a port until the test ends.
func metered(t testing.TB, port int) *meter {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{port: front.LocalAddr().(*net.UDPAddr).Port}
	agent := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	var running sync.WaitGroup
	running.Go(func() { m.forward(front, agent, &running) })
	t.Cleanup(func() {
		_ = front.Close()
		running.Wait()
	})
	return m
}

// forward serves clients, each with a socket of its own towards the agent,
// until the socket in front is closed.
func (m *meter) forward(front *net.UDPConn, agent *net.UDPAddr, running *sync.WaitGroup) {
	back := map[string]*net.UDPConn{}
	defer func() {
		for _, conn := range back {
			_ = conn.Close()
		}
	}()
	buf := make([]byte, 65535)
	for {
		n, client, err := front.ReadFromUDP(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		m.requests.Add(1)
		conn := back[client.String()]
		if conn == nil {
			if conn, err = net.DialUDP("udp4", nil, agent); err != nil {
				return
			}
			back[client.String()] = conn
			running.Go(func() {
				answer := make([]byte, 65535)
				for {
					n, err := conn.Read(answer)
					if errors.Is(err, net.ErrClosed) {
						return
					}
					if err == nil {
						_, _ = front.WriteToUDP(answer[:n], client)
					}
				}
			})
		}
		_, _ = conn.Write(buf[:n])
	}
}

// count returns how many requests a call makes.
func (m *meter) count(call func()) int64 {
	before := m.requests.Load()
	call()
	return m.requests.Load() - before
}

// recordings are the names of all recordings of SNMP, and a port that serves
// each under its name as the community.
func recordings(t testing.TB) (names []string, port int) {
	t.Helper()
	folder := peer.Recordings(t, "snmp")
	files, err := filepath.Glob(filepath.Join(folder, "*.snmprec"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s (%v)", folder, err)
	}
	for _, path := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".snmprec"))
	}
	slices.Sort(names)
	return names, peer.SNMPSim(t, folder)
}

// plainColumns are those of entPhysicalTable that hold what an inventory wants
// (discovery facts 2.1), as a plain reader walks them.
var plainColumns = []uint32{2, 4, 5, 7, 8, 9, 10, 11, 13, 16}

// plainWalk reads entPhysicalTable as other tools do, column by column, and
// returns its serials.
func plainWalk(t testing.TB, port int, community string) []string {
	t.Helper()
	g := plainSession(t, port, community)
	defer func() { _ = g.Close() }()
	var serials []string
	for _, c := range plainColumns {
		err := g.BulkWalk(column(c).String(), func(v gosnmp.SnmpPDU) error {
			if sn := serial(v.Value); c == colSerialNum && sn != "" {
				serials = append(serials, sn)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return serials
}

// wideRows is how many rows of all columns a GETBULK of wideWalk asks for: 60
// variables, about what the simulated agents put into one answer.
const wideRows = 6

// wideWalk reads entPhysicalTable by GETBULK with all columns side by side.
func wideWalk(t testing.TB, port int, community string) []string {
	t.Helper()
	g := plainSession(t, port, community)
	defer func() { _ = g.Close() }()
	var serials []string
	last := map[uint32]string{}
	open := slices.Clone(plainColumns)
	for len(open) > 0 {
		ask := make([]string, len(open))
		for i, c := range open {
			ask[i] = column(c).String() + last[c]
		}
		packet, err := g.GetBulk(ask, 0, wideRows)
		if err != nil {
			t.Fatal(err)
		}
		ended := map[uint32]bool{}
		for i, v := range packet.Variables {
			c := open[i%len(open)]
			below, inside := strings.CutPrefix(v.Name, column(c).String()+".")
			if !inside || v.Type == gosnmp.EndOfMibView {
				ended[c] = true
			}
			if ended[c] {
				continue
			}
			last[c] = "." + below
			if sn := serial(v.Value); c == colSerialNum && sn != "" {
				serials = append(serials, sn)
			}
		}
		open = slices.DeleteFunc(open, func(c uint32) bool { return ended[c] })
	}
	return serials
}

func plainSession(t testing.TB, port int, community string) *gosnmp.GoSNMP {
	t.Helper()
	g := &gosnmp.GoSNMP{
		Target: "127.0.0.1", Port: uint16(port), Version: gosnmp.Version2c, Community: community,
		Timeout: 20 * time.Second, Retries: 2, MaxOids: gosnmp.MaxOids, MaxRepetitions: 10,
	}
	if err := g.Connect(); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestRequests holds the requests of a first poll against those of the two
// usual ways to read entPhysicalTable alone, and those of a poll that finds
// nothing changed against two.
func TestRequests(t *testing.T) {
	names, port := recordings(t)
	m := metered(t, port)
	var all [4]int64
	t.Logf("%-24s %16s %14s %6s %10s", "", "column by column", "side by side", "first", "unchanged")
	for _, name := range names {
		var first, again Reading
		var last *Last
		ctx, target := context.Background(), v2c(m.port, name)
		target.Timeout, target.Budget = 20*time.Second, 5*time.Minute // a request is repeated by no slow machine
		n := [4]int64{
			m.count(func() { plainWalk(t, m.port, name) }),
			m.count(func() { wideWalk(t, m.port, name) }),
			m.count(func() { first, last = ReadSince(ctx, target, nil, quiet()) }),
			m.count(func() { again, _ = ReadSince(ctx, target, last, quiet()) }),
		}
		for i := range all {
			all[i] += n[i]
		}
		t.Logf("%-24s %16d %14d %6d %10d", name, n[0], n[1], n[2], n[3])
		if n[2] != int64(first.Requests) || n[3] != int64(again.Requests) {
			t.Errorf("%s: %d and %d requests reported, %d and %d counted", name, first.Requests, again.Requests, n[2], n[3])
		}
		if !again.Unchanged || n[3] > 2 {
			t.Errorf("%s: unchanged %v after %d requests, want true after at most 2", name, again.Unchanged, n[3])
		}
		if diff := cmp.Diff(first.Device, again.Device); diff != "" {
			t.Errorf("%s: device (-first +again):\n%s", name, diff)
		}
	}
	t.Logf("%-24s %16d %14d %6d %10d", "all", all[0], all[1], all[2], all[3])
	if 5*all[2] > all[0] || all[2] > all[1] {
		t.Errorf("%d requests for a first poll: more than a fifth of the %d column by column, or than the %d side by side", all[2], all[0], all[1])
	}
}

// BenchmarkRequests counts the requests for all recordings.
func BenchmarkRequests(b *testing.B) {
	names, port := recordings(b)
	m := metered(b, port)
	ctx := context.Background()
	lasts := map[string]*Last{}
	for _, bb := range []struct {
		name string
		read func(name string)
	}{
		{"column-by-column", func(name string) { plainWalk(b, m.port, name) }},
		{"side-by-side", func(name string) { wideWalk(b, m.port, name) }},
		{"first", func(name string) { _, lasts[name] = ReadSince(ctx, v2c(m.port, name), nil, quiet()) }},
		{"unchanged", func(name string) {
			_, lasts[name] = ReadSince(ctx, v2c(m.port, name), lasts[name], quiet())
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			n := m.count(func() {
				for b.Loop() {
					for _, name := range names {
						bb.read(name)
					}
				}
			})
			b.ReportMetric(float64(n)/float64(b.N), "requests/op")
		})
	}
}
