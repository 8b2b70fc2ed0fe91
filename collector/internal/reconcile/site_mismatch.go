package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"rollcall/collector/internal/contract"
)

// findSiteMismatch finds lines whose install site is not the site that saw
// their unit (FAQ 2.4, 3.3): Welcome Kits and RMA parts go to the install site.
// One finding per contract, install site and site.
//
// Contracts and people name places differently, so it speaks only of what is
// clear: the install site names another known site of the organization and not
// this one; or nearly all other lines of the contract at this site name one
// install site, and these another.
func findSiteMismatch(r *run) {
	w := r.newSiteWords()
	type group struct{ contract, install, site string }
	groups := map[group][]*unit{}
	why := map[group]string{}
	for _, l := range w.placed {
		reason, sure := w.addressed(l)
		if !sure {
			reason = cmp.Or(w.names(l), w.unlikeOthers(l))
		}
		if reason == "" {
			continue
		}
		g := group{l.line.Contract, strings.Join(foldWords(l.line.Site), " "), l.unit.node.Site}
		if !l.line.fresh || !r.verified(l.unit.at.Node) {
			r.unproven = append(r.unproven, siteKey(g.contract, g.install, g.site))
			continue
		}
		groups[g] = append(groups[g], l.unit)
		why[g] = reason
	}
	for _, g := range slices.SortedFunc(maps.Keys(groups), func(a, b group) int {
		return cmp.Or(strings.Compare(a.contract, b.contract), strings.Compare(a.install, b.install), strings.Compare(a.site, b.site))
	}) {
		r.findings = append(r.findings, r.siteFinding(siteKey(g.contract, g.install, g.site), why[g], groups[g]))
	}
}

func siteKey(number, install, site string) string {
	return strings.Join([]string{string(SiteMismatch), number, install, site}, "/")
}

// A placedLine is a line that decides for a unit at one site.
type placedLine struct {
	unit *unit
	line *line
}

// siteWords compares install sites with sites, by words.
type siteWords struct {
	*run
	placed []placedLine
	// known are the sites with the words that tell them from the organization
	// and from all other install sites.
	known map[string][]string
	// addresses are the sites whose postal address is known.
	addresses map[string]Site
	// install counts, by contract and site, the lines by install site.
	install map[[2]string]map[string]int
	usual   map[[2]string]usualSite
}

// A usualSite is the install site that most lines of a contract at a site name.
type usualSite struct {
	install    string
	lines, all int
}

func (r *run) newSiteWords() *siteWords {
	w := &siteWords{run: r, known: map[string][]string{}, addresses: map[string]Site{}, install: map[[2]string]map[string]int{}, usual: map[[2]string]usualSite{}}
	for _, s := range r.Sites {
		w.addresses[s.Name] = s
	}
	for _, a := range r.Agents {
		w.known[a.Site] = nil
	}
	for _, n := range r.Nodes {
		w.known[n.Site] = nil
	}
	own := append(foldWords(r.Name), foldWords(r.Organization)...)
	for site := range w.known {
		words := slices.DeleteFunc(foldWords(site), func(word string) bool { return slices.Contains(own, word) })
		if tellsPlace(words) {
			w.known[site] = words
		} else {
			delete(w.known, site)
		}
	}
	for _, u := range r.units {
		if len(u.lines) == 0 || u.lines[0].partial || u.lines[0].state == lineEnded || !u.atOneSite(r) || len(foldWords(u.lines[0].Site)) == 0 {
			continue
		}
		l := placedLine{u, u.lines[0].line}
		w.placed = append(w.placed, l)
		key := [2]string{l.line.Contract, u.node.Site}
		if w.install[key] == nil {
			w.install[key] = map[string]int{}
		}
		w.install[key][strings.Join(foldWords(l.line.Site), " ")]++
	}
	return w
}

// atOneSite says that a unit is at one site, as far as is known.
func (u *unit) atOneSite(r *run) bool {
	return u.node.Site != "" && !slices.ContainsFunc(u.places, func(s *Sighting) bool { return r.node(s.Node).Site != u.node.Site })
}

// tellsPlace says that words are more than numbers and words of one or two
// letters.
func tellsPlace(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return len(w) > 2 && !isNumber(w) })
}

// addressed says that a line has the postal address of another site and not
// that of the unit's own. Sure is true when it has the address of the unit's
// own, whatever its install site is called.
func (w *siteWords) addressed(l placedLine) (reason string, sure bool) {
	own := w.addresses[l.unit.node.Site]
	if own.hasAddress(l.line.SiteAddress) {
		return "", true
	}
	var others []string
	for name, s := range w.addresses {
		if s.hasAddress(l.line.SiteAddress) {
			others = append(others, name)
		}
	}
	if len(others) != 1 || len(foldWords(own.PostalCode)) == 0 {
		return "", false
	}
	return fmt.Sprintf("The install site has the address of %s, another of the sites, and not that of %s.", others[0], l.unit.node.Site), true
}

