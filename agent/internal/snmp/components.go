package snmp

import (
	"cmp"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

func isIMEI(r row) bool {
	return inventory.IsIMEI(r.serial) && r.class != classChassis && !r.unit
}

// samePID says that two readings can name one product: they are of one family,
// or one of them does not say.
func samePID(a, b string) bool {
	return a == "" || b == "" || inventory.PIDFamily(a) == inventory.PIDFamily(b)
}

// A part is what one component is made of: the row that stands for it, and the
// other rows under which the device lists it.
type part struct {
	row   row
	other []row
}

// components turns rows into components: one for each physical part, however
// many rows tell of it. Units come first, each kind in the order of the rows.
// Rows without a serial serve as containers only.
func components(rows []row) []inventory.Component {
	byIndex := map[uint32]row{}
	for _, r := range rows {
		byIndex[r.index] = r
	}
	parts := collapse(rows, byIndex)
	holder := map[uint32]*part{}
	for i := range parts {
		holder[parts[i].row.index] = &parts[i]
		for _, o := range parts[i].other {
			holder[o.index] = &parts[i]
		}
	}
	var only *part // the unit of a device that has one
	for i := range parts {
		if p := &parts[i]; p.row.unit && !p.row.apart {
			if only != nil {
				only = nil
				break
			}
			only = p
		}
	}
	list := make([]inventory.Component, 0, len(parts))
	for i := range parts {
		list = append(list, parts[i].component(byIndex, holder, only))
	}
	cutLoops(list)
	slices.SortStableFunc(list, func(a, b inventory.Component) int { return cmp.Compare(order(a), order(b)) })
	return list
}

// cutLoops removes parents that lead back to where they came from: agents can
// answer with rows that contain each other, and one serial can be on several
// parts.
func cutLoops(list []inventory.Component) {
	above := map[string][]string{}
	for i, c := range list {
		switch {
		case c.Parent == "":
		case leads(above, c.Parent, c.Serial):
			list[i].Parent = ""
		default:
			above[c.Serial] = append(above[c.Serial], c.Parent)
		}
	}
}

// leads says that the way up from one serial comes to another, or is longer
// than any that is real.
func leads(above map[string][]string, from, to string) bool {
	seen := map[string]bool{from: true}
	for way := []string{from}; len(way) > 0; {
		at := way[len(way)-1]
		way = way[:len(way)-1]
		if at == to || len(seen) > 2*maxDepth {
			return true
		}
		for _, up := range above[at] {
			if !seen[up] {
				seen[up] = true
				way = append(way, up)
			}
		}
	}
	return false
}

func order(c inventory.Component) int {
	if c.Unit {
		return 0
	}
	return 1
}

// collapse joins the rows that tell of one part. Of these the highest class
// stands for the part, of equals the one that contains the other.
func collapse(rows []row, byIndex map[uint32]row) []part {
	var told []row
	for _, r := range rows {
		if r.serial != "" {
			told = append(told, r)
		}
	}
	slices.SortStableFunc(told, func(a, b row) int { return cmp.Compare(a.index, b.index) })
	of := sameParts(told, byIndex)
	at := map[int]int{}
	var parts []part
	for i, r := range told {
		if j, ok := at[of(i)]; ok {
			parts[j].join(r, byIndex)
			continue
		}
		at[of(i)] = len(parts)
		parts = append(parts, part{row: r})
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.row.index, b.row.index) })
	return parts
}

