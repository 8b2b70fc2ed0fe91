package inventory

import (
	"slices"
	"strings"
	"unicode"
)

// OtherMaker says that texts about a device name a maker that is surely not
// Cisco, and which. The texts are a manufacturer, a platform, a device type of
// another tool, a CDP platform or an LLDP description, the most telling first:
// the first that names any maker decides. Texts that name none, or Cisco, give
// false, for a device that may be Cisco's is worth a question.
func OtherMaker(texts ...string) (maker string, other bool) {
	for _, text := range texts {
		words := makerWords(text)
		for _, w := range words {
			if ciscoWords[w] {
				return "", false
			}
		}
		for _, w := range words {
			if m, ok := otherMakers[w]; ok {
				return m, true
			}
		}
	}
	return "", false
}

// NamesMaker says that a text names a maker, a family or an operating system
// of network gear, Cisco's or another's.
func NamesMaker(text string) bool {
	for _, w := range makerWords(text) {
		if _, other := otherMakers[w]; other || ciscoWords[w] {
			return true
		}
	}
	return false
}

// maxMakerText bounds what is looked at, in bytes: makers come first.
const maxMakerText = 512

// makerWords are the words of a text in small letters, each also joined to the
// one after it: "PAN-OS" is panos.
func makerWords(text string) []string {
	text = strings.ToLower(text[:min(len(text), maxMakerText)])
	single := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	words := slices.Clone(single)
	for i := 1; i < len(single); i++ {
		words = append(words, single[i-1]+single[i])
	}
	return words
}

// ciscoWords name Cisco, its families and its operating systems, as texts and
// as the types of RANCID, Oxidized, Ansible and NetBox do: those of companies
// that it bought are among them.
var ciscoWords = words(`cisco ciscosystems ios iosxe iosxr nxos xros asa pix fwsm fxos ftd firepower firelinuxos aireos wlc catos cat5 css
	ciscosmb ciscocbs ciscoce cisconga ciscosma ciscoesa ciscovpn3k ciscowlc asyncos aci apic ucs ucos cimc ise nexus catalyst aironet
	meraki linksys linksyssrw viptela agm airespace`)

// otherMakers are words that no text about a device of Cisco's has, with the
// maker they stand for. Operating systems of servers count: what answers at
// such an address is no device of Cisco's, whoever made the hardware.
var otherMakers = makers(map[string]string{
	"A10": "a10 acos a10tps", "Adtran": "adtran aos7", "Alcatel-Lucent or Nokia": "alcatel nokia timos sros srosmd srlinux isam tmnx",
	"Allied Telesis": "awplus alliedtelesis allied", "APC": "apc apcaos", "Arista": "arista eos", "Arrcus": "arcos arrcus",
	"Aruba": "aruba arubaos aoscx aosw arubainstant", "Avaya": "avaya voss", "Axis": "axis", "Avocent": "avocent",
	"Barracuda": "barracuda", "Brocade": "brocade foundry ironware fastiron fabricos icx netiron slxos", "Calix": "calix axos",
	"Cambium": "cambium cambiumepmp epmp", "Check Point": "checkpoint gaia gaiaos", "Ciena": "ciena saos", "Citrix": "citrix netscaler",
	"Cumulus": "cumulus", "D-Link": "dlink", "Dell": "dell dellemc force10 ftos powerconnect os10 dnos dellx sonicwall sonicos",
	"EdgeCore": "edgecore edgecos", "Eltex": "eltex", "Enterasys": "enterasys", "Ericsson or Redback": "redback seos ericsson",
	"Extreme": "extremenetworks exos extremexos xos aerohive", "F5": "f5 bigip tmos f5os", "Fortinet": "fortinet fortigate fortios fortiswitch fortiap fortiwlc fortiscp",
	"Grandstream": "grandstream", "H3C": "h3c comware hpecomware", "Hirschmann": "hirschmann hios", "HP": "hp hpe procurve hewlett hpmsm hpebladesystem",
	"Huawei": "huawei vrp smartax", "Juniper": "juniper junipernetworks junos junosevolved srx mist screenos netscreen erx", "Lenovo": "lenovo cnos enos",
	"LANCOM": "lancom", "Mellanox": "mellanox mlnxos onyx", "Moxa": "moxa", "Netgear": "netgear prosafe",
	"MikroTik": "mikrotik routeros routerboard", //nolint:misspell // MikroTik's system is called so
	"Netonix":  "netonix", "Opengear": "opengear", "OPNsense or pfSense": "opnsense pfsense", "Palo Alto": "paloalto panos paloaltonetworks",
	"Polycom": "polycom", "Riverbed": "riverbed rbt", "Ruckus": "ruckus", "Siemens": "siemens scalance", "Supermicro": "supermicro", "Synology": "synology qnap",
	"TP-Link": "tplink omada", "Ubiquiti": "ubiquiti ubnt unifi unifiap edgeos edgeswitch edgemax edgerouter airos airfiber usw uap",
	"VyOS or Vyatta": "vyos vyatta", "WatchGuard": "watchguard fireware", "Yealink": "yealink", "ZTE": "zte", "Zyxel": "zyxel zynos zynoscli",
	"a server's operating system": "windows vmware esxi proxmox ubuntu debian rhel centos redhat freebsd openbsd almalinux truenas",
})

func words(list string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

func makers(lists map[string]string) map[string]string {
	byWord := map[string]string{}
	for maker, list := range lists {
		for w := range strings.FieldsSeq(list) {
			byWord[w] = maker
		}
	}
	return byWord
}
