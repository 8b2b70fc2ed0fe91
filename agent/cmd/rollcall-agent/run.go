package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"rollcall/agent"
	"rollcall/agent/internal/snmp"
)

// softMemory is where the garbage collector begins to work harder, in bytes. An
// agent lives beside other things on a small machine. GOMEMLIMIT overrides it.
const softMemory = 64 << 20

type runCmd struct {
	Config string `required:"" placeholder:"FILE" help:"Configuration, as in configs/agent.yaml. It is read again at SIGHUP."`
}

// Run implements the command.
func (c runCmd) Run(s streams) error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	if s.reload == nil {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGHUP)
		defer signal.Stop(signals)
		s.reload = signals
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	for reloaded := false; ; reloaded = true {
		next, err := c.runUntilReload(s, cfg, reloaded)
		if err != nil || next == nil {
			return err
		}
		cfg = *next
	}
}

func (c runCmd) load() (agent.Config, error) {
	cfg, err := agent.LoadConfig(c.Config)
	if err != nil {
		return agent.Config{}, err
	}
	return cfg, cfg.CheckSecrets()
}

// runUntilReload runs the agent. It returns a configuration when SIGHUP asked
// for it to be read again and it is right; the agent is stopped by then. With a
// wrong one the agent goes on as it is.
func (c runCmd) runUntilReload(s streams, cfg agent.Config, reloaded bool) (*agent.Config, error) {
	log := cfg.Log.Logger(s.errOut)
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, cfg, reloaded, log) }()
	for {
		select {
		case err := <-ended:
			return nil, err
		case <-s.reload:
			next, err := c.load()
			if err != nil {
				log.Error("configuration is wrong, the one before stays in force", "error", err)
				continue
			}
			log.Info("configuration is read again")
			stop()
			return &next, <-ended
		}
	}
}

// serve runs an agent. Who has it read its configuration again has put something
// right, so that refused credentials are tried anew.
func serve(ctx context.Context, cfg agent.Config, reloaded bool, log *slog.Logger) error {
	if inline := cfg.InlineSecrets(); len(inline) > 0 {
		log.Warn("secrets stand in the configuration in plain text, write them as file: or cred:", "keys", inline)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a, err := agent.New(cfg, agent.Options{Log: log, Version: version, Registry: registry, RetryRefused: reloaded})
	if err != nil {
		return err
	}
	err = a.Run(ctx)
	// No poll is left. Passwords may be others from now on, and those of before
	// have no business in memory.
	snmp.ForgetKeys()
	return err
}
