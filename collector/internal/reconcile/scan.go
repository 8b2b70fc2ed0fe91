package reconcile

import (
	"time"

	"rollcall/pkg/inventory"
)

// AddScans puts what scans saw into the facts, as if an agent without a name had
// reported it: previous, which may be nil, then current. Nodes are the same when
// their addresses agree, or else their names, for a replaced device may come
// back with another address.
//
// A node of the earlier scan that is not in the current one has not answered:
// what it had is neither seen nor proven gone.
func (f *Facts) AddScans(previous *inventory.Scan, current inventory.Scan) {
	at := current.Started.UTC()
	before := map[string][]Sighting{} // by node
	lastGood := map[string]time.Time{}
	var nodes []Node
	if previous != nil {
		was := previous.Started.UTC()
		if !was.Before(at) { // two scans in one second
			was = at.Add(-time.Second)
		}
		moved := movedDevices(*previous, current)
		for _, d := range previous.Devices {
			id := d.Address
			if now, ok := moved[id]; ok {
				id = now
			}
			if _, twice := before[id]; twice {
				continue
			}
			before[id] = Observe(nil, id, d, was)
			n := scannedNode(d, was)
			n.ID, n.Address = id, id
			lastGood[id] = n.LastGood
			nodes = append(nodes, n)
		}
	}
	asked := map[string]bool{}
	for _, d := range current.Devices {
		if asked[d.Address] {
			continue // the scan has the address twice
		}
		asked[d.Address] = true
		n := scannedNode(d, at)
		if n.LastGood.IsZero() {
			n.LastGood = lastGood[d.Address]
		}
		f.Nodes = append(f.Nodes, n)
		f.Sightings = append(f.Sightings, Observe(before[d.Address], d.Address, d, at)...)
	}
	reasons := map[string]string{}
	for _, u := range current.Unanswered {
		if !asked[u.Address] {
			reasons[u.Address] = u.Reason
		}
	}
	for _, n := range nodes {
		if asked[n.ID] {
			continue
		}
		asked[n.ID] = true
		n.Answered, n.Complete, n.Polled, n.Problems = false, false, at, unreachable(reasons[n.ID])
		f.Nodes = append(f.Nodes, n)
		f.Sightings = append(f.Sightings, before[n.ID]...)
	}
	for _, u := range current.Unanswered {
		if asked[u.Address] {
			continue
		}
		asked[u.Address] = true
		f.Nodes = append(f.Nodes, Node{ID: u.Address, Address: u.Address, Polled: at, Problems: unreachable(u.Reason)})
	}
}

func unreachable(reason string) []inventory.Problem {
	if reason == "" {
		return nil
	}
	return []inventory.Problem{{Kind: inventory.ProblemUnreachable, Message: reason}}
}

func scannedNode(d inventory.Device, at time.Time) Node {
	n := Node{
		ID: d.Address, Address: d.Address, Name: d.Name, Platform: d.Platform, Model: d.Model, Software: d.Software,
		Answered: true, Complete: d.Complete, Polled: at, Problems: d.Errors,
	}
	if d.Complete {
		n.LastGood = at
	}
	return n
}

// movedDevices maps addresses of the earlier scan to those that the devices of
// the same names have now: where each name is one device's alone, and no other
// device has the old address now or had the new one before.
func movedDevices(previous, current inventory.Scan) map[string]string {
	was, now := addresses(previous), addresses(current)
	then := uniqueNames(previous.Devices)
	moved := map[string]string{}
	for name, address := range uniqueNames(current.Devices) {
		if old, known := then[name]; known && !now[old] && !was[address] {
			moved[old] = address
		}
	}
	return moved
}

func addresses(s inventory.Scan) map[string]bool {
	all := map[string]bool{}
	for _, d := range s.Devices {
		all[d.Address] = true
	}
	return all
}

// uniqueNames maps the names that one device alone has to its address.
func uniqueNames(devices []inventory.Device) map[string]string {
	byName := map[string]string{}
	count := map[string]int{}
	for _, d := range devices {
		byName[d.Name] = d.Address
		count[d.Name]++
	}
	for name, n := range count {
		if n > 1 || name == "" {
			delete(byName, name)
		}
	}
	return byName
}
