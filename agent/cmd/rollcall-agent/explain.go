package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"time"

	"rollcall/agent"
	"rollcall/agent/internal/poll"
	"rollcall/pkg/inventory"
)

// An explainer polls, and writes down what the poll does and why, step by step
// and as it happens.
type explainer struct {
	poller *poll.Poller
	out    io.Writer
}

// Poll does what the scan asks for. It is for one goroutine at a time.
func (e explainer) Poll(ctx context.Context, n poll.Node) (inventory.Device, bool) {
	l := listing{w: e.out}
	l.line("%s, step by step (seconds since the start, what was done, what came of it):", n.Address)
	began := time.Now()
	d, answered := e.poller.Explain(ctx, n, func(step string, facts ...slog.Attr) {
		if text := factsText(facts); text != "" {
			step += ": " + text
		}
		l.line("  %6.2f  %s", time.Since(began).Seconds(), step)
	})
	l.line("")
	return d, answered
}

// factsText is the facts as words; those without a value are left out.
func factsText(facts []slog.Attr) string {
	var list []string
	for _, f := range facts {
		value := f.Value.Resolve()
		text := value.String()
		switch {
		case value.Kind() == slog.KindBool && value.Bool():
			text = "yes"
		case value.Kind() == slog.KindBool:
			text = "no"
		case text == "":
			continue
		}
		list = append(list, strings.ReplaceAll(f.Key, "_", " ")+" "+text)
	}
	return strings.Join(list, ", ")
}

// explains holds that each target is one device: the steps of a whole network
// help nobody.
func explains(groups []agent.Addresses) error {
	for _, g := range groups {
		if g.Sweep {
			return usage("--explain: %s is %d addresses: name the one that is of interest", g.Written, len(g.List))
		}
	}
	return nil
}
