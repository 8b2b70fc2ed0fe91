package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/collector/internal/contract"
)

// A Retirement is a person's word that a contract no longer exists, that a
// device is gone for good, or that a site is closed. No poll and no contract
// file can tell these from silence and old data.
//
// It holds until there is newer evidence: a contract that is imported again, a
// device that answers again and a site whose agent is heard again are there,
// whatever was said before.
type Retirement struct {
	Kind   RetirementKind `json:"kind"`
	Name   string         `json:"name"` // the contract's number, Node.ID, or the site's name
	Author string         `json:"author"`
	Date   contract.Date  `json:"date"` // since when
	At     time.Time      `json:"at"`   // when it was said; what was seen later goes before it
	Reason string         `json:"reason"`
}

// RetirementKind says what is retired.
type RetirementKind string

// The kinds of retirements.
const (
	RetiredContract RetirementKind = "contract"
	RetiredNode     RetirementKind = "node"
	RetiredSite     RetirementKind = "site"
)

// RetirementKinds lists all kinds.
var RetirementKinds = []RetirementKind{RetiredContract, RetiredNode, RetiredSite}

// A Standing is what of the retirements holds.
type Standing struct {
	Contracts map[string]Retirement // by number
	Nodes     map[string]Retirement // by Node.ID, those of closed sites too
	Sites     map[string]Retirement // by name
}

// retire takes what is retired out of the facts: lines and imports of contracts
// count no more, and nodes are neither asked for nor waited for. What they had
// is gone since then, and stays as history.
func (r *run) retire() {
	r.retired, r.partsGone = r.Standing(), map[*Sighting]Retirement{}
	ended := func(number string) bool {
		_, ok := r.retired.Contracts[number]
		return ok
	}
	files := map[string]bool{} // with a contract that counts
	for _, i := range r.Imports {
		files[i.File] = files[i.File] || !ended(i.Contract)
	}
	r.Refused = slices.DeleteFunc(r.Refused, func(x contract.Refusal) bool {
		file, _, _ := strings.Cut(x.File, "/") // an archive, and the file in it
		counts, known := files[file]
		return known && !counts
	})
	r.Imports = slices.DeleteFunc(r.Imports, func(i Import) bool { return ended(i.Contract) })
	r.Lines = slices.DeleteFunc(r.Lines, func(l contract.Line) bool { return ended(l.Contract) })
	r.Dropped = slices.DeleteFunc(r.Dropped, func(l contract.Line) bool { return ended(l.Contract) })
	r.Nodes = slices.DeleteFunc(r.Nodes, func(n Node) bool {
		_, ok := r.retired.Nodes[n.ID]
		return ok
	})
	for i, s := range r.sightings {
		x, ok := r.retired.Nodes[s.Node]
		if !ok {
			continue
		}
		if s.Present() {
			went := *s // the facts stay as they are
			went.Gone = x.At
			if s.Last.After(went.Gone) {
				went.Gone = s.Last
			}
			r.sightings[i] = &went
			r.partsGone[&went] = x
		} else if x.Kind == RetiredSite { // nobody is there who could see it
			r.partsGone[s] = x
		}
	}
}

// Standing says which retirements hold: those of which nothing was seen since.
// It looks at Retirements, Imports, Nodes and Agents alone.
func (f Facts) Standing() Standing {
	said := map[RetirementKind]map[string]Retirement{RetiredContract: {}, RetiredNode: {}, RetiredSite: {}}
	for _, x := range slices.SortedFunc(slices.Values(f.Retirements), func(a, b Retirement) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Date, b.Date), strings.Compare(a.Author, b.Author), strings.Compare(a.Reason, b.Reason))
	}) {
		if names := said[x.Kind]; names != nil {
			names[x.Name] = x // the newest
		}
	}
	standing := Standing{Contracts: said[RetiredContract], Nodes: map[string]Retirement{}, Sites: maps.Clone(said[RetiredSite])}
	for _, i := range f.Imports {
		if i.At.After(standing.Contracts[i.Contract].At) {
			delete(standing.Contracts, i.Contract)
		}
	}
	for _, n := range f.Nodes {
		for _, x := range []Retirement{said[RetiredSite][n.Site], said[RetiredNode][n.ID]} {
			if answered := n.LastGood.After(x.At) || n.Answered && n.Polled.After(x.At); x.Kind != "" && !answered {
				standing.Nodes[n.ID] = x
			}
		}
	}
	for _, a := range f.Agents {
		if a.LastSeen.After(standing.Sites[a.Site].At) {
			delete(standing.Sites, a.Site)
		}
	}
	return standing
}

// Holds says that a retirement is one of those that hold.
func (s Standing) Holds(x Retirement) bool {
	names := map[RetirementKind]map[string]Retirement{RetiredContract: s.Contracts, RetiredNode: s.Nodes, RetiredSite: s.Sites}[x.Kind]
	_, ok := names[x.Name]
	return ok
}

// isClosed says that a site is retired, and no agent was heard there since.
func (r *run) isClosed(site string) bool {
	_, ok := r.retired.Sites[site]
	return ok
}

// wentWith is the finding of a line whose unit went with a retired device or
// site, if it did.
func (r *run) wentWith(l *line, key string) (Finding, bool) {
	last := r.latest(l.serial)
	x, ok := r.partsGone[last]
	if !ok {
		return Finding{}, false
	}
	f := r.declaredGone(l, key, Declaration{Kind: DeclaredRetired})
	n := r.node(last.Node)
	f.Site, f.Node = n.Site, nodeName(n)
	f.Evidence[0] = fmt.Sprintf("It was last seen in %s on %s. %s", r.where(last), dayOf(last.Last), x)
	return f, true
}

// String is the retirement as evidence.
func (x Retirement) String() string {
	words := map[RetirementKind]string{
		RetiredContract: "The contract is said to exist no more", RetiredNode: "The device is said to be gone for good", RetiredSite: "The site is said to be closed",
	}
	s := cmp.Or(words[x.Kind], "It is retired")
	if x.Date != "" {
		s += fmt.Sprintf(" since %s", x.Date)
	}
	if x.Author != "" {
		s += ", by " + x.Author
	}
	if x.Reason != "" {
		s += ": " + strings.TrimSuffix(x.Reason, ".")
	}
	return s + "."
}
