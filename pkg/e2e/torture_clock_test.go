package e2e_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata" // Europe/Berlin, wherever the tests run

	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
	"rollcall/pkg/torture"
)

// The clock of an agent may say what it likes, and be set while it runs: reports
// are applied in their order, times are the collector's, and how far the clock is
// off is known. Clocks are injected, as Go's programs ask the kernel and not the
// library that faketime stands in for.
func TestClocks(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name        string
		before, now time.Duration // of the agent's clock against the true one, at first and then
		zone        *time.Location
	}{
		{"boots in 1970", -time.Since(time.Unix(1000, 0)), -time.Since(time.Unix(1000, 0)), time.UTC},
		{"1970, then set", -time.Since(time.Unix(1000, 0)), 0, time.UTC},
		{"ten years ahead", 10 * 365 * 24 * time.Hour, 10 * 365 * 24 * time.Hour, time.UTC},
		{"ten years behind", -10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour, time.UTC},
		{"an hour back", 0, -time.Hour, time.UTC},
		{"a leap second back", 0, -time.Second, time.UTC},
		// The hands go from 2:59:59 to 2:00:00 on that night, and from 1:59:59 to
		// 3:00:00 on the other.
		{"summer time ends", time.Until(time.Date(2026, 10, 25, 0, 59, 58, 0, time.UTC)), time.Until(time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)), berlin},
		{"summer time begins", time.Until(time.Date(2026, 3, 29, 0, 59, 58, 0, time.UTC)), time.Until(time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)), berlin},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var skew atomic.Int64
			skew.Store(int64(tt.before))
			l := newLine(t)
			l.clock = func() time.Time { return time.Now().Add(time.Duration(skew.Load())).In(tt.zone) }
			sw := device(t, "127.81.4.1", "sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P"))
			_, stop := l.startAgent("Main office", "main-office", sw)
			l.until("the first serial to be seen", func() bool { return l.here() == "FCW2431L0A7" })
			skew.Store(int64(tt.now))
			sw.Update(func(d *simdevice.Device) { d.Units[0].Serial = "FCW2718H7KD" })
			l.until("the second serial in its place", func() bool { return l.here() == "FCW2718H7KD" })
			stop()
			db := l.database()
			defer func() { _ = db.Close() }()
			var polled, off int64
			if err := db.QueryRow(`SELECT n.polled, a.clock_skew_ms FROM nodes n JOIN agents a ON a.id = n.agent`).Scan(&polled, &off); err != nil {
				t.Fatal(err)
			}
			if age := time.Since(time.UnixMilli(polled)); age < 0 || age > patience {
				t.Errorf("the node was polled %s ago by the collector's clock", age)
			}
			if diff := time.Duration(off)*time.Millisecond - tt.now; diff.Abs() > time.Minute {
				t.Errorf("the clock is known to be off by %s, want %s", time.Duration(off)*time.Millisecond, tt.now)
			}
		})
	}
	torture.Figure(t, "R9", "%d wrong clocks, set while the agent runs: order by (epoch, seq), times by the collector, skew known", len(tests))
}

func (l *line) database() *sql.DB {
	l.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(l.dir, "collector", "rollcall.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		l.t.Fatal(err)
	}
	return db
}

// here is the one serial that is seen now.
func (l *line) here() string {
	l.t.Helper()
	db := l.database()
	defer func() { _ = db.Close() }()
	var serial string
	err := db.QueryRow(`SELECT serial FROM sightings WHERE gone = 0 AND in_last = 1`).Scan(&serial)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		l.t.Fatal(err)
	}
	return serial
}
