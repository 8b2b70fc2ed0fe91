package main

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"rollcall/collector"
)

type serveCmd struct {
	Config string `help:"Settings; without it, a database in ./rollcall-data and 127.0.0.1:8480." type:"path" placeholder:"FILE"`
}

// Run serves until the program is told to end.
func (c *serveCmd) Run(ctx context.Context, std stdio) error {
	config, err := collector.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	log, err := config.Log.Logger(std.err)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	col, err := collector.New(ctx, config, collector.Options{Log: log, Registry: registry, Version: version, Offer: func(link string) {
		_, _ = fmt.Fprintf(std.err, "\nNobody has an account yet. To make the first one, open this link within an hour:\n\n  %s\n\n", link)
	}})
	if err != nil {
		return err
	}
	return col.Run(ctx)
}
