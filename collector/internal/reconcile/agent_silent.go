package reconcile

import "fmt"

// findAgentSilent finds agents that have missed more polls than they may. What
// they watch is unverified, not missing.
func findAgentSilent(r *run) {
	for _, a := range r.Agents {
		if !r.silent(a) || r.isClosed(a.Site) {
			continue
		}
		name := a.Name
		if name == "" {
			name = a.ID
		}
		f := Finding{
			Key: string(AgentSilent) + "/" + a.ID, Kind: AgentSilent, Severity: Warning, Site: a.Site, Subject: "agent " + name + inSite(a.Site),
			Evidence: []string{fmt.Sprintf("The agent was last heard of on %s. It polls every %s.", a.LastSeen.UTC().Format("2006-01-02 15:04 MST"), a.interval())},
			NextStep: NextStep{
				Title: "Get the agent to report again",
				Steps: []string{
					"See whether the machine with the agent is on and has a network.",
					"On it, run `rollcall-agent status`: it says whether the agent runs, and what keeps it from reaching the collector. `rollcall-agent check --config FILE` tries its configuration.",
					"What it polls meanwhile waits on its disk and comes when it reaches the collector again.",
				},
				Sheet: Sheet{},
			},
		}
		if a.LastSeen.IsZero() {
			f.Severity = Info
			f.Evidence = []string{"The agent has never reported."}
			f.NextStep.Title = "Start the agent"
			f.NextStep.Steps = []string{
				"On the agent's machine run `rollcall-agent check --config agent.yaml`: it says what is wrong with the settings, and whether the collector is reached.",
				"Start it: `rollcall-agent run --config agent.yaml`. What keeps it from joining or reporting is in what it prints.",
				"A join token is good once and for a day. If it is used up, make another: `rollcall-collector token create --replace`, with the same organization, site and agent.",
			}
		}
		r.findings = append(r.findings, f)
	}
}
