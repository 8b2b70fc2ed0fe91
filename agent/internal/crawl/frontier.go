package crawl

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"rollcall/agent/internal/snmp"
	"rollcall/pkg/inventory"
)

const (
	// maxTries bounds the addresses that are asked for one neighbour.
	maxTries = 3
	// maxAddresses bounds those that are kept.
	maxAddresses = 16
	// maxWhere bounds the places that are listed for one.
	maxWhere = 8
	// maxKept bounds the neighbours that are kept in all.
	maxKept = 100_000
)

// A node is one device as far as anybody knows.
type node struct {
	depth     int
	addresses []string // in the order heard
	tried     []*visit
	name      string // as first heard
	serials   map[string]bool
	macs      []string
	serial    string // as first announced
	platform  string
	pid       string
	descr     string
	phone     bool
	where     []string

	queued   bool // in the frontier's open list
	answered bool
	// listed is a part of a device that answered: an access point of its
	// controller, a telephone of its switch.
	listed bool
	same   *node // this node turned out to be that one
}

func (n *node) root() *node {
	for n.same != nil {
		n = n.same
	}
	return n
}

// known says that nothing more is to be found out about the node.
func (n *node) known() bool { return n.answered || n.listed }

// A visit is one address of a node whose turn has come.
type visit struct {
	node    *node
	address string
	depth   int
	from    string
	answer  *Answer
	sameAs  string
}

// A frontier knows all nodes heard of, and whom to ask next. It is for one
// goroutine.
type frontier struct {
	limits    Limits
	nodes     []*node
	open      []*node // may have an address to ask
	visits    []*visit
	asked     map[string]bool
	byAddress map[string]*node
	bySerial  map[string]*node
	byMAC     map[string]*node
	byDevice  map[[2]string]*visit // by PID family and serial of answered devices
	names     nameIndex
	unlisted  int
}

func newFrontier(limits Limits) *frontier {
	return &frontier{
		limits: limits, asked: map[string]bool{}, byAddress: map[string]*node{}, bySerial: map[string]*node{},
		byMAC: map[string]*node{}, byDevice: map[[2]string]*visit{}, names: newNameIndex(),
	}
}

// seed adds the addresses to begin with.
func (f *frontier) seed(addresses []string) {
	for _, written := range addresses {
		address := canonical(written)
		if address == "" || f.byAddress[address] != nil {
			continue
		}
		n := &node{addresses: []string{address}}
		f.add(n)
		f.byAddress[address] = n
	}
}

func (f *frontier) add(n *node) {
	f.nodes = append(f.nodes, n)
	f.queue(n)
}

// queue has the node looked at for the next batch.
func (f *frontier) queue(n *node) {
	if !n.queued {
		n.queued = true
		f.open = append(f.open, n)
	}
}

// canonical writes equal addresses and names equally.
func canonical(address string) string {
	if a, err := netip.ParseAddr(strings.TrimSpace(address)); err == nil {
		return a.Unmap().String()
	}
	return strings.ToLower(strings.TrimRight(strings.TrimSpace(address), "."))
}

// next chooses the addresses to ask now.
func (f *frontier) next() []*visit {
	var batch []*visit
	for _, n := range f.open {
		n.queued = false
		if len(f.visits)+len(batch) >= f.limits.MaxNodes {
			continue
		}
		if address, _, _ := f.askable(n); address != "" && !f.knownLater(n) {
			v := &visit{node: n, address: address, depth: n.depth}
			if len(n.where) > 0 {
				v.from = n.where[0]
			}
			f.asked[address] = true
			batch = append(batch, v)
		}
	}
	f.open = nil
	return batch
}

// askable gives the next address of a node to ask, or why there is none.
func (f *frontier) askable(n *node) (address string, why Why, reason string) {
	if n.same != nil || n.known() {
		return "", "", ""
	}
	if len(n.where) > 0 { // an address that the admin named is asked whatever it is
		switch maker, other := inventory.OtherMaker(n.platform, n.descr); {
		case n.phone:
			return "", WhyPhone, "a telephone or adapter, which answers nobody: its serial number comes over LLDP-MED from its switch, or stands on its label."
		case other:
			return "", WhyOtherMaker, fmt.Sprintf("not Cisco's by what it says of itself (%s): nothing is to be done.", maker)
		}
	}
	return f.address(n)
}

