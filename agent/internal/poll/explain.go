package poll

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"rollcall/agent/internal/show"
	"rollcall/agent/internal/snmp"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/inventory"
)

// A Trace is told, step by step, what a poll tries, what answers, and why each
// serial is kept or dropped. Nil is told nothing. Texts may come from a device:
// they are safe for a terminal only after inventory.CleanText. Secrets are
// never among them.
type Trace func(step string, facts ...slog.Attr)

// say tells one step; facts are pairs of a name and a value.
func (t Trace) say(step string, facts ...any) {
	if t == nil {
		return
	}
	attrs := make([]slog.Attr, 0, len(facts)/2)
	for i := 0; i+1 < len(facts); i += 2 {
		attrs = append(attrs, slog.Any(fmt.Sprint(facts[i]), facts[i+1]))
	}
	t(step, attrs...)
}

func (t Trace) problem(p inventory.Problem) {
	t.say(fmt.Sprintf("! %s: %s", p.Kind, p.Message))
}

func (t Trace) problems(list []inventory.Problem) {
	for _, p := range list {
		t.problem(p)
	}
}

// asking tells of an attempt over SNMP.
func (t Trace) asking(target snmp.Target) {
	if t == nil {
		return
	}
	c := target.Credential
	facts := []any{"credential", c.Name, "version", c.Version}
	if c.Version == "3" {
		facts = append(facts, "user", c.User, "authentication", c.AuthProtocol, "privacy", c.PrivProtocol)
	}
	t.say("asking over SNMP", append(facts, "tries", 1+target.Retries, "each", orDefault(target.Timeout.String()))...)
}

func orDefault(duration string) string {
	if duration == "0s" {
		return "the default time-out"
	}
	return duration
}

// reading tells what one transport gave.
func (t Trace) reading(via string, answered bool, d inventory.Device) {
	if t == nil {
		return
	}
	if !answered {
		t.problems(d.Errors)
		return
	}
	t.say(strings.ToUpper(via)+" answered", "name", d.Name, "platform", d.Platform, "model", d.Model, "software", d.Software,
		"serials", len(d.Components), "units", len(d.Units()), "complete", d.Complete)
	for _, c := range d.Components {
		t.component("kept", c)
	}
	t.problems(d.Errors)
}

// component tells of one part and of the rows that are the same part.
func (t Trace) component(verdict string, c inventory.Component) {
	if t == nil {
		return
	}
	facts := []any{"pid", c.PID, "class", string(c.Class), "name", c.Name, "unit", c.Unit}
	if c.Parent != "" {
		facts = append(facts, "in", c.Parent)
	}
	if year, month, ok := inventory.Made(c.Serial, time.Now()); ok && c.Unit {
		facts = append(facts, "made by its serial number", fmt.Sprintf("about %s %d", month, year))
	}
	if len(c.Aliases) > 0 {
		facts = append(facts, "listed again as", strings.Join(c.Aliases, "; "))
	}
	t.say(verdict+" "+c.Serial, facts...)
}

// merged tells how two readings became one device.
func (t Trace) merged(a, b source, d inventory.Device, answered bool) {
	if t == nil {
		return
	}
	if a.answered && b.answered {
		t.say("merging what SNMP and SSH gave")
		from := func(s source, serial string) bool {
			return slices.ContainsFunc(s.device.Components, func(c inventory.Component) bool { return c.Serial == serial })
		}
		for _, c := range d.Components {
			switch inA, inB := from(a, c.Serial), from(b, c.Serial); {
			case inA && inB:
				t.component("in both:", c)
			case inA:
				t.component("over "+strings.ToUpper(a.via)+" alone:", c)
			default:
				t.component("over "+strings.ToUpper(b.via)+" alone:", c)
			}
		}
		for _, p := range append(slices.Clone(a.device.Errors), b.device.Errors...) {
			if !slices.Contains(d.Errors, p) {
				t.say(fmt.Sprintf("no longer of interest is %s: %s", p.Kind, p.Message))
			}
		}
		for _, p := range d.Errors {
			if p.Kind == inventory.ProblemDisagreement {
				t.problem(p)
			}
		}
	}
	if !answered {
		t.say("result: no answer")
		return
	}
	t.say("result", "platform", d.Platform, "model", d.Model, "serial", d.Serial, "parts", len(d.Components), "units", len(d.Units()),
		"via", strings.Join(d.Via, ", "), "complete", d.Complete)
}

// logger is a logger that tells the trace, beside log, what a transport logs.
func (t Trace) logger(log *slog.Logger, via string) *slog.Logger {
	if t == nil {
		return log
	}
	return slog.New(traceHandler{trace: t, next: log.Handler(), via: via})
}

