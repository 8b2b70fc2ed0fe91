package nodelist

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Limits on an Ansible inventory.
const (
	maxGroups = 20_000
	// maxRange bounds the hosts that one pattern such as sw[01:48] stands for.
	maxRange = 65_536
	// maxNamed bounds the hosts of all lines, with those that stand in several
	// groups counted each time.
	maxNamed = 2_000_000
	// maxVariables bounds the variables of one line.
	maxVariables = 1000
)

// variables are those of a host or group that are used; values of others, which
// may be passwords, are not kept.
type variables map[string]string

// usedVariables are the variables that are kept.
var usedVariables = map[string]bool{
	"ansible_host": true, "ansible_ssh_host": true, "ansible_network_os": true, "network_os": true, "platform": true,
	"ansible_connection": true, "site": true, "location": true,
}

func (v *variables) set(key, value string) {
	if !usedVariables[key] {
		return
	}
	value = value[:min(len(value), MaxField+1)] // enough to be refused for it
	if *v == nil {
		*v = variables{}
	}
	(*v)[key] = value
}

// A group of an inventory.
type group struct {
	name    string
	vars    variables
	parents []*group
	depth   int // from "all"; 0 until it is worked out
	won     map[string]setting
	open    bool // being worked out: to meet it again is a circle
}

// A setting is a variable as a group's hosts have it. Of the groups that set
// one the deepest wins, then the last in the alphabet (Ansible: "how variables
// are merged").
type setting struct {
	value string
	depth int
	group string
}

func (s setting) beats(o setting) bool {
	return s.depth > o.depth || s.depth == o.depth && s.group >= o.group
}

// A host of an inventory.
type host struct {
	name   string
	line   int
	vars   variables
	groups []*group
}

// An ansible is an inventory while it is read.
type ansible struct {
	b      *builder
	groups map[string]*group
	hosts  map[string]*host
	order  []*host
	named  int // hosts, counted each time that a pattern stands for them
}

func newAnsible(b *builder) *ansible {
	a := &ansible{b: b, groups: map[string]*group{}, hosts: map[string]*host{}}
	a.groups["all"] = &group{name: "all", depth: 1}
	return a
}

func (a *ansible) group(name string) (*group, error) {
	if g := a.groups[name]; g != nil {
		return g, nil
	}
	if len(a.groups) >= maxGroups {
		return nil, fmt.Errorf("it has more than %d groups", maxGroups)
	}
	g := &group{name: name}
	a.groups[name] = g
	return g, nil
}

// addHosts takes the hosts that a pattern stands for into a group.
func (a *ansible) addHosts(pattern string, line int, g *group, vars variables) error {
	names, err := expandHosts(pattern)
	if err != nil {
		a.b.refuse(line, "", pattern, err.Error())
		return nil
	}
	if a.named += len(names); a.named > maxNamed {
		return fmt.Errorf("its lines stand for more than %d hosts", maxNamed)
	}
	for _, name := range names {
		h := a.hosts[name]
		if h == nil {
			if len(a.order) >= MaxEntries {
				return errFull
			}
			h = &host{name: name, line: line}
			a.hosts[name] = h
			a.order = append(a.order, h)
		}
		for k, v := range vars {
			h.vars.set(k, v)
		}
		if len(h.groups) == 0 || h.groups[len(h.groups)-1] != g {
			h.groups = append(h.groups, g)
		}
	}
	return nil
}

var errCircle = errors.New("its groups contain each other in a circle")

// settle works out the depth and the settings of a group from its parents.
func (g *group) settle() error {
	switch {
	case g.open:
		return errCircle
	case g.won != nil:
		return nil
	}
	g.open = true
	defer func() { g.open = false }()
	won := map[string]setting{}
	g.depth = 1
	for _, p := range g.parents {
		if err := p.settle(); err != nil {
			return err
		}
		g.depth = max(g.depth, p.depth+1)
		for k, s := range p.won {
			if s.beats(won[k]) {
				won[k] = s
			}
		}
	}
	for k, v := range g.vars {
		won[k] = setting{v, g.depth, g.name}
	}
	g.won = won
	return nil
}

// entries makes entries of the hosts.
func (a *ansible) entries() error {
	all := a.groups["all"]
	for _, g := range a.groups {
		if g != all && len(g.parents) == 0 {
			g.parents = []*group{all}
		}
	}
	for _, g := range a.groups {
		if err := g.settle(); err != nil {
			return err
		}
	}
	for _, h := range a.order {
		won := map[string]setting{}
		for _, g := range append([]*group{all}, h.groups...) {
			for k, s := range g.won {
				if s.beats(won[k]) {
					won[k] = s
				}
			}
		}
		get := func(keys ...string) string {
			for _, k := range keys {
				if v := h.vars[k]; v != "" {
					return v
				}
			}
			for _, k := range keys {
				if v := won[k].value; v != "" {
					return v
				}
			}
			return ""
		}
		if err := a.b.add(h.found(get)); err != nil {
			return err
		}
	}
	return nil
}

