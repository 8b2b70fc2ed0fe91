package web

import (
	"bytes"
	"cmp"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollcall/pkg/inventory"
	"rollcall/pkg/table"
)

// csvType is of lists as CSV.
const csvType = "text/csv; charset=utf-8; header=present"

// nodesCSV is the list for spreadsheets.
func (s *server) nodesCSV(r *http.Request) (any, error) {
	nodes, err := s.nodes(r)
	if err != nil {
		return nil, err
	}
	header := []string{"address", "name", "organization", "site", "platform", "model", "serial", "software", "coverage", "units", "answered", "polled"}
	var rows [][]string
	for _, n := range nodes {
		var serials []string
		for _, u := range n.Units {
			serials = append(serials, u.Serial)
		}
		answered := "no"
		if n.Answered {
			answered = "yes"
		}
		rows = append(rows, []string{
			n.Address, n.Node.Name, n.Organization.Name, n.Site, n.Platform, n.model(), n.serial(), n.Software, string(n.Coverage),
			strings.Join(serials, " "), answered, n.Polled.UTC().Format(time.RFC3339),
		})
	}
	var buf bytes.Buffer
	err = table.CSV(&buf, header, rows)
	return listFile(csvType, buf.Bytes()), err
}

// netBoxName is how long the name of a device may be in NetBox, in characters.
const netBoxName = 64

// nodesNetBox is a list that NetBox's import of devices takes. Roles, device
// types, sites and platforms have to be there in NetBox, as for any import: one
// row that it refuses is the end of all, so each has what NetBox insists on.
func (s *server) nodesNetBox(r *http.Request) (any, error) {
	nodes, err := s.nodes(r)
	if err != nil {
		return nil, err
	}
	cut := func(s string, most int) string { return string([]rune(s)[:min(most, utf8.RuneCountInString(s))]) }
	// NetBox takes a name once in a site, in whichever case.
	name := func(n listedNode) string { return cut(cmp.Or(n.Node.Name, n.Address), netBoxName) }
	place := func(n listedNode) string { return strings.ToLower(n.Site + "\x00" + name(n)) }
	places := map[string]int{}
	for _, n := range nodes {
		places[place(n)]++
	}
	header := []string{"name", "role", "manufacturer", "device_type", "serial", "site", "status", "platform", "comments"}
	var rows [][]string
	for _, n := range nodes {
		called := name(n)
		if places[place(n)] > 1 {
			suffix := " (" + n.Address + ")"
			called = cut(called, netBoxName-utf8.RuneCountInString(suffix)) + suffix
		}
		rows = append(rows, []string{
			called, "Network", "Cisco", cmp.Or(n.model(), "Unknown"), n.serial(), n.Site, "active", n.Platform,
			"Found by Rollcall at " + n.Address + "; coverage: " + cmp.Or(string(n.Coverage), "not known"),
		})
	}
	var buf bytes.Buffer
	err = table.CSV(&buf, header, rows)
	return listFile(csvType, buf.Bytes()), err
}

// ansibleOS is ansible_network_os by platform: the collections of Cisco's.
var ansibleOS = map[string]string{
	inventory.PlatformIOS: "cisco.ios.ios", inventory.PlatformIOSXE: "cisco.ios.ios", inventory.PlatformIOSXR: "cisco.iosxr.iosxr",
	inventory.PlatformNXOS: "cisco.nxos.nxos", inventory.PlatformASA: "cisco.asa.asa",
}

// An ansibleGroup is a group of a static inventory; JSON is YAML to Ansible.
type ansibleGroup struct {
	Hosts    map[string]map[string]string `json:"hosts,omitempty"`
	Children map[string]*ansibleGroup     `json:"children,omitempty"`
}

// nodesAnsible is an inventory with groups by organization, site and platform.
func (s *server) nodesAnsible(r *http.Request) (any, error) {
	nodes, err := s.nodes(r)
	if err != nil {
		return nil, err
	}
	names := map[string]int{}
	for _, n := range nodes {
		names[hostName(n.Node.Name)]++
	}
	all := &ansibleGroup{Hosts: map[string]map[string]string{}, Children: map[string]*ansibleGroup{}}
	for _, n := range nodes {
		host := hostName(n.Node.Name)
		if host == "" || names[host] > 1 { // two sites may have a sw1 each
			host = strings.TrimPrefix(hostName(strings.Join([]string{n.Node.Name, n.Organization.ID, n.Site, n.Address}, "-")), "-")
		}
		vars := map[string]string{}
		for name, value := range map[string]string{
			"ansible_host": n.Address, "ansible_network_os": ansibleOS[n.Platform], "rollcall_organization": n.Organization.ID,
			"rollcall_site": n.Site, "rollcall_platform": n.Platform, "rollcall_model": n.model(), "rollcall_serial": n.serial(),
			"rollcall_software": n.Software, "rollcall_coverage": string(n.Coverage),
		} {
			if value = plain(value); value != "" {
				vars[name] = value
			}
		}
		all.Hosts[host] = vars
		for _, group := range []string{"organization_" + n.Organization.ID, "site_" + n.Organization.ID + "_" + n.Site, "platform_" + n.Platform} {
			group = groupName(group)
			if all.Children[group] == nil {
				all.Children[group] = &ansibleGroup{Hosts: map[string]map[string]string{}}
			}
			all.Children[group].Hosts[host] = map[string]string{}
		}
	}
	return listJSON(map[string]*ansibleGroup{"all": all})
}

// plain takes from a text what Ansible would run: it takes "{{" and "{%" in any
// variable for a template, which may call programs, and devices name
// themselves.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '{' || r == '}':
			return '_'
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
}

// hostName makes a name that Ansible takes for one host: ":" would begin a port,
// brackets a range, a comma another host.
func hostName(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_.", r) || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '-'
	}, s)
}

// groupName makes a name that Ansible takes for groups: letters, digits and "_".
func groupName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return unicode.ToLower(r)
		}
		return '_'
	}, s)
}
