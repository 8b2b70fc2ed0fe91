package store

import (
	"context"
	"fmt"
	"time"
)

// A DigestRule says when mails are due.
type DigestRule struct {
	// Slot is the last moment at which weekly mails were due; zero for none.
	Slot time.Time
	// OnChange is whether changes are mailed before the week has passed: when
	// nothing more came for Quiet, or for four times as long at most, and Pause
	// after the mail before at the earliest.
	OnChange     bool
	Quiet, Pause time.Duration
	// Worth says which changes are worth a mail before the week has passed.
	Worth func(Notice) bool
}

// quietFactor is how many times Quiet changes that do not end are waited for.
const quietFactor = 4

// A Digest is what one mail to an organization tells.
type Digest struct {
	Organization Organization
	Weekly       bool // it is the weekly one
	Attempts     int  // that failed
	Told         []string
	Notices      []Notice // changes since the mail before, oldest first

	claimed time.Time // when
}

// BeginDigests makes organizations known that have no mail yet: their weekly one
// is due at the next slot.
func (s *Store) BeginDigests(ctx context.Context) error {
	const missing = ` FROM organizations o WHERE NOT EXISTS (SELECT 1 FROM digests d WHERE d.organization = o.id)`
	found, err := listAll(ctx, s, scanString, `SELECT o.id`+missing+` LIMIT 1`)
	if err == nil && len(found) > 0 {
		err = s.update(ctx, func(t *tx) error {
			now := millis(t.now)
			_, err := t.ExecContext(ctx, `INSERT INTO digests (organization, weekly) SELECT o.id, CAST($1 AS BIGINT)`+missing+` ON CONFLICT DO NOTHING`, now)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("cannot begin with mails: %w", err)
	}
	return nil
}

// DigestsDue returns the organizations that may be due for a mail, those that
// wait longest first. ClaimDigest decides.
func (s *Store) DigestsDue(ctx context.Context, r DigestRule) ([]Organization, error) {
	all, err := listAll(ctx, s, func(scan func(...any) error, o *Organization) error { return scan(&o.ID, &o.Name) },
		`SELECT o.id, o.name FROM digests d JOIN organizations o ON o.id = d.organization WHERE d.due <= $1 AND d.claimed <= $1
		AND (d.weekly < $2 OR $3 = 1 AND EXISTS (SELECT 1 FROM notices n WHERE n.receiver = $4 AND n.organization = d.organization))
		ORDER BY d.sent, d.organization`, millis(s.clock()), millis(r.Slot), number(r.OnChange), MailReceiver)
	if err != nil {
		return nil, fmt.Errorf("cannot find who is due for a mail: %w", err)
	}
	return all, nil
}

// ClaimDigest returns what the mail to an organization is to tell, for the
// caller alone until the lease ends, and false when none is due. The caller says
// how it ended with DigestSent or DigestFailed.
func (s *Store) ClaimDigest(ctx context.Context, o Organization, r DigestRule, lease time.Duration) (d Digest, due bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		d, due = Digest{Organization: o, claimed: t.now}, false
		now := millis(t.now)
		res, err := t.ExecContext(ctx, `UPDATE digests SET claimed = $1 WHERE organization = $2 AND claimed <= $3 AND due <= $3`, millis(t.now.Add(lease)), o.ID, now)
		if err != nil {
			return err
		}
		if mine, err := res.RowsAffected(); err != nil || mine == 0 {
			return err
		}
		var weekly, sent int64
		var told string
		if err := t.QueryRowContext(ctx, `SELECT weekly, sent, attempts, told FROM digests WHERE organization = $1`, o.ID).
			Scan(&weekly, &sent, &d.Attempts, &told); err != nil {
			return err
		}
		if err := decode(told, &d.Told); err != nil {
			return err
		}
		if d.Notices, err = list(ctx, t, scanNotice, `SELECT `+noticeColumns+` FROM notices n WHERE n.receiver = $1 AND n.organization = $2 ORDER BY n.id`,
			MailReceiver, o.ID); err != nil {
			return err
		}
		d.Weekly = weekly < millis(r.Slot)
		due = d.Weekly || r.OnChange && r.settled(d.Notices, t.now, moment(sent))
		if !due {
			_, err = t.ExecContext(ctx, `UPDATE digests SET claimed = 0 WHERE organization = $1`, o.ID)
		}
		return err
	})
	if err != nil {
		return Digest{}, false, fmt.Errorf("cannot read what the mail to organization %q is to tell: %w", o.ID, err)
	}
	return d, due, nil
}

// settled says that changes are worth a mail and have come to rest.
func (r DigestRule) settled(notices []Notice, now, sent time.Time) bool {
	var first, last time.Time
	for _, n := range notices {
		if r.Worth != nil && !r.Worth(n) {
			continue
		}
		if first.IsZero() {
			first = n.Noted
		}
		last = n.Noted
	}
	return !first.IsZero() && (now.Sub(last) >= r.Quiet || now.Sub(first) >= quietFactor*r.Quiet) && now.Sub(sent) >= r.Pause
}

// DigestSent settles a digest that was mailed, or that had nothing to tell. Only
// what it told is forgotten.
func (s *Store) DigestSent(ctx context.Context, d Digest, mailed bool) error {
	err := s.update(ctx, func(t *tx) error {
		ids := make([]int64, len(d.Notices))
		for i, n := range d.Notices {
			ids[i] = n.ID
		}
		if err := forgetNotices(ctx, t, ids); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE digests SET weekly = CASE WHEN $1 = 1 THEN $2 ELSE weekly END, sent = CASE WHEN $3 = 1 THEN $4 ELSE sent END,
			claimed = 0, due = 0, attempts = 0, failing = 0, told = '[]' WHERE organization = $5`,
			number(d.Weekly), millis(d.claimed), number(mailed), millis(t.now), d.Organization.ID); err != nil || !mailed {
			return err
		}
		return receiverSent(ctx, t, MailReceiver)
	})
	if err != nil {
		return fmt.Errorf("cannot note the mail to organization %q: %w", d.Organization.ID, err)
	}
	return nil
}

// DigestFailed notes that a digest did not reach everyone, who has it
// nevertheless, and when to try again.
func (s *Store) DigestFailed(ctx context.Context, d Digest, told []string, due time.Time, problem string) error {
	err := s.update(ctx, func(t *tx) error {
		raw, err := encode(told)
		if err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE digests SET attempts = attempts + 1, failing = CASE WHEN failing = 0 THEN $1 ELSE failing END, due = $2, claimed = 0,
			told = $3 WHERE organization = $4`, millis(t.now), millis(due), raw, d.Organization.ID); err != nil {
			return err
		}
		for _, n := range d.Notices {
			if _, err := t.ExecContext(ctx, `UPDATE notices SET attempts = attempts + 1 WHERE id = $1`, n.ID); err != nil {
				return err
			}
		}
		return receiverFailed(ctx, t, MailReceiver, problem)
	})
	if err != nil {
		return fmt.Errorf("cannot note the mail that organization %q did not get: %w", d.Organization.ID, err)
	}
	return nil
}
