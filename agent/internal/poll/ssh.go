package poll

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"rollcall/agent/internal/show"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/inventory"
)

// readSSH tries the credentials, the one that worked last time first. Only a
// refused login makes it try the next: a device that is busy, silent or shows
// another key does so for all.
func (p *Poller) readSSH(ctx context.Context, n Node) source {
	s := source{via: ViaSSH, asked: true, device: inventory.Device{Address: n.Address}}
	names := make([]string, len(n.SSH))
	for i, c := range n.SSH {
		names[i] = c.Name
	}
	ctx, cancel := context.WithTimeout(ctx, n.Budget)
	defer cancel()
	for _, i := range p.order(ViaSSH, n.Address, names) {
		session, err := p.ssh.Dial(ctx, sshcli.Target{
			Address: n.Address, Port: n.SSHPort, Credential: n.SSH[i], HostKeys: p.hostKeys, Timeout: n.Timeout,
		})
		if err != nil {
			s.device.Errors = addProblems(s.device.Errors, []inventory.Problem{sshcli.Problem(err)})
			if sshcli.KindOf(err) != inventory.ProblemCredentialRefused || ctx.Err() != nil {
				break
			}
			continue
		}
		p.remember(ViaSSH, n.Address, names[i])
		s.answered = true
		talk := newTalk(session)
		talk.read(ctx)
		s.device = talk.device(n.Address)
		if err := session.Close(); err != nil {
			p.log.Debug("session did not close", "device", n.Address, "error", err)
		}
		break
	}
	return s
}

// talk is one session's worth of commands and what they told.
type talk struct {
	shell    shell
	prompt   string
	platform string
	version  show.Version
	parts    show.Result

	complete bool
	problems []inventory.Problem
	lost     bool // the session broke: nothing more can be asked
}

func newTalk(s shell) *talk {
	return &talk{shell: s, prompt: s.Prompt(), problems: s.Problems()}
}

// answer of one command.
type answer struct {
	text   string
	status show.Refusal
	whole  bool // the output came to its end
}

// run asks one command. A refusal is part of the answer; what breaks the
// session becomes a problem, and nothing further is asked.
func (t *talk) run(ctx context.Context, command string) answer {
	if t.lost {
		return answer{status: show.Unsupported}
	}
	text, err := t.shell.Run(ctx, command)
	if err != nil {
		t.lost = true
		t.problem(sshcli.Problem(err))
		return answer{text: text, status: show.Accepted}
	}
	a := answer{text: text, status: show.Refused(text), whole: true}
	if a.status == show.Unauthorized {
		t.problem(inventory.Problem{
			Kind: inventory.ProblemUnauthorized, Via: ViaSSH,
			Message: fmt.Sprintf("the account may not run %q: allow it, or give the enable password", command),
		})
	}
	return a
}

func (t *talk) problem(p inventory.Problem) {
	t.problems = addProblems(t.problems, []inventory.Problem{p})
}

func (t *talk) incomplete(format string, args ...any) {
	t.complete = false
	t.problem(inventory.Problem{Kind: inventory.ProblemIncomplete, Via: ViaSSH, Message: fmt.Sprintf(format, args...)})
}

var aireOS = regexp.MustCompile(`^\(([^()]{1,63})\) ?>$`)

// read asks what the platform has. `show version` comes first: it tells the
// platform, and stands in where there is no `show inventory`.
func (t *talk) read(ctx context.Context) {
	if aireOS.MatchString(t.prompt) {
		t.platform = inventory.PlatformAireOS
	} else {
		v := t.run(ctx, "show version")
		if v.status == show.Accepted {
			t.version = show.ParseVersion(v.text)
			t.platform = t.version.Platform
		}
	}
	switch t.platform {
	case inventory.PlatformNXOS:
		t.readNXOS(ctx)
	case inventory.PlatformIOSXR:
		t.readIOSXR(ctx)
	case inventory.PlatformAireOS:
		t.readAireOS(ctx)
	default:
		t.readInventory(ctx, "show inventory")
	}
	if len(t.parts.Components) == 0 && !t.lost {
		t.readFallbacks(ctx)
	}
	if t.platform == "" || t.platform == inventory.PlatformUnknown {
		t.platform = t.parts.Platform
	}
	t.remark()
}

// readInventory runs one or several commands whose outputs make one inventory,
// and says whether the last was accepted.
func (t *talk) readInventory(ctx context.Context, commands ...string) show.Refusal {
	var all strings.Builder
	last := show.Accepted
	t.complete = true
	for _, command := range commands {
		a := t.run(ctx, command)
		last = a.status
		t.complete = t.complete && a.whole && a.status == show.Accepted
		if a.status == show.Accepted {
			all.WriteString(a.text)
			all.WriteByte('\n')
		}
	}
	if strings.TrimSpace(all.String()) != "" {
		t.parts = show.Inventory(t.platform, all.String())
	}
	t.complete = t.complete && hasUnit(t.parts.Components) && !t.parts.Lossy
	return last
}

// readNXOS prefers "all", which lists fabric extenders too.
func (t *talk) readNXOS(ctx context.Context) {
	if t.readInventory(ctx, "show inventory all") == show.Unsupported {
		t.readInventory(ctx, "show inventory")
	}
}

