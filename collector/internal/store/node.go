package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// nodeID is the name of a node within its organization.
func nodeID(site, address string) string { return site + "/" + address }

// A nodeRow is a node with what the store alone needs.
type nodeRow struct {
	reconcile.Node
	fingerprint string
}

const nodeColumns = `n.site, n.address, n.agent, n.name, n.platform, n.model, n.software, n.answered, n.complete, n.polled, n.last_good, n.problems, n.fingerprint`

func scanNode(scan func(...any) error, n *nodeRow) error {
	var polled, good int64
	var problems string
	if err := scan(&n.Site, &n.Address, &n.Agent, &n.Name, &n.Platform, &n.Model, &n.Software, &n.Answered, &n.Complete,
		&polled, &good, &problems, &n.fingerprint); err != nil {
		return err
	}
	n.ID, n.Polled, n.LastGood = nodeID(n.Site, n.Address), moment(polled), moment(good)
	return decode(problems, &n.Problems)
}

// applyReport makes the report, which is the newest of its node, what is known
// of it.
func applyReport(ctx context.Context, t *tx, agent Agent, r wire.Report, at time.Time) error {
	before, err := readNode(ctx, t, agent, r.Device.Address)
	if err != nil {
		return err
	}
	// Later by at least the precision kept, so that what is in this report is
	// told from what was in the one before.
	if !before.Polled.IsZero() && !at.After(before.Polled) {
		at = before.Polled.Add(time.Millisecond)
	}
	d := r.Device
	if !r.Answered {
		d = inventory.Device{Address: d.Address, Errors: d.Errors}
	}
	// What the agent says is its fingerprint is not believed: one that never
	// changed would hide every change.
	after := nodeRow{fingerprint: d.Fingerprint(), Node: reconcile.Node{
		ID: nodeID(agent.Site, d.Address), Site: agent.Site, Agent: agent.ID, Address: d.Address,
		Name: d.Name, Platform: d.Platform, Model: d.Model, Software: d.Software,
		Answered: r.Answered, Complete: r.Answered && d.Complete, Polled: at, LastGood: before.LastGood, Problems: d.Errors,
	}}
	if after.Complete {
		after.LastGood = at
	} else { // half an answer does not say that the rest is empty
		after.Name, after.Platform = cmp.Or(after.Name, before.Name), cmp.Or(after.Platform, before.Platform)
		after.Model, after.Software = cmp.Or(after.Model, before.Model), cmp.Or(after.Software, before.Software)
	}
	if after.fingerprint == before.fingerprint && after.Answered == before.Answered {
		return errors.Join(touchNode(ctx, t, agent, after), markCaughtUp(ctx, t, agent, before.Polled, at))
	}
	if err := writeNode(ctx, t, agent, after); err != nil {
		return err
	}
	if err := observe(ctx, t, agent, before, d, at); err != nil {
		return err
	}
	return markChanged(ctx, t, agent.Organization)
}

// readNode returns what is known of a node, or the zero row.
func readNode(ctx context.Context, t *tx, agent Agent, address string) (nodeRow, error) {
	var n nodeRow
	err := scanNode(t.QueryRowContext(ctx, `SELECT `+nodeColumns+` FROM nodes n WHERE n.organization = $1 AND n.site = $2 AND n.address = $3`,
		agent.Organization, agent.Site, address).Scan, &n)
	if errors.Is(err, sql.ErrNoRows) {
		return nodeRow{}, nil
	}
	if err != nil {
		return nodeRow{}, fmt.Errorf("cannot read node: %w", err)
	}
	return n, nil
}

func touchNode(ctx context.Context, t *tx, agent Agent, n nodeRow) error {
	if _, err := t.ExecContext(ctx, `UPDATE nodes SET agent = $1, polled = $2, last_good = $3 WHERE organization = $4 AND site = $5 AND address = $6`,
		agent.ID, millis(n.Polled), millis(n.LastGood), agent.Organization, agent.Site, n.Address); err != nil {
		return fmt.Errorf("cannot save when the node was polled: %w", err)
	}
	return nil
}

