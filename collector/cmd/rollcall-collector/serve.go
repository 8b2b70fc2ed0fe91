package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"rollcall/collector"
)

type serveCmd struct {
	Config string `help:"Settings; without it, a database in ./rollcall-data and 127.0.0.1:8480." type:"path" placeholder:"FILE"`
}

// Run serves until the program is told to end. SIGHUP reads the settings again.
func (c *serveCmd) Run(ctx context.Context, std stdio) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	config, err := collector.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	var level slog.LevelVar
	log, err := config.Log.Logger(std.err, &level)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	col, err := collector.New(config, collector.Options{Log: log, Registry: registry, Version: version, Level: &level, Offer: func(link string) {
		_, _ = fmt.Fprintf(std.err, "\nNobody has an account yet. To make the first one, open this link within an hour:\n\n  %s\n\n", link)
	}})
	if err != nil {
		return err
	}
	tell(log, "STATUS=bringing the database up to date")
	if err := col.Start(ctx); err != nil {
		stopErr := col.Stop()
		if ctx.Err() != nil { // it was told to end
			return stopErr
		}
		return errors.Join(err, stopErr)
	}
	tell(log, daemon.SdNotifyReady+"\nSTATUS=serving "+col.URL())
	ended := make(chan struct{})
	var attending sync.WaitGroup
	attending.Go(func() { c.attend(ctx, ended, hup, col, log) })
	defer attending.Wait()
	defer close(ended)
	return col.Wait(ctx)
}

// attend reads the settings again when that is asked for, and shows systemd that
// the program is alive, until it has ended.
func (c *serveCmd) attend(ctx context.Context, ended <-chan struct{}, hup <-chan os.Signal, col *collector.Collector, log *slog.Logger) {
	var alive <-chan time.Time
	if every, err := daemon.SdWatchdogEnabled(false); err == nil && every > 0 {
		ticker := time.NewTicker(every / 3)
		defer ticker.Stop()
		alive = ticker.C
	}
	stopping := ctx.Done()
	for {
		select {
		case <-hup:
			tell(log, daemon.SdNotifyReloading)
			col.ReloadAndLog(ctx, func() (collector.Config, error) { return collector.LoadConfig(c.Config) })
			tell(log, daemon.SdNotifyReady)
		case <-alive:
			tell(log, daemon.SdNotifyWatchdog)
		case <-stopping:
			tell(log, daemon.SdNotifyStopping)
			stopping = nil
		case <-ended:
			if stopping != nil { // both came at once, or it ended by itself
				tell(log, daemon.SdNotifyStopping)
			}
			return
		}
	}
}

// tell says something to systemd, where that started the program.
func tell(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("cannot tell systemd how it is", "error", err)
	}
}
