package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rollcall/collector/internal/contract"
)

// findLineNotSeen finds active lines whose serial was not seen for the set
// number of days at a site that was read completely all that time (FAQ 3.3,
// 3.5). Lines that a replacement explains are left to it.
//
// The site of a serial that was seen once is where it was seen. For one that was
// never seen, it is where others of the same contract and install site are: an
// install site of which nothing was ever seen may have no agent, and absence
// proves nothing there. What a person declared of a unit goes before all that.
func findLineNotSeen(r *run) {
	w := watcher{run: r, spans: map[string]span{}, sitesOf: r.sitesOfLines()}
	for _, l := range r.lines {
		if l.state != lineActive || r.isPresent(l.serial) || r.replacedBy[l.serial] != nil {
			continue
		}
		key := string(LineNotSeen) + "/" + l.Key()
		if d, ok := r.declaration(l.serial, l.PID); ok && d.Kind != DeclaredElsewhere {
			switch {
			case d.Kind == DeclaredSpare: // where it is, nobody sees it
			case !l.fresh:
				r.unproven = append(r.unproven, key)
			default:
				r.findings = append(r.findings, r.declaredGone(l, key, d))
			}
			continue
		}
		if f, ok := r.wentWith(l, key); ok && l.fresh {
			r.findings = append(r.findings, f)
			continue
		}
		since, ok := w.absent(l)
		if !ok || !l.fresh {
			r.unproven = append(r.unproven, key)
			continue
		}
		if since == "" {
			continue // not for long enough yet
		}
		r.findings = append(r.findings, r.notSeen(l, key, since))
	}
}

// A span is since when and until when a site was read completely.
type span struct {
	since, until time.Time
	ok           bool
}

type watcher struct {
	*run
	spans   map[string]span // by site
	sitesOf map[place][]string
}

// A place is an install site as contracts name it.
type place struct{ contract, site string }

// sitesOfLines returns the sites at which serials of each install site were
// seen.
func (r *run) sitesOfLines() map[place][]string {
	sites := map[place][]string{}
	for _, l := range r.lines {
		for _, s := range r.seen[l.serial] {
			p := place{l.Contract, l.Site}
			if site := r.node(s.Node).Site; !slices.Contains(sites[p], site) {
				sites[p] = append(sites[p], site)
			}
		}
	}
	return sites
}

func (w *watcher) span(site string) span {
	s, known := w.spans[site]
	if !known {
		s.since, s.until, s.ok = w.watched(site)
		w.spans[site] = s
	}
	return s
}

// absent returns the day since when a serial was provably away for long enough,
// "" when for less than that. ok is false when nothing can be said.
func (w *watcher) absent(l *line) (since contract.Date, ok bool) {
	var from, until time.Time
	sites := w.sitesOf[place{l.Contract, l.Site}]
	if last := w.latest(l.serial); last != nil {
		sites = []string{w.node(last.Node).Site}
		from = last.Gone
	}
	if len(sites) == 0 {
		return "", false
	}
	for _, site := range sites {
		s := w.span(site)
		if !s.ok {
			return "", false
		}
		if s.since.After(from) {
			from = s.since
		}
		if until.IsZero() || s.until.Before(until) {
			until = s.until
		}
	}
	// New gear takes its time to arrive.
	since = max(dayOf(from), l.Begin, l.ShipDate)
	if since.DaysUntil(dayOf(until)) < w.Settings.LineNotSeenDays {
		return "", true
	}
	return since, true
}

func (r *run) notSeen(l *line, key string, since contract.Date) Finding {
	f := Finding{
		Key: key, Kind: LineNotSeen, Severity: Warning, Serial: l.serial, PID: l.PID, Contract: l.Contract,
		Subject: fmt.Sprintf("%s on %s", describe(l.PID, l.serial), contractName(l.Contract)),
		NextStep: NextStep{
			Title: "Find it, or give it back",
			Steps: []string{
				"Look where it should be: it may be unplugged, switched off, in a cupboard, or at an address that the agent is not told to ask.",
				"If it went back to Cisco, or was replaced, in Cisco's Service Contract Center (SCC) remove its serial number and add the new one.",
				takeback,
				"If it was stolen or lost, tell Cisco, and end its line in SCC.",
			},
			Sheet: Sheet{},
		},
	}
	if last := r.latest(l.serial); last != nil {
		n := r.node(last.Node)
		f.Site, f.Node = n.Site, nodeName(n)
		f.Evidence = append(f.Evidence, fmt.Sprintf("It was last seen in %s on %s. On %s the device answered in full without it.", r.where(last), dayOf(last.Last), dayOf(last.Gone)))
	} else {
		f.Evidence = append(f.Evidence, "No agent has ever seen it.")
	}
	f.Evidence = append(f.Evidence, fmt.Sprintf("Since %s every device of the site answers in full, and none has it.", since),
		fmt.Sprintf("Its line ends on %s%s.", l.End, cmp.Or(atInstallSite(l.Site), "")))
	return f
}

func atInstallSite(site string) string {
	if site == "" {
		return ""
	}
	return ", with the install site " + site
}
