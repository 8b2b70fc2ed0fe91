package crawl

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// defaultNames are what devices are called before anybody names them: two
// that share one are not the same.
var defaultNames = map[string]bool{
	"switch": true, "router": true, "ap": true, "cisco": true, "ciscoasa": true, "asa": true, "firepower": true, "firewall": true,
	"ios": true, "nexus": true, "wlc": true, "controller": true, "localhost": true, "localdomain": true, "hostname": true,
	"device": true, "unknown": true, "none": true, "default": true, "gateway": true, "phone": true, "system": true, "host": true,
}

// macLike is a MAC address that a device uses for a name.
var macLike = regexp.MustCompile(`^([0-9a-f]{12}|([0-9a-f]{2}[:-]){5}[0-9a-f]{2})$`)

// nameKey is the form in which names are compared, "" for one that tells
// devices apart from no other.
func nameKey(name string) string {
	key := strings.ToLower(strings.TrimRight(strings.TrimSpace(name), "."))
	if label, _, _ := strings.Cut(key, "."); key == "" || defaultNames[label] || macLike.MatchString(key) {
		return ""
	}
	if _, err := netip.ParseAddr(key); err == nil {
		return ""
	}
	return key
}

// maxNamesakes bounds the nodes that are looked at for one name.
const maxNamesakes = 32

// A nameIndex finds nodes by name, with or without the domain: "sw1" and
// "sw1.example.org" are one, "sw1.north" and "sw1.south" are two.
type nameIndex struct {
	exact  map[string][]*node
	labels map[string][]*node // by the first label of names with a domain
}

func newNameIndex() nameIndex {
	return nameIndex{exact: map[string][]*node{}, labels: map[string][]*node{}}
}

func (x nameIndex) add(name string, n *node) {
	key := nameKey(name)
	if key == "" {
		return
	}
	put(x.exact, key, n)
	if label, _, dotted := strings.Cut(key, "."); dotted {
		put(x.labels, label, n)
	}
}

func put(m map[string][]*node, key string, n *node) {
	list := m[key]
	if len(list) >= maxNamesakes {
		return
	}
	if !slices.Contains(list, n) {
		m[key] = append(list, n)
	}
}

// find returns the first node of the name that fits.
func (x nameIndex) find(name string, fits func(*node) bool) *node {
	key := nameKey(name)
	if key == "" {
		return nil
	}
	if n := first(x.exact[key], fits); n != nil {
		return n
	}
	label, _, dotted := strings.Cut(key, ".")
	if dotted {
		return first(x.exact[label], fits)
	}
	// A name without a domain is that of the only one with a domain.
	var only *node
	for _, n := range x.labels[key] {
		if n = n.root(); only != nil && n != only {
			return nil
		}
		only = n
	}
	if only != nil && fits(only) {
		return only
	}
	return nil
}

func first(list []*node, fits func(*node) bool) *node {
	for _, n := range list {
		if n = n.root(); fits(n) {
			return n
		}
	}
	return nil
}
