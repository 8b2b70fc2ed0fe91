package limit

import (
	"testing"
	"time"
)

// Those who are sent away together come back one after the other, as fast as the
// work for others goes; a rest is not taken for slow work.
func TestTurns(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		name string
		each time.Duration // that work takes
		rest time.Duration // between two
		both bool          // two are worked for at once
		last time.Duration // that the last one takes beyond that
		want int           // the wait of the thousandth, in seconds
	}{
		{"nothing is known", 0, 0, false, 0, 20},
		{"fast", 5 * time.Millisecond, 0, false, 0, 5},
		{"slow", 200 * time.Millisecond, 0, false, 0, 200},
		{"slow, two at once", 200 * time.Millisecond, 0, true, 0, 100},
		{"fast, with rests", 5 * time.Millisecond, time.Minute, false, 0, 5},
		{"fast, and then one that hangs", 5 * time.Millisecond, 0, false, time.Minute, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var turns Turns
			for n := range 1000 {
				if tt.each == 0 {
					break
				}
				turns.Begin(now)
				if n == 999 {
					now = now.Add(tt.last)
				}
				if tt.both {
					turns.Begin(now)
					now = now.Add(tt.each)
					turns.End(now)
				} else {
					now = now.Add(tt.each)
				}
				turns.End(now)
				now = now.Add(tt.rest)
			}
			first := turns.Next(now)
			var last int
			for range 999 {
				last = turns.Next(now)
			}
			if first != 1 || last < tt.want*95/100 || last > tt.want*105/100+1 {
				t.Errorf("the first waits %d s and the thousandth %d s, want 1 and about %d", first, last, tt.want)
			}
			if !turns.Due(now) || turns.Due(now.Add(time.Hour)) {
				t.Error("turns are not due until they have come")
			}
			if again := turns.Next(now.Add(time.Hour)); again != 1 {
				t.Errorf("when all have had their turn, one waits %d s, want 1", again)
			}
		})
	}
	var turns Turns
	for range 1_000_000 {
		if wait := turns.Next(now); wait > int(longestWait/time.Second) {
			t.Fatalf("one of a million waits %d s", wait)
		}
	}
}
