package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// severities are in the order of their weight.
var severities = []reconcile.Severity{reconcile.Info, reconcile.Warning, reconcile.Critical}

func (n *Notifier) rule() store.DigestRule {
	m := n.o.Settings.Mail
	least := slices.Index(severities, reconcile.Severity(m.Severity))
	return store.DigestRule{
		Slot: m.Weekly.last(n.o.Now()), OnChange: m.OnChange, Quiet: m.Quiet, Pause: m.Pause,
		Worth: func(x store.Notice) bool { return slices.Index(severities, x.Finding.Severity) >= least },
	}
}

// mails sends the mails that are due. It rests when the server itself is in
// trouble, so that each organization is not tried for it.
func (n *Notifier) mails(ctx context.Context, failures int) (more bool, rest time.Duration) {
	rule := n.rule()
	if err := n.o.Store.BeginDigests(ctx); err != nil {
		return false, n.trouble(ctx, "cannot begin with mails", store.MailReceiver, err, failures)
	}
	due, err := n.o.Store.DigestsDue(ctx, rule)
	if err != nil {
		return false, n.trouble(ctx, "cannot look for mails to send", store.MailReceiver, err, failures)
	}
	for _, o := range due {
		to := n.o.Settings.Mail.to(o)
		if len(to) == 0 {
			continue
		}
		if ctx.Err() != nil {
			return false, 0
		}
		if err := n.mail(ctx, o, to, rule); err != nil {
			return false, n.trouble(ctx, "cannot send mails, will try again", store.MailReceiver, err, failures)
		}
	}
	return false, 0
}

// mail sends the mail about one organization, if one is due. Its error is of the
// store or of the mail server, and would meet all other mails too.
func (n *Notifier) mail(ctx context.Context, o store.Organization, to []string, rule store.DigestRule) error {
	d, due, err := n.o.Store.ClaimDigest(ctx, o, rule, mailLease)
	if err != nil || !due {
		return err
	}
	// What was sent is noted although the collector stops: it would be sent again.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), mailLease)
	defer cancel()
	m, err := n.digest(ctx, d)
	if err != nil {
		return errors.Join(err, n.o.Store.DigestFailed(keep, d, d.Told, n.o.Now().Add(n.backoff(d.Attempts)), err.Error()))
	}
	if m.opened+m.settled == 0 && !d.Weekly || m.Well() && !n.o.Settings.Mail.AllIsWell {
		return n.o.Store.DigestSent(keep, d, false)
	}
	text, html, err := m.write()
	if err != nil {
		return errors.Join(err, n.o.Store.DigestFailed(keep, d, d.Told, n.o.Now().Add(n.backoff(d.Attempts)), err.Error()))
	}
	l := letter{subject: m.Subject(), text: text, html: html, attached: m.Attached, file: m.list}
	told := slices.Clone(d.Told)
	var never refused // of the last recipient that was, in this attempt
	sending, end := graceful(ctx)
	defer end()
	for _, recipient := range to {
		if slices.Contains(told, recipient) {
			continue
		}
		err := n.o.Settings.Mail.send(sending, recipient, l, n.o.Now())
		switch {
		case errors.As(err, &never):
			n.metrics.failed.WithLabelValues(store.MailReceiver).Inc()
			n.o.Log.ErrorContext(ctx, "the mail server refuses a recipient: correct the address", "organization", o.ID, "recipient", recipient, "error", err)
			continue
		case err != nil:
			n.metrics.failed.WithLabelValues(store.MailReceiver).Inc()
			err = fmt.Errorf("cannot send mail by %s: %w", n.o.Settings.Mail.Server, err)
			wait := n.backoff(d.Attempts)
			if sending.Err() != nil { // it is the collector that stops
				wait = 0
			}
			return errors.Join(err, n.o.Store.DigestFailed(keep, d, told, n.o.Now().Add(wait), err.Error()))
		default:
			n.metrics.sent.WithLabelValues(store.MailReceiver).Inc()
		}
		told = append(told, recipient)
	}
	if len(told) == 0 { // nobody is told: it waits, as for a server that is away
		return n.o.Store.DigestFailed(keep, d, told, n.o.Now().Add(n.backoff(d.Attempts)), fmt.Sprintf("%s refuses all recipients: %v", n.o.Settings.Mail.Server, never))
	}
	return n.o.Store.DigestSent(keep, d, true)
}

// digest reads what the mail is made from.
func (n *Notifier) digest(ctx context.Context, d store.Digest) (digest, error) {
	facts, err := n.o.Store.Facts(ctx, d.Organization.ID)
	if err != nil {
		return digest{}, err
	}
	facts.Now, facts.Settings = n.o.Now().UTC(), n.o.Judge()
	in := document.Input{Facts: facts}
	units, err := n.o.Store.Units(ctx, d.Organization.ID)
	if err != nil {
		return digest{}, err
	}
	for _, u := range units {
		in.Units = append(in.Units, u.Unit)
	}
	findings, err := n.o.Store.Findings(ctx, d.Organization.ID, true)
	if err != nil {
		return digest{}, err
	}
	acknowledged := map[int64]bool{}
	for _, f := range findings {
		in.Findings = append(in.Findings, document.Finding{Finding: f.Finding, Number: f.ID, Opened: contract.DateOf(f.Opened)})
		acknowledged[f.ID] = !f.Acknowledged.IsZero()
	}
	return newDigest(in, d, acknowledged, n.o.Settings.URL)
}
