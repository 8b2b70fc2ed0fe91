package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/user"

	"rollcall/collector"
	"rollcall/collector/internal/store"
)

// dataFlags say where the data is, which a collector may be serving meanwhile.
type dataFlags struct {
	Config  string `help:"Settings of the collector, which name the data directory." type:"path" placeholder:"FILE" xor:"data"`
	DataDir string `help:"The data directory itself (default: ./rollcall-data)." type:"path" placeholder:"DIR" xor:"data"`
}

func (f dataFlags) settings() (collector.Config, error) {
	config, err := collector.LoadConfig(f.Config)
	if err == nil && f.DataDir != "" {
		config.DataDir = f.DataDir // there is no --config beside it, so no other database
	}
	return config, err
}

// open opens a data directory that is there; the caller closes the store.
func (f dataFlags) open(ctx context.Context, std stdio) (*store.Store, error) {
	config, err := f.settings()
	if err != nil {
		return nil, err
	}
	// To make one here would hide that a directory was misspelt.
	if _, err := os.Stat(config.DataDir); err != nil && !config.Database.DSN.IsSet() {
		return nil, fmt.Errorf("cannot find the collector's data: %w: name its directory with --data-dir or --config, or begin with %s token create", err, program)
	}
	return openStore(ctx, std, config)
}

func openStore(ctx context.Context, std stdio, config collector.Config) (*store.Store, error) {
	log := slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := config.OpenStore(ctx, store.Options{Log: log})
	if err != nil {
		return nil, err
	}
	return s.As(actor()), nil
}

// actor is who the audit log says did what a command does: the user of the
// system, who may do everything with the data anyhow.
func actor() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "command line: " + u.Username
	}
	return "command line"
}
