package notify_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/notify"
	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
)

// mailSettings mail of changes after ten minutes and every Monday at seven.
func mailSettings(b *mailbox, way string) notify.Mail {
	return notify.Mail{
		Server: b.addr, TLS: way, CAFile: b.caFile, From: "rollcall@example.org", Username: mailUser, Password: config.Plain(mailPassword),
		To: []string{"volunteer@example.org"}, Weekly: notify.Weekly{Day: time.Monday, Hour: 7, Zone: time.UTC}, AllIsWell: true, OnChange: true,
		Severity: "warning", Quiet: 10 * time.Minute, Pause: time.Hour,
	}
}

// One bad import is one mail, what was mended before it is none, and the week has
// one.
func TestMails(t *testing.T) {
	for _, way := range []string{notify.StartTLS, notify.TLS} {
		t.Run(way, func(t *testing.T) {
			b := startMailbox(t, way == notify.TLS)
			w := newWorld(t, notify.Settings{URL: "https://rollcall.example.org", Mail: mailSettings(b, way)})
			w.run()
			w.begun()
			w.save(w.org, findings("x", 100)...)
			w.advance(time.Minute)
			w.save(w.org, append(findings("x", 100), findings("y", 1)...)...)
			w.advance(10 * time.Minute)
			got := b.wait(t, 1)
			if got[0].Subject != "Riverside Food Bank: 101 new things to look at" || got[0].To != "volunteer@example.org" || !got[0].Encrypted ||
				got[0].Header.Get("From") != `"Rollcall" <rollcall@example.org>` || got[0].Header.Get("Auto-Submitted") != "auto-generated" {
				t.Errorf("letter %q to %s from %s, encrypted %t, %v", got[0].Subject, got[0].To, got[0].Header.Get("From"), got[0].Encrypted, got[0].Header)
			}
			for _, body := range []string{got[0].Text, got[0].HTML} {
				if !strings.Contains(body, "On no contract") || !strings.Contains(body, "(101)") || !strings.Contains(body, "and 93 more") ||
					!strings.Contains(body, "https://rollcall.example.org/findings/1") {
					t.Errorf("the body is\n%s", body)
				}
			}
			w.mailed()
			// The import is undone, and done again within the quiet: nobody is told.
			w.advance(2 * time.Hour)
			w.save(w.org)
			w.save(w.org, append(findings("x", 100), findings("y", 1)...)...)
			w.advance(time.Hour)
			w.settledMails()
			w.save(w.org, findings("y", 1)...)
			w.advance(time.Hour)
			got = b.wait(t, 2)
			if got[1].Subject != "Riverside Food Bank: 100 settled" {
				t.Errorf("subject %q", got[1].Subject)
			}
			w.mailed()
			// Not while a round is under way, for which it is still Friday.
			w.stop()
			w.registry = prometheus.NewRegistry()
			w.save(w.org)
			w.ms.Store(time.Date(2026, 1, 5, 7, 0, 0, 0, time.UTC).UnixMilli())
			w.run()
			got = b.wait(t, 3)
			if got[2].Subject != "Riverside Food Bank: 1 settled" || !strings.Contains(got[2].Text, "once a week") {
				t.Errorf("the weekly mail is %q\n%s", got[2].Subject, got[2].Text)
			}
			w.mailed()
			w.advance(7 * 24 * time.Hour)
			got = b.wait(t, 4)
			if got[3].Subject != "Riverside Food Bank: all is well" || !strings.Contains(got[3].Text, "There is nothing to do.") {
				t.Errorf("the mail of a week without change is %q\n%s", got[3].Subject, got[3].Text)
			}
			w.mailed()
			w.stop()
			if n := len(b.all()); n != 4 {
				t.Errorf("%d letters", n)
			}
			if strings.Contains(w.log.String(), mailPassword) {
				t.Error("the log shows the password")
			}
		})
	}
}

