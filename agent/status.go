package agent

import (
	"fmt"
	"os"
	"strings"
	"time"

	"rollcall/pkg/inventory"
)

// StatusSchema names the version of Status.
const StatusSchema = "rollcall.agent-status/1"

// The states of a node: results of its last poll, or none yet.
const (
	StateComplete   = resultComplete
	StateIncomplete = resultIncomplete
	StateUnanswered = resultUnanswered
	StateFailed     = resultFailed // the agent's own fault
	StateWaiting    = "waiting"    // not polled since the agent was started
)

// Status is what a running agent says of itself. It holds no secret.
type Status struct {
	Schema   string    `json:"schema"`
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	At       time.Time `json:"at"`
	Interval int       `json:"interval_seconds"`
	// Well says that nothing is wrong; Wrong says what is, a sentence each.
	Well     bool       `json:"well"`
	Wrong    []string   `json:"wrong"`
	LastPoll *time.Time `json:"last_poll"`
	NextPoll *time.Time `json:"next_poll"`
	// States counts the nodes by state; all states are there.
	States  map[string]int `json:"states"`
	Nodes   []NodeStatus   `json:"nodes"`
	Spool   SpoolStatus    `json:"spool"`
	Uploads UploadStatus   `json:"uploads"`
	// Identity is who the agent is at the collector.
	Identity IdentityStatus `json:"identity"`
	Sweeps   []SweepStatus  `json:"sweeps"`
	Sources  []SourceStatus `json:"sources"`
	// Seen are neighbours that crawls heard of and could not read.
	Seen []inventory.Seen `json:"seen"`
}

// NodeStatus is what is known of one node.
type NodeStatus struct {
	Address  string     `json:"address"`
	Name     string     `json:"name"`
	Platform string     `json:"platform"`
	Model    string     `json:"model"`
	Serial   string     `json:"serial"`
	State    string     `json:"state"`
	PolledAt *time.Time `json:"polled_at"`
	Problem  string     `json:"problem"` // in words; "" when there is none
}

// SpoolStatus is what waits for the collector.
type SpoolStatus struct {
	Reports     int64      `json:"reports"`
	Bytes       int64      `json:"bytes"`
	Oldest      *time.Time `json:"oldest"`
	Quarantined int64      `json:"quarantined"`
	Error       string     `json:"error"`
}

// UploadStatus is how reports get to the collector.
type UploadStatus struct {
	Collector   string     `json:"collector"`
	LastSuccess *time.Time `json:"last_success"`
	LastFailure *time.Time `json:"last_failure"`
	// Error is why the last upload failed; "" after one that did not.
	Error string `json:"error"`
}

// SweepStatus is one network or range.
type SweepStatus struct {
	Target    string `json:"target"`
	Addresses int    `json:"addresses"`
	Asked     int    `json:"asked"` // since the agent was started
	Devices   int    `json:"devices"`
}

// SourceStatus is where addresses come from beside the configuration.
type SourceStatus struct {
	Kind    string     `json:"kind"` // file, netbox or crawl
	Target  string     `json:"target"`
	Devices int        `json:"devices"`
	ReadAt  *time.Time `json:"read_at"`
	Error   string     `json:"error"`
	// Refused are the lines or devices that cannot be used.
	Refused []string `json:"refused"`
}

// Status is the agent's state now.
func (a *Agent) Status() Status {
	now := a.opt.Now()
	s := Status{
		Schema: StatusSchema, Name: a.cfg.Name, Version: a.opt.Version, PID: os.Getpid(), Started: a.started.UTC(), At: now.UTC(),
		Interval: int(a.interval().Seconds()), Wrong: []string{}, Nodes: []NodeStatus{}, Sweeps: []SweepStatus{}, Seen: []inventory.Seen{},
		States: map[string]int{StateComplete: 0, StateIncomplete: 0, StateUnanswered: 0, StateFailed: 0, StateWaiting: 0},
	}
	a.metrics.status(&s)
	s.Uploads.Collector = a.cfg.Collector.URL
	if who := a.who.Load(); who != nil {
		s.Identity = who.Status()
		s.Uploads.Collector = s.Identity.URL
	}
	for _, t := range a.roster.all() {
		if t.isNode(now) {
			n := t.status()
			s.States[n.State]++
			s.Nodes = append(s.Nodes, n)
		}
	}
	s.Sweeps = a.roster.sweeps(now)
	s.Sources, s.Seen = a.roster.sources()
	if r := a.live.Load(); r != nil {
		if next := r.schedule.nextDue(); !next.IsZero() {
			s.NextPoll = pointer(next)
		}
	}
	s.judge()
	return s
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Round(0)
	return &t
}

