package show

import (
	"regexp"

	"rollcall/pkg/inventory"
)

// extenderRow is a row of `show fex` of NX-OS: number, description, state,
// model and serial. A fabric extender that is not there keeps its number, and
// may keep the rest; one that nobody has configured has none.
//
//	101        FEX0101                Online    N2K-C2248TP-1GE   JAF1446A0AA
var extenderRow = regexp.MustCompile(`^(\d{3}|-{3,})\s+.*?\b(Online|Connected|Offline|Discovered|AA Version Mismatch|Configured|Registered|Image Download|Hitless Upg Idle)\b.*?\s(N\S+)\s+(\S+)$`)

// extenderHead are the two lines above the rows.
var extenderHead = regexp.MustCompile(`(?i)^FEX\s+FEX\s+FEX\b|^Number\s+Description\s+State\b`)

// extenders reads `show fex`.
type extenders struct{ parts []inventory.Component }

func (x *extenders) line(s string) bool {
	m := extenderRow.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	sn := inventory.CleanSerial(m[4])
	if m[2] == "Online" && m[1][0] != '-' && sn != "" && len(sn) <= maxSerial && len(x.parts) < maxComponents {
		x.parts = append(x.parts, inventory.Component{
			Serial: sn, PID: bounded(cleanPID(m[3])), Class: inventory.ClassChassis, Name: "FEX " + m[1] + " CHASSIS", Unit: true,
		})
	}
	return true
}

var extenderNumber = regexp.MustCompile(`(?i)^fex (\d{3}) chassis$`)

// Extenders are the numbers of the fabric extenders among the parts that `show
// fex` gave.
func Extenders(list []inventory.Component) []string {
	var numbers []string
	for _, c := range list {
		if m := extenderNumber.FindStringSubmatch(c.Name); m != nil && c.Unit {
			numbers = append(numbers, m[1])
		}
	}
	return numbers
}
