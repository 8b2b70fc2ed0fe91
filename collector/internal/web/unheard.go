package web

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

const (
	// lostShown is how long people see that changes were given up.
	lostShown = 30 * 24 * time.Hour
	// waitShown is how long messages wait before people see that: an attempt or
	// two that failed are nothing to look at.
	waitShown = 15 * time.Minute
)

// An unheard is what did not reach one who is told of findings, by mail or
// webhook, each in a sentence.
type unheard struct {
	Lost  string // what was given up; "" for nothing
	Waits string // what is kept, and tried again; "" for nothing
	Why   string // of the last attempt
}

// unheard is for those who manage everything: mail server and webhooks are the
// collector's, and what they answer may tell of other organizations.
func (s *server) unheard(ctx context.Context) ([]unheard, error) {
	if s.receivers == nil || !s.who.Grants.In("").Covers(login.Admin) {
		return nil, nil
	}
	states, err := s.receivers(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read what was not told: %w", err)
	}
	var all []unheard
	for _, r := range states {
		if u := newUnheard(r, s.now()); u != (unheard{}) {
			all = append(all, u)
		}
	}
	return all, nil
}

func newUnheard(r store.ReceiverState, now time.Time) (u unheard) {
	name, place, messages := "the webhook "+r.Name, "the webhook "+r.Name, "message"
	if r.Name == store.MailReceiver {
		name, place, messages = "anybody by mail", "the mail server", "mail"
	}
	if r.GivenUp > 0 && now.Sub(r.GaveUp) < lostShown {
		u.Lost = fmt.Sprintf("%s never told to %s and given up, the last on %s.", were(r.GivenUp, "change"), name, r.GaveUp.UTC().Format(time.DateOnly))
		u.Why = r.Why
	}
	if r.Waiting > 0 && !r.Failed.IsZero() && now.Sub(r.Oldest) >= waitShown {
		u.Waits = fmt.Sprintf("%s for %s since %s (UTC).", waits(r.Waiting, messages), place, r.Oldest.UTC().Format("2006-01-02 15:04"))
		u.Why = r.Problem
	}
	if u.Why != "" && !strings.HasSuffix(u.Why, ".") {
		u.Why += "."
	}
	return u
}

func were(n int, what string) string {
	if n == 1 {
		return "1 " + what + " was"
	}
	return fmt.Sprintf("%d %ss were", n, what)
}

func waits(n int, what string) string {
	if n == 1 {
		return "1 " + what + " waits"
	}
	return fmt.Sprintf("%d %ss wait", n, what)
}
