package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"rollcall/pkg/inventory"
)

// An AuditEntry says who did what that changes a verdict, a credential or a
// right. Entries are never changed or deleted, and each has the hash of the one
// before it.
type AuditEntry struct {
	Seq          int64           `json:"seq"` // 1, 2, 3 … without a gap
	At           time.Time       `json:"at"`
	Organization string          `json:"organization"` // ID; "" for what is of none or of all
	Actor        string          `json:"actor"`
	Action       string          `json:"action"`  // such as "declaration.save"
	Subject      string          `json:"subject"` // what it was done to
	Detail       json.RawMessage `json:"detail"`  // an object of what there is to know; never a secret
	Previous     string          `json:"previous"`
	Hash         string          `json:"hash"`
}

// collectorActor is who does what nobody asked for.
const collectorActor = "collector"

// sum is the hash of an entry: SHA-256 of its fields as a JSON array, the hash
// of the one before among them. An array of strings has one writing only.
func (e AuditEntry) sum() (string, error) {
	raw, err := json.Marshal([]string{
		strconv.FormatInt(e.Seq, 10), strconv.FormatInt(millis(e.At), 10), e.Organization, e.Actor, e.Action, e.Subject, string(e.Detail), e.Previous,
	})
	if err != nil {
		return "", fmt.Errorf("cannot encode an entry of the audit log: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// maxAudited bounds what one entry lists.
const maxAudited = 100

// A detail is what there is to know of an entry of the audit log.
type detail map[string]any

// audit writes an entry within the transaction of what it tells, so there is
// never one without the other. Whoever calls it first in a transaction holds the
// log until the transaction ends.
func (t *tx) audit(ctx context.Context, org, action, subject string, d detail) error {
	if d == nil {
		d = detail{}
	}
	raw, err := json.Marshal(d) // keys are sorted
	if err != nil {
		return fmt.Errorf("cannot encode what is written into the audit log: %w", err)
	}
	e := AuditEntry{At: t.now, Organization: org, Actor: t.actor, Action: action, Subject: inventory.CleanText(subject), Detail: raw}
	if e.Actor == "" {
		e.Actor = collectorActor
	}
	if err := t.QueryRowContext(ctx, `UPDATE audit_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash`).Scan(&e.Seq, &e.Previous); err != nil {
		return fmt.Errorf("cannot write the audit log: %w", err)
	}
	if e.Hash, err = e.sum(); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO audit (seq, at, organization, actor, action, subject, detail, previous, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, e.Seq, millis(e.At), e.Organization, e.Actor, e.Action, e.Subject, string(e.Detail), e.Previous, e.Hash); err != nil {
		return fmt.Errorf("cannot write the audit log: %w", err)
	}
	if _, err := t.ExecContext(ctx, `UPDATE audit_head SET hash = $1 WHERE id = 1`, e.Hash); err != nil {
		return fmt.Errorf("cannot write the audit log: %w", err)
	}
	return nil
}

// Audit writes an entry about what is not kept in the database, such as a failed
// login or the settings at a start.
func (s *Store) Audit(ctx context.Context, org, action, subject string, d map[string]any) error {
	return s.update(ctx, func(t *tx) error { return t.audit(ctx, org, action, subject, d) })
}

const auditColumns = `seq, at, organization, actor, action, subject, detail, previous, hash`

func scanAudit(scan func(...any) error, e *AuditEntry) error {
	var at int64
	var raw string
	err := scan(&e.Seq, &at, &e.Organization, &e.Actor, &e.Action, &e.Subject, &raw, &e.Previous, &e.Hash)
	e.At, e.Detail = moment(at), json.RawMessage(raw)
	return err
}

// AuditLog returns the newest entries below the number given, 0 for all, newest
// first, and at most limit; of an organization, or of everything for "".
func (s *Store) AuditLog(ctx context.Context, org string, below int64, limit int) ([]AuditEntry, error) {
	if s.scope != nil && !s.sees(s.reach(org)) {
		return nil, fmt.Errorf("the audit log of organization %q: %w", org, ErrNotFound)
	}
	return listAll(ctx, s, scanAudit, `SELECT `+auditColumns+` FROM audit WHERE (organization = $1 OR $1 = '') AND (seq < $2 OR $2 = 0)
		ORDER BY seq DESC LIMIT $3`, s.reach(org), below, limit)
}

// AuditHead is the number and the hash of the newest entry. Whoever writes them
// down elsewhere can prove later that none was cut off.
func (s *Store) AuditHead(ctx context.Context) (seq int64, hash string, err error) {
	err = s.view(ctx, func(t *tx) error {
		return t.QueryRowContext(ctx, `SELECT seq, hash FROM audit_head WHERE id = 1`).Scan(&seq, &hash)
	})
	return seq, hash, err
}

// auditBatch is how many entries are in memory at once.
const auditBatch = 1000

// ReadAudit gives do each entry, oldest first, of one organization or of all for
// "".
func (s *Store) ReadAudit(ctx context.Context, org string, do func(AuditEntry) error) error {
	if s.scope != nil && !s.sees(s.reach(org)) {
		return fmt.Errorf("the audit log of organization %q: %w", org, ErrNotFound)
	}
	org = s.reach(org)
	for after := int64(0); ; {
		batch, err := listAll(ctx, s, scanAudit, `SELECT `+auditColumns+` FROM audit WHERE (organization = $1 OR $1 = '') AND seq > $2
			ORDER BY seq LIMIT $3`, org, after, auditBatch)
		if err != nil {
			return fmt.Errorf("cannot read the audit log: %w", err)
		}
		for _, e := range batch {
			if err := do(e); err != nil {
				return err
			}
			after = e.Seq
		}
		if len(batch) < auditBatch {
			return nil
		}
	}
}

// ErrBroken is the kind of error of an audit log that somebody changed outside
// this program.
var ErrBroken = errors.New("broken")

// CheckAudit returns how many entries the log has, and an error that names the
// first one that was changed, is missing or does not follow the one before.
func (s *Store) CheckAudit(ctx context.Context) (entries int64, err error) {
	// The head first: entries that are written meanwhile are beyond it.
	head, headHash, err := s.AuditHead(ctx)
	if err != nil {
		return 0, fmt.Errorf("cannot read the audit log: %w", err)
	}
	previous, atHead := "", ""
	broken := func(seq int64, why string) error {
		return fmt.Errorf("the audit log is %w at entry %d: %s", ErrBroken, seq, why)
	}
	err = s.ReadAudit(ctx, "", func(e AuditEntry) error {
		sum, err := e.sum()
		switch {
		case err != nil:
			return err
		case e.Seq != entries+1:
			return broken(entries+1, fmt.Sprintf("it is missing: entry %d follows", e.Seq))
		case e.Previous != previous:
			return broken(e.Seq, "it does not follow the one before")
		case sum != e.Hash:
			return broken(e.Seq, "it was changed")
		}
		entries, previous = e.Seq, e.Hash
		if e.Seq == head {
			atHead = e.Hash
		}
		return nil
	})
	if err == nil && entries < head {
		err = broken(entries+1, fmt.Sprintf("it is missing: %d entries were written", head))
	}
	if err == nil && atHead != headHash {
		err = broken(head, "it is not the one that was written last")
	}
	return entries, err
}