func writeNode(ctx context.Context, t *tx, agent Agent, n nodeRow) error {
	if n.Problems == nil {
		n.Problems = []inventory.Problem{}
	}
	problems, err := encode(n.Problems)
	if err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO nodes (organization, site, address, agent, name, platform, model, software, answered, complete,
		polled, last_good, problems, fingerprint) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (organization, site, address) DO UPDATE SET agent = excluded.agent, name = excluded.name, platform = excluded.platform,
		model = excluded.model, software = excluded.software, answered = excluded.answered, complete = excluded.complete,
		polled = excluded.polled, last_good = excluded.last_good, problems = excluded.problems, fingerprint = excluded.fingerprint`,
		agent.Organization, agent.Site, n.Address, agent.ID, n.Name, n.Platform, n.Model, n.Software, number(n.Answered), number(n.Complete),
		millis(n.Polled), millis(n.LastGood), problems, n.fingerprint); err != nil {
		return fmt.Errorf("cannot save node: %w", err)
	}
	return nil
}

// A sightingRow is a sighting with what the store alone needs.
type sightingRow struct {
	reconcile.Sighting
	id        int64
	component string // as kept
	inLast    bool
}

const sightingColumns = `s.id, s.site, s.address, s.slot, s.component, s.first_seen, s.in_last,
	CASE WHEN s.in_last = 1 THEN n.polled ELSE s.last_seen END, s.gone`

const sightingTables = ` FROM sightings s JOIN nodes n ON n.organization = s.organization AND n.site = s.site AND n.address = s.address `

func scanSighting(scan func(...any) error, r *sightingRow) error {
	var site, address string
	var first, last, gone int64
	if err := scan(&r.id, &site, &address, &r.Slot, &r.component, &first, &r.inLast, &last, &gone); err != nil {
		return err
	}
	r.Node, r.First, r.Last, r.Gone = nodeID(site, address), moment(first), moment(last), moment(gone)
	return decode(r.component, &r.Component)
}

// observe brings the sightings of a node up to date. The node's row is already
// that of the report, so the time of the one before comes from before.
func observe(ctx context.Context, t *tx, agent Agent, before nodeRow, d inventory.Device, at time.Time) error {
	rows, err := list(ctx, t, scanSighting, `SELECT `+sightingColumns+sightingTables+
		`WHERE s.organization = $1 AND s.site = $2 AND s.address = $3 AND s.gone = 0 ORDER BY s.id`, agent.Organization, agent.Site, d.Address)
	if err != nil {
		return fmt.Errorf("cannot read components: %w", err)
	}
	known := make([]reconcile.Sighting, len(rows))
	for i, r := range rows {
		known[i] = r.Sighting
		if r.inLast {
			known[i].Last = before.Polled
		}
	}
	for i, s := range reconcile.Observe(known, nodeID(agent.Site, d.Address), d, at) {
		if i >= len(rows) {
			if err := insertSighting(ctx, t, agent, d.Address, s); err != nil {
				return err
			}
			continue
		}
		if err := updateSighting(ctx, t, rows[i], s, s.Last.Equal(at)); err != nil {
			return err
		}
	}
	return nil
}

func insertSighting(ctx context.Context, t *tx, agent Agent, address string, s reconcile.Sighting) error {
	component, err := encode(s.Component)
	if err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO sightings (organization, site, address, slot, serial, pid, component, first_seen, in_last, last_seen)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9)`, agent.Organization, agent.Site, address, s.Slot, s.Component.Serial, s.Component.PID,
		component, millis(s.First), millis(s.Last)); err != nil {
		return fmt.Errorf("cannot save component: %w", err)
	}
	return nil
}

func updateSighting(ctx context.Context, t *tx, before sightingRow, s reconcile.Sighting, inLast bool) error {
	component, err := encode(s.Component)
	if err != nil {
		return err
	}
	if component == before.component && inLast && before.inLast {
		return nil // last seen when the node was last polled, which is kept with the node
	}
	if !inLast && !before.inLast && s.Gone.IsZero() {
		return nil
	}
	if _, err := t.ExecContext(ctx, `UPDATE sightings SET pid = $1, component = $2, in_last = $3, last_seen = $4, gone = $5 WHERE id = $6`,
		s.Component.PID, component, number(inLast), millis(s.Last), millis(s.Gone), before.id); err != nil {
		return fmt.Errorf("cannot save component: %w", err)
	}
	return nil
}

// Nodes returns the nodes of an organization that are not retired, by site and
// address.
func (s *Store) Nodes(ctx context.Context, org string) ([]reconcile.Node, error) {
	return listOf(ctx, s, org, func(ctx context.Context, q querier, org string) ([]reconcile.Node, error) {
		all, err := nodes(ctx, q, org)
		if err != nil {
			return nil, err
		}
		f, err := standingFacts(ctx, q, org)
		gone := f.Standing().Nodes
		return slices.DeleteFunc(all, func(n reconcile.Node) bool { _, ok := gone[n.ID]; return ok }), err
	})
}

func nodes(ctx context.Context, q querier, org string) ([]reconcile.Node, error) {
	return list(ctx, q, func(scan func(...any) error, n *reconcile.Node) error {
		var row nodeRow
		err := scanNode(scan, &row)
		*n = row.Node
		return err
	}, `SELECT `+nodeColumns+` FROM nodes n WHERE n.organization = $1 ORDER BY n.site, n.address`, org)
}

func sightings(ctx context.Context, q querier, org string) ([]reconcile.Sighting, error) {
	return list(ctx, q, func(scan func(...any) error, s *reconcile.Sighting) error {
		var row sightingRow
		err := scanSighting(scan, &row)
		*s = row.Sighting
		return err
	}, `SELECT `+sightingColumns+sightingTables+`WHERE s.organization = $1 ORDER BY s.id`, org)
}