// elsewhere are connections that lead to no network device.
var elsewhere = map[string]bool{
	"local": true, "docker": true, "podman": true, "winrm": true, "psrp": true, "kubectl": true, "lxc": true, "lxd": true, "chroot": true, "jail": true, "aws_ssm": true,
}

func (h *host) found(get func(...string) string) found {
	d := found{
		Entry:         Entry{Line: h.line, Name: h.name, Address: get("ansible_host", "ansible_ssh_host"), Platform: get("ansible_network_os", "network_os", "platform"), Site: get("site", "location")},
		addressColumn: "ansible_host",
	}
	if d.Address == "" {
		d.Address, d.addressColumn = h.name, ""
	}
	d.Address = strings.NewReplacer("{{ inventory_hostname }}", h.name, "{{inventory_hostname}}", h.name).Replace(d.Address)
	for _, field := range []*string{&d.Platform, &d.Site} {
		if strings.Contains(*field, "{{") {
			*field = ""
		}
	}
	connection := get("ansible_connection")
	if at := strings.LastIndexByte(connection, '.'); at >= 0 {
		connection = connection[at+1:]
	}
	switch {
	case elsewhere[connection]:
		d.Skip = "its ansible_connection is " + connection
	case strings.Contains(d.Address, "{{"):
		d.Skip = "its ansible_host is a template: let ansible-inventory --list --yaml work it out, and read that"
		d.Address = ""
	}
	return d
}

// expandHosts gives the hosts that a pattern stands for: a name, an address, or
// a name with ranges, sw[01:48] or sw[a:d], with or without a port.
func expandHosts(pattern string) ([]string, error) {
	if inner, after, found := strings.Cut(strings.TrimPrefix(pattern, "["), "]"); found && strings.HasPrefix(pattern, "[") && isIP(inner) && (after == "" || after[0] == ':') {
		return []string{inner}, nil
	}
	if isIP(pattern) {
		return []string{pattern}, nil
	}
	if at := strings.LastIndexByte(pattern, ':'); at > strings.LastIndexByte(pattern, ']') && at > 0 {
		if _, err := strconv.ParseUint(pattern[at+1:], 10, 16); err == nil {
			pattern = pattern[:at]
		}
	}
	names := []string{""}
	for pattern != "" {
		head, rest, ranged := strings.Cut(pattern, "[")
		for i := range names {
			names[i] += head
		}
		if !ranged {
			break
		}
		bounds, tail, closed := strings.Cut(rest, "]")
		if !closed {
			return nil, errors.New("the range has no end: write it as sw[01:48]")
		}
		steps, err := expandRange(bounds)
		if err != nil {
			return nil, err
		}
		if len(names)*len(steps) > maxRange {
			return nil, fmt.Errorf("the ranges stand for more than %d hosts", maxRange)
		}
		longer := make([]string, 0, len(names)*len(steps))
		for _, n := range names {
			for _, s := range steps {
				longer = append(longer, n+s)
			}
		}
		names, pattern = longer, tail
	}
	if len(names[0]) > MaxField {
		return nil, fmt.Errorf("it is longer than %d bytes", MaxField)
	}
	return names, nil
}

// expandRange lists first:last or first:last:step, of numbers, which keep
// their leading zeros, or letters.
func expandRange(bounds string) ([]string, error) {
	wrong := errors.New("the range is wrong: write it as sw[01:48] or sw[a:d]")
	parts := strings.Split(bounds, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, wrong
	}
	step := 1
	if len(parts) == 3 {
		n, err := strconv.Atoi(parts[2])
		if err != nil || n < 1 || n > maxRange {
			return nil, wrong
		}
		step = n
	}
	first, last := parts[0], parts[1]
	if first == "" {
		first = "0"
	}
	var list []string
	if isLetter(first) && isLetter(last) {
		for c := int(first[0]); c <= int(last[0]); c += step {
			list = append(list, string(rune(c)))
		}
	} else {
		from, err := strconv.ParseUint(first, 10, 31)
		to, err2 := strconv.ParseUint(last, 10, 31)
		padded := len(first) > 1 && first[0] == '0'
		if err != nil || err2 != nil || padded && len(first) != len(last) {
			return nil, wrong
		}
		if to >= from && (to-from)/uint64(step) >= maxRange {
			return nil, fmt.Errorf("the range stands for more than %d hosts", maxRange)
		}
		width := 0
		if padded {
			width = len(first)
		}
		for n := from; n <= to; n += uint64(step) {
			list = append(list, fmt.Sprintf("%0*d", width, n))
		}
	}
	if len(list) == 0 {
		return nil, wrong
	}
	return list, nil
}

func isLetter(s string) bool {
	return len(s) == 1 && (s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z')
}
