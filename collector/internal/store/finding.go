package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// A Finding is a finding with its life.
type Finding struct {
	ID           int64
	Organization string
	reconcile.Finding
	Opened         time.Time
	Updated        time.Time // when what it says last changed
	Resolved       time.Time // zero while open
	Acknowledged   time.Time // zero while nobody has said "seen"
	AcknowledgedBy string
	Note           string // of whoever acknowledged it
}

const findingColumns = `id, organization, finding, opened, updated, resolved, acknowledged, acknowledged_by, acknowledged_note`

func scanFinding(scan func(...any) error, f *Finding) error {
	var raw string
	var opened, updated, resolved, acknowledged int64
	if err := scan(&f.ID, &f.Organization, &raw, &opened, &updated, &resolved, &acknowledged, &f.AcknowledgedBy, &f.Note); err != nil {
		return err
	}
	f.Opened, f.Updated, f.Resolved, f.Acknowledged = moment(opened), moment(updated), moment(resolved), moment(acknowledged)
	return decode(raw, &f.Finding)
}

// writeFindings brings the open findings in line with those of a result, and
// returns how many were opened and resolved. One that the result cannot tell of
// stays as it is.
func (s *Store) writeFindings(ctx context.Context, t *tx, org string, r reconcile.Result) (opened, resolved int, err error) {
	type known struct {
		id     int64
		key    string
		raw    string
		opened int64
	}
	rows, err := list(ctx, t, func(scan func(...any) error, k *known) error { return scan(&k.id, &k.key, &k.raw, &k.opened) },
		`SELECT id, finding_key, finding, opened FROM findings WHERE organization = $1 AND resolved = 0 ORDER BY id`, org)
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read open findings: %w", err)
	}
	open := make(map[string]known, len(rows))
	for _, k := range rows {
		open[k.key] = k
	}
	var changes []change
	written := make(map[string]bool, len(r.Findings))
	for _, f := range r.Findings {
		if written[f.Key] { // a mistake in a rule must not stop all others
			s.log.ErrorContext(ctx, "two findings have one key, the second is dropped", "organization", org, "key", f.Key)
			continue
		}
		written[f.Key] = true
		k, was := open[f.Key]
		c, err := writeFinding(ctx, t, org, f, k.id, k.raw)
		if err != nil {
			return 0, 0, fmt.Errorf("cannot save finding %s: %w", f.Key, err)
		}
		if !was {
			opened++
			k.opened = millis(t.now)
		}
		if c.Change != "" {
			c.opened = k.opened
			changes = append(changes, c)
		}
	}
	unproven := make(map[string]bool, len(r.Unproven))
	for _, key := range r.Unproven {
		unproven[key] = true
	}
	for _, k := range rows {
		if written[k.key] || unproven[k.key] {
			continue
		}
		if _, err := t.ExecContext(ctx, `UPDATE findings SET resolved = $1 WHERE id = $2`, millis(t.now), k.id); err != nil {
			return 0, 0, fmt.Errorf("cannot resolve finding %s: %w", k.key, err)
		}
		resolved++
		changes = append(changes, change{Change: FindingResolved, finding: k.id, key: k.key, content: k.raw, opened: k.opened})
	}
	return opened, resolved, s.notice(ctx, t, org, changes)
}

// writeFinding opens the finding when id is 0, and otherwise updates the open
// one where what it says differs. It returns what others are to be told of it,
// if anything.
func writeFinding(ctx context.Context, t *tx, org string, f reconcile.Finding, id int64, was string) (change, error) {
	raw, err := encode(f)
	if err != nil || raw == was {
		return change{}, err
	}
	c := change{finding: id, key: f.Key, content: raw}
	if id == 0 {
		c.Change = FindingOpened
		err = t.QueryRowContext(ctx, `INSERT INTO findings (organization, finding_key, kind, severity, site, finding, opened, updated)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id`, org, f.Key, string(f.Kind), string(f.Severity), f.Site, raw, millis(t.now)).Scan(&c.finding)
		return c, err
	}
	other, err := severityChanged(was, f)
	if err != nil {
		return change{}, err
	}
	if other {
		c.Change = FindingUpdated
	}
	_, err = t.ExecContext(ctx, `UPDATE findings SET kind = $1, severity = $2, site = $3, finding = $4, updated = $5 WHERE id = $6`,
		string(f.Kind), string(f.Severity), f.Site, raw, millis(t.now), id)
	return c, err
}

// Findings returns the findings of an organization, or of all for "": the open
// ones, or the resolved ones. They are in the order in which they were opened.
func (s *Store) Findings(ctx context.Context, org string, open bool) ([]Finding, error) {
	state := `resolved <> 0`
	if open {
		state = `resolved = 0`
	}
	all, err := listAll(ctx, s, scanFinding, `SELECT `+findingColumns+` FROM findings
		WHERE (organization = $1 OR $1 = '') AND `+state+` ORDER BY organization, opened, id`, s.reach(org))
	return keep(s, all, func(f Finding) string { return f.Organization }), err
}

// Finding returns one, open or resolved.
func (s *Store) Finding(ctx context.Context, id int64) (Finding, error) {
	var f Finding
	err := s.view(ctx, func(t *tx) error {
		return scanFinding(t.QueryRowContext(ctx, `SELECT `+findingColumns+` FROM findings WHERE id = $1`, id).Scan, &f)
	})
	if errors.Is(err, sql.ErrNoRows) || err == nil && !s.sees(f.Organization) {
		return Finding{}, fmt.Errorf("finding %d: %w", id, ErrNotFound)
	}
	return f, err
}

// Acknowledge notes that someone has seen an open finding of the organization,
// and what they say of it, which may be nothing. It stays acknowledged until it
// is resolved; one that comes back is new.
func (s *Store) Acknowledge(ctx context.Context, org string, id int64, by, note string) error {
	err := s.change(ctx, org, func(t *tx) error {
		by, err := checkName("author", by)
		if err != nil {
			return err
		}
		if note = inventory.CleanText(note); len(note) > maxReason {
			return fmt.Errorf("%w: the note is longer than %d bytes", ErrInvalid, maxReason)
		}
		if err := changeFinding(ctx, t, `UPDATE findings SET acknowledged = $1, acknowledged_by = $2, acknowledged_note = $3
			WHERE id = $4 AND organization = $5 AND resolved = 0`, millis(t.now), by, note, id, org); err != nil {
			return err
		}
		return t.audit(ctx, org, "finding.acknowledge", strconv.FormatInt(id, 10), detail{"author": by, "note": note})
	})
	if err != nil {
		return fmt.Errorf("cannot acknowledge open finding %d: %w", id, err)
	}
	return nil
}

// Unacknowledge takes back that someone has seen an open finding.
func (s *Store) Unacknowledge(ctx context.Context, org string, id int64) error {
	err := s.change(ctx, org, func(t *tx) error {
		if err := changeFinding(ctx, t, `UPDATE findings SET acknowledged = 0, acknowledged_by = '', acknowledged_note = ''
			WHERE id = $1 AND organization = $2 AND resolved = 0 AND acknowledged <> 0`, id, org); err != nil {
			return err
		}
		return t.audit(ctx, org, "finding.unacknowledge", strconv.FormatInt(id, 10), nil)
	})
	if err != nil {
		return fmt.Errorf("cannot take back that finding %d was acknowledged: %w", id, err)
	}
	return nil
}

// changeFinding runs a statement that has to change a finding. No verdict
// depends on it.
func changeFinding(ctx context.Context, t *tx, query string, args ...any) error {
	res, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}
