package inventory

import (
	"regexp"
	"strings"
)

// MatchPID is the form of a product identifier in which two sources are
// compared: upper case, without spaces, the "=" that marks an orderable spare
// and the "-RF" of a remanufactured unit.
func MatchPID(pid string) string {
	s := strings.ToUpper(strings.Join(strings.Fields(pid), ""))
	s = strings.TrimRight(s, "=")
	s = strings.TrimSuffix(s, "-RF")
	return strings.TrimRight(s, "=")
}

// licenceSuffix is what orderable PIDs carry beyond the base PID that devices
// report: software tiers and export marks ("-E", "-A", "-K9", "/K9", "++").
var licenceSuffix = regexp.MustCompile(`(/K9|-K9|\+\+|-[EA]|-1[EA])$`)

// oldRouter is how orderable PIDs of older routers begin: CISCO1921/K9 answers
// as C1921 over SNMP.
var oldRouter = regexp.MustCompile(`^CISCO([0-9])`)

// PIDFamily is MatchPID without the licence and bundle marks of orderable PIDs,
// so that C9300-48P-E on a contract and C9300-48P in a device are one family.
func PIDFamily(pid string) string {
	s := oldRouter.ReplaceAllString(MatchPID(pid), "C$1")
	for {
		t := licenceSuffix.ReplaceAllString(s, "")
		if t == s || t == "" {
			return s
		}
		s = t
	}
}

// pidShape is a product identifier as Cisco writes them: one word of capitals,
// digits and a few marks, beginning with a letter, with a digit in it.
var pidShape = regexp.MustCompile(`^[A-Z][A-Z0-9]*[-/+.=A-Z0-9]*$`)

// LooksLikePID says that a text, such as the description of a part, is a
// product identifier by itself: some agents leave the model empty and put it
// there.
func LooksLikePID(s string) bool {
	return len(s) >= 4 && len(s) <= 40 && pidShape.MatchString(s) && strings.ContainsAny(s, "0123456789") && strings.Contains(s, "-")
}

// virtualPID are the products that are software. They are listed, but are never
// a hardware-coverage gap. Marked by PID, not by the shape of the serial, which
// may look real. The "v" that ends the PID of a virtual product is a small one:
// hardware such as the line card WS-X4548-GB-RJ45V ends in a capital.
var virtualPID = regexp.MustCompile(`(?i:IOSv|IOSXRV|XRv9|CSR1000V|C8000V|C9800-CL|ASAv|FTDv|N9K-C9[35]00v|vWLC|AIR-CTVM|ISE-VM|ISRV|vEdge-cloud|-VM-)|[A-Za-z0-9]v$`)

// IsVirtualPID says that the product is a virtual machine.
func IsVirtualPID(pid string) bool { return virtualPID.MatchString(pid) }

// cablePID are direct-attach, active optical and stacking cables.
var cablePID = regexp.MustCompile(`(?i)^((SFP|QSFP|QSFP28|QDD|OSFP)-\S*(CU|AOC)[\d.]*M?|STACK-T\d\S*|CAB-\S*)$`)

// IsCablePID says that the product is a cable, whose serial is legitimately
// seen twice, at both ends, and which is never a coverage gap.
func IsCablePID(pid string) bool { return cablePID.MatchString(MatchPID(pid)) }

var phonePID = regexp.MustCompile(`(?i)^(CP-|ATA-?\d|DP-\d|SPA\d)`)

// IsPhonePID says that the product is an IP phone or an analogue telephone
// adapter: it hangs on a switch that tells of it by LLDP-MED.
func IsPhonePID(pid string) bool { return phonePID.MatchString(pid) }

// chassisPID is a product identifier of a chassis or a fixed device. Modules
// have names of their own (-NM-, -LC-, -STACK, N9K-X, A9K-) that do not fit.
var chassisPID = regexp.MustCompile(`^(?:` +
	`(?:WS-)?(?:CBS|C)\d{4}[A-Z]*-[A-Z]?\d|WS-C\d{4}|C9[46]\d\dR|ME-\d{4}|IE-\d{4}|` + // switches; C9300-48P but not C9300-NM-8X
	`(?:CISCO|C)\d{3,4}\w*(?:/|$)|ISR\d{4}|ISR-?1100|C8\d{3}L?-|ASR\d{4}|ASR-9\d{2,3}|NCS-?\d{3,4}|IR\d{3,4}|VG\d{3}|` + // routers
	`N\dK-C\d{2,}|N77-C7\d{3}|DS-C9\d{3}|UCS-FI-|` +
	`ASA-?55\d\d|FPR-?\d{4}|PIX-|AIR-CT\d{4}|AIR-WLC\d{4}|SNS-\d{4}|` +
	`(?:SG|SF|SX|CBS|ESW|LGS)\d|MS\d{2,3})`)

// IsChassisPID says that the product is a chassis or a fixed device. Line cards
// and route processors of some have the same PID as the whole, so it serves
// only where nothing else tells what a part is.
func IsChassisPID(pid string) bool { return chassisPID.MatchString(pid) }

// stackPID are the products of which several can be one device: each that has
// such a PID is a chassis of its own.
var stackPID = regexp.MustCompile(`^(?:WS-C[23]\d{3}|C9[235]\d\d|C1[0-3]00-|(?:SG|SF|SX|CBS|ESW)\d)`)

// IsStackPID says that the product can be a member of a stack.
func IsStackPID(pid string) bool { return stackPID.MatchString(pid) && IsChassisPID(pid) }
