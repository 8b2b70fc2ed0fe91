package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"rollcall/collector/internal/demo"
)

// demoCmd shows everything on loopback with simulated devices.
type demoCmd struct {
	RMAAfter time.Duration `default:"60s" help:"When the replaced stack member appears, after all is up."`
	Interval time.Duration `default:"5s" help:"Between two polls of a device."`
	Verbose  bool          `short:"v" help:"Show the logs of collector and agents on standard error."`
}

// Validate is asked by kong, which takes an error for wrong usage.
func (c *demoCmd) Validate() error {
	if c.RMAAfter < 0 || c.Interval < time.Second || c.Interval > time.Hour {
		return fmt.Errorf("--rma-after is at least 0s, and --interval between 1s and 1h")
	}
	return nil
}

// Run shows the demo until the program is told to end.
func (c *demoCmd) Run(ctx context.Context, std stdio) error {
	log := slog.New(slog.DiscardHandler)
	if c.Verbose {
		log = slog.New(slog.NewTextHandler(std.err, nil))
	}
	return demo.Run(ctx, demo.Options{Out: std.out, Log: log, Version: version, RMAAfter: c.RMAAfter, Interval: c.Interval})
}
