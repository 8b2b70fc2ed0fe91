package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"rollcall/agent"
	"rollcall/agent/internal/crawl"
	"rollcall/agent/internal/poll"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

type scanCmd struct {
	Community       []string      `sep:"none" placeholder:"C" help:"SNMPv2c community. May be given again; each is tried."`
	Credentials     string        `placeholder:"FILE" help:"YAML list of credentials, as in the agent's configuration."`
	SNMPPort        int           `name:"snmp-port" default:"161" placeholder:"N" help:"UDP port of SNMP. Default: ${default}."`
	SSHUser         string        `name:"ssh-user" placeholder:"U" help:"User for SSH."`
	SSHPasswordFile string        `name:"ssh-password-file" placeholder:"F" help:"File with the password for SSH, readable by its owner alone."`
	SSHPort         int           `name:"ssh-port" default:"22" placeholder:"N" help:"TCP port of SSH. Default: ${default}."`
	Via             string        `default:"auto" enum:"auto,snmp,ssh" help:"How to read devices: ${enum}. Default: ${default}, SSH where SNMP is not enough."`
	Concurrency     int           `default:"32" placeholder:"N" help:"Devices to read at the same time. Default: ${default}."`
	SweepRate       float64       `name:"sweep-rate" default:"50" placeholder:"N" help:"Addresses of networks and ranges to begin in a second, 0 for no limit. Default: ${default}."`
	SSHLogins       int           `name:"ssh-logins" default:"2" placeholder:"N" help:"Different SSH credentials to try at one device. Default: ${default}, as more may lock accounts."`
	Timeout         time.Duration `placeholder:"D" help:"How long to wait for one answer. Default: 5s over SNMP, 20s over SSH."`
	Format          string        `default:"table" enum:"table,json,csv" help:"Output: ${enum}. Default: ${default}."`
	Output          string        `placeholder:"FILE" help:"Write the output to FILE, all of it or nothing."`
	Explain         bool          `help:"Tell step by step what is tried at an address, what answers, and why each serial is kept or dropped."`
	Crawl           bool          `help:"Ask the neighbours that devices hear over CDP and LLDP, too, and theirs. Needs --allow."`
	Allow           []string      `placeholder:"CIDR" help:"Network in which --crawl may ask neighbours. May be given again."`
	MaxNodes        int           `name:"max-nodes" default:"1000" placeholder:"N" help:"Addresses to ask in a crawl. Default: ${default}."`
	MaxDepth        int           `name:"max-depth" default:"8" placeholder:"N" help:"Hops to crawl away from the targets. Default: ${default}."`
	Targets         []string      `arg:"" name:"target" help:"Address, name, network (192.0.2.0/24), range (192.0.2.1-192.0.2.50) or @FILE: one of these a line, CSV with a header, router.db of RANCID or Oxidized, an Ansible inventory, NetBox's CSV or JSON."`
}

// Run implements the command.
func (c scanCmd) Run(s streams) error {
	credentials, err := c.credentials()
	if err != nil {
		return err
	}
	targets, err := c.targets()
	if err != nil {
		return err
	}
	groups := targets.Groups
	limits, err := c.limits()
	if err == nil && c.Explain {
		err = explains(groups)
	}
	if err != nil {
		return err
	}
	out, err := openOutput(s.out, c.Output)
	if err != nil {
		return err
	}
	defer out.discard()
	keys, err := c.hostKeys(s)
	if err != nil {
		return err
	}
	s.notes(append(targets.Refused, targets.Skipped...))
	poller := poll.New(keys, poll.NewMemory(poll.MemoryOptions{}), slog.New(slog.DiscardHandler))
	sc := scan{
		poller: poller, node: c.node(credentials), concurrency: c.Concurrency, pace: agent.NewPace(c.SweepRate),
		groups: groups, started: time.Now().UTC().Truncate(time.Second), log: slog.New(slog.DiscardHandler),
	}
	bar := newProgress(s.errOut, sc.total())
	if c.Explain {
		sc.poller, sc.concurrency, bar = explainer{poller, c.story(s)}, 1, progress{}
	}
	sc.run(s.ctx, bar.step)
	if limits != nil {
		sc.crawl(s.ctx, *limits, poller.Neighbours, bar.more, bar.step)
	}
	bar.end()
	result := sc.result()
	result.refused = len(targets.Refused)
	if err := c.write(out, result); err != nil {
		return err
	}
	if err := out.keep(); err != nil {
		return err
	}
	return c.verdict(s, result)
}

