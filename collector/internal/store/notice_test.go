package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// told opens a store in which the receivers are told of all organizations.
func told(t *testing.T, dir string, c *clock, receivers ...string) (*store.Store, store.Organization) {
	t.Helper()
	opts := options(t, dir, c)
	opts.Receivers = func(store.Organization) []string { return receivers }
	s, err := store.Open(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	o, err := s.CreateOrganization(context.Background(), "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func uncovered(key string, severity reconcile.Severity) reconcile.Finding {
	return reconcile.Finding{Key: key, Kind: reconcile.UncoveredUnit, Severity: severity, Subject: "unit " + key}
}

func result(keys ...string) reconcile.Result {
	var r reconcile.Result
	for _, k := range keys {
		r.Findings = append(r.Findings, uncovered(k, reconcile.Warning))
	}
	return r
}

func saveResult(t *testing.T, s *store.Store, org string, r reconcile.Result) {
	t.Helper()
	if err := s.SaveResult(context.Background(), org, r); err != nil {
		t.Fatal(err)
	}
}

func claim(t *testing.T, s *store.Store, receiver string) []store.Notice {
	t.Helper()
	got, err := s.ClaimNotices(context.Background(), receiver, 100, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// said is what notices say, shortly.
func said(notices []store.Notice) []string {
	var all []string
	for _, n := range notices {
		all = append(all, fmt.Sprintf("%s %s %s", n.Finding.Key, n.Change, n.Finding.Severity))
	}
	return all
}

func sent(t *testing.T, s *store.Store, notices ...store.Notice) {
	t.Helper()
	for _, n := range notices {
		if err := s.NoticesSent(context.Background(), n.Receiver, n.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// Each receiver is told of each change once, of a finding in order, and of
// nothing that has not changed.
func TestNotices(t *testing.T) {
	c := newClock()
	s, o := told(t, t.TempDir(), c, "desk", "chat")
	saveResult(t, s, o.ID, result("a", "b"))
	desk, chat := claim(t, s, "desk"), claim(t, s, "chat")
	want := []string{"a opened warning", "b opened warning"}
	if diff := cmp.Diff([][]string{want, want}, [][]string{said(desk), said(chat)}); diff != "" {
		t.Fatalf("after opening (-want +got):\n%s", diff)
	}
	if desk[0].Event != chat[0].Event || desk[0].Event == desk[1].Event {
		t.Errorf("events %s and %s, %s and %s: want one for each change", desk[0].Event, chat[0].Event, desk[1].Event, chat[1].Event)
	}
	if got := claim(t, s, "desk"); len(got) != 0 {
		t.Errorf("claimed twice: %v", said(got))
	}
	sent(t, s, chat...)
	// a says the same in other words, b is worse, c is new, and then a and b go.
	other := result("a", "b", "c")
	other.Findings[0].Evidence = []string{"one day less"}
	other.Findings[1].Severity = reconcile.Critical
	saveResult(t, s, o.ID, other)
	saveResult(t, s, o.ID, result("c"))
	if got := claim(t, s, "chat"); !slices.Equal(said(got), []string{"b updated critical", "c opened warning", "a resolved warning"}) {
		t.Errorf("the receiver that has all before is told %v", said(got))
	} else if a := got[2].Finding; !a.Resolved.Equal(start) || a.Evidence[0] != "one day less" || !a.Opened.Equal(start) {
		t.Errorf("the resolved finding is %+v", a)
	}
	// The other one still has a and b at hand, so it may not have what came after.
	if got := claim(t, s, "desk"); !slices.Equal(said(got), []string{"c opened warning"}) {
		t.Errorf("the receiver that has not answered yet is told %v", said(got))
	}
	if err := s.NoticeFailed(context.Background(), "desk", desk[0].ID, c.now().Add(time.Hour), "no"); err != nil {
		t.Fatal(err)
	}
	sent(t, s, desk[1])
	if got := claim(t, s, "desk"); !slices.Equal(said(got), []string{"b updated critical"}) {
		t.Errorf("while a waits for another attempt the receiver is told %v", said(got))
	}
	c.advance(time.Hour)
	if got := claim(t, s, "desk"); !slices.Equal(said(got), []string{"a opened warning", "b updated critical", "c opened warning"}) || got[0].Attempts != 1 {
		t.Errorf("after the lease and the wait: %v", said(got))
	}
}

// Without a receiver nothing is kept, and a result that is not saved tells
// nothing.
func TestNoticesOfNobody(t *testing.T) {
	s, o := told(t, t.TempDir(), newClock())
	saveResult(t, s, o.ID, result("a"))
	states, err := s.Receivers(context.Background())
	if err != nil || len(states) != 0 {
		t.Errorf("%+v, %v; want none", states, err)
	}
	if err := s.SaveResult(context.Background(), "nobody", result("a")); err == nil {
		t.Error("saved for an organization that is not there")
	}
}

// Two processes that claim at once do not get the same.
func TestNoticesClaimedOnce(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s, o := told(t, dir, c, "desk")
	other := open(t, dir, c)
	var keys []string
	for i := range 60 {
		keys = append(keys, fmt.Sprintf("%02d", i))
	}
	saveResult(t, s, o.ID, result(keys...))
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[string]int{}
	for _, s := range []*store.Store{s, other, s, other} {
		wg.Go(func() {
			for {
				claimed, err := s.ClaimNotices(context.Background(), "desk", 7, time.Minute)
				if err != nil || len(claimed) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, n := range claimed {
					got[n.Finding.Key]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if got[k] != 1 {
			t.Errorf("%s was claimed %d times", k, got[k])
		}
	}
}

// What was tried for too long is given up and counted; what was never tried is
// not, unless nobody knows its receiver.
func TestNoticesGivenUp(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s, o := told(t, t.TempDir(), c, "desk", "gone")
	saveResult(t, s, o.ID, result("a", "b"))
	saveResult(t, s, o.ID, result("b"))
	tried := claim(t, s, "desk")[0]
	if err := s.NoticeFailed(ctx, "desk", tried.ID, c.now(), "it answered 500"); err != nil {
		t.Fatal(err)
	}
	give := func() map[string]int {
		t.Helper()
		dropped, err := s.GiveUpNotices(ctx, c.now().Add(-time.Hour), []string{"desk"})
		if err != nil {
			t.Fatal(err)
		}
		return dropped
	}
	if got := give(); len(got) != 0 {
		t.Errorf("given up at once: %v", got)
	}
	c.advance(2 * time.Hour)
	if diff := cmp.Diff(map[string]int{"desk": 1, "gone": 3}, give()); diff != "" {
		t.Errorf("given up (-want +got):\n%s", diff)
	}
	if got := claim(t, s, "desk"); !slices.Equal(said(got), []string{"b opened warning", "a resolved warning"}) {
		t.Errorf("what is left is %v", said(got))
	}
	states, err := s.Receivers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := []store.ReceiverState{
		{Name: "desk", Failed: start, Problem: "it answered 500", GivenUp: 1, GaveUp: c.now(), Why: "it answered 500", Waiting: 2, Oldest: start},
		{Name: "gone", GivenUp: 3, GaveUp: c.now()},
	}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("receivers (-want +got):\n%s", diff)
	}
}

// The mail after changes waits until they come to rest, but not for ever, and
// keeps a distance to the mail before.
func TestDigests(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s, o := told(t, t.TempDir(), c, store.MailReceiver)
	rule := store.DigestRule{OnChange: true, Quiet: 10 * time.Minute, Pause: time.Hour}
	if err := s.BeginDigests(ctx); err != nil {
		t.Fatal(err)
	}
	due := func() (store.Digest, bool) {
		t.Helper()
		may, err := s.DigestsDue(ctx, rule)
		if err != nil {
			t.Fatal(err)
		}
		d, due, err := s.ClaimDigest(ctx, o, rule, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if due && len(may) != 1 {
			t.Errorf("due, and %d organizations may be", len(may))
		}
		return d, due
	}
	step := func(what string, want bool) store.Digest {
		t.Helper()
		d, got := due()
		if got != want {
			t.Fatalf("%s: due is %t, want %t", what, got, want)
		}
		return d
	}
	step("nothing happened", false)
	saveResult(t, s, o.ID, result("a"))
	step("just changed", false)
	c.advance(9 * time.Minute)
	saveResult(t, s, o.ID, result("a", "b"))
	c.advance(9 * time.Minute)
	step("changed again", false)
	c.advance(time.Minute)
	d := step("at rest", true)
	if !slices.Equal(said(d.Notices), []string{"a opened warning", "b opened warning"}) || d.Weekly {
		t.Errorf("the mail tells %v, weekly %t", said(d.Notices), d.Weekly)
	}
	step("claimed already", false)
	saveResult(t, s, o.ID, result("a", "b", "c"))
	if err := s.DigestFailed(ctx, d, []string{"a@example.org"}, c.now().Add(5*time.Minute), "no"); err != nil {
		t.Fatal(err)
	}
	step("waits after a failure", false)
	c.advance(5 * time.Minute)
	// c is young, but a and b have waited for ten minutes since b came.
	step("another change has come meanwhile", false)
	for range 5 {
		c.advance(5 * time.Minute)
	}
	d = step("at rest again", true)
	if len(d.Notices) != 3 || d.Attempts != 1 || !slices.Equal(d.Told, []string{"a@example.org"}) {
		t.Errorf("%d notices, %d attempts, told %v", len(d.Notices), d.Attempts, d.Told)
	}
	saveResult(t, s, o.ID, result("a", "b", "c", "d"))
	if err := s.DigestSent(ctx, d, true); err != nil {
		t.Fatal(err)
	}
	c.advance(30 * time.Minute)
	step("too soon after the mail before", false)
	c.advance(30 * time.Minute)
	if d = step("an hour after the mail before", true); !slices.Equal(said(d.Notices), []string{"d opened warning"}) || d.Attempts != 0 || len(d.Told) != 0 {
		t.Errorf("the next mail tells %v, %d attempts, told %v", said(d.Notices), d.Attempts, d.Told)
	}
	if err := s.DigestSent(ctx, d, true); err != nil {
		t.Fatal(err)
	}
	// What changes all the time is told after four times the quiet.
	c.advance(2 * time.Hour)
	for i := range 5 {
		saveResult(t, s, o.ID, result("a", "b", "c", "d", fmt.Sprint("e", i)))
		_, got := due()
		if want := i == 4; got != want {
			t.Errorf("change %d: due is %t, want %t", i, got, want)
		}
		if i < 4 {
			c.advance(9*time.Minute + 59*time.Second)
			c.advance(time.Duration(i/3) * 4 * time.Second)
		}
	}
}

// The weekly mail is due once a slot has passed, begins with the next slot, and
// is one mail after many weeks.
func TestDigestsWeekly(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s, o := told(t, t.TempDir(), c, store.MailReceiver)
	if err := s.BeginDigests(ctx); err != nil {
		t.Fatal(err)
	}
	slot := start.Add(-time.Hour)
	weekly := func() bool {
		t.Helper()
		d, due, err := s.ClaimDigest(ctx, o, store.DigestRule{Slot: slot}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if due {
			if !d.Weekly {
				t.Error("not the weekly mail")
			}
			if err := s.DigestSent(ctx, d, true); err != nil {
				t.Fatal(err)
			}
		}
		return due
	}
	if weekly() {
		t.Error("due for the week before mail began")
	}
	c.advance(3 * 7 * 24 * time.Hour)
	slot = slot.Add(3 * 7 * 24 * time.Hour)
	if !weekly() {
		t.Error("not due after three weeks")
	}
	if weekly() {
		t.Error("due twice for one slot")
	}
}