// sameParts gives for each row the number of the part that it tells of. Rows
// of one serial are one part when their PIDs are of one family, when one
// contains the other, or when both are units; and one that does not say its
// PID joins the unit, or else the first that does.
func sameParts(rows []row, byIndex map[uint32]row) func(int) int {
	part := make([]int, len(rows)) // a forest: each row points to one of its part
	find := func(i int) int {
		for part[i] != i {
			part[i] = part[part[i]]
			i = part[i]
		}
		return i
	}
	join := func(i, j int) { part[find(i)] = find(j) }
	families := map[[2]string]int{}
	place := map[uint32]int{}
	best := map[string]int{} // by serial: the row that others join
	for i, r := range rows {
		part[i] = i
		place[r.index] = i
		if j, ok := best[r.serial]; !ok || joinable(r) > joinable(rows[j]) {
			best[r.serial] = i
		}
		if r.pid == "" {
			continue
		}
		family := [2]string{r.serial, inventory.PIDFamily(r.pid)}
		if j, ok := families[family]; ok {
			join(i, j)
		} else {
			families[family] = i
		}
	}
	for i, r := range rows {
		if r.unit || r.pid == "" {
			join(i, best[r.serial])
		}
		up, ok := within(r, byIndex, func(o row) bool { return o.serial == r.serial })
		if j, known := place[up.index]; ok && known {
			join(i, j)
		}
	}
	return find
}

// joinable ranks the rows of one serial by how well others join them.
func joinable(r row) int {
	switch {
	case r.unit:
		return 2
	case r.pid != "":
		return 1
	}
	return 0
}

// within finds the nearest row above r that fits.
func within(r row, byIndex map[uint32]row, fits func(row) bool) (row, bool) {
	for range maxDepth {
		if !r.hasIn || r.in == 0 {
			break
		}
		var ok bool
		if r, ok = byIndex[r.in]; !ok {
			break
		}
		if fits(r) {
			return r, true
		}
	}
	return row{}, false
}

// join adds a row to the part and lets the better one stand for it.
func (p *part) join(r row, byIndex map[uint32]row) {
	better := r.rank() > p.row.rank() || r.rank() == p.row.rank() && holds(r.index, p.row, byIndex)
	if better {
		p.row, r = r, p.row
	}
	if p.row.pid == "" {
		p.row.pid = r.pid
	}
	if p.row.vid == "" {
		p.row.vid = r.vid
	}
	if p.row.descr == "" {
		p.row.descr = r.descr
	}
	if r.title && r.name != "" || p.row.name == "" {
		p.row.name, r.name = r.name, p.row.name
	}
	p.other = append(p.other, r)
}

// holds says that the row at index contains r.
func holds(index uint32, r row, byIndex map[uint32]row) bool {
	_, ok := within(r, byIndex, func(o row) bool { return o.index == index })
	return ok
}

func (p *part) component(byIndex map[uint32]row, holder map[uint32]*part, only *part) inventory.Component {
	c := inventory.Component{
		Serial: p.row.serial, PID: p.row.pid, VID: p.row.vid, Class: p.row.classWord(),
		Name: p.row.name, Description: p.row.descr, Unit: p.row.unit, Aliases: []string{},
	}
	if p.row.unit && !p.row.apart && (c.Class == inventory.ClassUnknown || c.Class == inventory.ClassOther) {
		// ISE says other(1) of its appliance, partial tables say nothing.
		c.Class = inventory.ClassChassis
	}
	if isIMEI(p.row) {
		c.Description = strings.TrimSpace(c.Description + " (serial is the modem's IMEI)")
	}
	for _, o := range p.other {
		c.Aliases = append(c.Aliases, o.name)
		c.Aliases = append(c.Aliases, o.aliases...)
	}
	c.Aliases = append(c.Aliases, p.row.aliases...)
	slices.Sort(c.Aliases)
	c.Aliases = slices.DeleteFunc(slices.Compact(c.Aliases), func(a string) bool { return a == "" || a == c.Name || a == c.Serial })
	switch up := p.container(byIndex, holder); {
	case up != nil && p.row.unit && !up.row.unit:
		// Agents err: what a contract covers by itself is held by nothing less.
	case up != nil:
		c.Parent = up.row.serial
	case only != nil && only != p && !p.row.apart:
		// The device has one unit and does not say what holds this part.
		c.Parent = only.row.serial
	}
	return c
}

// container finds the nearest row above that is a part of its own.
func (p *part) container(byIndex map[uint32]row, holder map[uint32]*part) *part {
	up, ok := within(p.row, byIndex, func(r row) bool {
		h := holder[r.index]
		return h != nil && h != p && h.row.serial != p.row.serial
	})
	if !ok {
		return nil
	}
	return holder[up.index]
}