// address is askable for a device that is worth a question.
func (f *frontier) address(n *node) (address string, why Why, reason string) {
	outside := ""
	for i, a := range n.addresses {
		ip, err := netip.ParseAddr(a)
		isSeed := n.depth == 0 && i == 0
		switch {
		case f.asked[a]:
		case !isSeed && (err != nil || !f.limits.allows(ip)):
			outside = cmp.Or(outside, a)
		case n.depth > f.limits.MaxDepth:
			return "", WhyTooFar, fmt.Sprintf("more than %d hops away from where the crawl began: allow more hops, or name %s as a target.", f.limits.MaxDepth, a)
		case len(n.tried) < maxTries:
			return a, WhyNotReached, f.notReached(a)
		}
	}
	switch {
	case len(n.tried) > 0:
		last := n.tried[len(n.tried)-1]
		said := "no answer"
		if last.answer != nil && last.answer.Reason != "" {
			said = last.answer.Reason
		}
		return "", WhySilent, fmt.Sprintf("asked at %s: %s", last.address, said)
	case outside != "":
		return "", WhyNotAllowed, fmt.Sprintf("%s lies outside the networks that may be asked: allow its network if it is yours.", outside)
	}
	return "", WhyNoAddress, "it announces no management address: name its address as a target, or read the label."
}

func (f *frontier) notReached(address string) string {
	if len(f.visits) >= f.limits.MaxNodes {
		return fmt.Sprintf("the crawl ended before its turn: let it ask more than %d devices, or name %s as a target.", f.limits.MaxNodes, address)
	}
	return fmt.Sprintf("the crawl was stopped before its turn: run it again, or name %s as a target.", address)
}

// unasked takes back visits that will not be made.
func (f *frontier) unasked(batch []*visit) {
	for _, v := range batch {
		delete(f.asked, v.address)
	}
}

// take works the answers of a batch in: first who answered, then what they
// say, in the order of the batch.
func (f *frontier) take(batch []*visit, answers []*Answer) {
	for i, v := range batch {
		if answers[i] == nil {
			f.unasked(batch[i : i+1])
			continue
		}
		v.answer = answers[i]
		v.node.tried = append(v.node.tried, v)
		f.visits = append(f.visits, v)
		if v.answer.Answered {
			f.register(v)
		} else {
			f.queue(v.node) // it may have another address
		}
	}
	for i, v := range batch {
		if answers[i] == nil || !v.answer.Answered || v.sameAs != "" {
			continue
		}
		who := cmp.Or(v.answer.Device.Name, v.address)
		for _, n := range v.answer.Neighbours {
			f.hear(v, who, n)
		}
	}
}

// register makes the device that answered known by all that identifies it.
func (f *frontier) register(v *visit) {
	n, d := v.node, v.answer.Device
	n.answered = true
	if first := f.before(v); first != nil {
		v.sameAs = first.address
		if n = first.node.root(); n != v.node {
			v.node.same = n
		}
	}
	f.byAddress[v.address] = n
	f.names.add(d.Name, n)
	if n.serials == nil {
		n.serials = map[string]bool{}
	}
	for _, c := range d.Units() {
		owner := n
		if c.Class == inventory.ClassOther && c.Serial != d.Serial {
			// Access points and telephones, which the device tells of.
			owner = &node{listed: true, serials: map[string]bool{c.Serial: true}}
			f.names.add(c.Name, owner)
		}
		owner.serials[c.Serial] = true
		if old := f.bySerial[c.Serial]; old == nil || !old.root().known() {
			f.bySerial[c.Serial] = owner
		}
	}
}

// before finds the visit that reached the same device by another address.
// Copies of a virtual machine share a serial, so these need the same name too.
func (f *frontier) before(v *visit) *visit {
	d := v.answer.Device
	if d.Serial == "" {
		return nil
	}
	key := [2]string{inventory.PIDFamily(d.Model), d.Serial}
	if inventory.IsVirtualPID(d.Model) {
		key[0] += " " + nameKey(d.Name)
	}
	if first := f.byDevice[key]; first != nil {
		return first
	}
	f.byDevice[key] = v
	return nil
}

// hear takes one neighbour that a device tells of.
func (f *frontier) hear(v *visit, who string, heard snmp.Neighbour) {
	heard.Address = neighbourAddress(heard.Address)
	n := f.find(heard)
	if n == nil {
		if len(f.nodes) >= maxKept {
			f.unlisted++
			return
		}
		n = &node{depth: v.depth + 1}
		f.add(n)
	}
	if n.learn(heard, fmt.Sprintf("%s %s (%s)", who, heard.LocalPort, heard.Source)) && !n.known() {
		f.queue(n)
	}
	f.names.add(heard.Name, n)
	if heard.Address != "" && f.byAddress[heard.Address] == nil {
		f.byAddress[heard.Address] = n
	}
	if heard.MAC != "" && f.byMAC[heard.MAC] == nil {
		f.byMAC[heard.MAC] = n
	}
	if heard.Serial != "" && f.bySerial[heard.Serial] == nil {
		f.bySerial[heard.Serial] = n
	}
}

