package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"rollcall/collector/internal/reconcile"
)

// MailReceiver is the receiver of notices that go into mails; all others are
// webhooks, by their names.
const MailReceiver = "mail"

// A Change is what became of a finding.
type Change string

// The changes. A finding that says the same in other words, such as fewer days
// left, has not changed for those who are told.
const (
	FindingOpened   Change = "opened"
	FindingUpdated  Change = "updated" // its severity is another one
	FindingResolved Change = "resolved"
)

// A Notice is a change of a finding that one receiver is to be told.
type Notice struct {
	ID       int64 // grows with time
	Receiver string
	Event    string // ID of the change, the same for all receivers and at each attempt
	Change   Change
	Noted    time.Time // when the change was saved
	Attempts int       // that failed
	Finding  Finding   // as it was then
}

// A change is a Change before it is saved.
type change struct {
	Change
	finding int64
	key     string
	content string // JSON of the finding
	opened  int64
}

// notice writes changes for whoever is to be told, in the transaction that
// makes them: a change is never saved without its notices, nor they without it.
func (s *Store) notice(ctx context.Context, t *tx, org string, changes []change) error {
	if s.receivers == nil || len(changes) == 0 {
		return nil
	}
	o := Organization{ID: org}
	if err := t.QueryRowContext(ctx, `SELECT name FROM organizations WHERE id = $1`, org).Scan(&o.Name); err != nil {
		return fmt.Errorf("cannot read who is to be told: %w", err)
	}
	receivers := s.receivers(o)
	if len(receivers) == 0 {
		return nil
	}
	insert, err := t.PrepareContext(ctx, `INSERT INTO notices (organization, receiver, event, change, finding, finding_key, content, opened, noted)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)
	if err != nil {
		return fmt.Errorf("cannot write what is to be told: %w", err)
	}
	defer func() { _ = insert.Close() }()
	for _, c := range changes {
		event := newEvent()
		for _, receiver := range receivers {
			if _, err := insert.ExecContext(ctx, org, receiver, event, string(c.Change), c.finding, c.key, c.content, c.opened, millis(t.now)); err != nil {
				return fmt.Errorf("cannot write what %s is to be told of finding %s: %w", receiver, c.key, err)
			}
		}
	}
	return nil
}

// newEvent is random, so that it is no other's even after a backup was restored.
func newEvent() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "evt_" + hex.EncodeToString(b[:])
}

const noticeColumns = `n.id, n.receiver, n.event, n.change, n.noted, n.attempts, n.finding, n.organization, n.content, n.opened`

func scanNotice(scan func(...any) error, n *Notice) error {
	var raw string
	var noted, opened int64
	if err := scan(&n.ID, &n.Receiver, &n.Event, &n.Change, &noted, &n.Attempts, &n.Finding.ID, &n.Finding.Organization, &raw, &opened); err != nil {
		return err
	}
	n.Noted, n.Finding.Opened, n.Finding.Updated = moment(noted), moment(opened), moment(noted)
	if n.Change == FindingResolved {
		n.Finding.Resolved = n.Noted
	}
	return decode(raw, &n.Finding.Finding)
}

// ClaimNotices returns notices that a receiver is to be told now, for the caller
// alone until the lease ends: the oldest first, of each finding none before those
// that came earlier were told or given up. The caller says how each ended with
// NoticesSent or NoticeFailed.
func (s *Store) ClaimNotices(ctx context.Context, receiver string, limit int, lease time.Duration) ([]Notice, error) {
	const next = ` FROM notices n WHERE n.receiver = $1 AND n.due <= $2 AND n.claimed <= $2 AND NOT EXISTS (SELECT 1 FROM notices e
		WHERE e.receiver = n.receiver AND e.organization = n.organization AND e.finding_key = n.finding_key AND e.id < n.id)`
	// Most of the time there is none, and that takes no turn among those who write.
	waiting, err := listAll(ctx, s, func(scan func(...any) error, id *int64) error { return scan(id) },
		`SELECT n.id`+next+` ORDER BY n.id LIMIT 1`, receiver, millis(s.clock()))
	if err != nil || len(waiting) == 0 {
		return nil, wrapNotices(receiver, err)
	}
	var claimed []Notice
	err = s.update(ctx, func(t *tx) error {
		claimed = nil
		found, err := list(ctx, t, scanNotice, `SELECT `+noticeColumns+next+` ORDER BY n.id LIMIT $3`, receiver, millis(t.now), limit)
		if err != nil {
			return err
		}
		for _, n := range found {
			res, err := t.ExecContext(ctx, `UPDATE notices SET claimed = $1 WHERE id = $2 AND claimed <= $3`, millis(t.now.Add(lease)), n.ID, millis(t.now))
			if err != nil {
				return err
			}
			if mine, err := res.RowsAffected(); err != nil {
				return err
			} else if mine == 1 { // and not of another process
				claimed = append(claimed, n)
			}
		}
		return nil
	})
	return claimed, wrapNotices(receiver, err)
}

func wrapNotices(receiver string, err error) error {
	if err != nil {
		return fmt.Errorf("cannot read what %s is to be told: %w", receiver, err)
	}
	return nil
}

// NoticesSent forgets notices that their receiver has taken.
func (s *Store) NoticesSent(ctx context.Context, receiver string, ids ...int64) error {
	err := s.update(ctx, func(t *tx) error {
		if err := forgetNotices(ctx, t, ids); err != nil {
			return err
		}
		return receiverSent(ctx, t, receiver)
	})
	if err != nil {
		return fmt.Errorf("cannot note what %s was told: %w", receiver, err)
	}
	return nil
}

func forgetNotices(ctx context.Context, t *tx, ids []int64) error {
	for _, id := range ids {
		if _, err := t.ExecContext(ctx, `DELETE FROM notices WHERE id = $1`, id); err != nil {
			return err
		}
	}
	return nil
}

func receiverSent(ctx context.Context, t *tx, receiver string) error {
	_, err := t.ExecContext(ctx, `INSERT INTO receivers (name, sent) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET sent = excluded.sent`, receiver, millis(t.now))
	return err
}

func receiverFailed(ctx context.Context, t *tx, receiver, problem string) error {
	_, err := t.ExecContext(ctx, `INSERT INTO receivers (name, failed, problem) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET failed = excluded.failed, problem = excluded.problem`, receiver, millis(t.now), shorten(problem, maxProblem))
	return err
}

// NoticeFailed notes that a receiver did not take a notice, and when to try
// again.
func (s *Store) NoticeFailed(ctx context.Context, receiver string, id int64, due time.Time, problem string) error {
	err := s.update(ctx, func(t *tx) error {
		if _, err := t.ExecContext(ctx, `UPDATE notices SET attempts = attempts + 1, due = $1, claimed = 0 WHERE id = $2`, millis(due), id); err != nil {
			return err
		}
		return receiverFailed(ctx, t, receiver, problem)
	})
	if err != nil {
		return fmt.Errorf("cannot note what %s did not take: %w", receiver, err)
	}
	return nil
}

// ReleaseNotices gives back notices that were claimed and not tried.
func (s *Store) ReleaseNotices(ctx context.Context, ids ...int64) error {
	err := s.update(ctx, func(t *tx) error {
		for _, id := range ids {
			if _, err := t.ExecContext(ctx, `UPDATE notices SET claimed = 0 WHERE id = $1`, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot give back what is to be told: %w", err)
	}
	return nil
}

// GiveUpNotices drops the notices that were noted before the time given and that
// their receiver did not take, and those of receivers that are not known any
// more. It returns how many of each receiver, and counts them.
func (s *Store) GiveUpNotices(ctx context.Context, before time.Time, known []string) (dropped map[string]int, err error) {
	type row struct {
		id       int64
		receiver string
		attempts int
	}
	// The time of a claim is not waited for where it ended long ago with its process.
	const old = ` FROM notices n WHERE n.noted < $1 AND n.claimed <= $2`
	scan := func(scan func(...any) error, r *row) error { return scan(&r.id, &r.receiver, &r.attempts) }
	found, err := listAll(ctx, s, scan, `SELECT n.id, n.receiver, n.attempts`+old+` LIMIT 1`, millis(before), millis(s.clock()))
	if err == nil && len(found) > 0 {
		err = s.update(ctx, func(t *tx) error {
			dropped = map[string]int{}
			found, err := list(ctx, t, scan, `SELECT n.id, n.receiver, n.attempts`+old, millis(before), millis(t.now))
			if err != nil {
				return err
			}
			for _, r := range found {
				// One that was never tried waited for others, or the collector was off.
				if r.attempts == 0 && slices.Contains(known, r.receiver) {
					continue
				}
				if err := forgetNotices(ctx, t, []int64{r.id}); err != nil {
					return err
				}
				dropped[r.receiver]++
			}
			for receiver, n := range dropped {
				if _, err := t.ExecContext(ctx, `INSERT INTO receivers (name, given_up, gave_up) VALUES ($1, $2, $3)
					ON CONFLICT (name) DO UPDATE SET given_up = receivers.given_up + excluded.given_up, gave_up = excluded.gave_up, gave_up_for = receivers.problem`,
					receiver, n, millis(t.now)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("cannot give up what was not told: %w", err)
	}
	return dropped, nil
}

// A ReceiverState tells how it stands with a receiver.
type ReceiverState struct {
	Name    string
	Sent    time.Time // when the last message was; zero for never
	Failed  time.Time // when the last attempt did
	Problem string    // of that attempt
	GivenUp int       // changes that were never told
	GaveUp  time.Time // when the last of these were given up; zero for never
	Why     string    // the problem of the attempts before that; "" when none was made
	Waiting int       // messages that are to be sent; mails that could not be sent
	Oldest  time.Time // since when the first of these waits
}

// Receivers returns how it stands with those receivers that have or had anything
// to be told, by name.
func (s *Store) Receivers(ctx context.Context) (all []ReceiverState, err error) {
	type waits struct {
		name   string
		n      int
		oldest int64
	}
	err = s.view(ctx, func(t *tx) error {
		all, err = list(ctx, t, func(scan func(...any) error, r *ReceiverState) error {
			var sent, failed, gaveUp int64
			err := scan(&r.Name, &sent, &failed, &r.Problem, &r.GivenUp, &gaveUp, &r.Why)
			r.Sent, r.Failed, r.GaveUp = moment(sent), moment(failed), moment(gaveUp)
			return err
		}, `SELECT name, sent, failed, problem, given_up, gave_up, gave_up_for FROM receivers`)
		if err != nil {
			return err
		}
		waiting, err := list(ctx, t, func(scan func(...any) error, w *waits) error { return scan(&w.name, &w.n, &w.oldest) },
			`SELECT receiver, COUNT(*), MIN(noted) FROM notices WHERE receiver <> $1 GROUP BY receiver
			UNION ALL SELECT $1, COUNT(*), MIN(failing) FROM digests WHERE failing > 0 HAVING COUNT(*) > 0`, MailReceiver)
		for _, w := range waiting {
			i := slices.IndexFunc(all, func(r ReceiverState) bool { return r.Name == w.name })
			if i < 0 {
				i = len(all)
				all = append(all, ReceiverState{Name: w.name})
			}
			all[i].Waiting, all[i].Oldest = w.n, moment(w.oldest)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read how it stands with receivers: %w", err)
	}
	slices.SortFunc(all, func(a, b ReceiverState) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// severityChanged says that a finding has another severity than before, in JSON.
func severityChanged(before string, f reconcile.Finding) (bool, error) {
	var was reconcile.Finding
	if err := decode(before, &was); err != nil {
		return false, err
	}
	return was.Severity != f.Severity, nil
}
