package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// Reasons of a Gap. The agent counts those but the last two; what it calls
// anything else is GapOther.
const (
	GapFull       = "full"       // the agent's spool or its disk was full
	GapAge        = "age"        // the reports were older than spool.max_age
	GapQuarantine = "quarantine" // they had been refused, and there were too many of them
	GapUnsaved    = "unsaved"    // they could not be written to the agent's disk
	GapCorrupt    = "corrupt"    // the agent's spool was corrupt and set aside as a whole
	GapRestore    = "restore"    // this database went back, by a restore or a failover
	GapOther      = "other"
)

// maxRefusal bounds what an agent says about a report that was refused, in bytes.
const maxRefusal = 500

// GapReasons are the reasons in the order in which they are shown.
var GapReasons = []string{GapFull, GapAge, GapQuarantine, GapUnsaved, GapCorrupt, GapRestore, GapOther}

// GapsShown is how long people and metrics are told of a gap.
const GapsShown = 30 * 24 * time.Hour

// An AgentSpool is how the spool of an agent stood at its last upload.
type AgentSpool struct {
	Organization string
	Agent        string // Agent.ID
	Waiting      int64  // reports, with those of that upload
	Oldest       time.Time
	Quarantined  int64  // reports refused for good
	Reason       string // why the newest of them was
}

// A Gap is what is missing of an agent between two reports that are there.
type Gap struct {
	Organization string
	Agent        string // Agent.ID
	Reason       string
	Noted        time.Time // when the agent last told, by the collector's clock
	Missing      int64     // reports at most, or spools where the reason is GapCorrupt
}

// spoolRow is what is kept of an agent's spool. (epoch, seq) is the newest
// report known of an exchange without a break.
type spoolRow struct {
	epoch, seq, corrupt, quarantined int64
	dropped                          map[string]int64
}

// noteSpool compares what the agent says of its spool with what is known, keeps
// it, and notes what is missing. Where the agent holds receipts for more than is
// known here, this database went back: then it says what to send again. That it
// does with every batch, for the receipt may be lost, until the agent takes back
// what it believes to be acknowledged.
func (s *Store) noteSpool(ctx context.Context, t *tx, agent Agent, b wire.Batch, results []wire.Result) (*wire.SendAgain, error) {
	told := b.Spool
	if told == nil || told.Epoch <= 0 {
		return nil, nil
	}
	before, err := readSpool(ctx, t, agent.ID)
	if err != nil {
		return nil, fmt.Errorf("cannot read how the spool stood: %w", err)
	}
	if told.Epoch < before.epoch {
		return nil, nil // of a machine that was set back or copied: the newer spool counts
	}
	row := before
	if told.Epoch > before.epoch {
		row.epoch, row.seq, before.dropped = told.Epoch, 0, nil
	}
	var again *wire.SendAgain
	if told.Acked > row.seq {
		again = &wire.SendAgain{Epoch: told.Epoch, After: row.seq}
		s.log.WarnContext(ctx, "agent has receipts for reports that are not known here, as after a restore: it is asked to send again what it keeps",
			"agent", agent.Name, "organization", agent.Organization, "epoch", told.Epoch, "known_seq", row.seq, "acknowledged_seq", told.Acked)
		if err := noteGap(ctx, t, agent, GapRestore, told.Epoch, row.seq, told.Acked-row.seq); err != nil {
			return nil, err
		}
	} else {
		row.seq = max(row.seq, newest(b.Reports, results, told.Epoch))
	}
	if err := noteDropped(ctx, t, agent, told, b.Dropped, before); err != nil {
		return nil, err
	}
	if (told.Quarantined > 0) != (before.quarantined > 0) {
		if err := markChanged(ctx, t, agent.Organization); err != nil {
			return nil, err
		}
	}
	return again, saveSpool(ctx, t, agent, b, row)
}

// newest is the highest seq of the epoch that is stored now.
func newest(reports []wire.Report, results []wire.Result, epoch int64) int64 {
	seq := int64(0)
	for i, r := range reports {
		if r.Epoch == epoch && results[i].Status != wire.Refused {
			seq = max(seq, r.Seq)
		}
	}
	return seq
}

