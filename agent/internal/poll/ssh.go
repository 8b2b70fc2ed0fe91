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

// readSSH tries the credentials in their order. Only a refused login makes it
// try the next: a device that is busy, silent or shows another key does so for
// all.
func (p *Poller) readSSH(ctx context.Context, n Node) source {
	s := source{via: ViaSSH, asked: true, device: inventory.Device{Address: n.Address}}
	ctx, cancel := context.WithTimeout(ctx, n.Budget)
	defer cancel()
	for _, c := range n.SSH {
		session, err := p.ssh.Dial(ctx, sshcli.Target{
			Address: n.Address, Port: n.SSHPort, Credential: c, HostKeys: p.hostKeys, Timeout: n.Timeout,
		})
		if err != nil {
			s.device.Errors = addProblems(s.device.Errors, []inventory.Problem{sshcli.Problem(err)})
			if sshcli.KindOf(err) != inventory.ProblemCredentialRefused || ctx.Err() != nil {
				break
			}
			continue
		}
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
	parts    show.Result

	version     show.Version
	versionText string

	// outputs are what the device printed for the commands that it ran, each
	// after its command, as a person would paste them.
	outputs strings.Builder

	complete bool
	problems []inventory.Problem
	denied   []string // commands that the account may not run, the first few
	lost     bool     // the session broke: nothing more can be asked
}

// maxDenied bounds the commands that a message names.
const maxDenied = 4

func newTalk(s shell) *talk {
	return &talk{shell: s, prompt: s.Prompt(), problems: s.Problems(), complete: true}
}

// answer of one command.
type answer struct {
	text   string
	status show.Refusal
	whole  bool // the output came to its end
}

// accepted says that the device ran the command and printed all of its output.
func (a answer) accepted() bool { return a.whole && a.status == show.Accepted }

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
	if a.status == show.Unauthorized && len(t.denied) < maxDenied {
		t.denied = append(t.denied, command)
	}
	return a
}

// ask runs a command whose output may name parts.
func (t *talk) ask(ctx context.Context, command string) answer {
	a := t.run(ctx, command)
	if a.status == show.Accepted && strings.TrimSpace(a.text) != "" {
		t.take(command, a.text)
	}
	return a
}

// take reads an output together with those before it.
func (t *talk) take(command, text string) {
	t.outputs.WriteString(command + "\n" + text + "\n")
	t.parts = show.Parse(t.platform, t.outputs.String())
}

// need is ask for an output without which the reading is not complete.
func (t *talk) need(ctx context.Context, command string) answer {
	a := t.ask(ctx, command)
	t.complete = t.complete && a.accepted()
	return a
}

// oneOf asks for the first of several outputs that the device has: later ones
// stand in for those that it does not know.
func (t *talk) oneOf(ctx context.Context, commands ...string) answer {
	var a answer
	for _, command := range commands {
		if a = t.ask(ctx, command); a.status != show.Unsupported || t.lost {
			break
		}
	}
	t.complete = t.complete && a.accepted()
	return a
}

// anyOf asks until an output names parts.
func (t *talk) anyOf(ctx context.Context, commands ...string) {
	for _, command := range commands {
		if t.found() || t.lost || t.ask(ctx, command).status == show.Unauthorized {
			return
		}
	}
}

func (t *talk) found() bool { return len(t.parts.Components) > 0 }

func (t *talk) problem(p inventory.Problem) {
	t.problems = addProblems(t.problems, []inventory.Problem{p})
}

func (t *talk) incomplete(format string, args ...any) {
	t.complete = false
	t.problem(inventory.Problem{Kind: inventory.ProblemIncomplete, Via: ViaSSH, Message: fmt.Sprintf(format, args...)})
}

// unauthorized tells what to do about the commands that the account may not
// run. Where the prompt shows an unprivileged session, enable is likely to
// help; elsewhere a server or a role decides.
func (t *talk) unauthorized() {
	if len(t.denied) == 0 {
		return
	}
	remedy := "allow that to this account: in its role, or in the command authorization of the TACACS+ server"
	switch {
	case t.platform == inventory.PlatformIOSXR && strings.HasPrefix(t.denied[0], "admin "):
		remedy = "IOS XR names its chassis there alone. Put the account into task group root-system or cisco-support, or read the device over SNMP too"
	case t.unprivileged():
		remedy = "set the enable password on this credential, use an account of privilege 15, or allow that to this account on the TACACS+ server"
	}
	t.problem(inventory.Problem{
		Kind: inventory.ProblemUnauthorized, Via: ViaSSH, Message: fmt.Sprintf("the account may not run `%s`: %s", strings.Join(t.denied, "` and `"), remedy),
	})
}

// unprivileged says that the prompt is of a session without privileges, on the
// platforms that have levels of them.
func (t *talk) unprivileged() bool {
	return strings.HasSuffix(t.prompt, ">") && t.prompt != ">" && !aireOS.MatchString(t.prompt)
}

var aireOS = regexp.MustCompile(`^\(([^()]{1,63})\) ?>$`)

// read asks what the platform has. `show version` comes first: it tells the
// platform, and stands in where there is no inventory.
func (t *talk) read(ctx context.Context) {
	if aireOS.MatchString(t.prompt) {
		t.platform = inventory.PlatformAireOS
	} else if v := t.run(ctx, "show version"); v.status == show.Accepted {
		t.versionText, t.version = v.text, show.ParseVersion(v.text)
		t.platform = t.version.Platform
	}
	dialogueOf(t.platform)(t, ctx)
	if t.platform == "" || t.platform == inventory.PlatformUnknown {
		t.platform = t.parts.Platform
	}
	t.complete = t.complete && !t.lost && hasUnit(t.parts.Components) && !t.parts.Lossy
	if !hasUnit(t.parts.Components) && len(t.version.Components) > 0 {
		t.take("show version", t.versionText)
		if len(t.denied) == 0 && !t.lost {
			t.problem(inventory.Problem{Kind: inventory.ProblemNoInventory, Via: ViaSSH, Message: t.noInventory()})
		}
	}
	t.remark()
}

// noInventory words why `show version` had to stand in.
func (t *talk) noInventory() string {
	if t.unprivileged() {
		return "the device gives no `show inventory` at this privilege level: only what `show version` names was read. Set the enable password on this credential, or use an account of privilege 15; hardware older than about 2004 has no `show inventory` at all"
	}
	return "the device has no `show inventory`, as hardware and software older than about 2004: only what `show version` and `show module` name was read. Compare it with the label"
}

// remark says what the reading lacks.
func (t *talk) remark() {
	t.unauthorized()
	for _, w := range t.parts.Warnings {
		t.problem(inventory.Problem{Kind: inventory.ProblemParse, Via: ViaSSH, Message: w})
	}
	switch {
	case !t.found() && len(t.denied) == 0 && !t.lost:
		t.problem(inventory.Problem{
			Kind: inventory.ProblemNoInventory, Via: ViaSSH,
			Message: "the device offers no serial number over SSH: try SNMP, or read the label",
		})
	case t.parts.Lossy && !t.lost:
		t.incomplete("lines of the device's inventory were cut or not understood, so parts may be missing: the warnings say which")
	case t.found() && !t.complete && len(t.problems) == 0:
		t.incomplete("no chassis is in the device's inventory over SSH: read it over SNMP too")
	}
}

func hasUnit(list []inventory.Component) bool {
	return len(inventory.Device{Components: list}.Units()) > 0
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
