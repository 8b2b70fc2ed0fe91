package snmp

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
)

// fleet is how many devices are read at once.
const fleet = 300

// Hundreds of devices at once, one of them slow and one dead: every other one
// is whole before these two are done.
func TestFleet(t *testing.T) {
	// The devices, and what is read of one at a time.
	names := simdevice.Examples()
	servers := make([]*simdevice.Server, fleet)
	targets := make([]Target, fleet)
	want := make([]inventory.Device, fleet)
	alone := map[string]inventory.Device{}
	for i := range fleet {
		name := names[i%len(names)]
		servers[i], targets[i] = simulated(t, example(t, name))
		// Time enough for the slowest machine: no figure depends on it.
		targets[i].Timeout, targets[i].Budget = 20*time.Second, 2*time.Minute
		if _, ok := alone[name]; !ok {
			alone[name] = Read(context.Background(), targets[i], quiet()).Device
		}
		want[i] = alone[name]
	}
	const dead, slow = 17, 42
	servers[dead].SetReachable(false)
	targets[dead].Retries = 0
	// Nothing comes of the slow one until all others have been read.
	others := make(chan struct{})
	held := hold(t, targets[slow].Port, others)
	targets[slow].Port = held

	before := goleak.IgnoreCurrent()
	lasts := make([]*Last, fleet)
	for _, round := range []string{"first", "second"} {
		got := make([]Reading, fleet)
		var left atomic.Int64
		left.Store(fleet - 2)
		var all errgroup.Group
		for i := range fleet {
			all.Go(func() error {
				ctx := context.Background()
				if i == dead { // it has no answer for as long as anybody waits
					var cancel context.CancelFunc
					ctx, cancel = context.WithCancel(ctx)
					all.Go(func() error { <-others; cancel(); return nil })
				}
				got[i], lasts[i] = ReadSince(ctx, targets[i], lasts[i], quiet())
				if i != dead && i != slow && left.Add(-1) == 0 && round == "first" {
					close(others)
				}
				return nil
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		for i, r := range got {
			if i == dead {
				if r.Answered || r.Device.Complete {
					t.Errorf("%s round: the dead one answered %v, complete %v", round, r.Answered, r.Device.Complete)
				}
				continue
			}
			if !r.Answered || r.Unchanged != (round == "second") {
				t.Errorf("%s round, device %d: answered %v, unchanged %v: %v", round, i, r.Answered, r.Unchanged, r.Device.Errors)
			}
			if diff := cmp.Diff(want[i], r.Device); diff != "" {
				t.Errorf("%s round, device %d (-alone +among others):\n%s", round, i, diff)
			}
		}
	}
	goleak.VerifyNone(t, before)
}

// hold passes datagrams on to the agent of a port, but none before the channel
// is closed, and returns its own port.
func hold(t *testing.T, port int, open <-chan struct{}) int {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	var client atomic.Pointer[net.UDPAddr]
	var running sync.WaitGroup
	running.Go(func() {
		buf := make([]byte, 65535)
		for {
			n, from, err := front.ReadFromUDP(buf)
			if err != nil {
				return
			}
			client.Store(from)
			<-open
			_, _ = back.Write(buf[:n])
		}
	})
	running.Go(func() {
		buf := make([]byte, 65535)
		for {
			n, err := back.Read(buf)
			if err != nil {
				return
			}
			_, _ = front.WriteToUDP(buf[:n], client.Load())
		}
	})
	t.Cleanup(func() {
		_ = front.Close()
		_ = back.Close()
		running.Wait()
	})
	return front.LocalAddr().(*net.UDPAddr).Port
}

// BenchmarkRead is what one device costs: a stack of eight, read in full and
// found unchanged.
func BenchmarkRead(b *testing.B) {
	d := example(b, "ios-stack")
	member := d.Units[0]
	d.Units = nil
	for i := range 8 {
		u := member
		u.Serial = fmt.Sprintf("FCW2001B%03d", i)
		u.Parts = slices.Clone(u.Parts)
		for j := range u.Parts {
			u.Parts[j].Serial = fmt.Sprintf("LIT2001B%d%02d", i, j)
		}
		d.Units = append(d.Units, u)
	}
	_, target := simulated(b, d)
	_, last := ReadSince(context.Background(), target, nil, quiet())
	for _, bb := range []struct {
		name string
		last *Last
	}{{"full", nil}, {"unchanged", last}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			requests := 0
			for b.Loop() {
				r, _ := ReadSince(context.Background(), target, bb.last, quiet())
				if !r.Answered || r.Unchanged != (bb.last != nil) {
					b.Fatalf("answered %v, unchanged %v", r.Answered, r.Unchanged)
				}
				requests += r.Requests
			}
			b.ReportMetric(float64(requests)/float64(b.N), "requests/op")
		})
	}
}
