// Package agent runs on the LAN of a site: it polls the devices that its
// configuration names, keeps each report in a spool on disk, and uploads the
// spool to the collector. New wires the parts and starts nothing; Run runs them
// until its context ends. How a device is read is package poll's, how reports
// are kept is spool's and how they travel is upload's.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"rollcall/agent/internal/identity"
	"rollcall/agent/internal/poll"
	"rollcall/agent/internal/snmp"
	"rollcall/agent/internal/spool"
	"rollcall/agent/internal/sshcli"
	"rollcall/agent/internal/upload"
	"rollcall/pkg/filesystem"
	"rollcall/pkg/inventory"
)

const (
	spoolFile    = "spool.db"
	hostKeysFile = "known_hosts"

	// spoolRetry is the wait before a spool whose disk takes nothing is opened
	// again.
	spoolRetry = 10 * time.Second
)

// SNMP requests are repeated that often: less for an address of a sweep, where
// mostly nothing is.
const (
	ListedRetries = 2
	SweptRetries  = 1
)

// Options are what an Agent needs beside its configuration. The zero value
// has defaults for all.
type Options struct {
	Log     *slog.Logger
	Version string
	// Registry gets the agent's own metrics and is what /metrics shows. It can
	// serve one agent.
	Registry *prometheus.Registry
	// Now is the wall clock, for the times in reports.
	Now func() time.Time
	// FirstPollNow polls everything at once in the beginning, whatever
	// start_spread says.
	FirstPollNow bool
	// RetryRefused tries credentials that devices refused before at once, for
	// a person who has put something right.
	RetryRefused bool
}

// poller is what the agent needs of *poll.Poller.
type poller interface {
	Poll(ctx context.Context, n poll.Node) (d inventory.Device, answered bool)
	Neighbours(ctx context.Context, n poll.Node) ([]snmp.Neighbour, []inventory.Problem)
}

// Agent polls and uploads while Run runs.
type Agent struct {
	cfg       Config
	opt       Options
	log       *slog.Logger
	metrics   *metrics
	roster    *roster
	newPoller func(*sshcli.HostKeys, *poll.Memory, *slog.Logger) poller
	started   time.Time
	addr      atomic.Value        // string, of the metrics listener
	live      atomic.Pointer[run] // nil until Run is at work
	who       atomic.Pointer[identity.Keeper]
	instance  string       // of the program, as in wire.Batch
	pace      atomic.Int64 // time.Duration between two polls; the collector may set it
}

