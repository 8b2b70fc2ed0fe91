package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// A SupportAPI is one of Cisco's Support APIs.
type SupportAPI string

// The APIs, by what they are asked for.
const (
	CoverageAPI SupportAPI = "coverage" // SN2Info, by serial number
	EoXAPI      SupportAPI = "eox"      // by product
	RMAAPI      SupportAPI = "rma"      // by RMA number, or by user
)

// RMAUser begins the subject of the question for all RMAs of a user.
const RMAUser = "user:"

// maxProblem bounds the text of a failure that is kept, in bytes.
const maxProblem = 500

var (
	// askedSerial and askedPID are what may stand in the path of a question.
	askedSerial = regexp.MustCompile(`^[A-Z0-9][A-Z0-9._/+-]{3,39}$`)
	askedPID    = regexp.MustCompile(`^[A-Z0-9][A-Z0-9._/+-]{1,39}$`)
	askedRMA    = regexp.MustCompile(`^[A-Za-z0-9-]{1,30}$`)
)

// SupportDue returns the subjects that an API is to be asked for an
// organization, those never asked first and then the longest due, and how many
// there are in all. Of RMAs the users given are asked for too.
func (s *Store) SupportDue(ctx context.Context, org string, api SupportAPI, users []string, limit int) (due []string, all int, err error) {
	type state struct {
		subject string
		due     int64
	}
	var wanted []state
	err = s.viewOf(ctx, org, func(t *tx) error {
		subjects, err := supportSubjects(ctx, t, org, api, users)
		if err != nil || len(subjects) == 0 {
			return err
		}
		known := map[string]int64{}
		states, err := list(ctx, t, func(scan func(...any) error, x *state) error { return scan(&x.subject, &x.due) },
			`SELECT subject, due FROM support_answers WHERE organization = $1 AND api = $2`, org, string(api))
		if err != nil {
			return err
		}
		for _, x := range states {
			known[x.subject] = x.due
		}
		for subject := range subjects {
			if at := known[subject]; at <= millis(t.now) {
				wanted = append(wanted, state{subject, at})
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("cannot find what to ask for organization %q: %w", org, err)
	}
	slices.SortFunc(wanted, func(a, b state) int { return cmp.Or(cmp.Compare(a.due, b.due), strings.Compare(a.subject, b.subject)) })
	for _, x := range wanted[:min(len(wanted), limit)] {
		due = append(due, x.subject)
	}
	return due, len(wanted), nil
}

// supportSubjects are the subjects of an organization that an API can be asked
// for, whether they are due or not.
func supportSubjects(ctx context.Context, t *tx, org string, api SupportAPI, users []string) (map[string]bool, error) {
	subjects := map[string]bool{}
	if api == RMAAPI {
		for _, u := range users {
			subjects[RMAUser+u] = true
		}
		recorded, err := entries[contract.RMA](ctx, t, org, RMAImport)
		if err != nil {
			return nil, err
		}
		for _, r := range recorded {
			if (r.NewSerial == "" || r.ReturnBy == "") && askedRMA.MatchString(r.RMANumber) {
				subjects[r.RMANumber] = true
			}
		}
		return subjects, nil
	}
	units, err := list(ctx, t, func(scan func(...any) error, u *reconcile.Unit) error { return scanJSON(scan, u) },
		`SELECT unit FROM units WHERE organization = $1`, org)
	if err != nil {
		return nil, err
	}
	for _, u := range units {
		if u.Coverage == reconcile.Ineligible && (u.Reason == reconcile.Virtual || u.Reason == reconcile.Linksys || u.Reason == reconcile.ThirdParty) {
			continue
		}
		if pid := inventory.MatchPID(u.PID); api == EoXAPI && askedPID.MatchString(pid) {
			subjects[pid] = true
		}
		serial := inventory.CleanSerial(u.Serial)
		if api == CoverageAPI && u.Coverage != reconcile.UnknownSerial && askedSerial.MatchString(serial) && !inventory.IsIMEI(serial) {
			subjects[serial] = true
		}
	}
	return subjects, nil
}

// A SupportAnswer is what an API answered for one subject.
type SupportAnswer struct {
	Subject  string
	Answered time.Time // zero is now
	Due      time.Time // when to ask again
	// Content is a contract.Lookup, a contract.Product or a []contract.RMA, as
	// the API has it.
	Content any
}

// SaveSupport keeps answers in the place of those before, and marks the
// organization as changed when verdicts may depend on them.
func (s *Store) SaveSupport(ctx context.Context, org, account string, api SupportAPI, answers []SupportAnswer) error {
	err := s.change(ctx, org, func(t *tx) error {
		if err := organizationExists(ctx, t, org); err != nil {
			return err
		}
		// The age of coverage counts by itself.
		changed := api == CoverageAPI && len(answers) > 0
		for _, a := range answers {
			raw, err := encode(a.Content)
			if err != nil {
				return err
			}
			if a.Answered.IsZero() {
				a.Answered = t.now
			}
			var before string
			err = t.QueryRowContext(ctx, `SELECT answer FROM support_answers WHERE organization = $1 AND api = $2 AND subject = $3`,
				org, string(api), a.Subject).Scan(&before)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			changed = changed || before != raw
			if _, err := t.ExecContext(ctx, `INSERT INTO support_answers (organization, api, subject, account, answered, due, problem, answer)
				VALUES ($1, $2, $3, $4, $5, $6, '', $7) ON CONFLICT (organization, api, subject) DO UPDATE SET account = excluded.account,
				answered = excluded.answered, due = excluded.due, problem = '', answer = excluded.answer`,
				org, string(api), a.Subject, account, millis(a.Answered), millis(a.Due), raw); err != nil {
				return err
			}
		}
		if !changed {
			return nil
		}
		if err := markChanged(ctx, t, org); err != nil {
			return err
		}
		return t.audit(ctx, org, "support_api.answers", string(api), detail{"answers": len(answers), "account": account})
	})
	if err != nil {
		return fmt.Errorf("cannot save answers of the %s API for organization %q: %w", api, org, err)
	}
	return nil
}

// DelaySupport notes that an API could not be asked for the subjects, and when
// to try again. What it answered before stays as it is, and no verdict changes.
func (s *Store) DelaySupport(ctx context.Context, org, account string, api SupportAPI, subjects []string, due time.Time, problem string) error {
	err := s.change(ctx, org, func(t *tx) error {
		if err := organizationExists(ctx, t, org); err != nil {
			return err
		}
		for _, subject := range subjects {
			if _, err := t.ExecContext(ctx, `INSERT INTO support_answers (organization, api, subject, account, answered, due, problem, answer)
				VALUES ($1, $2, $3, $4, 0, $5, $6, '') ON CONFLICT (organization, api, subject) DO UPDATE SET due = excluded.due, problem = excluded.problem`,
				org, string(api), subject, account, millis(due), shorten(problem, maxProblem)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot note a failure of the %s API for organization %q: %w", api, org, err)
	}
	return nil
}

// SharedProduct returns what EoX answered for a product to another organization
// of the same account, and false when nothing that is not due again.
func (s *Store) SharedProduct(ctx context.Context, account, pid string) (a SupportAnswer, known bool, err error) {
	var answered, due int64
	var raw string
	err = s.view(ctx, func(t *tx) error {
		return t.QueryRowContext(ctx, `SELECT answered, due, answer FROM support_answers WHERE api = 'eox' AND account = $1 AND subject = $2
			AND answered > 0 AND due > $3 ORDER BY answered DESC LIMIT 1`, account, pid, millis(t.now)).Scan(&answered, &due, &raw)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return SupportAnswer{}, false, nil
	}
	var p contract.Product
	if err == nil {
		err = decode(raw, &p)
	}
	if err != nil {
		return SupportAnswer{}, false, fmt.Errorf("cannot read what is known of product %s: %w", pid, err)
	}
	return SupportAnswer{Subject: pid, Answered: moment(answered), Due: moment(due), Content: p}, true, nil
}

// CountSupportCall counts a call of today (UTC), and returns false, counting
// nothing, when the account has made as many as it may.
func (s *Store) CountSupportCall(ctx context.Context, account string, most int) (allowed bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		day := t.now.Format(time.DateOnly)
		res, err := t.ExecContext(ctx, `INSERT INTO support_calls (account, day, calls) VALUES ($1, $2, 1)
			ON CONFLICT (account) DO UPDATE SET calls = CASE WHEN support_calls.day = excluded.day THEN support_calls.calls + 1 ELSE 1 END, day = excluded.day
			WHERE support_calls.day <> excluded.day OR support_calls.calls < $3`, account, day, most)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		allowed = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cannot count a call of account %q: %w", account, err)
	}
	return allowed, nil
}

// ImportAnswer keeps a saved answer of SN2Info: evidence for the serials that it
// answers for and for nothing else. Where an account is set up too, it asks for
// them again.
func (s *Store) ImportAnswer(ctx context.Context, org string, f contract.File) ([]contract.Lookup, error) {
	all := f.Lookups(s.clock(), f.Name)
	if len(all) == 0 {
		return nil, fmt.Errorf("cannot import %s: %w: it answers for no serial number", f.Name, ErrInvalid)
	}
	answers := make([]SupportAnswer, len(all))
	for i, l := range all {
		answers[i] = SupportAnswer{Subject: l.Serial, Content: l}
	}
	return all, s.SaveSupport(ctx, org, "", CoverageAPI, answers)
}

// supportFacts adds what the Support APIs answered to the facts.
func supportFacts(ctx context.Context, t *tx, org string, f *reconcile.Facts) error {
	type row struct {
		api      SupportAPI
		answered int64
		raw      string
	}
	rows, err := list(ctx, t, func(scan func(...any) error, r *row) error { return scan(&r.api, &r.answered, &r.raw) },
		`SELECT api, answered, answer FROM support_answers WHERE organization = $1 AND answered > 0 ORDER BY api, subject`, org)
	if err != nil {
		return err
	}
	var given []contract.RMA
	for _, r := range rows {
		switch r.api {
		case CoverageAPI:
			var l contract.Lookup
			if err := decode(r.raw, &l); err != nil {
				return err
			}
			l.At = moment(r.answered)
			f.Lookups = append(f.Lookups, l)
		case EoXAPI:
			var p contract.Product
			if err := decode(r.raw, &p); err != nil {
				return err
			}
			f.Products = append(f.Products, p)
		case RMAAPI:
			var some []contract.RMA
			if err := decode(r.raw, &some); err != nil {
				return err
			}
			for _, x := range some {
				if !slices.Contains(given, x) { // by its number and by its user
					given = append(given, x)
				}
			}
		}
	}
	f.RMAs = contract.MergeRMAs(f.RMAs, given)
	return nil
}
