// Package crawl finds devices by what their neighbours say: it asks the seeds,
// then the neighbours that these hear over CDP and LLDP, then theirs, within
// bounds. Neighbours that cannot or may not be asked come out as seen, with the
// reason.
//
// How a device is asked is the caller's: a Poll is passed in. The package
// decides whom to ask, how often at most, and which neighbours are one device;
// it opens no connection itself and knows no credential.
package crawl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"rollcall/agent/internal/snmp"
	"rollcall/pkg/inventory"
)

// A Poll asks one device. It must return when the context ends, and is called
// from several goroutines at once.
type Poll func(ctx context.Context, address string) Answer

// An Answer is what came of asking.
type Answer struct {
	Answered bool
	Reason   string // why not, in words
	// Device says by whom the answer is: name, model, serial and units are
	// used, the rest is the caller's.
	Device     inventory.Device
	Neighbours []snmp.Neighbour
}

// Limits bound a crawl.
type Limits struct {
	// Allow are the networks in which neighbours may be asked; with none, no
	// neighbour is. Seeds are asked wherever they are: the admin named them.
	Allow       []netip.Prefix
	MaxNodes    int     // addresses asked in all, seeds included
	MaxDepth    int     // hops from a seed; 0 asks the seeds alone
	Concurrency int     // addresses asked at once
	PerSecond   float64 // addresses begun a second; 0 for no limit
}

// DefaultLimits suit the LAN of one site. They allow no network.
func DefaultLimits() Limits {
	return Limits{MaxNodes: 1000, MaxDepth: 8, Concurrency: 16, PerSecond: 20}
}

// Validate says what is wrong with the limits, or nil.
func (l Limits) Validate() error {
	for _, p := range l.Allow {
		if !p.IsValid() {
			return errors.New("a network that may be asked is not valid: write it as 192.0.2.0/24")
		}
	}
	switch {
	case l.MaxNodes < 1 || l.MaxNodes > 100_000:
		return fmt.Errorf("a crawl of %d devices: write a number between 1 and 100000", l.MaxNodes)
	case l.MaxDepth < 0 || l.MaxDepth > 1000:
		return fmt.Errorf("a crawl of %d hops: write a number between 0 and 1000", l.MaxDepth)
	case l.Concurrency < 1 || l.Concurrency > 1000:
		return fmt.Errorf("%d devices at once: write a number between 1 and 1000", l.Concurrency)
	case l.PerSecond < 0:
		return fmt.Errorf("%g devices a second: write 0 for no limit, or more", l.PerSecond)
	}
	return nil
}

// allows says that a neighbour at the address may be asked.
func (l Limits) allows(address netip.Addr) bool {
	for _, p := range l.Allow {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// A Visit is one address that was asked.
type Visit struct {
	Address  string
	Depth    int    // hops from the nearest seed
	From     string // who told of it first: "sw1 Gi1/0/1 (cdp)"; "" for a seed
	Answered bool
	Reason   string // why there was no answer
	Name     string
	Model    string
	Serial   string
	// SameAs is the address under which the same device was asked before; ""
	// when this one is the first.
	SameAs string
}

// Why sorts the reasons for which a neighbour was seen only.
type Why string

// The reasons.
const (
	WhyPhone      Why = "phone"       // a telephone or adapter
	WhyOtherMaker Why = "other_maker" // surely not Cisco's
	WhyNoAddress  Why = "no_address"  // announces no management address
	WhySilent     Why = "silent"      // asked, and did not answer
	WhyNotAllowed Why = "not_allowed" // its address lies outside the networks allowed
	WhyTooFar     Why = "too_far"     // beyond the number of hops
	WhyNotReached Why = "not_reached" // the crawl ended before its turn
)

// A Seen is a neighbour without a serial number read from itself.
type Seen struct {
	Name    string
	PID     string // candidate, by its CDP platform
	Serial  string // as the neighbour announces it with its name: evidence only
	Address string
	MAC     string
	Where   []string // "sw1 Gi1/0/1 (cdp)", the first few
	Why     Why
	Reason  string // a sentence for people, with what to do
}

// A Result is what a crawl came to. It is the same for the same answers,
// whichever came first.
type Result struct {
	Visits []Visit // by depth, then in the order in which they were heard of
	Seen   []Seen  // by name, address and MAC address
	// Unlisted counts the neighbours beyond those that the crawl keeps: a
	// device that makes them up must not fill the memory.
	Unlisted int
}

// Run crawls from the seeds, addresses or names. It asks all devices of one
// depth before those of the next, so that its result depends on the answers
// alone. When the context ends, the result so far comes with its error.
func Run(ctx context.Context, seeds []string, limits Limits, poll Poll, log *slog.Logger) (Result, error) {
	if err := limits.Validate(); err != nil {
		return Result{}, err
	}
	pace := rate.NewLimiter(rate.Inf, 1)
	if limits.PerSecond > 0 {
		pace.SetLimit(rate.Limit(limits.PerSecond))
	}
	f := newFrontier(limits)
	f.seed(seeds)
	for {
		batch := f.next()
		if len(batch) == 0 {
			return f.result(), nil
		}
		answers, err := ask(ctx, batch, limits.Concurrency, pace, poll)
		f.take(batch, answers)
		log.Debug("crawled one hop", "depth", batch[0].depth, "asked", len(batch), "known", len(f.nodes))
		if err != nil {
			return f.result(), err
		}
	}
}

// ask polls the batch and waits for all. An answer is nil when the context
// ended before its turn, or will before the rate allows another.
func ask(ctx context.Context, batch []*visit, concurrency int, pace *rate.Limiter, poll Poll) ([]*Answer, error) {
	var early error
	answers := make([]*Answer, len(batch))
	var group errgroup.Group
	group.SetLimit(concurrency)
	for i, v := range batch {
		if pace.Wait(ctx) != nil {
			early = context.DeadlineExceeded
			break
		}
		group.Go(func() error {
			if ctx.Err() == nil {
				a := poll(ctx, v.address)
				answers[i] = &a
			}
			return nil
		})
	}
	_ = group.Wait() // the goroutines return no error
	return answers, cmp.Or(ctx.Err(), early)
}
