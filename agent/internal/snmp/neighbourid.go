package snmp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"rollcall/pkg/inventory"
)

// chassis takes the LLDP chassis identifier: usually a MAC address, of phones
// the address.
func (n *Neighbour) chassis(subtype, id any) {
	raw, ok := id.([]byte)
	kind, _ := number(subtype)
	switch {
	case !ok:
	case kind == chassisIsMAC && len(raw) == 6:
		n.MAC = macBytes(raw)
	case kind == chassisIsMAC:
		n.MAC = macText(words(raw))
	case kind == chassisIsAddress && len(raw) > 1:
		if n.Address == "" {
			n.Address = octetAddress(raw[1:])
		}
	}
}

// identify takes the identifier under which the neighbour announces itself,
// and another name, if it has one.
func (n *Neighbour) identify(id, other string) {
	n.Name, n.Serial = splitDeviceID(id)
	switch mac := macText(n.Name); {
	case mac != "":
		n.Name, n.MAC = other, mac
	case n.Serial == "" && other != "" && other != n.Name && usualSerial.MatchString(n.Name):
		// `cdp format device-id serial-number`. Host names can look like
		// that, so only where the device has another name.
		n.Name, n.Serial = other, n.Name
	case n.Name == "":
		n.Name = other
	}
	if m := phoneName.FindStringSubmatch(n.Name); m != nil {
		n.MAC = macText(m[2])
	}
}

var (
	// usualSerial is the form of three quarters of Cisco's serials: site, year
	// and week, number.
	usualSerial = regexp.MustCompile(`^[A-Z]{3}\d{4}[0-9A-Z]{4}$`)
	// otherSerial are older ones: decimal, or letters and digits.
	otherSerial = regexp.MustCompile(`^[A-Z]{0,4}\d{4,11}[0-9A-Z]{0,7}$`)
	inBrackets  = regexp.MustCompile(`^([^()]+)\(([^()]+)\)$`)
	phoneName   = regexp.MustCompile(`(?i)^(SEP|ATA)([0-9A-F]{12})(\.|$)`)
	phoneText   = regexp.MustCompile(`(?i)\bIP ?phone\b|^(cisco )?(CP-|ATA ?\d|SPA ?\d)`)
)

// splitDeviceID parts a name from the serial that NX-OS, "name(SERIAL)", and
// CatOS, "SERIAL(name)", announce with it.
func splitDeviceID(id string) (name, serial string) {
	m := inBrackets.FindStringSubmatch(id)
	if m == nil {
		return id, ""
	}
	outer, inner := strings.TrimSpace(m[1]), strings.TrimSpace(m[2])
	for _, form := range []*regexp.Regexp{usualSerial, otherSerial} {
		switch {
		case form.MatchString(inner):
			return outer, inventory.CleanSerial(inner)
		case form.MatchString(outer):
			return inner, inventory.CleanSerial(outer)
		}
	}
	return id, ""
}

func (n *Neighbour) looksLikePhone() bool {
	return phoneName.MatchString(n.Name) || phoneText.MatchString(n.Platform) || n.Platform == "" && phoneText.MatchString(n.Description)
}

// pidInPlatform is how small business switches word their platform: "Cisco
// SG300-10PP (PID:SG300-10PP-K9)-VSD".
var pidInPlatform = regexp.MustCompile(`\(PID:([^)\s]+)\)`)

// PID is the product identifier that the platform names, "" when it names
// none: a candidate for a device that cannot be asked.
func (n Neighbour) PID() string {
	p := n.Platform
	if m := pidInPlatform.FindStringSubmatch(p); m != nil {
		return inventory.CleanPID(m[1])
	}
	if len(p) >= 6 && strings.EqualFold(p[:6], "cisco ") {
		p = p[6:]
	}
	if p == "" || strings.ContainsAny(p, " ,;()") || !strings.ContainsAny(p, "0123456789") {
		return ""
	}
	return inventory.CleanPID(p)
}

// firstAddress is the first cell with an address that can be asked.
func firstAddress(cells ...any) string {
	for _, c := range cells {
		raw, ok := c.([]byte)
		if !ok {
			continue
		}
		if address := octetAddress(raw); address != "" {
			return address
		}
	}
	return ""
}

// octetAddress reads 4 or 16 octets, or an address in text, which agents send
// as well. Addresses that stand for no single device, and link-local ones,
// which mean nothing elsewhere, are none.
func octetAddress(raw []byte) string {
	address, err := netip.ParseAddr(text(raw, 64))
	if err != nil || len(raw) == 4 {
		address, _ = netip.AddrFromSlice(raw)
	}
	address = address.Unmap()
	switch {
	case !address.IsValid(), address.Zone() != "", address.IsUnspecified(), address.IsMulticast(), address.IsLinkLocalUnicast(), address == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return ""
	}
	return address.String()
}

// looksLikeMAC says that the octets are six and no text.
func looksLikeMAC(raw []byte) bool {
	return len(raw) == 6 && bytes.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r >= 0x7f })
}

func macBytes(raw []byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", raw[0], raw[1], raw[2], raw[3], raw[4], raw[5])
}

var macDigits = regexp.MustCompile(`^[0-9A-Fa-f]{12}$`)

// macText reads a MAC address in text, with any separators, "" when it is none.
func macText(s string) string {
	digits := strings.NewReplacer(":", "", "-", "", ".", "").Replace(s)
	if !macDigits.MatchString(digits) {
		return ""
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return ""
	}
	return macBytes(raw)
}

// cdpCapability reads the four octets of the capabilities.
func cdpCapability(v any) uint32 {
	raw, ok := v.([]byte)
	if !ok || len(raw) != 4 {
		return 0
	}
	return uint32(raw[0])<<24 | uint32(raw[1])<<16 | uint32(raw[2])<<8 | uint32(raw[3])
}

// lldpCapability reads the first octet of the bit string.
func lldpCapability(v any) byte {
	raw, ok := v.([]byte)
	if !ok || len(raw) < 1 || len(raw) > 2 {
		return 0
	}
	return raw[0]
}
