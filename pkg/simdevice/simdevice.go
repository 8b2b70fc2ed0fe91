// Package simdevice simulates Cisco devices: one real SNMP agent (v1, v2c, v3)
// on UDP and one real SSH server on TCP per device, both rendered from the same
// few facts. It is for the demo, for end-to-end tests, and for faults that real
// devices can't be made to show.
//
// Each platform answers in its own shape: which tables it has, how it numbers
// them, where its serial numbers stand and where they only seem to, how it asks
// for a password, pages and words its errors. The shapes come from MIBs and
// vendors' documents.
//
// The SNMP codec and USM (RFC 3414) are written here and not taken from gosnmp:
// a simulator that shares the codec of the agent it tests would hide that
// codec's mistakes, and gosnmp's has no way to say which of USM's checks failed.
// Tests hold it against gosnmp and against net-snmp.
//
// Nothing here is secure: host keys follow from the device's name, passwords
// are plain text. Listen on loopback.
package simdevice

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"rollcall/pkg/inventory"
)

// A Device is a simulated node. Its zero faults are those of a well-behaved
// device.
type Device struct {
	Name     string `yaml:"name"`     // sysName and the host name of the prompt
	Platform string `yaml:"platform"` // an inventory.Platform constant
	Software string `yaml:"software"` // the version alone, as "17.9.4"
	Model    string `yaml:"model"`    // "" is the PID of the first unit
	// Units are the chassis or the stack members, in order; a member's number
	// is its place from 1. On AireOS the first is the controller and the others
	// are access points; on NX-OS the others are fabric extenders.
	Units []Unit `yaml:"units"`
	// Phones are what hangs on the device's ports and says its serial by
	// LLDP-MED.
	Phones []Phone `yaml:"phones"`

	Community string   `yaml:"community"` // of v1 and v2c; "" answers neither
	V3        []V3User `yaml:"v3"`        // none: SNMPv3 is not answered

	SSHUser     string `yaml:"ssh_user"` // "" is no SSH
	SSHPassword string `yaml:"ssh_password"`
	// SSHEnable is the enable password: sessions begin unprivileged. With ""
	// they begin privileged, where the platform knows the difference.
	SSHEnable string `yaml:"ssh_enable"`

	Faults Faults `yaml:"faults"`
}

// A Unit is a chassis or a stack member, with the parts it holds.
type Unit struct {
	Serial      string `yaml:"serial"`
	PID         string `yaml:"pid"`
	VID         string `yaml:"vid"`
	Description string `yaml:"description"` // "" is the platform's usual wording
	// Absent says that the member is configured and not there: the stack goes
	// on to list it, with state "provisioned".
	Absent bool   `yaml:"absent"`
	Parts  []Part `yaml:"parts"`
}

// A Part is a module, power supply, fan, transceiver or cable. On a wireless
// controller, a part of class chassis is an access point.
type Part struct {
	Serial      string          `yaml:"serial"`
	PID         string          `yaml:"pid"`
	VID         string          `yaml:"vid"`
	Class       inventory.Class `yaml:"class"` // "" is module
	Name        string          `yaml:"name"`  // "" is the platform's usual name
	Description string          `yaml:"description"`
}

// A Phone is a neighbour that sends LLDP-MED inventory.
type Phone struct {
	Serial string `yaml:"serial"`
	PID    string `yaml:"pid"`
	Name   string `yaml:"name"` // as "SEP0011AABBCCDD"
	Port   uint32 `yaml:"port"` // of the device, from 1
}

// A V3User is a user of SNMPv3. The group of the user demands the highest level
// that the user has keys for.
type V3User struct {
	User         string `yaml:"user"`
	AuthProtocol string `yaml:"auth_protocol"` // MD5, SHA, SHA224, SHA256, SHA384, SHA512; "" is noAuthNoPriv
	AuthPassword string `yaml:"auth_password"`
	PrivProtocol string `yaml:"priv_protocol"` // DES, AES, AES192, AES256, AES192C, AES256C; "" is authNoPriv
	PrivPassword string `yaml:"priv_password"`
}

// Options say where the servers of a device listen.
type Options struct {
	SNMPAddr string // host:port, ":0" for any port; "" is no SNMP
	SSHAddr  string // the same for SSH
	Log      *slog.Logger
}

// model is the device's model as its texts name it.
func (d Device) model() string {
	if d.Model != "" {
		return d.Model
	}
	return d.Units[0].PID
}

func (d Device) clone() Device {
	d.Units = slices.Clone(d.Units)
	for i := range d.Units {
		d.Units[i].Parts = slices.Clone(d.Units[i].Parts)
	}
	d.Phones = slices.Clone(d.Phones)
	d.V3 = slices.Clone(d.V3)
	return d
}

// Validate says what keeps the device from being simulated.
func (d Device) Validate() error {
	if len(d.Units) == 0 {
		return fmt.Errorf("device %q has no units: give it at least one chassis", d.Name)
	}
	if len(d.Units) > maxUnits {
		return fmt.Errorf("device %q has %d units: %d are the most", d.Name, len(d.Units), maxUnits)
	}
	for i, u := range d.Units {
		if len(u.Parts) > maxParts {
			return fmt.Errorf("device %q, unit %d has %d parts: %d are the most", d.Name, i+1, len(u.Parts), maxParts)
		}
		for _, p := range u.Parts {
			if p.Class != "" && classNumber(p.Class) == 0 {
				return fmt.Errorf("device %q, unit %d: unknown class %q of part %q", d.Name, i+1, p.Class, p.PID)
			}
		}
	}
	if !slices.Contains(platforms(), d.Platform) {
		return fmt.Errorf("device %q has platform %q: use one of %v", d.Name, d.Platform, platforms())
	}
	for _, u := range d.V3 {
		if u.User == "" {
			return errors.New("an SNMPv3 user has no name")
		}
		if _, err := newUSMUser(u, "check"); err != nil {
			return fmt.Errorf("device %q: %w", d.Name, err)
		}
	}
	return nil
}

// What one device may have, so that the numbering of its tables holds: parts
// of a unit lie within 999 indices.
const (
	maxUnits = 200
	maxParts = 300
)

func platforms() []string {
	return []string{
		inventory.PlatformIOS, inventory.PlatformIOSXE, inventory.PlatformIOSXR, inventory.PlatformNXOS,
		inventory.PlatformASA, inventory.PlatformFTD, inventory.PlatformFXOS, inventory.PlatformAireOS,
		inventory.PlatformSMB, inventory.PlatformCatOS, inventory.PlatformCIMC, inventory.PlatformISE,
		inventory.PlatformAPIC, inventory.PlatformMeraki, inventory.PlatformLinksys,
	}
}
