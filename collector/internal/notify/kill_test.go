package notify_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/notify"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
)

// kills is how often the process that tells is killed.
const kills = 5

// saves is how many results each saves, unless it is killed before.
const saves = 20

// These turn the test binary into a process that finds and tells: the directory
// of its store, where it tells, and which of the processes it is. The last one
// finds nothing new.
const (
	childDir  = "ROLLCALL_TEST_NOTIFY_DIR"
	childURL  = "ROLLCALL_TEST_NOTIFY_URL"
	childTurn = "ROLLCALL_TEST_NOTIFY_TURN"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := tellForEver(dir, os.Getenv(childURL), os.Getenv(childTurn)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func killSettings(url string) notify.Settings {
	return notify.Settings{
		GiveUpAfter: 1000 * time.Hour, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Webhooks: []notify.Webhook{{Name: "desk", URL: url, Secret: config.Plain(hookSecret)}},
	}
}

func tellForEver(dir, url, turn string) error {
	ctx := context.Background()
	n, err := strconv.Atoi(turn)
	if err != nil {
		return err
	}
	// Leases of the process before have ended.
	now := func() time.Time { return start.Add(time.Duration(n) * time.Hour) }
	s, err := store.Open(ctx, store.Options{DataDir: dir, Now: now, Receivers: killSettings(url).Receivers})
	if err != nil {
		return err
	}
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		return err
	}
	teller := notify.New(notify.Options{
		Store: s, Settings: killSettings(url), Log: slog.New(slog.DiscardHandler), Metrics: notify.NewMetrics(prometheus.NewRegistry()), Now: now,
		Poll: time.Millisecond, Rand: func() float64 { return 0 },
	})
	go teller.Run(ctx)
	for i := range saves {
		if n == kills {
			break
		}
		var r reconcile.Result
		for k := range 8 {
			if (i>>(k%3))%2 == 0 { // comes and goes
				r.Findings = append(r.Findings, finding(fmt.Sprint("k", k)))
			}
		}
		if err := s.SaveResult(ctx, o.ID, r); err != nil {
			return err
		}
	}
	select {}
}

// A process that is killed at any moment, also between a message and the note
// that it was sent, has told everything that it saved at least once, of each
// finding in order, and nothing that it did not save.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	dir, d := t.TempDir(), newDesk(t)
	random := rand.New(rand.NewPCG(1, 2))
	for turn := range kills {
		d.mu.Lock()
		last, before := len(d.all)+1+random.IntN(20), turn%2 == 0
		d.mu.Unlock()
		child := startChild(t, dir, d.URL, turn)
		d.mu.Lock()
		d.answer = func(n int) int {
			if n == last && before { // the message has come, and its sender never knows
				_ = child.Process.Kill()
				_ = child.Wait()
			}
			return 200
		}
		d.mu.Unlock()
		d.until(t, "messages before a kill", func(x []told) bool { return len(x) > last })
		if !before {
			_ = child.Process.Kill()
			_ = child.Wait()
		}
	}
	d.mu.Lock()
	d.answer = nil
	d.mu.Unlock()
	child := startChild(t, dir, d.URL, kills)
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	s, err := store.Open(t.Context(), store.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	d.until(t, "all messages", func([]told) bool {
		states, err := s.Receivers(t.Context())
		return err != nil || len(states) == 1 && states[0].Waiting == 0
	})
	checkTold(t, s, d)
}

func startChild(t *testing.T, dir, url string, turn int) *exec.Cmd {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir, childURL+"="+url, fmt.Sprint(childTurn, "=", turn))
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	return child
}

// checkTold holds the messages that came against the findings in the store.
func checkTold(t *testing.T, s *store.Store, d *desk) {
	t.Helper()
	want := map[string][]string{} // by key: what became of it, in order
	for _, open := range []bool{false, true} {
		all, err := s.Findings(t.Context(), "", open)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(all, func(a, b store.Finding) int { return int(a.ID - b.ID) })
		for _, f := range all {
			want[f.Key] = append(want[f.Key], "finding.opened")
			if !open {
				want[f.Key] = append(want[f.Key], "finding.resolved")
			}
		}
	}
	got, bodies, again := map[string][]string{}, map[string]string{}, 0
	for _, x := range d.all {
		if was, known := bodies[x.ID]; known {
			again++
			if was != x.body {
				t.Errorf("message %s came with other bytes", x.ID)
			}
			continue // by its ID, as receivers do
		}
		bodies[x.ID] = x.body
		got[x.Data.Finding.Key] = append(got[x.Data.Finding.Key], x.Type)
	}
	if len(want) != 8 {
		t.Fatalf("%d findings, want 8", len(want))
	}
	for key, changes := range want {
		if !slices.Equal(changes, got[key]) {
			t.Errorf("of %s there were %d changes, told were %d: %v", key, len(changes), len(got[key]), got[key])
		}
	}
	t.Logf("%d changes, %d messages sent again after %d kills", len(bodies), again, kills)
	if again == 0 {
		t.Error("no message was sent again: the kills between a message and its note did nothing")
	}
}
