package show

import (
	"regexp"
	"strings"

	"rollcall/pkg/inventory"
)

// accessPoints reads `show ap config general` of wireless controllers, for one
// access point or for all: labels, dots on AireOS and a colon on IOS-XE, and
// values.
type accessPoints struct {
	parts []inventory.Component
	block map[string]string
	dots  bool
}

var apField = regexp.MustCompile(`(?i)^(cisco ap identifier|cisco ap name|ap model|ap serial number)\s*(\.{2,}|:)\s*(.*)$`)

// apDescription is what stands for the description that no table of access
// points has, over SNMP as well.
const apDescription = "access point"

// line reads one line and says whether it is a field that matters.
func (a *accessPoints) line(s string) bool {
	m := apField.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	label := strings.ToLower(m[1])
	if _, again := a.block[label]; again {
		a.end()
	}
	if a.block == nil {
		a.block = map[string]string{}
	}
	a.block[label], a.dots = m[3], m[2] != ":"
	return true
}

// end makes an access point of the block.
func (a *accessPoints) end() {
	b := a.block
	a.block = nil
	sn := inventory.CleanSerial(b["ap serial number"])
	if sn == "" || len(sn) > maxSerial || len(a.parts) >= maxComponents {
		return
	}
	a.parts = append(a.parts, inventory.Component{
		Serial: sn, PID: bounded(cleanPID(b["ap model"])), Class: inventory.ClassOther,
		Name: bounded(inventory.CleanText(b["cisco ap name"])), Description: apDescription, Unit: true,
	})
}

// apSummaryRow is a row of `show ap summary`: the name, the number of radios,
// the model.
var (
	apSummaryRow   = regexp.MustCompile(`^([A-Za-z0-9._:-]{1,64})\s+\d{1,2}\s+\S+`)
	apSummaryCount = regexp.MustCompile(`(?i)^number of aps?\s*(?:\.{2,}|:)\s*(\d{1,5})$`)
)

// AccessPoints reads the names of access points from `show ap summary`, and how
// many the controller says there are, -1 where it does not.
func AccessPoints(text string) (names []string, count int) {
	var w warnings
	count = -1
	table := false
	for _, line := range splitLines(text, &w) {
		s := strings.TrimSpace(line)
		if m := apSummaryCount.FindStringSubmatch(s); m != nil {
			count = atoi(m[1])
		}
		if strings.HasPrefix(strings.ToLower(s), "ap name") {
			table = true
			continue
		}
		if m := apSummaryRow.FindStringSubmatch(s); table && m != nil && len(names) < maxComponents {
			names = append(names, m[1])
		}
	}
	return names, count
}

// atoi is for digits that a pattern has counted.
func atoi(s string) int {
	n := 0
	for i := range len(s) {
		n = 10*n + int(s[i]-'0')
	}
	return n
}