// names says that a line's install site names another site and not the unit's
// own. A site whose name has all the words of the other's and more is not taken
// for it.
func (w *siteWords) names(l placedLine) string {
	install := foldWords(l.line.Site)
	own := w.known[l.unit.node.Site]
	if len(own) == 0 || slices.ContainsFunc(own, func(word string) bool { return tellsPlace([]string{word}) && slices.Contains(install, word) }) {
		return "" // it may be this site in other words
	}
	var others []string // its own is none of them: it has no word in common
	for site, words := range w.known {
		if holds(install, words) {
			others = append(others, site)
		}
	}
	if len(others) != 1 {
		return ""
	}
	return fmt.Sprintf("The install site names %s, another of the sites, and not %s.", others[0], l.unit.node.Site)
}

// unlikeOthers says that nearly all other lines of the contract at the unit's
// site, three of four at least, name one install site, and this one another.
func (w *siteWords) unlikeOthers(l placedLine) string {
	mine := foldWords(l.line.Site)
	if holds(mine, foldWords(l.unit.node.Site)) {
		return ""
	}
	key := [2]string{l.line.Contract, l.unit.node.Site}
	usual, known := w.usual[key]
	if !known {
		for _, install := range slices.Sorted(maps.Keys(w.install[key])) {
			n := w.install[key][install]
			usual.all += n
			if n > usual.lines {
				usual.install, usual.lines = install, n
			}
		}
		w.usual[key] = usual
	}
	all, most := usual.all, usual.install
	theirs := strings.Fields(most)
	// One of the two with more words, such as a floor, may be the same place.
	if usual.lines*4 < all*3 || holds(mine, theirs) || holds(theirs, mine) {
		return ""
	}
	return fmt.Sprintf("%d of the %d units of the contract at %s have the install site %s.", usual.lines, all, l.unit.node.Site, strings.ToUpper(most))
}

// foldWords are the words of a name in small letters, sorted, each once.
func foldWords(name string) []string {
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	slices.Sort(words)
	return slices.Compact(words)
}

// holds says that all of some words are among others.
func holds(words, some []string) bool {
	return len(some) > 0 && !slices.ContainsFunc(some, func(w string) bool { return !slices.Contains(words, w) })
}

func (r *run) siteFinding(key, why string, units []*unit) Finding {
	slices.SortStableFunc(units, func(a, b *unit) int { return strings.Compare(a.key, b.key) })
	u, l := units[0], units[0].lines[0]
	f := Finding{
		Key: key, Kind: SiteMismatch, Severity: Info, Site: u.node.Site, Contract: l.Contract,
		Subject:  fmt.Sprintf("%s: %s at %s with the install site %s", upperFirst(contractName(l.Contract)), count(len(units), "unit"), u.node.Site, l.Site),
		Evidence: []string{why},
	}
	if len(units) == 1 {
		f.Node, f.Serial, f.PID = nodeName(u.node), u.serial, u.pid
	}
	for _, u := range units {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s: its line has the install site %s.", r.subject(u), installSite(u.lines[0].Line)))
	}
	f.Evidence = capped(f.Evidence)
	f.NextStep = NextStep{
		Title: "Have the install site corrected",
		Steps: []string{
			fmt.Sprintf("Log in to Cisco's Service Contract Center (SCC), open %s, and look at the install site of %s.", contractName(l.Contract), these(len(units))),
			fmt.Sprintf("If the equipment is at %s, correct the install site and its address there%s: Welcome Kits and the parts of an RMA are sent to it.", u.node.Site, r.addressOf(u.node.Site)),
			"If the address is right and only its name differs, leave it, and acknowledge this finding.",
			"Download the contract again and import it.",
		},
		Sheet: Sheet{},
	}
	return f
}

// addressOf is the postal address of a site in brackets, "" when it is not
// known.
func (r *run) addressOf(site string) string {
	for _, s := range r.Sites {
		if address := s.Address(); s.Name == site && address != "" {
			return " (" + address + ")"
		}
	}
	return ""
}

func these(n int) string {
	if n == 1 {
		return "the line"
	}
	return "the lines"
}

func installSite(l *contract.Line) string {
	if l.SiteAddress == "" {
		return l.Site
	}
	return l.Site + ", " + l.SiteAddress
}
