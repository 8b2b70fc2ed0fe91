package main

import (
	"fmt"
	"io"
	"os"

	"rollcall/agent/internal/show"
	"rollcall/pkg/inventory"
	"rollcall/pkg/table"
)

type parseCmd struct {
	Platform string `default:"auto" enum:"${platforms}" placeholder:"NAME" help:"What the output is from: ${enum}. Default: ${default}."`
	Format   string `default:"json" enum:"json,table" help:"Output: ${enum}. Default: ${default}."`
	File     string `arg:"" optional:"" help:"Saved output; standard input when there is none, or \"-\"."`
}

// parsed is the JSON output.
type parsed struct {
	Schema     string                `json:"schema"`
	Platform   string                `json:"platform"`
	Components []inventory.Component `json:"components"`
	Warnings   []string              `json:"warnings"`
}

// Run implements the command.
func (c parseCmd) Run(s streams) error {
	text, name, err := c.read(s)
	if err != nil {
		return err
	}
	r := show.Parse(c.Platform, text)
	p := parsed{Schema: "rollcall.parse/1", Platform: r.Platform, Components: notNil(r.Components), Warnings: notNil(r.Warnings)}
	fillAliases(p.Components)
	if c.Format == "table" {
		err = p.table(s.out)
	} else {
		err = writeJSON(s.out, p)
	}
	if err != nil {
		return err
	}
	if len(p.Components) == 0 {
		return missing("no serial number is in %s: save the whole output of \"show inventory\" or \"show version\"", name)
	}
	return nil
}

func (c parseCmd) read(s streams) (text, name string, err error) {
	in, name := s.in, "standard input"
	if c.File != "" && c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return "", "", usage("cannot read saved output: %v", err)
		}
		defer func() { _ = f.Close() }()
		in, name = f, c.File
	} else if table.IsTerminal(s.in) {
		s.note("paste the output of the device, then press Ctrl-D")
	}
	// One byte more than the parser takes, so that it can say what is dropped.
	raw, err := io.ReadAll(io.LimitReader(in, show.MaxText+1))
	if err != nil {
		return "", "", fmt.Errorf("cannot read %s: %w", name, err)
	}
	return string(raw), name, nil
}

func (p parsed) table(out io.Writer) error {
	l := listing{w: out}
	l.line("platform %s, %s", orDash(p.Platform), plural(len(p.Components), "component", "components"))
	l.components(p.Components)
	for _, w := range p.Warnings {
		l.line("  ! %s", w)
	}
	return l.err
}
