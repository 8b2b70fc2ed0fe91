package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"rollcall/agent"
	"rollcall/pkg/filesystem"
	"rollcall/pkg/table"
)

// connectWait bounds the question to the collector.
const connectWait = 30 * time.Second

type checkCmd struct {
	Config  string `required:"" placeholder:"FILE" help:"Configuration, as in configs/agent.yaml."`
	Connect bool   `help:"Ask the collector, too, whether it takes reports from this agent."`
}

// Run implements the command.
func (c checkCmd) Run(s streams) error {
	cfg, err := agent.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	if err := cfg.CheckSecrets(); err != nil {
		return err
	}
	a, err := agent.New(cfg, agent.Options{Version: version})
	if err != nil {
		return err
	}
	if err := a.CheckIdentity(); err != nil {
		return err
	}
	if err := describe(s, c.Config, cfg, a); err != nil {
		return err
	}
	for _, hint := range hints(cfg) {
		s.note("%s", hint)
	}
	if w := filesystem.Warning(cfg.DataDir); w != "" {
		s.note("data_dir: %s", w)
	}
	if id := a.Identity(); id.Problem != "" {
		s.note("%s", id.Problem)
	}
	refused, err := describeFiles(s, cfg)
	if err != nil {
		return err
	}
	if c.Connect {
		if err := connect(s, cfg, a); err != nil {
			return err
		}
	}
	if refused > 0 {
		return missing("%s of the targets' files cannot be used; the others are polled", plural(refused, "line", "lines"))
	}
	return nil
}

// describeFiles names what the files of targets have that is not polled.
func describeFiles(s streams, cfg agent.Config) (refused int, err error) {
	plan, err := cfg.Plan()
	if err != nil {
		return 0, err
	}
	var list []string
	for _, p := range plan {
		list = append(list, p.Skipped...)
		list = append(list, p.Refused...)
		refused += len(p.Refused)
	}
	s.notes(list)
	return refused, nil
}

// connect asks the collector and every NetBox.
func connect(s streams, cfg agent.Config, a *agent.Agent) error {
	ctx, cancel := context.WithTimeout(s.ctx, connectWait)
	defer cancel()
	id := a.Identity()
	if err := a.Ping(ctx); err != nil {
		return missing("the collector at %s does not take reports: %v", id.URL, err)
	}
	words := "takes reports from this agent"
	if id.State == agent.IdentityJoining {
		words = "is there; the agent joins it when it is started"
	}
	if _, err := fmt.Fprintf(s.out, "The collector at %s %s.\n", table.Text(id.URL), words); err != nil {
		return err
	}
	for i, t := range cfg.Targets {
		if t.NetBox == nil {
			continue
		}
		list, err := t.NetBox.Read(s.ctx)
		if err != nil {
			return missing("targets[%d].netbox: %v", i, err)
		}
		s.notes(append(list.Skipped, list.Refused...))
		if _, err := fmt.Fprintf(s.out, "NetBox at %s names %s.\n", table.Text(t.NetBox.URL), plural(list.Count(), "device", "devices")); err != nil {
			return err
		}
	}
	return nil
}

// describe says what the agent would do.
func describe(s streams, file string, cfg agent.Config, a *agent.Agent) error {
	plan, err := cfg.Plan()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	id := a.Identity()
	_, _ = fmt.Fprintf(w, "%s is right.\n\nagent\t%s\ndata\t%s\ncollector\t%s\nidentity\t%s\npolls\t%s every %s, %d at a time\n\n",
		table.Text(file), table.Text(cfg.Name), table.Text(cfg.DataDir), table.Text(orDash(id.URL)), table.Text(identityWords(id)), plural(a.Addresses(), "address", "addresses"), short(cfg.Interval.D()), cfg.Concurrency)
	for _, p := range plan {
		addresses := plural(p.Addresses, "address", "addresses")
		if p.Addresses < 0 {
			addresses = "asked when the agent runs"
		}
		if p.Crawl {
			addresses += " and their neighbours"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\tvia %s\twith %s\n", table.Text(p.Target), addresses, p.Via, table.Text(strings.Join(p.Credentials, ", ")))
	}
	return w.Flush()
}

// hints are what is right, and could be better.
func hints(cfg agent.Config) []string {
	var list []string
	if inline := cfg.InlineSecrets(); len(inline) > 0 {
		list = append(list, "secrets in plain text: "+strings.Join(inline, ", ")+": move each to a file of mode 0600 and write file:PATH")
	}
	if sweep := cfg.SweepTime(); sweep > cfg.Interval.D() {
		list = append(list, fmt.Sprintf("one round over all networks and ranges may take %s, longer than the interval of %s: make them smaller, raise concurrency, or lower timeout",
			short(sweep.Round(time.Minute)), short(cfg.Interval.D())))
	}
	for _, c := range cfg.Credentials {
		switch {
		case c.SNMP != nil && c.SNMP.User == "":
			list = append(list, fmt.Sprintf("credential %q is SNMPv1 or v2c, which everybody on the way can read: use version 3 where devices can", c.Name))
		case c.SSH != nil && c.SSH.Legacy:
			list = append(list, fmt.Sprintf("credential %q consents to weak algorithms: name it only at targets that need it", c.Name))
		}
	}
	return list
}

// short writes 6h0m0s as 6h.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
