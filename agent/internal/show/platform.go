package show

import (
	"regexp"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// platforms that a caller may name.
var platforms = []string{
	inventory.PlatformIOS, inventory.PlatformIOSXE, inventory.PlatformIOSXR, inventory.PlatformNXOS, inventory.PlatformASA,
	inventory.PlatformFTD, inventory.PlatformFXOS, inventory.PlatformAireOS, inventory.PlatformSMB, inventory.PlatformCatOS,
	inventory.PlatformCIMC, inventory.PlatformISE, inventory.PlatformAPIC, inventory.PlatformMeraki, inventory.PlatformLinksys,
	inventory.PlatformViptela,
}

// Platforms returns the names that Inventory and Parse take besides "auto".
func Platforms() []string { return slices.Clone(platforms) }

// productPlatforms tells the platform from the PID of any part; first match.
var productPlatforms = []struct {
	pattern  *regexp.Regexp
	platform string
}{
	{regexp.MustCompile(`(?i)^N\d[K3-9]|^N9\d{3}|^DS-[CX]|^UCS-FI|^N[237]K-|^N77-`), inventory.PlatformNXOS},
	{regexp.MustCompile(`(?i)^AIR-CT\d|^AIR-WLC|^AIR-CTVM`), inventory.PlatformAireOS},
	{regexp.MustCompile(`(?i)^ASA-?\d|^ASAv|^WS-SVC-ASA|^ISA-3000`), inventory.PlatformASA},
	{regexp.MustCompile(`(?i)^FPR|^FTDv|^FMC`), inventory.PlatformFTD},
	// Carrier routers of IOS XE with the names of such of IOS XR.
	{regexp.MustCompile(`(?i)^ASR-?9[02]\d(?:-|$)|^NCS-?(?:42\d\d|520)`), inventory.PlatformIOSXE},
	{regexp.MustCompile(`(?i)^A9K-|^A99-|^ASR-9\d{3}|^NCS|^N540|^8\d{3}-|^CRS|^XR-?V|^R-IOSXRV|^A99|^IOSXRV`), inventory.PlatformIOSXR},
	{regexp.MustCompile(`(?i)^(?:SG|SF|SX|SLM|SRW|ESW|CBS)[\d-]|^C1[23]00-`), inventory.PlatformSMB},
	{regexp.MustCompile(`(?i)^SNS-|^ISE-`), inventory.PlatformISE},
	{regexp.MustCompile(`(?i)^LGS`), inventory.PlatformLinksys},
	{regexp.MustCompile(`(?i)^C9\d{3}|^WS-C(?:3[68]50|4500X)|^ISR4|^ISR1\d|^C[18][1-9]\d\d|^C8\d{3}|^ASR1|^IR(?:11\d\d|18\d\d|8[13]40)|^CSR1000V|^WS-X45-SUP[78]|^IE-?3[34]|^C111|^ESR|^CBR`), inventory.PlatformIOSXE},
}

// controllerDescr is a controller of access points that sits in a switch or
// router and has its product name.
var controllerDescr = regexp.MustCompile(`(?i)^cisco (?:\d+ series )?wireless (?:lan )?controller`)

// productPlatform is the platform of the product, "" for one that tells none.
func productPlatform(pid string) string {
	for _, product := range productPlatforms {
		if pid != "" && product.pattern.MatchString(pid) {
			return product.platform
		}
	}
	return ""
}

var xrNames = regexp.MustCompile(`(?i)^(?:module |fantray |power-module )?\d+/(?:RS?P\d|\d+/CPU\d|FT\d|PS\d)|^(?:module |fantray )\d+/\d+/\d+$|^Rack \d+$`)

// platform is what the caller said, else what `show version` said, else what
// the parts look like.
func (p *parser) platform(said, version string) string {
	said = strings.ToLower(strings.TrimSpace(said))
	if slices.Contains(platforms, said) {
		return said
	}
	if said != "" && said != "auto" && said != inventory.PlatformUnknown {
		p.warn.addf("%q is no platform that rollcall knows: it was told from the text instead; known are auto, %s", excerpt(said), strings.Join(platforms, ", "))
	}
	if version != "" {
		return version
	}
	if tree := p.trees.platform(); tree != "" {
		return tree
	}
	if len(p.hardware.parts) > 0 {
		return inventory.PlatformViptela
	}
	for _, r := range p.rows {
		if xrNames.MatchString(r.name) && !strings.HasPrefix(r.pid, "C") {
			return inventory.PlatformIOSXR
		}
	}
	for _, c := range p.systemID.units {
		if product := productPlatform(c.PID); product != "" {
			return product
		}
	}
	if slices.ContainsFunc(p.rows, func(r row) bool { return r.ap != "" }) {
		return inventory.PlatformAireOS
	}
	for _, c := range p.modules.parts {
		if product := productPlatform(c.PID); product != "" {
			return product
		}
	}
	for _, r := range p.rows {
		if product := productPlatform(r.pid); product != "" {
			return product
		}
		if controllerDescr.MatchString(r.descr) {
			return inventory.PlatformAireOS
		}
		if stackRootName.MatchString(r.name) {
			return inventory.PlatformIOSXE
		}
	}
	switch {
	case len(p.rows) > 0:
		return inventory.PlatformIOS
	case len(p.systemID.units) > 0:
		return inventory.PlatformSMB
	case p.modules.models != nil:
		return inventory.PlatformNXOS
	case len(p.fex.parts) > 0:
		return inventory.PlatformNXOS
	case len(p.aps.parts) > 0 && p.aps.dots:
		return inventory.PlatformAireOS
	case len(p.aps.parts) > 0:
		return inventory.PlatformIOSXE
	case len(p.modules.parts) > 0, len(p.eeproms.parts) > 0:
		return inventory.PlatformIOS
	}
	return inventory.PlatformUnknown
}
