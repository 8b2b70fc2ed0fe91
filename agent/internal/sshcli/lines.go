package sshcli

import (
	"context"
	"sync"
	"time"
)

// How long a device that was busy is left alone: each try takes one of the
// lines that people wait for, and may prolong a block of logins (`login
// block-for` of IOS).
const (
	firstRest   = 15 * time.Second
	longestRest = 10 * time.Minute
)

// lines sees to it that this process has one session with a device at a time:
// most have five VTY lines, and people need them too. It also remembers which
// devices were busy.
type lines struct {
	mu sync.Mutex
	of map[string]*line // by address with port
}

// A line is what is known of one device.
type line struct {
	turn  chan struct{} // holds a token while somebody has the device
	users int           // who has it or waits for it
	busy  int           // how often in a row the device was busy
	until time.Time     // when it may be tried again
}

// take waits for the device to be free of this process's sessions. The caller
// calls the function that it returns when its session has ended.
func (l *lines) take(ctx context.Context, address string) (leave func(), err error) {
	l.mu.Lock()
	if l.of == nil {
		l.of = map[string]*line{}
	}
	d := l.of[address]
	if d == nil {
		d = &line{turn: make(chan struct{}, 1)}
		l.of[address] = d
	}
	d.users++
	l.mu.Unlock()
	select {
	case d.turn <- struct{}{}:
	default:
		select {
		case d.turn <- struct{}{}:
		case <-ctx.Done():
			l.drop(address, d)
			return nil, ctx.Err()
		}
	}
	return sync.OnceFunc(func() {
		<-d.turn
		l.drop(address, d)
	}), nil
}

// drop forgets a device that nobody uses and that has nothing to remember.
func (l *lines) drop(address string, d *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.users--; d.users == 0 && d.busy == 0 {
		delete(l.of, address)
	}
}

// rests says until when the device is to be left alone; the zero time says that
// it need not be. The caller has taken the device.
func (l *lines) rests(address string, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.of[address]; now.Before(d.until) {
		return d.until
	}
	return time.Time{}
}

// note remembers whether the device was busy. The caller has taken it.
func (l *lines) note(address string, busy bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.of[address]
	if !busy {
		d.busy, d.until = 0, time.Time{}
		return
	}
	rest := firstRest
	for range d.busy {
		rest = min(2*rest, longestRest)
	}
	d.busy++
	d.until = now.Add(rest)
}
