package store_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/peer"
	"rollcall/pkg/wire"
)

// A server that takes no writes any more is left, with a word of why; and taken
// again as soon as it does.
func TestReadOnlyServer(t *testing.T) {
	needServer(t)
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	seq := int64(0)
	save := func() error {
		seq++
		_, err := s.SaveReports(t.Context(), a, wire.Batch{SentAt: c.now(), Reports: []wire.Report{report(c, seq, device("192.0.2.1", part("1", "C9300-48P", "FCW00000001")))}})
		return err
	}
	standby := func(on bool) {
		t.Helper()
		for _, q := range []string{map[bool]string{true: `ALTER SYSTEM SET default_transaction_read_only = on`, false: `ALTER SYSTEM RESET default_transaction_read_only`}[on], `SELECT pg_reload_conf()`} {
			if err := server.Exec("postgres", q); err != nil {
				t.Fatal(err)
			}
		}
	}
	await := func(what string, holds func() bool) {
		t.Helper()
		for limit := time.After(time.Minute); !holds(); {
			select {
			case <-limit:
				t.Fatalf("not within a minute: %s", what)
			case <-time.After(time.Millisecond):
			}
		}
	}
	if err := save(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { standby(false) })
	standby(true)
	var err error
	await("nothing is saved", func() bool { err = save(); return err != nil })
	ready := s.Ready(t.Context())
	for _, err := range []error{err, ready} {
		if !errors.Is(err, store.ErrAway) || !strings.Contains(err.Error(), "no server of database.dsn takes writes now") {
			t.Errorf("error %v, want one that says that the server is away, for it takes no writes", err)
		}
	}
	standby(false)
	await("it is saved again", func() bool { return save() == nil })
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// A result of facts that a failover lost settles nothing: the numbers of the
// changes that it knows of are given again.
func TestResultOfLostFacts(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	settle(t, s)
	next := int64(0)
	change := func() {
		next++
		c.advance(time.Minute)
		send(t, s, c, a, report(c, next, device("192.0.2.1", part("1", "C9300-48P", "FCW0000000"+string(rune('A'+next))))))
	}
	change()
	change()
	facts(t, s, a.Organization)
	if err := s.ExecForTest(ctx, `UPDATE organizations SET revision = reconciled`); err != nil { // as the standby has it
		t.Fatal(err)
	}
	if err := s.SaveResult(ctx, a.Organization, reconcile.Result{}); err != nil {
		t.Fatal(err)
	}
	change()
	if got := changed(t, s); len(got) != 1 {
		t.Errorf("changed after the failover: %v, want the organization that did", got)
	}
}

// A server that says nothing for too long is given up. What pgx wants comes first.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for name, test := range map[string]struct {
		silence time.Duration
		set     time.Time
	}{
		"silence":         {time.Millisecond, time.Time{}},
		"a context's end": {time.Hour, time.Unix(1, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			c := store.HeardConn(raw, test.silence)
			t.Cleanup(func() { _ = c.Close() })
			for _, until := range []time.Time{time.Now().Add(time.Hour), test.set} {
				if err := c.SetDeadline(until); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Read: %v", err)
			}
		})
	}
}

// What waits for a server that takes no writes, or hangs, is given up in time,
// is known to whoever asks whether all is well, and goes well again afterwards.
func TestHungServer(t *testing.T) {
	needServer(t)
	c := newClock()
	dir := t.TempDir()
	s := open(t, dir, c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	within := func(do func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		return do(ctx)
	}
	save := func(ctx context.Context) error {
		_, err := s.SaveReports(ctx, a, wire.Batch{SentAt: c.now(), Reports: []wire.Report{numbered(1)}})
		return err
	}
	beside := connectTo(t, server.DSN("postgres", server.of(t, dir)))
	holder, err := beside.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback() }()
	if _, err := holder.ExecContext(t.Context(), `LOCK TABLE agents, leases IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	if err := within(save); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a write that waits: %v", err)
	}
	if err := within(s.Ready); !errors.Is(err, store.ErrUnwritable) {
		t.Errorf("Ready while writes wait: %v", err)
	}
	t.Cleanup(func() { _ = server.Thaw() })
	frozen := make(chan error, 1)
	hung := within(func(ctx context.Context) error {
		go func() { // once the statement is underway
			for n := 0; n == 0 && ctx.Err() == nil; {
				_ = beside.QueryRowContext(ctx, `SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = $1`, peer.AppRole).Scan(&n)
			}
			frozen <- server.Freeze()
		}()
		return save(ctx)
	})
	if err := <-frozen; err != nil {
		t.Fatal(err)
	}
	if !errors.Is(hung, context.DeadlineExceeded) {
		t.Errorf("a write when the server hangs: %v", hung)
	}
	if err := within(s.Ready); err == nil || errors.Is(err, store.ErrUnwritable) {
		t.Errorf("Ready while the server hangs: %v", err)
	}
	if err := errors.Join(server.Thaw(), holder.Rollback(), save(t.Context()), s.Ready(t.Context())); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Whatever a role is set to, a commit waits for the disk, and for the standby
// where there is one to wait for.
func TestCommitsWait(t *testing.T) {
	needServer(t)
	for set, want := range map[string]string{"off": "on", "local": "on", "remote_apply": "remote_apply"} {
		dir := t.TempDir()
		if err := server.Exec("postgres", `ALTER ROLE `+peer.AppRole+` IN DATABASE `+server.of(t, dir)+` SET synchronous_commit = `+set); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, newClock())
		if err := s.ExecForTest(t.Context(), `SELECT 1 / CASE current_setting('synchronous_commit') WHEN '`+want+`' THEN 1 ELSE 0 END`); err != nil {
			t.Errorf("with synchronous_commit = %s it is not %s in a transaction: %v", set, want, err)
		}
	}
}
