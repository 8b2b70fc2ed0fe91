package demo

import (
	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
)

// The demo's credentials open simulated devices on loopback only.
const (
	snmpUser     = "rollcall"
	authPassword = "demo-auth-password"
	privPassword = "demo-priv-password"
	community    = "demo-community"
	sshUser      = "rollcall"
	sshPassword  = "demo-ssh-password"
)

// An organization of the demo: what it owns, and what its contracts say.
type organization struct {
	name      string
	sites     []site
	contracts []contractFile
	orders    []order
}

// A site with its devices. The agent of a silent site stops before the demo's
// present day.
type site struct {
	name   string
	agent  string
	net    string // the first three octets of its devices' loopback addresses
	silent bool
	nodes  []node
}

// A node is a simulated device and how the agent asks it.
type node struct {
	device simdevice.Device
	via    string // "ssh" for one that SNMP doesn't reach; else ""
	// wrongPassword makes the agent hold another password than the device.
	wrongPassword bool
	// later changes the device between the past, when it was first seen, and
	// the present day.
	later func(*simdevice.Server)
	gone  bool // it answers no more in the present
}

func chassis(pid, serial string, parts ...simdevice.Part) simdevice.Unit {
	return simdevice.Unit{PID: pid, VID: "V02", Serial: serial, Parts: parts}
}

func powerSupply(pid, serial string) simdevice.Part {
	return simdevice.Part{PID: pid, VID: "V01", Serial: serial, Class: inventory.ClassPowerSupply}
}

func module(pid, serial string) simdevice.Part {
	return simdevice.Part{PID: pid, VID: "V01", Serial: serial, Class: inventory.ClassModule}
}

func accessPoint(name, pid, serial string) simdevice.Part {
	return simdevice.Part{PID: pid, VID: "V01", Serial: serial, Class: inventory.ClassChassis, Name: name}
}

// device answers SNMPv3 and SSH, as one that is set up well.
func device(name, platform, software string, units ...simdevice.Unit) simdevice.Device {
	return simdevice.Device{
		Name: name, Platform: platform, Software: software, Units: units,
		V3: []simdevice.V3User{{
			User: snmpUser, AuthProtocol: "SHA256", AuthPassword: authPassword,
			PrivProtocol: "AES", PrivPassword: privPassword,
		}},
		SSHUser: sshUser, SSHPassword: sshPassword,
	}
}

// overV2c is a device that only knows a community.
func overV2c(d simdevice.Device) simdevice.Device {
	d.V3, d.Community = nil, community
	return d
}

// swap is the RMA that happens while one looks on: a stack member comes back
// with another serial.
type swap struct {
	device   string
	unit     int // index of the stack member
	old, new string
	partsNew []simdevice.Part
}

func rma() swap {
	return swap{
		device: "core-sw1", unit: 1, old: "FCW2431L0B2", new: "FCW2718H7KD",
		partsNew: []simdevice.Part{powerSupply("PWR-C1-715WAC-P", "DCC2716B3QT")},
	}
}

// world is everything that the demo simulates.
func world() []organization {
	return []organization{foodBank(), healthCenter()}
}

