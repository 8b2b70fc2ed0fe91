package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"rollcall/agent"
)

// statusPatience bounds the question to the agent.
const statusPatience = 30 * time.Second

type statusCmd struct {
	Config string `placeholder:"FILE" help:"Configuration of the agent, as in configs/agent.yaml: it names the folder at which the agent answers. Default: the folder of an agent whose configuration names none, in the working directory."`
	Format string `default:"table" enum:"table,json" help:"Output: ${enum}. Default: ${default}."`
}

// Help says what the exit status means.
func (statusCmd) Help() string {
	return "Exit status: 0 when all is well, 3 when something is wrong, 1 when no agent runs there."
}

// Run implements the command.
func (c statusCmd) Run(s streams) error {
	dir, err := agent.DataDir(c.Config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, statusPatience)
	defer cancel()
	status, err := agent.AskStatus(ctx, dir)
	switch {
	case err != nil && c.Config == "":
		return fmt.Errorf("%w; --config FILE asks an agent with another data_dir", err)
	case err != nil:
		return err
	}
	if c.Format == "json" {
		err = writeJSON(s.out, status)
	} else {
		err = statusTable(s.out, status)
	}
	if err != nil {
		return err
	}
	if !status.Well {
		return missing("%s", strings.Join(status.Wrong, "\n"))
	}
	return nil
}

// statusTable writes a status for people.
func statusTable(out io.Writer, s agent.Status) error {
	l := listing{w: out}
	l.line("agent      %s, version %s, process %d, runs since %s", s.Name, s.Version, s.PID, when(&s.Started, s.At))
	l.line("polls      every %s; last %s, next %s", short(time.Duration(s.Interval)*time.Second), when(s.LastPoll, s.At), when(s.NextPoll, s.At))
	var states []string
	for _, name := range []string{agent.StateComplete, agent.StateIncomplete, agent.StateUnanswered, agent.StateFailed, agent.StateWaiting} {
		if n := s.States[name]; n > 0 || name == agent.StateComplete {
			states = append(states, fmt.Sprintf("%d %s", n, stateWords(name)))
		}
	}
	l.line("devices    %d: %s", len(s.Nodes), strings.Join(states, ", "))
	if s.Spool.Oldest == nil {
		l.line("spool      no report waits")
	} else {
		l.line("spool      %s, %d KiB; the oldest is of %s", plural(int(s.Spool.Reports), "report waits", "reports wait"), (s.Spool.Bytes+1023)/1024, when(s.Spool.Oldest, s.At))
	}
	l.line("collector  %s; last success %s, last failure %s", s.Uploads.Collector, when(s.Uploads.LastSuccess, s.At), when(s.Uploads.LastFailure, s.At))
	if s.Uploads.Error != "" {
		l.line("           %s", s.Uploads.Error)
	}
	if n := s.Spool.Quarantined; n > 0 {
		l.line("           %s set aside, as the collector will never take them", plural(int(n), "report is", "reports are"))
	}
	l.line("identity   %s", identityWords(s.Identity))
	l.line("")
	l.troubles(s)
	l.places(s)
	if s.Well {
		l.line("All is well.")
	}
	return l.err
}

// troubles lists the nodes about which something is to be said.
func (l *listing) troubles(s agent.Status) {
	var rows [][]string
	for _, n := range s.Nodes {
		if n.Problem != "" || n.State == agent.StateUnanswered || n.State == agent.StateIncomplete || n.State == agent.StateFailed {
			rows = append(rows, []string{n.State, n.Address, orDash(n.Name), when(n.PolledAt, s.At), n.Problem})
		}
	}
	l.section([]string{"STATE", "ADDRESS", "NAME", "POLLED", "WHY"}, rows)
}

// places lists where devices are looked for.
func (l *listing) places(s agent.Status) {
	var rows [][]string
	for _, w := range s.Sweeps {
		rows = append(rows, []string{w.Target, strconv.Itoa(w.Addresses), strconv.Itoa(w.Asked), strconv.Itoa(w.Devices)})
	}
	l.section([]string{"SWEPT", "ADDRESSES", "ASKED SO FAR", "DEVICES"}, rows)
	rows = nil
	for _, src := range s.Sources {
		rows = append(rows, []string{src.Kind, src.Target, strconv.Itoa(src.Devices), when(src.ReadAt, s.At), src.Error})
		for _, refused := range src.Refused[:min(len(src.Refused), maxNotes)] {
			rows = append(rows, []string{"", "", "", "", refused})
		}
	}
	l.section([]string{"SOURCE", "TARGET", "DEVICES", "READ", "WHAT IS WRONG"}, rows)
	rows = nil
	for _, n := range s.Seen {
		rows = append(rows, seenRow(n))
	}
	l.section(seenHeader, rows)
}

// maxRows bounds the rows of one section of a table.
const maxRows = 1000

// section writes rows with their header and an empty line, nothing without
// rows.
func (l *listing) section(header []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	l.columns(header, rows[:min(len(rows), maxRows)])
	if more := len(rows) - maxRows; more > 0 {
		l.line("  ... and %d more, in --format json", more)
	}
	l.line("")
}

func stateWords(state string) string {
	if state == agent.StateWaiting {
		return "not polled yet"
	}
	return state
}

// when is a time, and how far it is from now.
func when(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	text := t.UTC().Format("2006-01-02 15:04:05 UTC")
	switch d := now.Sub(*t).Round(time.Second); {
	case d > 0:
		return fmt.Sprintf("%s (%s ago)", text, age(d))
	case d < 0:
		return fmt.Sprintf("%s (in %s)", text, age(-d))
	}
	return text + " (now)"
}

// age is a duration in its largest units.
func age(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
