package poll

import (
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// ordered sorts components so that equal devices give equal reports: units by
// slot, then their parts by name, then parts that no unit is known to hold.
func ordered(list []inventory.Component) []inventory.Component {
	d := inventory.Device{Components: list}
	slots := make([]string, len(list))
	unitRank := map[string]int{}
	var units []int
	for i, c := range list {
		slots[i] = d.Slot(c)
		if c.Unit {
			units = append(units, i)
		}
	}
	slices.SortStableFunc(units, func(a, b int) int {
		return first(apart(list[a])-apart(list[b]), natural(slots[a], slots[b]), strings.Compare(list[a].Serial, list[b].Serial))
	})
	for rank, i := range units {
		if _, seen := unitRank[list[i].Serial]; !seen {
			unitRank[list[i].Serial] = rank
		}
	}
	holder := outermost(list, unitRank)
	var parts []int
	for i, c := range list {
		if !c.Unit {
			parts = append(parts, i)
		}
	}
	slices.SortStableFunc(parts, func(a, b int) int {
		return first(holder(a)-holder(b), natural(list[a].Name, list[b].Name),
			strings.Compare(list[a].Serial, list[b].Serial), strings.Compare(list[a].PID, list[b].PID))
	})
	out := make([]inventory.Component, 0, len(list))
	for _, i := range append(units, parts...) {
		c := list[i]
		if c.Aliases == nil {
			c.Aliases = []string{}
		}
		out = append(out, c)
	}
	return out
}

// apart sorts what hangs on a device, such as the access points of a controller,
// after what the device is: the first unit gives it its serial and model.
func apart(c inventory.Component) int {
	if c.Class == inventory.ClassChassis {
		return 0
	}
	return 1
}

// outermost returns a function that gives the rank of the unit that holds a
// part, through any number of parents.
func outermost(list []inventory.Component, unitRank map[string]int) func(int) int {
	parent := map[string]string{}
	for _, c := range list {
		if !c.Unit && c.Parent != c.Serial {
			parent[c.Serial] = c.Parent
		}
	}
	return func(i int) int {
		at := list[i].Parent
		for range 16 { // a chain of parents that never ends is a device's mistake
			if rank, found := unitRank[at]; found {
				return rank
			}
			if at = parent[at]; at == "" {
				break
			}
		}
		return len(unitRank)
	}
}

func first(orders ...int) int {
	for _, o := range orders {
		if o != 0 {
			return o
		}
	}
	return 0
}

// natural compares names with their numbers as numbers: Slot 2 before Slot 10.
func natural(a, b string) int {
	for a != "" && b != "" {
		da, db := digits(a), digits(b)
		if da > 0 && db > 0 {
			na, nb := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
			if o := first(len(na)-len(nb), strings.Compare(na, nb)); o != 0 {
				return o
			}
			a, b = a[da:], b[db:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
