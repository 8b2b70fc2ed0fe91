package crawl_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/crawl"
	"rollcall/agent/internal/snmp"
)

func TestLimits(t *testing.T) {
	if err := crawl.DefaultLimits().Validate(); err != nil {
		t.Errorf("the defaults are wrong: %v", err)
	}
	tests := []struct {
		name string
		set  func(*crawl.Limits)
		want string
	}{
		{"network", func(l *crawl.Limits) { l.Allow = []netip.Prefix{{}} }, "not valid"},
		{"devices", func(l *crawl.Limits) { l.MaxNodes = 0 }, "a crawl of 0 devices"},
		{"hops", func(l *crawl.Limits) { l.MaxDepth = -1 }, "a crawl of -1 hops"},
		{"at once", func(l *crawl.Limits) { l.Concurrency = 0 }, "0 devices at once"},
		{"rate", func(l *crawl.Limits) { l.PerSecond = -1 }, "-1 devices a second"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := lan()
			tt.set(&l)
			net := &network{}
			_, err := crawl.Run(t.Context(), []string{"192.0.2.1"}, l, net.poll, quiet())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if len(net.asked) > 0 {
				t.Error("somebody was asked")
			}
		})
	}
}

// tree is a network of n switches in 10.0.0.0/8; each hears its parent, up to
// eight children, one further on, a telephone and something without address.
func tree(n int) *network {
	address := func(i int) string { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String() }
	name := func(i int) string { return fmt.Sprintf("sw%d", i) }
	net := &network{devices: make(map[string]*device, n)}
	for i := range n {
		d := switchNamed(name(i))
		link := func(j int) {
			if j >= 0 && j < n && j != i {
				d.hears = append(d.hears, heard(fmt.Sprint(len(d.hears)), name(j)+".example.org", address(j)))
			}
		}
		link((i - 1) / 8)
		for c := range 8 {
			link(8*i + c + 1)
		}
		link((i * 7) % n)
		d.hears = append(d.hears,
			snmp.Neighbour{LocalPort: "p", Name: fmt.Sprintf("SEP%012X", i), Address: address(i | 1<<22), Phone: true, Source: "cdp"},
			snmp.Neighbour{LocalPort: "q", MAC: fmt.Sprintf("00:00:5e:%02x:%02x:%02x", i>>16, i>>8&255, i&255), Source: "lldp"})
		net.devices[address(i)] = d
	}
	return net
}

func TestTenThousand(t *testing.T) {
	const n = 10_000
	limits := lan()
	limits.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	limits.MaxNodes, limits.Concurrency = 2*n, 64
	net := tree(n)
	r, err := crawl.Run(t.Context(), []string{"10.0.0.0"}, limits, net.poll, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Visits) != n || len(net.asked) != n {
		t.Errorf("%d visits, %d asked, want %d", len(r.Visits), len(net.asked), n)
	}
	if len(r.Seen) != 2*n {
		t.Errorf("%d seen, want a telephone and an unnamed one for each of %d", len(r.Seen), n)
	}
	if most := net.most.Load(); most > 64 {
		t.Errorf("%d asked at once", most)
	}
	limits.Concurrency = 1
	again, err := crawl.Run(t.Context(), []string{"10.0.0.0"}, limits, tree(n).poll, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if !cmp.Equal(r, again) {
		t.Error("the result depends on how many are asked at once")
	}
}

// A device that makes up neighbours fills neither the memory nor the network.
func TestMadeUpNeighbours(t *testing.T) {
	liar := switchNamed("liar")
	for i := range 150_000 {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		liar.hears = append(liar.hears, heard("1", fmt.Sprintf("x%d", i), a.String()))
	}
	limits := lan()
	limits.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	limits.MaxNodes = 50
	net := &network{devices: map[string]*device{"192.0.2.1": liar}}
	r, err := crawl.Run(t.Context(), []string{"192.0.2.1"}, limits, net.poll, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if len(net.asked) != 50 || len(r.Seen) != 99_999 || r.Unlisted != 50_001 {
		t.Errorf("%d asked, %d seen, %d unlisted", len(net.asked), len(r.Seen), r.Unlisted)
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := lan()
		limits.PerSecond = 5
		var seeds []string
		for i := range 11 {
			seeds = append(seeds, fmt.Sprintf("192.0.2.%d", i+1))
		}
		began := time.Now() // of the bubble's clock
		r, err := crawl.Run(t.Context(), seeds, limits, (&network{}).poll, quiet())
		if err != nil || len(r.Visits) != 11 {
			t.Fatalf("%d visits, %v", len(r.Visits), err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("11 addresses at 5 a second took %s, want 2s", took)
		}
	})
}

// A crawl that is stopped tells what it has, and what is left.
func TestStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	net := &network{devices: map[string]*device{
		"192.0.2.1": switchNamed("a", heard("1", "b", "192.0.2.2"), heard("2", "c", "192.0.2.3")),
		"192.0.2.2": switchNamed("b"), "192.0.2.3": switchNamed("c"),
	}}
	limits := lan()
	limits.Concurrency = 1
	r, err := crawl.Run(ctx, []string{"192.0.2.1"}, limits, func(ctx context.Context, address string) crawl.Answer {
		if address == "192.0.2.2" {
			cancel()
			<-ctx.Done()
			return crawl.Answer{Reason: "stopped."}
		}
		return net.poll(ctx, address)
	}, quiet())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	want := []string{"0 192.0.2.1 a", "1 192.0.2.2 -", "seen b 192.0.2.2 silent", "seen c 192.0.2.3 not_reached"}
	if diff := cmp.Diff(want, lines(r)); diff != "" {
		t.Errorf("crawl (-want +got):\n%s", diff)
	}
	if r.Seen[1].Reason != "the crawl was stopped before its turn: run it again, or name 192.0.2.3 as a target." {
		t.Errorf("reason %q", r.Seen[1].Reason)
	}
}