// New checks the configuration and wires the agent. It opens no file but those
// of targets, and starts nothing.
func New(cfg Config, opt Options) (*Agent, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	targets, err := newRoster(cfg)
	if err != nil {
		return nil, err
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Version == "" {
		opt.Version = "unknown"
	}
	if opt.Registry == nil {
		opt.Registry = prometheus.NewRegistry()
	}
	m, err := newMetrics(opt.Registry, opt.Version, cfg.Spool.MaxMiB<<20, targets, opt.Now)
	if err != nil {
		return nil, err
	}
	return &Agent{
		cfg: cfg, opt: opt, log: opt.Log, metrics: m, roster: targets, instance: uuid.NewString(),
		newPoller: func(keys *sshcli.HostKeys, memory *poll.Memory, log *slog.Logger) poller {
			return poll.New(keys, memory, log)
		},
	}, nil
}

// node is how to read an address of a target.
func (c Config) node(t Target, address string, sweep bool) poll.Node {
	n := poll.Node{
		Address: address, Via: viaOf(t.Via), SNMPPort: t.SNMPPort, SSHPort: t.SSHPort,
		Timeout: t.Timeout.D(), Retries: ListedRetries, Logins: c.SSHLogins,
	}
	if sweep {
		n.Retries = SweptRetries
	}
	n.SNMP, n.SSH = Transports(c.credentialsOf(t))
	return n
}

// Transports sorts credentials by the transport that they are for.
func Transports(list []Credential) (overSNMP []snmp.Credential, overSSH []sshcli.Credential) {
	for _, c := range list {
		if c.SNMP != nil {
			overSNMP = append(overSNMP, c.snmp())
		}
		if c.SSH != nil {
			overSSH = append(overSSH, c.ssh())
		}
	}
	return overSNMP, overSSH
}

// Addresses is the number of addresses that the agent polls, each once.
func (a *Agent) Addresses() int { return len(a.roster.all()) }

// Addr is where /metrics and /healthz are served, "" unless Run does so.
func (a *Agent) Addr() string {
	addr, _ := a.addr.Load().(string)
	return addr
}

// Run polls and uploads until ctx ends, and then finishes what can be finished
// within ten seconds. It returns nil after such a stop.
func (a *Agent) Run(ctx context.Context) error {
	if err := a.cfg.CheckSecrets(); err != nil {
		return err
	}
	if err := os.MkdirAll(a.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("cannot make data_dir: %w", err)
	}
	if w := filesystem.Warning(a.cfg.DataDir); w != "" {
		a.log.Warn("reports may be lost at a power cut", "data_dir", w)
	}
	who, err := a.newKeeper()
	if err != nil {
		return err
	}
	keys, err := sshcli.OpenHostKeys(filepath.Join(a.cfg.DataDir, hostKeysFile))
	if err != nil {
		return err
	}
	a.started = a.opt.Now()
	if stop, err := a.serveStatus(ctx); err != nil {
		a.log.Warn("status of this agent cannot be asked", "error", err)
	} else {
		defer stop()
	}
	sp, err := a.openSpool(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer func() {
		if err := sp.Close(); err != nil {
			a.log.Error("spool is not closed", "error", err)
		}
	}()
	uploader, err := a.newUploader(sp, who)
	if err != nil {
		return err
	}
	r := &run{Agent: a, spool: sp, pace: NewPace(a.cfg.SweepRate)}
	memory := poll.NewMemory(poll.MemoryOptions{Now: a.opt.Now, Keep: r.note, Readings: poll.DefaultReadings})
	if err := r.recall(ctx, memory); err != nil {
		return err
	}
	r.poller = a.newPoller(keys, memory, a.log)
	r.schedule = newSchedule(a.roster.all(), a.interval(), a.spread(), a.concurrency(filesystem.MaxOpen()), a.opt.Now)
	a.roster.onChange(func(tasks []*task) {
		r.schedule.replace(tasks)
		memory.Retain(maps.Keys(a.roster.at)) // which is locked meanwhile
	})
	a.metrics.watch(sp)
	a.live.Store(r)
	a.log.Info("agent started", "name", a.cfg.Name, "version", a.opt.Version, "addresses", len(r.roster.all()), "interval", a.interval().String())
	err = r.all(ctx, uploader, who)
	a.leaveNote()
	a.log.Info("agent stopped")
	return err
}

// interval is the time between two polls of a node.
func (a *Agent) interval() time.Duration {
	if d := time.Duration(a.pace.Load()); d > 0 {
		return d
	}
	return a.cfg.Interval.D()
}

// setPace takes the interval that the collector wishes, for as long as the agent
// runs. The next receipt after a start says it again.
func (a *Agent) setPace(d time.Duration) {
	d = min(max(d, minInterval), maxInterval)
	if d == a.interval() {
		return
	}
	a.log.Info("collector sets how often devices are polled", "interval", d.String(), "before", a.interval().String())
	a.pace.Store(int64(d))
	if r := a.live.Load(); r != nil {
		r.schedule.setInterval(d)
	}
}

// filesKept is how many open files are left to the spool, the uploads and the
// status.
const filesKept = 40

// concurrency is how many devices are polled at once where the system allows so
// many open files; 0 is not known. A poll has one for each transport, and sweeps
// have half as many workers again: a device must not be taken for silent because
// this machine has no file left to ask it by.
func (a *Agent) concurrency(maxOpen int) int {
	most := max((maxOpen-filesKept)/3, 1)
	if maxOpen <= 0 || most >= a.cfg.Concurrency {
		return a.cfg.Concurrency
	}
	a.log.Warn("the system allows too few open files for this concurrency: raise LimitNOFILE or ulimit -n, or lower the setting",
		"open_files", maxOpen, "polled_at_once", most, "concurrency", a.cfg.Concurrency)
	return most
}

// spread is the time over which the first polls are spread.
func (a *Agent) spread() time.Duration {
	if a.opt.FirstPollNow {
		return 0
	}
	return a.cfg.StartSpread.D()
}

func (a *Agent) newUploader(sp *spool.Spool, who *identity.Keeper) (*upload.Uploader, error) {
	client, err := who.Client()
	if err != nil {
		return nil, err
	}
	return upload.New(sp, upload.Options{
		Credential: who, Instance: a.instance, Agent: a.cfg.Name, Version: a.opt.Version, Interval: a.interval,
		Client: client, Log: a.log, Now: a.opt.Now, Pace: a.setPace, StartSpread: a.spread(),
		Observe: func(at upload.Attempt) { a.metrics.attempt(at, a.opt.Now()) },
	}), nil
}

// openSpool waits where the disk is full or read-only, as to end and be started
// again would help nobody.
func (a *Agent) openSpool(ctx context.Context) (*spool.Spool, error) {
	for {
		sp, err := spool.Open(filepath.Join(a.cfg.DataDir, spoolFile), spool.Options{
			MaxBytes: a.cfg.Spool.MaxMiB << 20, MaxAge: a.cfg.Spool.MaxAge.D(), Now: a.opt.Now, Log: a.log,
		})
		switch {
		case errors.Is(err, spool.ErrDiskFull):
			a.log.Error("disk is full, nothing is polled until there is room", "data_dir", a.cfg.DataDir, "error", err)
		case errors.Is(err, spool.ErrReadOnly):
			a.log.Error("file system is read-only, nothing is polled until it can be written: look at the disk, whose errors make it so", "data_dir", a.cfg.DataDir, "error", err)
		default:
			return sp, err
		}
		a.metrics.opening(err)
		select {
		case <-time.After(spoolRetry):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
