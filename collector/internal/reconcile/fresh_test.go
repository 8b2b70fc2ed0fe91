package reconcile

import (
	"testing"
	"time"

	"rollcall/pkg/inventory"
)

// Whether what is known of a device is whole and of now, so that absence from it
// proves something. Its agent polls every day, and may be late by three.
func TestVerified(t *testing.T) {
	now := day(0)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const whole, late = 24 * time.Hour, time.Second
	fine := Node{ID: "Main/sw1", Site: "Main", Agent: "a", Answered: true, Complete: true, Polled: now, LastGood: now}
	agent := Agent{ID: "a", Site: "Main", Interval: whole, LastSeen: now}
	for _, tt := range []struct {
		name string
		tell func(*Node, *Agent)
		want bool
	}{
		{"read in full today", func(*Node, *Agent) {}, true},
		{"it did not answer", func(n *Node, _ *Agent) { n.Answered, n.Complete = false, false }, false},
		{"it did not answer, whatever else is said", func(n *Node, _ *Agent) { n.Answered = false }, false},
		{"it answered by half", func(n *Node, _ *Agent) { n.Complete = false }, false},
		{"the agent is as late as it may be", func(_ *Node, a *Agent) { a.LastSeen = ago(3 * whole) }, true},
		{"the agent is later", func(_ *Node, a *Agent) { a.LastSeen = ago(3*whole + late) }, false},
		{"the agent does not say how often it polls, and is as late as it may be", func(_ *Node, a *Agent) { a.Interval, a.LastSeen = 0, ago(3*whole) }, true},
		{"the agent does not say how often it polls, and is later", func(_ *Node, a *Agent) { a.Interval, a.LastSeen = 0, ago(3*whole+late) }, false},
		{"the agent polls every hour, and is late by a day", func(_ *Node, a *Agent) { a.Interval, a.LastSeen = time.Hour, ago(whole) }, false},
		{"the agent reports, its last report on it is as late as it may be", func(n *Node, _ *Agent) { n.Polled = ago(4 * whole) }, true},
		{"the agent reports, its last report on it is later", func(n *Node, _ *Agent) { n.Polled = ago(4*whole + late) }, false},
		{"nobody polls it, as in a scan by hand", func(n *Node, _ *Agent) { n.Agent, n.Polled = "", ago(100*whole) }, true},
	} {
		n, a := fine, agent
		tt.tell(&n, &a)
		if got := newRun(Facts{Now: now, Agents: []Agent{a}, Nodes: []Node{n}}).verified(n.ID); got != tt.want {
			t.Errorf("%s: verified is %v, want %v", tt.name, got, tt.want)
		}
	}
	if newRun(Facts{Now: now}).verified("Main/sw1") {
		t.Error("a node that nothing is known of is verified")
	}
}

// An address is silent when nothing was ever there, as far as is known.
func TestSilentAddress(t *testing.T) {
	there := Sighting{Component: part(caseUnit), Node: "Main/x", Slot: "1", First: day(-9), Last: day(-9)}
	for _, tt := range []struct {
		name string
		node Node
		seen []Sighting
		want bool
	}{
		{"never an answer", Node{}, nil, true},
		{"never an answer, and no way to it", Node{Problems: []inventory.Problem{{Kind: inventory.ProblemUnreachable, Message: "no route."}}}, nil, true},
		{"an answer", Node{Answered: true}, nil, false},
		{"an answer before, by which its system is known", Node{Platform: inventory.PlatformIOS}, nil, false},
		{"an answer in full before", Node{LastGood: day(-9)}, nil, false},
		{"a unit was there before", Node{}, []Sighting{there}, false},
		{"it refuses the password", Node{Problems: []inventory.Problem{{Kind: inventory.ProblemCredentialRefused, Message: "no."}}}, nil, false},
	} {
		tt.node.ID = "Main/x"
		r := newRun(Facts{Now: day(0), Nodes: []Node{tt.node}, Sightings: tt.seen})
		if got := r.silentAddress(tt.node); got != tt.want {
			t.Errorf("%s: silent is %v, want %v", tt.name, got, tt.want)
		}
	}
}
