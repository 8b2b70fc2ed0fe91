package collector

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

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
