package web

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

func TestNewUnheard(t *testing.T) {
	now := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name  string
		state store.ReceiverState
		want  unheard
	}{
		{"all was taken", store.ReceiverState{Name: "tickets", Sent: now, Failed: now.Add(-time.Hour), Problem: "it answered 500"}, unheard{}},
		{"not tried yet", store.ReceiverState{Name: "tickets", Waiting: 3, Oldest: now.Add(-time.Hour)}, unheard{}},
		{"failed just now", store.ReceiverState{Name: "tickets", Failed: now, Problem: "it answered 500", Waiting: 3, Oldest: now.Add(-time.Minute)}, unheard{}},
		{
			"waits",
			store.ReceiverState{Name: "tickets", Failed: now, Problem: "it answered 500", Waiting: 3, Oldest: now.Add(-time.Hour)},
			unheard{Waits: "3 messages wait for the webhook tickets since 2026-06-15 11:00 (UTC).", Why: "it answered 500."},
		},
		{
			"given up",
			store.ReceiverState{Name: "tickets", GivenUp: 12, GaveUp: now.Add(-time.Hour), Why: "it answered 410 Gone", Sent: now},
			unheard{Lost: "12 changes were never told to the webhook tickets and given up, the last on 2026-06-15.", Why: "it answered 410 Gone."},
		},
		{"given up long ago", store.ReceiverState{Name: "tickets", GivenUp: 12, GaveUp: now.AddDate(0, -2, 0), Why: "it answered 410 Gone"}, unheard{}},
		{
			"both",
			store.ReceiverState{
				Name: store.MailReceiver, GivenUp: 1, GaveUp: now.Add(-time.Hour), Why: "no route to host", Failed: now, Problem: "connection refused", Waiting: 1, Oldest: now.Add(-time.Hour),
			},
			unheard{
				Lost:  "1 change was never told to anybody by mail and given up, the last on 2026-06-15.",
				Waits: "1 mail waits for the mail server since 2026-06-15 11:00 (UTC).", Why: "connection refused.",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, newUnheard(tt.state, now)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Whoever manages everything sees what was not told; the admin of one
// organization does not: what a mail server answers may be of another.
func TestUnheardByRole(t *testing.T) {
	now := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
	receivers := func(context.Context) ([]store.ReceiverState, error) {
		return []store.ReceiverState{{Name: "tickets", GivenUp: 2, GaveUp: now}}, nil
	}
	for grants, sees := range map[*login.Grants]int{
		{"": login.Admin}: 1, {"riverside-food-bank": login.Admin}: 0, {"": login.Editor}: 0, {}: 0,
	} {
		one := &server{now: func() time.Time { return now }, receivers: receivers, who: login.Principal{Grants: *grants}}
		if got, err := one.unheard(t.Context()); err != nil || len(got) != sees {
			t.Errorf("with %v %d are seen, error %v; want %d", *grants, len(got), err, sees)
		}
	}
}