// neighbourAddress is an address that a neighbour may have, in canonical form.
func neighbourAddress(s string) string {
	a, err := netip.ParseAddr(s)
	if a = a.Unmap(); err != nil || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
		return ""
	}
	return a.String()
}

// find returns the node that the neighbour is: one whose serial, management
// address or name is known already is no second device (the largest source of
// duplicates in other tools: fusioninventory-for-glpi issue 2562).
func (f *frontier) find(heard snmp.Neighbour) *node {
	if n := f.bySerial[heard.Serial]; heard.Serial != "" && n != nil {
		return n.root()
	}
	if n := f.byAddress[heard.Address]; heard.Address != "" && n != nil {
		return n.root()
	}
	fits := func(n *node) bool { return !n.contradicts(heard) }
	if n := f.names.find(heard.Name, fits); n != nil {
		return n
	}
	if n := f.byMAC[heard.MAC]; heard.MAC != "" && n != nil {
		return n.root()
	}
	return nil
}

// contradicts says that a namesake is another device: it announces another
// serial number, or another MAC address together with another address. Asking
// it then costs one question and finds out.
func (n *node) contradicts(heard snmp.Neighbour) bool {
	if heard.Serial != "" && len(n.serials) > 0 && !n.serials[heard.Serial] {
		return true
	}
	return heard.MAC != "" && len(n.macs) > 0 && !slices.Contains(n.macs, heard.MAC) &&
		heard.Address != "" && len(n.addresses) > 0 && !slices.Contains(n.addresses, heard.Address)
}

// learn keeps what is new; it says whether there is a new address to ask.
func (n *node) learn(heard snmp.Neighbour, where string) (address bool) {
	n.name = cmp.Or(n.name, heard.Name)
	n.serial = cmp.Or(n.serial, heard.Serial)
	n.platform = cmp.Or(n.platform, heard.Platform)
	n.pid = cmp.Or(n.pid, heard.PID())
	n.descr = cmp.Or(n.descr, heard.Description)
	n.phone = n.phone || heard.Phone
	if heard.Serial != "" {
		if n.serials == nil {
			n.serials = map[string]bool{}
		}
		n.serials[heard.Serial] = true
	}
	if heard.MAC != "" && !slices.Contains(n.macs, heard.MAC) && len(n.macs) < maxAddresses {
		n.macs = append(n.macs, heard.MAC)
	}
	if len(n.where) < maxWhere && !slices.Contains(n.where, where) {
		n.where = append(n.where, where)
	}
	if heard.Address != "" && !slices.Contains(n.addresses, heard.Address) && len(n.addresses) < maxAddresses {
		n.addresses = append(n.addresses, heard.Address)
		return true
	}
	return false
}

// result sorts out what is left.
func (f *frontier) result() Result {
	r := Result{Visits: make([]Visit, 0, len(f.visits)), Seen: []Seen{}, Unlisted: f.unlisted}
	for _, v := range f.visits {
		d := v.answer.Device
		visit := Visit{Address: v.address, Depth: v.depth, From: v.from, Answered: v.answer.Answered, SameAs: v.sameAs}
		if visit.Answered {
			visit.Name, visit.Model, visit.Serial = d.Name, d.Model, d.Serial
		} else {
			visit.Reason = v.answer.Reason
		}
		r.Visits = append(r.Visits, visit)
	}
	for _, n := range f.nodes {
		if n.same != nil || n.known() || len(n.where) == 0 || f.knownLater(n) {
			continue
		}
		_, why, reason := f.askable(n)
		s := Seen{Name: n.name, PID: n.pid, Serial: n.serial, Where: n.where, Why: why, Reason: reason}
		if len(n.addresses) > 0 {
			s.Address = n.addresses[0]
		}
		if len(n.macs) > 0 {
			s.MAC = n.macs[0]
		}
		r.Seen = append(r.Seen, s)
	}
	slices.SortStableFunc(r.Seen, func(a, b Seen) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Address, b.Address), cmp.Compare(a.MAC, b.MAC), slices.Compare(a.Where, b.Where))
	})
	return r
}

// knownLater says that a device or part that became known after the node was
// heard of is the same.
func (f *frontier) knownLater(n *node) bool {
	same := func(o *node) bool {
		return o != n && o.known() && (len(n.serials) == 0 || len(o.serials) == 0 || !disjoint(n.serials, o.serials))
	}
	if f.names.find(n.name, same) != nil {
		return true
	}
	for serial := range n.serials {
		if o := f.bySerial[serial]; o != nil && o.root() != n && o.root().known() {
			return true
		}
	}
	for _, address := range n.addresses {
		if o := f.byAddress[address]; o != nil && o.root() != n && o.root().known() {
			return true
		}
	}
	return false
}

func disjoint(a, b map[string]bool) bool {
	for s := range a {
		if b[s] {
			return false
		}
	}
	return true
}