func foodBank() organization {
	return organization{
		name: "Riverside Food Bank",
		sites: []site{
			{name: "Main office", agent: "main-office", net: "127.71.1", nodes: []node{
				{device: device("core-sw1", inventory.PlatformIOSXE, "17.12.4",
					chassis("C9300-48P", "FCW2431L0A7", powerSupply("PWR-C1-715WAC-P", "DCC2430B1AA")),
					chassis("C9300-48P", "FCW2431L0B2", powerSupply("PWR-C1-715WAC-P", "DCC2430B1AB")),
					chassis("C9300-24T", "FOC2502T1QX", powerSupply("PWR-C1-350WAC-P", "DCC2501C0ZK")))},
				{device: device("edge-rtr1", inventory.PlatformIOSXE, "17.9.5",
					chassis("ISR4331/K9", "FDO2236A0NN", module("NIM-ES2-4", "FOC22301KLM"), powerSupply("PWR-4330-AC", "PST2228N0QA")))},
				{device: device("fw1", inventory.PlatformASA, "9.16(4)", chassis("ASA5516", "JMX2251Y0GH"))},
				{device: device("wlc1", inventory.PlatformAireOS, "8.10.196.0",
					chassis("AIR-CT3504-K9", "FCW2311M0TR",
						accessPoint("ap-hall", "AIR-AP2802I-B-K9", "FJC2317M0A1"),
						accessPoint("ap-kitchen", "AIR-AP2802I-B-K9", "FJC2317M0A2"),
						accessPoint("ap-dock", "AIR-AP2802I-B-K9", "FJC2244M1XC")))},
				{device: overV2c(device("acc-sw2", inventory.PlatformIOS, "15.2(7)E8", chassis("WS-C2960X-48FPD-L", "FCW1930B5TT")))},
				{device: device("acc-sw3", inventory.PlatformIOSXE, "17.12.4", chassis("C9200L-24T-4G", "JAE28091K7Q"))},
				{device: overV2c(device("lobby-sw", inventory.PlatformLinksys, "1.1.1.9", chassis("LGS318P", "14K10C68A01234")))},
			}},
			{name: "Warehouse", agent: "warehouse", net: "127.71.2", nodes: []node{
				{device: overV2c(device("wh-sw1", inventory.PlatformIOS, "15.2(7)E8", chassis("WS-C2960X-24PS-L", "FOC1947W2QP")))},
				{device: device("wh-sw2", inventory.PlatformIOSXE, "17.12.4", chassis("C9200L-24P-4G", "JAE27110V4C"))},
				{device: overV2c(device("wh-sw3", inventory.PlatformSMB, "2.5.9.54", chassis("SG350-28P-K9-NA", "PSZ22451AB7")))},
				{
					device: device("wh-rtr1", inventory.PlatformIOS, "15.9(3)M9", chassis("CISCO1921/K9", "FGL1827120H")),
					via:    "ssh", later: (*simdevice.Server).RenewHostKey,
				},
			}},
		},
		contracts: foodBankContracts(),
		orders:    foodBankOrders(),
	}
}

func healthCenter() organization {
	return organization{
		name: "Hillside Community Health",
		sites: []site{
			{name: "Clinic", agent: "clinic", net: "127.72.1", nodes: []node{
				{device: device("nx-core", inventory.PlatformNXOS, "10.2(6)",
					chassis("N9K-C93180YC-FX", "FDO24120HQ9", powerSupply("NXA-PAC-500W-PE", "ART2409F0QK")))},
				{device: device("clinic-fw", inventory.PlatformFTD, "7.2.5", chassis("FPR-1120", "JAD2517027K"))},
				{device: device("clinic-sw1", inventory.PlatformIOSXE, "17.9.5", chassis("C9300-24T", "FOC2441X0PR"))},
				{device: overV2c(device("clinic-sw2", inventory.PlatformIOSXE, "17.9.5", chassis("C9200-24T", "JAE2531077Z")))},
				{device: device("clinic-rtr", inventory.PlatformIOSXE, "17.6.6", chassis("C1111-8P", "FGL2528LJ0W")), wrongPassword: true},
				{device: partial(device("wan-rtr", inventory.PlatformIOSXR, "7.5.2", chassis("ASR-9001", "FOX1835G2QA"))), later: cutShort},
				{device: device("lab-vrtr", inventory.PlatformIOSXE, "17.9.5", chassis("C8000V", "9QTLM2ZC0WB"))},
			}},
			{name: "Annex", agent: "annex", net: "127.72.2", nodes: []node{
				{device: overV2c(device("annex-sw1", inventory.PlatformIOS, "15.2(2)E9", chassis("WS-C3560CX-8PC-S", "FOC2037Y1GJ")))},
				{device: overV2c(device("annex-sw2", inventory.PlatformIOSXE, "17.9.5", chassis("C9200-24T", "JAE2531077Z")))},
				{device: device("annex-ap-sw", inventory.PlatformIOS, "15.2(7)E8", chassis("WS-C2960L-8PS-LL", "FOC2245V0LK")), gone: true},
				{device: overV2c(device("annex-sw3", inventory.PlatformIOS, "12.2(55)SE12", chassis("WS-C3560-8PC-S", "TBC")))},
			}},
			{name: "Storage depot", agent: "depot", net: "127.72.3", silent: true, nodes: []node{
				{device: device("depot-sw1", inventory.PlatformIOS, "15.2(7)E8", chassis("WS-C2960X-24TS-L", "FOC2101S0NE"))},
			}},
		},
		contracts: healthCenterContracts(),
	}
}

// partial leaves SNMP as the only way in, so that a walk cut short shows.
func partial(d simdevice.Device) simdevice.Device {
	d.SSHUser = ""
	return d
}

// cutShort makes a device's table begin again at its end, so that no walk sees
// it whole.
func cutShort(s *simdevice.Server) {
	s.Update(func(d *simdevice.Device) { d.Faults.RepeatOID = true })
}