// story is where --explain writes: beside the table, and never into other
// output.
func (c scanCmd) story(s streams) io.Writer {
	if c.Format == "table" || c.Output != "" {
		return s.out
	}
	return s.errOut
}

func (c scanCmd) credentials() ([]agent.Credential, error) {
	var list []agent.Credential
	if c.Credentials != "" {
		read, err := agent.LoadCredentials(c.Credentials)
		if err != nil {
			return nil, usage("--credentials: %v", err)
		}
		list = append(list, read...)
	}
	for i, community := range c.Community {
		if community == "" {
			return nil, usage("--community: is empty")
		}
		list = append(list, agent.Credential{
			Name: fmt.Sprintf("--community %d", i+1), SNMP: &agent.SNMPCredential{Community: config.Plain(community)},
		})
	}
	switch {
	case (c.SSHUser == "") != (c.SSHPasswordFile == ""):
		return nil, usage("--ssh-user and --ssh-password-file belong together")
	case c.SSHUser != "":
		password, err := config.Reference("file:" + c.SSHPasswordFile).Value()
		if err != nil {
			return nil, usage("--ssh-password-file: %v", err)
		}
		list = append(list, agent.Credential{Name: "--ssh-user", SSH: &agent.SSHCredential{User: c.SSHUser, Password: config.Plain(password)}})
	}
	return list, c.enough(list)
}

// enough holds that there is something to open a device with.
func (c scanCmd) enough(list []agent.Credential) error {
	overSNMP, overSSH := agent.Transports(list)
	switch {
	case len(list) == 0:
		return usage("no credential: give --community for SNMPv2c, --ssh-user with --ssh-password-file for SSH, or --credentials for these and SNMPv3")
	case c.Via == poll.ViaSNMP && len(overSNMP) == 0:
		return usage("--via snmp: no SNMP credential: give --community, or --credentials with one")
	case c.Via == poll.ViaSSH && len(overSSH) == 0:
		return usage("--via ssh: no SSH credential: give --ssh-user and --ssh-password-file, or --credentials with one")
	}
	return nil
}

// checkNumbers says which flag has a number that cannot be.
func (c scanCmd) checkNumbers() error {
	for flag, port := range map[string]int{"--snmp-port": c.SNMPPort, "--ssh-port": c.SSHPort} {
		if port < 1 || port > 65535 {
			return usage("%s: %d is not a port", flag, port)
		}
	}
	if c.Concurrency < 1 || c.Concurrency > 1000 {
		return usage("--concurrency: %d is not between 1 and 1000", c.Concurrency)
	}
	if c.SweepRate < 0 || math.IsNaN(c.SweepRate) {
		return usage("--sweep-rate: %g is below 0", c.SweepRate)
	}
	if c.SSHLogins < 1 {
		return usage("--ssh-logins: %d is below 1", c.SSHLogins)
	}
	if c.Timeout < 0 {
		return usage("--timeout: %s is below 0", c.Timeout)
	}
	return nil
}

// targets checks the numbers and reads the targets.
func (c scanCmd) targets() (agent.TargetList, error) {
	var all agent.TargetList
	if err := c.checkNumbers(); err != nil {
		return all, err
	}
	for _, target := range c.Targets {
		list, err := agent.ReadTargets(target)
		if err != nil {
			return all, usage("%v", err)
		}
		all.Groups = append(all.Groups, list.Groups...)
		all.Refused = append(all.Refused, list.Refused...)
		all.Skipped = append(all.Skipped, list.Skipped...)
	}
	return all, nil
}

// node returns how to read an address.
func (c scanCmd) node(list []agent.Credential) func(address string, sweep bool) poll.Node {
	overSNMP, overSSH := agent.Transports(list)
	return func(address string, sweep bool) poll.Node {
		n := poll.Node{
			Address: address, SNMP: overSNMP, SNMPPort: c.SNMPPort, SSH: overSSH, SSHPort: c.SSHPort,
			Via: c.Via, Timeout: c.Timeout, Retries: agent.ListedRetries, Logins: c.SSHLogins, Sweep: sweep,
		}
		if sweep {
			n.Retries = agent.SweptRetries
		}
		return n
	}
}