// begun waits until mails have begun for all organizations.
func (w *world) begun() {
	w.t.Helper()
	if err := w.store.BeginDigests(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// mailed waits until a mail is noted as sent, at the time that the clock shows.
func (w *world) mailed() store.ReceiverState {
	w.t.Helper()
	return w.state(store.MailReceiver, func(r store.ReceiverState) bool { return r.Sent.Equal(w.now()) })
}

// settledMails waits until no mail is due any more.
func (w *world) settledMails() {
	w.t.Helper()
	m := w.settings.Mail
	rule := store.DigestRule{Slot: lastMonday(w.now()), OnChange: m.OnChange, Quiet: m.Quiet, Pause: m.Pause}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		due, err := w.store.DigestsDue(ctx, rule)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(due) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("mails are still due to %v", due)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func lastMonday(now time.Time) time.Time {
	at := time.Date(2026, 1, 5, 7, 0, 0, 0, time.UTC)
	if now.Before(at) {
		return at.Add(-7 * 24 * time.Hour)
	}
	return at.Add(now.Sub(at).Truncate(7 * 24 * time.Hour))
}

// Each organization has its own recipients. One address that is refused, or for
// now, keeps nothing from the others, and nobody gets a mail twice for it.
func TestMailRecipients(t *testing.T) {
	b := startMailbox(t, false)
	s := mailSettings(b, notify.StartTLS)
	s.To = []string{"everyone@example.org"}
	s.Recipients = []notify.Recipients{
		{Organization: "Riverside Food Bank", To: []string{"gone@example.org", "a@example.org", "busy@example.org", "b@example.org"}}, {Organization: "quiet-house", To: nil},
	}
	busy := true
	b.refuse = func(to string) error {
		switch {
		case to == "gone@example.org":
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
		case to == "busy@example.org" && busy:
			busy = false
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "come back later"}
		}
		return nil
	}
	w := newWorld(t, notify.Settings{Mail: s})
	harbor, quiet := w.organization("Harbor School"), w.organization("Quiet House")
	w.begun()
	for _, o := range []store.Organization{w.org, harbor, quiet} {
		w.save(o, finding("a"))
	}
	w.advance(10 * time.Minute)
	w.run()
	if r := w.state(store.MailReceiver, func(r store.ReceiverState) bool { return !r.Failed.IsZero() }); !strings.Contains(r.Problem, "come back later") || r.Waiting != 1 {
		t.Errorf("state %+v", r)
	}
	w.advance(time.Minute)
	got := b.wait(t, 4)
	w.mailed()
	w.stop()
	var to []string
	for _, l := range got {
		to = append(to, strings.Fields(l.Subject)[0]+" "+l.To)
	}
	slices.Sort(to)
	if diff := cmp.Diff([]string{"Harbor everyone@example.org", "Riverside a@example.org", "Riverside b@example.org", "Riverside busy@example.org"}, to); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
	if !strings.Contains(w.log.String(), "recipient=gone@example.org") {
		t.Errorf("the log does not name the address that is refused:\n%s", w.log)
	}
}

// Where all recipients are refused nobody is told: the mail waits, is seen to
// wait, and comes once one of them is taken. Mails about others go on.
func TestMailRefused(t *testing.T) {
	b := startMailbox(t, false)
	var taken atomic.Bool
	b.refuse = func(to string) error {
		if to == "gone@example.org" && !taken.Load() {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
		}
		return nil
	}
	s := mailSettings(b, notify.StartTLS)
	s.To = []string{"gone@example.org"}
	s.Recipients = []notify.Recipients{{Organization: "Harbor School", To: []string{"harbor@example.org"}}}
	w := newWorld(t, notify.Settings{Mail: s})
	harbor := w.organization("Harbor School")
	w.begun()
	w.save(w.org, finding("a"))
	w.save(harbor, finding("a"))
	w.advance(10 * time.Minute)
	w.run()
	if got := b.wait(t, 1); got[0].To != "harbor@example.org" {
		t.Errorf("a mail to %s, want that about the other organization", got[0].To)
	}
	if r := w.state(store.MailReceiver, func(r store.ReceiverState) bool { return r.Waiting == 1 }); !strings.Contains(r.Problem, "refuses all recipients") || !strings.Contains(r.Problem, "no such user") {
		t.Errorf("state %+v", r)
	}
	taken.Store(true)
	w.advance(15 * time.Minute)
	if got := b.wait(t, 2); got[1].To != "gone@example.org" {
		t.Errorf("a mail to %s, want that which waited", got[1].To)
	}
	if r := w.mailed(); r.Waiting != 0 {
		t.Errorf("state %+v", r)
	}
}

// A server that is away, does not know the password or has another certificate is
// said to be so; the mail comes when it is back, and is one.
func TestMailServerTrouble(t *testing.T) {
	b := startMailbox(t, false)
	tests := []struct {
		name string
		set  func(*notify.Mail)
		want string
	}{
		{"away", func(m *notify.Mail) { m.Server = "127.0.0.1:1" }, "connection refused"},
		{"password", func(m *notify.Mail) { m.Password = config.Plain("wrong") }, "535"},
		{"certificate", func(m *notify.Mail) { m.CAFile = "" }, "certificate"},
		{"no TLS there", func(m *notify.Mail) { m.TLS = notify.TLS }, "tls:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := mailSettings(b, notify.StartTLS)
			tt.set(&s)
			w := newWorld(t, notify.Settings{Mail: s})
			w.begun()
			w.save(w.org, finding("a"))
			w.advance(10 * time.Minute)
			w.run()
			r := w.state(store.MailReceiver, func(r store.ReceiverState) bool { return r.Waiting == 1 })
			if !strings.Contains(r.Problem, tt.want) || strings.Contains(r.Problem+w.log.String(), mailPassword) {
				t.Errorf("problem %q, want one with %q", r.Problem, tt.want)
			}
			if got := notify.Try(t.Context(), w.settings, "1", false); len(got) != 1 || got[0].Err == nil || !strings.Contains(got[0].Err.Error(), tt.want) {
				t.Errorf("a trial says %+v", got)
			}
			w.stop()
			before := len(b.all())
			w.settings.Mail = mailSettings(b, notify.StartTLS)
			w.registry = prometheus.NewRegistry()
			w.advance(time.Minute)
			w.run()
			b.wait(t, before+1)
			if r := w.mailed(); r.Waiting != 0 {
				t.Errorf("state %+v", r)
			}
			w.stop()
			if n := len(b.all()); n != before+1 {
				t.Errorf("%d letters, want one", n-before)
			}
		})
	}
}