// noteDropped notes what was given up since the agent last told.
func noteDropped(ctx context.Context, t *tx, agent Agent, told *wire.Spool, dropped map[string]int64, before spoolRow) error {
	if n := told.Corrupt - before.corrupt; n > 0 {
		if err := noteGap(ctx, t, agent, GapCorrupt, told.Epoch, told.Acked, n); err != nil {
			return err
		}
	}
	known, was := byReason(dropped), byReason(before.dropped)
	for _, reason := range GapReasons {
		if n := known[reason] - was[reason]; n > 0 {
			if err := noteGap(ctx, t, agent, reason, told.Epoch, told.Acked, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// byReason sums the counts of an agent under the reasons that are known.
func byReason(dropped map[string]int64) map[string]int64 {
	sums := map[string]int64{}
	for reason, n := range dropped {
		switch reason {
		case GapFull, GapAge, GapQuarantine, GapUnsaved:
		default:
			reason = GapOther
		}
		sums[reason] += max(n, 0)
	}
	return sums
}

// noteGap adds to what the agent told of the same gap before. A restore it
// tells again with each batch until it is answered.
func noteGap(ctx context.Context, t *tx, agent Agent, reason string, epoch, after, missing int64) error {
	_, err := t.ExecContext(ctx, `INSERT INTO agent_gaps (agent, organization, reason, epoch, after_seq, noted_at, missing) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (agent, reason, epoch, after_seq) DO UPDATE SET noted_at = excluded.noted_at,
			missing = CASE WHEN excluded.reason = 'restore' THEN excluded.missing ELSE agent_gaps.missing + excluded.missing END`,
		agent.ID, agent.Organization, reason, epoch, after, millis(t.now), missing)
	if err != nil {
		return fmt.Errorf("cannot save what is missing: %w", err)
	}
	return nil
}

func readSpool(ctx context.Context, t *tx, agent string) (spoolRow, error) {
	var row spoolRow
	var dropped string
	err := t.QueryRowContext(ctx, `SELECT epoch, seq, corrupt, quarantined, dropped FROM agent_spools WHERE agent = $1`, agent).
		Scan(&row.epoch, &row.seq, &row.corrupt, &row.quarantined, &dropped)
	if errors.Is(err, sql.ErrNoRows) {
		return spoolRow{}, nil
	}
	if err != nil {
		return spoolRow{}, err
	}
	return row, decode(dropped, &row.dropped)
}

func saveSpool(ctx context.Context, t *tx, agent Agent, b wire.Batch, row spoolRow) error {
	dropped, err := encode(byReason(b.Dropped))
	if err != nil {
		return err
	}
	var oldest time.Time
	if b.Spool.Oldest != nil {
		oldest = polledAt(t.now, b.SentAt, *b.Spool.Oldest)
	}
	_, err = t.ExecContext(ctx, `INSERT INTO agent_spools (agent, organization, epoch, seq, waiting, oldest, quarantined, reason, corrupt, dropped)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (agent) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, waiting = excluded.waiting, oldest = excluded.oldest,
			quarantined = excluded.quarantined, reason = excluded.reason, corrupt = excluded.corrupt, dropped = excluded.dropped`,
		agent.ID, agent.Organization, row.epoch, row.seq, b.Spool.Waiting, millis(oldest), b.Spool.Quarantined,
		shorten(inventory.CleanText(b.Spool.Reason), maxRefusal), b.Spool.Corrupt, dropped)
	if err != nil {
		return fmt.Errorf("cannot save how the spool stands: %w", err)
	}
	return nil
}

// agentSpools are how the spools of the agents of an organization stood, or of
// all for "". An agent that does not tell has none.
func agentSpools(ctx context.Context, q querier, org string) ([]AgentSpool, error) {
	return list(ctx, q, func(scan func(...any) error, a *AgentSpool) error {
		var oldest int64
		err := scan(&a.Organization, &a.Agent, &a.Waiting, &oldest, &a.Quarantined, &a.Reason)
		a.Oldest = moment(oldest)
		return err
	}, `SELECT organization, agent, waiting, oldest, quarantined, reason FROM agent_spools WHERE ($1 = '' OR organization = $1) ORDER BY agent`, org)
}

// addRefusals tells the agents which of their reports were refused.
func addRefusals(ctx context.Context, q querier, org string, agents []reconcile.Agent) error {
	spools, err := agentSpools(ctx, q, org)
	if err != nil {
		return err
	}
	of := make(map[string]AgentSpool, len(spools))
	for _, x := range spools {
		of[x.Agent] = x
	}
	for i := range agents {
		agents[i].Refused, agents[i].Refusal = of[agents[i].ID].Quarantined, of[agents[i].ID].Reason
	}
	return nil
}

// Gaps returns what is missing of the agents of an organization, as noted since,
// oldest first and one for each agent and reason.
func (s *Store) Gaps(ctx context.Context, org string, since time.Time) ([]Gap, error) {
	return listOf(ctx, s, org, func(ctx context.Context, q querier, org string) ([]Gap, error) { return gaps(ctx, q, org, since) })
}

// gaps are those of all organizations for "".
func gaps(ctx context.Context, q querier, org string, since time.Time) ([]Gap, error) {
	return list(ctx, q, func(scan func(...any) error, g *Gap) error {
		var noted int64
		err := scan(&g.Organization, &g.Agent, &g.Reason, &noted, &g.Missing)
		g.Noted = moment(noted)
		return err
	}, `SELECT organization, agent, reason, MAX(noted_at) AS noted, CAST(SUM(missing) AS BIGINT) FROM agent_gaps
		WHERE ($1 = '' OR organization = $1) AND noted_at >= $2 GROUP BY organization, agent, reason ORDER BY noted, agent, reason`, org, millis(since))
}
