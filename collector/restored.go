package collector

import (
	"context"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/store"
)

// tellNewKey says that agents know the collector by another key than the one it
// has made: a database came here without the files that were beside it.
func (c *Collector) tellNewKey(ctx context.Context) error {
	if !c.newKey {
		return nil
	}
	agents, err := c.store.AgentsAll(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(agents, func(a store.Agent) bool { return !a.LastSeen.IsZero() }) {
		c.log.WarnContext(ctx, "there was no key of the collector's own certificate, so another one was made, which agents that joined before do not take: "+
			"put back the one of before, or have them join again", "key", c.config().ownCertificate().key)
	}
	return nil
}

// tellRestore shows that a backup has taken the place of the database: what came
// in between is not there until agents have sent it again.
func (c *Collector) tellRestore(ctx context.Context, reg prometheus.Registerer) error {
	restored := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rollcall_restore_timestamp_seconds", Help: "When a backup last took the place of the database, 0 when never.",
	})
	taken := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rollcall_restore_backup_timestamp_seconds", Help: "When the backup was taken that last took the place of the database, 0 when there is none.",
	})
	reg.MustRegister(restored, taken)
	last, err := c.store.LastRestore(ctx)
	if err != nil || last == nil {
		return err
	}
	restored.Set(float64(last.Restored.UnixMilli()) / 1000)
	taken.Set(float64(last.Taken.UnixMilli()) / 1000)
	c.log.InfoContext(ctx, "this database was restored from a backup: what agents delivered in between is asked for again",
		"restored_at", last.Restored, "backup_taken_at", last.Taken)
	return nil
}
