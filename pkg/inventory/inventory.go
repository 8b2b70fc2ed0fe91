// Package inventory holds the domain words that both programs say to each
// other: a device that answered, its components, and the conventions of Cisco's
// serial numbers and product identifiers. It imports the standard library only
// and knows no transport, no file format and no contract.
package inventory

// Class says what sort of physical part a component is. The values are the
// labels of PhysicalClass in ENTITY-MIB (RFC 6933), as network engineers know
// them.
type Class string

// The classes of RFC 6933. Only those that can carry a serial number are ever
// reported; Stack rows repeat the active member and are dropped by discovery.
const (
	ClassOther       Class = "other"
	ClassUnknown     Class = "unknown"
	ClassChassis     Class = "chassis"
	ClassBackplane   Class = "backplane"
	ClassContainer   Class = "container"
	ClassPowerSupply Class = "powerSupply"
	ClassFan         Class = "fan"
	ClassSensor      Class = "sensor"
	ClassModule      Class = "module"
	ClassPort        Class = "port"
	ClassStack       Class = "stack"
	ClassCPU         Class = "cpu"
)

// Platforms that discovery tells apart. PlatformUnknown is a device that
// answered and could not be named: its components count all the same.
const (
	PlatformIOS     = "ios"
	PlatformIOSXE   = "iosxe"
	PlatformIOSXR   = "iosxr"
	PlatformNXOS    = "nxos"
	PlatformASA     = "asa"
	PlatformFTD     = "ftd"
	PlatformFXOS    = "fxos"
	PlatformAireOS  = "aireos"
	PlatformSMB     = "smb"
	PlatformCatOS   = "catos"
	PlatformCIMC    = "cimc"
	PlatformISE     = "ise"
	PlatformAPIC    = "apic"
	PlatformMeraki  = "meraki"
	PlatformLinksys = "linksys"
	PlatformViptela = "viptela"
	PlatformUCOS    = "ucos" // CallManager and its kin: virtual machines
	PlatformUnknown = "unknown"
)

// A Component is one physical part with a serial number. Its identity is
// (PID, Serial), never the serial alone, an index, an address or a name:
// Cisco guarantees uniqueness of the pair only.
type Component struct {
	Serial string `json:"serial"` // cleaned, never a placeholder, never empty
	PID    string `json:"pid"`    // product identifier as read; "" when the device does not say
	VID    string `json:"vid"`    // version identifier ("V02"): a revision, not part of the identity
	Class  Class  `json:"class"`
	Name   string `json:"name"` // entPhysicalName, or NAME of `show inventory`
	// Description is entPhysicalDescr, or DESCR of `show inventory`.
	Description string `json:"description"`
	// Parent is the serial of the nearest component that holds this one, ""
	// for the outermost.
	Parent string `json:"parent"`
	// Unit says that a contract line can stand for the part by itself: a
	// chassis, a stack member, an access point, an appliance.
	Unit bool `json:"unit"`
	// Aliases are other names under which the device lists the same part.
	Aliases []string `json:"aliases"`
}

// A Device is what one agent saw of one node at one time. It is the element of
// "devices" in the output of `rollcall-agent scan --format json`.
type Device struct {
	Address  string `json:"address"`  // what the agent asked; IPv6 without brackets
	Name     string `json:"name"`     // sysName or the prompt's host name
	Platform string `json:"platform"` // one of the Platform constants
	Model    string `json:"model"`    // PID of the first unit
	Serial   string `json:"serial"`   // serial of the first unit
	Software string `json:"software"` // version, as the device words it
	// Complete is true only when every table that matters was read to its
	// end. An incomplete device proves no absence.
	Complete   bool        `json:"complete"`
	Via        []string    `json:"via"` // "snmp", "ssh": the transports that gave components
	Components []Component `json:"components"`
	Errors     []Problem   `json:"errors"`
}

// A Problem is something that kept the agent from seeing all of a device, or
// that the admin should mend. Message is a whole sentence for people: what
// happened and what to do next. It never holds a secret.
type Problem struct {
	Kind    ProblemKind `json:"kind"`
	Via     string      `json:"via"` // "snmp", "ssh", or "" when it concerns both
	Message string      `json:"message"`
}

// ProblemKind sorts problems for the collector, which makes findings of some.
type ProblemKind string

// Kinds of problems. The first group says why a node gave nothing over a
// transport, the second concerns what was read, the third how.
const (
	ProblemUnreachable       ProblemKind = "unreachable"        // no answer, or connection refused
	ProblemCredentialRefused ProblemKind = "credential_refused" // wrong user, password, key or SNMPv3 protocol
	ProblemHostKeyChanged    ProblemKind = "host_key_changed"   // SSH key differs from the pinned one
	ProblemLegacyCrypto      ProblemKind = "legacy_crypto"      // no algorithm in common without consent to old ones
	ProblemBusy              ProblemKind = "busy"               // VTY lines in use, or login blocked for a while

	ProblemIncomplete   ProblemKind = "incomplete"    // a table or output was cut short
	ProblemUnauthorized ProblemKind = "unauthorized"  // logged in, but the command needs more privilege
	ProblemNoInventory  ProblemKind = "no_inventory"  // the device offers no serial that way
	ProblemDisagreement ProblemKind = "disagreement"  // SNMP and SSH name different parts
	ProblemParse        ProblemKind = "parse_warning" // a line of output was not understood

	ProblemWeakAccess ProblemKind = "weak_access" // SNMPv1/v2c or legacy SSH in use
)

// Units returns the components that a contract line can stand for by itself,
// in their order.
func (d Device) Units() []Component {
	var units []Component
	for _, c := range d.Components {
		if c.Unit {
			units = append(units, c)
		}
	}
	return units
}