func (t *task) status() NodeStatus {
	o := t.outcome()
	n := NodeStatus{
		Address: t.node.Address, Name: o.device.Name, Platform: o.device.Platform, Model: o.device.Model, Serial: o.device.Serial,
		State: o.result, PolledAt: pointer(o.at), Problem: o.words,
	}
	if o.result == "" || o.result == resultSilent {
		n.State, n.Problem = StateWaiting, ""
	}
	return n
}

// judge says what is wrong. A node that was not polled yet is not, nor is a
// collector that nothing was sent to.
func (s *Status) judge() {
	wrong := func(format string, args ...any) { s.Wrong = append(s.Wrong, fmt.Sprintf(format, args...)) }
	if s.Spool.Error != "" {
		wrong("The spool cannot be used: %s.", s.Spool.Error)
	}
	for _, state := range []struct{ name, words string }{
		{StateUnanswered, "did not answer the last poll"},
		{StateIncomplete, "could not be read whole at the last poll"},
		{StateFailed, "made the agent fail: please report the details in its log to Rollcall's developers"},
	} {
		if n := s.States[state.name]; n > 0 {
			wrong("%d of %d devices %s.", n, len(s.Nodes), state.words)
		}
	}
	switch problem := strings.TrimSuffix(s.Identity.Problem, "."); {
	case problem == "":
	case s.Identity.State == IdentityJoined:
		wrong("The agent could not renew its credential: %s.", problem)
	default:
		wrong("The agent has not joined its collector: %s. What it reads is kept.", problem)
	}
	if s.Uploads.Error != "" {
		wrong("The last upload failed: %s. %d reports wait; nothing is lost.", strings.TrimSuffix(s.Uploads.Error, "."), s.Spool.Reports)
	}
	for _, src := range s.Sources {
		if src.Error != "" {
			wrong("%s: %s. What was known before is polled on.", src.Target, strings.TrimSuffix(src.Error, "."))
		}
		if n := len(src.Refused); n > 0 {
			wrong("%s: %d entries cannot be used.", src.Target, n)
		}
	}
	s.Well = len(s.Wrong) == 0
}

// sweeps counts what was found in networks and ranges.
func (r *roster) sweeps(now time.Time) []SweepStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []SweepStatus{}
	for _, l := range r.lists {
		for _, g := range l.Groups {
			if !g.Sweep {
				continue
			}
			s := SweepStatus{Target: g.Written, Addresses: len(g.List)}
			for _, address := range g.List {
				t := r.at[address]
				if t == nil {
					continue
				}
				if !t.outcome().began.IsZero() {
					s.Asked++
				}
				if t.isNode(now) {
					s.Devices++
				}
			}
			list = append(list, s)
		}
	}
	return list
}

// sources tells of files, NetBoxes and crawls, and which neighbours the crawls
// could not read.
func (r *roster) sources() ([]SourceStatus, []inventory.Seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list, seen := []SourceStatus{}, []inventory.Seen{}
	for i, t := range r.cfg.Targets {
		if strings.HasPrefix(strings.TrimSpace(t.Address), "@") {
			l := r.lists[i]
			list = append(list, SourceStatus{Kind: "file", Target: t.Address, Devices: l.Count(), Refused: append([]string{}, l.Refused...)})
		}
		for _, src := range []*source{r.netbox[i], r.found[i]} {
			if src != nil {
				status, neighbours := src.status()
				list, seen = append(list, status), append(seen, neighbours...)
			}
		}
	}
	return list, seen
}