// hostKeys opens the user's file of pinned keys. Without a home folder the pins
// last for this scan only.
func (c scanCmd) hostKeys(s streams) (*sshcli.HostKeys, error) {
	path := ""
	if dir, err := os.UserConfigDir(); err == nil {
		dir = filepath.Join(dir, "rollcall")
		if err := os.MkdirAll(dir, 0o700); err == nil {
			path = filepath.Join(dir, "known_hosts")
		}
	}
	if path == "" && (c.SSHUser != "" || c.Credentials != "") {
		s.note("there is no folder for the SSH host keys of devices: they are not remembered, set HOME to keep them")
	}
	return sshcli.OpenHostKeys(path)
}

func (c scanCmd) write(out io.Writer, r scanResult) error {
	switch c.Format {
	case "json":
		return writeJSON(out, r)
	case "csv":
		return writeCSV(out, r.Devices)
	}
	return r.table(out)
}

// verdict is the error, if any, with which the scan ends.
func (c scanCmd) verdict(s streams, r scanResult) error {
	switch {
	case r.interrupted && r.notAsked == 0:
		return errors.New("the scan was interrupted while it crawled: not all neighbours were asked")
	case r.interrupted:
		return fmt.Errorf("the scan was interrupted: %d of %s were not asked", r.notAsked, plural(r.total, "address", "addresses"))
	}
	if c.Format != "table" || c.Output != "" {
		s.note("%s of %s answered", plural(len(r.Devices), "device", "devices"), plural(r.total, "address", "addresses"))
		if n := len(r.Seen); n > 0 {
			s.note("%s seen, without a serial number: --format table and json list them", plural(n, "neighbour was", "neighbours were"))
		}
	}
	var wrong []string
	if r.refused > 0 {
		wrong = append(wrong, plural(r.refused, "line of the targets", "lines of the targets")+" cannot be used")
	}
	if len(r.missing) > 0 {
		const shown = 10
		list := strings.Join(r.missing[:min(len(r.missing), shown)], ", ")
		if more := len(r.missing) - shown; more > 0 {
			list += fmt.Sprintf(" and %d more", more)
		}
		wrong = append(wrong, "no answer from "+list)
	}
	if len(wrong) == 0 {
		return nil
	}
	return missing("%s", strings.Join(wrong, "\n"))
}

// scanResult is the output and what the exit status follows from.
type scanResult struct {
	inventory.Scan

	missing     []string // targets that did not answer
	refused     int      // lines of files of targets
	total       int      // addresses
	notAsked    int
	interrupted bool
}

func (r scanResult) table(out io.Writer) error {
	l := listing{w: out}
	units, parts := 0, 0
	for _, d := range r.Devices {
		l.device(d)
		units += len(d.Units())
		parts += len(d.Components)
	}
	if len(r.Unanswered) > 0 {
		var rows [][]string
		for _, u := range r.Unanswered {
			rows = append(rows, []string{u.Address, u.Reason})
		}
		l.columns([]string{"NO ANSWER FROM", "WHY"}, rows)
		l.line("")
	}
	var seen [][]string
	for _, n := range r.Seen {
		seen = append(seen, seenRow(n))
	}
	l.section(seenHeader, seen)
	l.line("%s with %s and %s in all; %d of %s answered.", plural(len(r.Devices), "device", "devices"), plural(units, "unit", "units"),
		plural(parts, "component", "components"), len(r.Devices), plural(r.total, "address", "addresses"))
	return l.err
}

// scan reads every address once.
type scan struct {
	poller interface {
		Poll(ctx context.Context, n poll.Node) (inventory.Device, bool)
	}
	node        func(address string, sweep bool) poll.Node
	concurrency int
	pace        *rate.Limiter // of addresses of sweeps
	groups      []agent.Addresses
	started     time.Time
	log         *slog.Logger

	order   []string // each address of the targets once
	sweep   map[string]bool
	results map[string]reading
	crawled *crawl.Result // nil without a crawl
	cut     bool          // the crawl was
}

type reading struct {
	device   inventory.Device
	answered bool
}
