package reconcile

import (
	"cmp"
	"fmt"
	"strings"

	"rollcall/pkg/inventory"
)

// findNodeUnreachable finds nodes that do not answer. Addresses that never did
// may be of anything, so they make one finding per site. What a node has is
// unverified meanwhile.
func findNodeUnreachable(r *run) {
	never := map[string][]Node{}
	var sites []string
	for _, n := range r.Nodes {
		switch {
		case n.Answered && r.overdue(n) && days(n.Polled, r.Now) >= r.Settings.LineNotSeenDays:
			// Not before: an agent that was silent for a while comes back with
			// old reports first.
			r.findings = append(r.findings, r.notAsked(n))
		case n.Answered || hasProblem(n, inventory.ProblemCredentialRefused, inventory.ProblemHostKeyChanged): // which is the finding
		case r.silentAddress(n):
			if never[n.Site] == nil {
				sites = append(sites, n.Site)
			}
			never[n.Site] = append(never[n.Site], n)
		default:
			r.findings = append(r.findings, r.unreachable(n))
		}
	}
	for _, site := range sites {
		r.findings = append(r.findings, neverAnswered(site, never[site]))
	}
}

func (r *run) unreachable(n Node) Finding {
	f := nodeFinding(NodeUnreachable, Warning, n)
	last := n.LastGood
	for _, s := range r.atNode[n.ID] {
		if s.Last.After(last) {
			last = s.Last
		}
	}
	f.Evidence = append(messages(n), fmt.Sprintf("It gave no answer on %s, and was never read.", dayOf(n.Polled)))
	if !last.IsZero() {
		f.Evidence = append(messages(n), fmt.Sprintf("It gave no answer on %s, and was last seen on %s. Its units keep their place meanwhile.", dayOf(n.Polled), dayOf(last)))
	}
	f.NextStep = NextStep{
		Title: "See whether the device is there",
		Steps: []string{
			fmt.Sprintf("Is %s on, and does it answer a ping from the machine with the agent?", nodeName(n)),
			"Has it got another address? Then change the targets of the agent.",
			"Do SNMP and SSH still let that machine in: access lists, SNMP user or community, `ip ssh`?",
			"If it is gone for good, take it out of the targets. Donated gear goes back through Cisco's Takeback and Recycle program.",
		},
		Sheet: Sheet{},
	}
	return f
}

func (r *run) notAsked(n Node) Finding {
	f := nodeFinding(NodeUnreachable, Warning, n)
	f.Evidence = []string{fmt.Sprintf("The agent reports, but not on this device: its last report on it is of %s.", dayOf(n.Polled))}
	if a := r.agents[n.Agent]; a.Refused > 0 {
		f.Evidence = append(f.Evidence, fmt.Sprintf("The agent has set aside %s that the collector refused, the last because: %s.",
			count(int(a.Refused), "report"), strings.TrimSuffix(a.Refusal, ".")))
	}
	f.NextStep = NextStep{
		Title: "See whether the agent still asks the device",
		Steps: []string{
			fmt.Sprintf("Look for %s in the targets of the agent, and run `rollcall-agent check --config FILE` there.", n.Address),
			"If it was taken out because the device is gone: donated gear goes back through Cisco's Takeback and Recycle program.",
		},
		Sheet: Sheet{},
	}
	return f
}

func neverAnswered(site string, nodes []Node) Finding {
	f := Finding{
		Key: string(NodeUnreachable) + "/" + site + "/never", Kind: NodeUnreachable, Severity: Info, Site: site,
		Subject: verb(len(nodes), "address", "addresses") + inSite(site) + " never answered",
		NextStep: NextStep{
			Title: "See whether these are Cisco devices",
			Steps: []string{
				"An address that no device has needs nothing: narrow the targets of the agent if they are many.",
				"For a Cisco device: see that SNMP or SSH is on, and lets the machine with the agent in with the credentials that it has.",
			},
			Sheet: Sheet{},
		},
	}
	for _, n := range nodes {
		why := "it gave no answer"
		if m := messages(n); len(m) > 0 {
			why = m[0]
		}
		f.Evidence = append(f.Evidence, cmp.Or(n.Address, n.ID)+": "+why)
	}
	f.Evidence = capped(f.Evidence)
	return f
}

func hasProblem(n Node, kinds ...inventory.ProblemKind) bool { return len(messages(n, kinds...)) > 0 }

// messages are what a node's problems of these kinds say, or all of them.
func messages(n Node, kinds ...inventory.ProblemKind) []string {
	var all []string
	for _, p := range n.Problems {
		match := len(kinds) == 0
		for _, k := range kinds {
			match = match || p.Kind == k
		}
		if match {
			all = append(all, cmp.Or(p.Message, string(p.Kind)))
		}
	}
	return all
}
