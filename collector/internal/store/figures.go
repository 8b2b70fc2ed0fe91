package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/collector/internal/reconcile"
)

// A Snapshot is what metrics read at each scrape, all of one moment: aggregates
// that cost no row per unit, node or line.
type Snapshot struct {
	Runs    []Run       // of all organizations, by ID
	Units   []Count     // of the last results
	Nodes   []NodeCount // by their last report
	Agents  []Agent     // disabled ones too
	Figures []Figures   // of the last results
	Spools  []AgentSpool
	Gaps    []Gap // of the last GapsShown
}

// A Run is an organization and when it was last reconciled, zero when never.
// Its units, findings and figures are of that run.
type Run struct {
	Organization

	At time.Time
}

// A NodeCount is the number of nodes of a site that answered alike.
type NodeCount struct {
	Organization, Site string
	Answered, Complete bool
	N                  int
}

// Figures are those of the last result of an organization.
type Figures struct {
	Organization string
	reconcile.Figures
}

// Snapshot reads the snapshot of an organization, or of all for "".
func (s *Store) Snapshot(ctx context.Context, org string) (Snapshot, error) {
	org = s.reach(org)
	var x Snapshot
	err := s.view(ctx, func(t *tx) error {
		const of = ` WHERE ($1 = '' OR organization = $1) `
		var errs [7]error
		x.Runs, errs[0] = list(ctx, t, scanRun, `SELECT id, name, last_run FROM organizations WHERE ($1 = '' OR id = $1) ORDER BY id`, org)
		x.Units, errs[1] = list(ctx, t, func(scan func(...any) error, c *Count) error {
			return scan(&c.Organization, &c.Site, &c.Coverage, &c.Class, &c.N)
		}, `SELECT organization, site, coverage, class, n FROM unit_counts`+of, org)
		x.Nodes, errs[2] = list(ctx, t, func(scan func(...any) error, c *NodeCount) error {
			return scan(&c.Organization, &c.Site, &c.Answered, &c.Complete, &c.N)
		}, `SELECT organization, site, answered, complete, COUNT(*) FROM nodes`+of+`GROUP BY organization, site, answered, complete`, org)
		x.Agents, errs[3] = list(ctx, t, scanAgent, `SELECT `+agentColumns+` FROM agents a`+of+`ORDER BY id`, org)
		x.Figures, errs[4] = list(ctx, t, scanFigures, `SELECT organization, figures FROM figures`+of, org)
		x.Spools, errs[5] = agentSpools(ctx, t, org)
		x.Gaps, errs[6] = gaps(ctx, t, org, t.now.Add(-GapsShown))
		return errors.Join(errs[:]...)
	})
	if err != nil {
		return Snapshot{}, fmt.Errorf("cannot read figures: %w", err)
	}
	x.Runs = keep(s, x.Runs, func(r Run) string { return r.ID })
	x.Units = keep(s, x.Units, func(c Count) string { return c.Organization })
	x.Nodes = keep(s, x.Nodes, func(c NodeCount) string { return c.Organization })
	x.Agents = keep(s, x.Agents, func(a Agent) string { return a.Organization })
	x.Spools = keep(s, x.Spools, func(a AgentSpool) string { return a.Organization })
	x.Gaps = keep(s, x.Gaps, func(g Gap) string { return g.Organization })
	x.Figures = keep(s, x.Figures, func(f Figures) string { return f.Organization })
	return x, nil
}

func scanRun(scan func(...any) error, r *Run) error {
	var at int64
	err := scan(&r.ID, &r.Name, &at)
	r.At = moment(at)
	return err
}

func scanFigures(scan func(...any) error, f *Figures) error {
	var raw string
	if err := scan(&f.Organization, &raw); err != nil {
		return err
	}
	return decode(raw, &f.Figures)
}

func writeFigures(ctx context.Context, t *tx, org string, f reconcile.Figures) error {
	raw, err := encode(f)
	if err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO figures (organization, figures) VALUES ($1, $2)
		ON CONFLICT (organization) DO UPDATE SET figures = excluded.figures`, org, raw); err != nil {
		return fmt.Errorf("cannot save figures: %w", err)
	}
	return nil
}