// A traceHandler turns log records into steps. The transports know of no trace:
// what they log at debug level is what they did.
type traceHandler struct {
	trace Trace
	next  slog.Handler
	via   string
	attrs []slog.Attr
	group string
}

// Enabled implements slog.Handler.
func (traceHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h traceHandler) Handle(ctx context.Context, r slog.Record) error {
	facts := slices.Clone(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		facts = h.add(facts, a)
		return true
	})
	h.trace(h.via+": "+r.Message, facts...)
	if h.next.Enabled(ctx, r.Level) {
		return h.next.Handle(ctx, r)
	}
	return nil
}

// add leaves out what each line would repeat.
func (h traceHandler) add(list []slog.Attr, a slog.Attr) []slog.Attr {
	if h.group == "" && (a.Key == "device" || a.Key == "via") {
		return list
	}
	a.Key = h.group + a.Key
	return append(list, a)
}

// WithAttrs implements slog.Handler.
func (h traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		h.attrs = h.add(h.attrs, a)
	}
	h.next = h.next.WithAttrs(attrs)
	return h
}

// WithGroup implements slog.Handler.
func (h traceHandler) WithGroup(name string) slog.Handler {
	h.group += name + "."
	h.next = h.next.WithGroup(name)
	return h
}

// A watcher opens shells, remembers which credential was taken or refused, and
// tells the trace.
type watcher struct {
	dialer

	visit visit
}

// Dial implements dialer.
func (w watcher) Dial(ctx context.Context, t sshcli.Target) (shell, error) {
	v, c := w.visit, t.Credential
	v.trace.say("logging in over SSH", "credential", c.Name, "user", c.User, "port", v.node.sshPort(), "old algorithms allowed", c.Legacy)
	s, err := w.dialer.Dial(ctx, t)
	switch {
	case err == nil:
		v.memory.accept(ctx, ViaSSH, t.Address, c.Name)
	case sshcli.KindOf(err) == inventory.ProblemCredentialRefused && readable(c.Password, c.Enable):
		v.memory.refuse(ctx, ViaSSH, t.Address, c.Name)
	}
	if v.trace == nil {
		return s, err
	}
	if err != nil {
		v.trace.problem(sshcli.Problem(err))
		return s, err
	}
	v.trace.say("logged in", "prompt", s.Prompt())
	return watchedShell{shell: s, trace: v.trace}, nil
}

// A watchedShell tells the trace of each command, and of rows in its output
// that have no serial number of their own.
type watchedShell struct {
	shell

	trace Trace
}

// Run implements shell.
func (w watchedShell) Run(ctx context.Context, command string) (string, error) {
	text, err := w.shell.Run(ctx, command)
	facts := []any{"lines", strings.Count(text, "\n"), "bytes", len(text)}
	switch status := show.Refused(text); {
	case err != nil:
		facts = append(facts, "ended by", sshcli.Problem(err).Message)
	case status == show.Unauthorized:
		facts = append(facts, "answer", "the account may not run it")
	case status == show.Unsupported:
		facts = append(facts, "answer", "the device does not know the command")
	case strings.TrimSpace(text) == "":
		facts = append(facts, "answer", "nothing")
	case command == "show version":
		facts = append(facts, "platform by its words", show.ParseVersion(text).Platform)
	}
	w.trace.say(fmt.Sprintf("ran %q", command), facts...)
	w.trace.dropped(text)
	return text, err
}

// inventoryRow is the second line of a part in `show inventory`; the first
// names it.
var (
	inventoryRow  = regexp.MustCompile(`(?i)^\s*PID:\s*(.*?)\s*,?\s*VID:.*?\bSN:\s*(\S*)`)
	inventoryName = regexp.MustCompile(`(?i)^\s*NAME:\s*"?([^",]*)`)
)

// maxDropped bounds the rows that are told one by one.
const maxDropped = 200

// dropped tells of the rows of an inventory that name no serial number.
func (t Trace) dropped(text string) {
	name, n := "", 0
	for line := range strings.Lines(text) {
		if m := inventoryName.FindStringSubmatch(line); m != nil {
			name = strings.TrimSpace(m[1])
		}
		m := inventoryRow.FindStringSubmatch(line)
		if m == nil || inventory.CleanSerial(m[2]) != "" {
			continue
		}
		if n++; n > maxDropped {
			continue
		}
		why := "the serial number is empty"
		if m[2] != "" {
			why = "a placeholder, not a serial number"
		}
		t.say(fmt.Sprintf("dropped %q", m[2]), "name", name, "pid", m[1], "because", why)
	}
	if n > maxDropped {
		t.say("dropped more rows without a serial number", "rows", n-maxDropped)
	}
}
