package reconcile

import (
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// defaultInterval is taken for an agent that does not say how often it polls.
const defaultInterval = 24 * time.Hour

func (a Agent) interval() time.Duration {
	if a.Interval <= 0 {
		return defaultInterval
	}
	return a.Interval
}

// silent says that an agent has missed more polls than it may.
func (r *run) silent(a Agent) bool {
	return r.Now.Sub(a.LastSeen) > time.Duration(r.Settings.AgentSilentAfter)*a.interval()
}

// overdue says that an agent reports, but not on this node any more. One
// interval more than for the agent itself, since a round takes time.
func (r *run) overdue(n Node) bool {
	a := r.agents[n.Agent] // one that is not known is silent
	return !r.silent(a) && r.Now.Sub(n.Polled) > time.Duration(r.Settings.AgentSilentAfter+1)*a.interval()
}

// verified says that what is known of a node is whole and of now, so that
// absence from it proves something.
func (r *run) verified(id string) bool {
	n := r.nodes[id]
	if !n.Answered || !n.Complete || r.overdue(n) {
		return false
	}
	a, ok := r.agents[n.Agent]
	return !ok || !r.silent(a)
}

// silentAddress says that nothing was ever at an address, as far as is known: in
// a range that an agent asks, most are so.
func (r *run) silentAddress(n Node) bool {
	return !n.Answered && n.Platform == "" && n.LastGood.IsZero() && len(r.atNode[n.ID]) == 0 &&
		!hasProblem(n, inventory.ProblemCredentialRefused, inventory.ProblemHostKeyChanged, inventory.ProblemLegacyCrypto, inventory.ProblemBusy)
}

// watched says since when and until when complete reports cover the whole of a
// site: no node of it is unread now, and its first report is at since. ok is
// false while some node of the site gives no whole answer.
func (r *run) watched(site string) (since, until time.Time, ok bool) {
	for _, n := range r.Nodes {
		if n.Site != site || r.silentAddress(n) {
			continue
		}
		if !r.verified(n.ID) {
			return time.Time{}, time.Time{}, false
		}
		if until.IsZero() || n.LastGood.Before(until) {
			until = n.LastGood
		}
		for _, s := range r.atNode[n.ID] {
			if since.IsZero() || s.First.Before(since) {
				since = s.First
			}
		}
	}
	return since, until, !since.IsZero()
}

// days is the number of days between two moments, by date.
func days(from, to time.Time) int { return contract.DateOf(from).DaysUntil(contract.DateOf(to)) }