// readIOSXR needs the admin plane for the chassis; optics are in the other.
// Where the chassis is in the plain inventory (XRv, NCS), that is enough.
func (t *talk) readIOSXR(ctx context.Context) {
	before := t.problems
	t.readInventory(ctx, "admin show inventory", "show inventory")
	if !t.complete && !t.lost && !t.parts.Lossy && hasUnit(t.parts.Components) {
		t.complete = true
		t.problems = before
	}
}

// readAireOS reads the controller and, where the release has the command, its
// access points.
func (t *talk) readAireOS(ctx context.Context) {
	t.readInventory(ctx, "show inventory")
	whole := t.complete
	parts := t.parts
	if info := t.run(ctx, "show sysinfo"); info.status == show.Accepted {
		t.version = show.ParseVersion(info.text)
	}
	aps := t.run(ctx, "show ap inventory all")
	if aps.status == show.Accepted && strings.TrimSpace(aps.text) != "" {
		found := show.Inventory(t.platform, aps.text)
		t.parts = parts
		t.parts.Components = unite(parts.Components, found.Components)
		t.parts.Warnings = append(t.parts.Warnings, apWarnings(found)...)
		t.complete = whole && aps.whole && !found.Lossy
		return
	}
	if whole {
		t.incomplete("the controller does not list its access points over SSH: read it over SNMP to see their serial numbers")
	}
}

// apWarnings leaves out that a list of access points holds no controller.
func apWarnings(r show.Result) []string {
	if len(r.Components) == 0 {
		return nil
	}
	return r.Warnings
}

// readFallbacks asks devices without `show inventory`, in order: small-business
// switches have `show system id`, old modular ones `show module`, and `show
// version` names at least the chassis.
func (t *talk) readFallbacks(ctx context.Context) {
	if t.platform == inventory.PlatformSMB || t.platform == "" {
		if id := t.run(ctx, "show system id"); id.status == show.Accepted {
			t.parts = show.Parse(t.platform, id.text)
			// Such a switch has no parts that could be replaced one by one.
			t.complete = id.whole && hasUnit(t.parts.Components)
		}
	}
	if len(t.parts.Components) > 0 || t.lost {
		return
	}
	var modules []inventory.Component
	if t.platform == inventory.PlatformIOS || t.platform == inventory.PlatformNXOS {
		if m := t.run(ctx, "show module"); m.status == show.Accepted {
			modules = show.Parse(t.platform, "show module\n"+m.text).Components
		}
	}
	t.parts.Components = unite(t.version.Components, modules)
	t.complete = false
	if len(t.parts.Components) > 0 {
		t.problem(inventory.Problem{
			Kind: inventory.ProblemNoInventory, Via: ViaSSH,
			Message: "the device has no `show inventory`: only what `show version` and `show module` name was read",
		})
	}
}

// remark says what the reading lacks.
func (t *talk) remark() {
	for _, w := range append(t.parts.Warnings, t.version.Warnings...) {
		t.problem(inventory.Problem{Kind: inventory.ProblemParse, Via: ViaSSH, Message: w})
	}
	switch {
	case len(t.parts.Components) == 0 && !t.has(inventory.ProblemUnauthorized) && !t.lost:
		t.problem(inventory.Problem{
			Kind: inventory.ProblemNoInventory, Via: ViaSSH,
			Message: "the device offers no serial number over SSH: try SNMP, or read the label",
		})
	case t.complete && isWirelessController(t.parts.Components):
		t.incomplete("access points of this controller are not read over SSH: read it over SNMP to see their serial numbers")
	case t.parts.Lossy && !t.lost:
		t.incomplete("lines of the device's inventory were cut or not understood, so parts may be missing: the warnings say which")
	case len(t.parts.Components) > 0 && !t.complete && len(t.problems) == 0:
		t.incomplete("no chassis is in the device's inventory over SSH: read it over SNMP too")
	}
}

func (t *talk) has(kind inventory.ProblemKind) bool {
	for _, p := range t.problems {
		if p.Kind == kind {
			return true
		}
	}
	return false
}

func hasUnit(list []inventory.Component) bool {
	return len(inventory.Device{Components: list}.Units()) > 0
}

// isWirelessController says that a Catalyst 9800 holds access points that its
// own inventory does not list.
func isWirelessController(list []inventory.Component) bool {
	for _, c := range list {
		if c.Unit && strings.HasPrefix(inventory.MatchPID(c.PID), "C9800-") {
			return true
		}
	}
	return false
}

// promptName is the host name in a prompt.
var promptName = regexp.MustCompile(`^(?:RP/[^:]*:|[\w.-]+@)?([A-Za-z0-9][\w.-]*)`)

// device makes the reading of one session.
func (t *talk) device(address string) inventory.Device {
	d := inventory.Device{
		Address: address, Name: t.version.Name, Platform: t.platform, Software: t.version.Software,
		Complete: t.complete, Via: []string{ViaSSH}, Components: t.parts.Components, Errors: t.problems,
	}
	if d.Name == "" {
		d.Name = nameOf(t.prompt)
	}
	d.Model = t.version.Model
	if strings.ContainsRune(d.Model, ' ') { // words of NX-OS, no PID
		d.Model = ""
	}
	return d
}

func nameOf(prompt string) string {
	if m := aireOS.FindStringSubmatch(prompt); m != nil {
		return inventory.CleanText(m[1])
	}
	if m := promptName.FindStringSubmatch(prompt); m != nil {
		return m[1]
	}
	return ""
}
