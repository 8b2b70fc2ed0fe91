package poll

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/inventory"
)

const (
	oldRouter = "Cisco IOS Software, 2600 Software (C2600-I-M), Version 12.2(8)T, RELEASE SOFTWARE (fc1)\nr1 uptime is 1 day\n" +
		"cisco 2611 (MPC860) processor (revision 0x203) with 26624K/6144K bytes of memory.\nProcessor board ID JAB0402XY7Z (12345)\n"
	asaVersion = "Cisco Adaptive Security Appliance Software Version 9.12(4)\n\nfw1 up 26 days 4 hours\n\n" +
		"Hardware:   ASA5515, 8192 MB RAM, CPU Clarkdale 3058 MHz, 1 CPU (4 cores)\n\nSerial Number: JAD2001A0AA\n"
	wlcInventory = "NAME: \"Chassis\"    , DESCR: \"Cisco 3500 Series Wireless LAN Controller\"\nPID: AIR-CT3504-K9,  VID: V01,  SN: FCW2301A0AA\n"
	apSummary    = "Number of APs.................................... 2\n\nAP Name             Slots  AP Model              Ethernet MAC\n" +
		"------------------  -----  --------------------  -----------------\n" +
		"AP-one               2     AIR-AP3802I-B-K9      00:00:0c:00:00:01\nAP-two               2     AIR-AP3802I-B-K9      00:00:0c:00:00:02\n"
)

const vedgeHardware = "\n                HW\n                DEV\n" +
	"HW TYPE         INDEX  VERSION  PART NUMBER      SERIAL NUMBER    DESCRIPTION\n" +
	"----------------------------------------------------------------------------------\n" +
	"Chassis         0      3.1      vEdge-1000-AC    11OD145130012    vEdge-1000\n" +
	"CPU             0      None     None             None             Quad-Core Octeon-II\n" +
	"Transceiver     0      A        FCLF-8521-3      PQP4V3K          FINISAR CORP.\n"

func apConfig(name, serial string) string {
	return "Cisco AP Identifier.............................. 1\nCisco AP Name.................................... " + name +
		"\nAP Model......................................... AIR-AP3802I-B-K9\nAP Serial Number................................. " + serial + "\n"
}

// TestReadSSH is the command line of each platform: what is typed, what becomes
// of the answers, and what is said of those that are missing.
func TestReadSSH(t *testing.T) {
	chassis := func(pid, sn string) string {
		return "NAME: \"Chassis\",  DESCR: \"Chassis\"\nPID: " + pid + " ,  VID: V01 ,  SN: " + sn + "\n"
	}
	for name, tc := range map[string]struct {
		shell *fakeShells
		want  summary
		ran   []string
	}{
		"ios": {
			iosShell(),
			summary{"FOC2001X0AB", "WS-C2960X-24PS-L", true, []string{"ssh"}, []string{"unit FOC2001X0AB WS-C2960X-24PS-L 1"}, nil},
			[]string{"show version", "show inventory"},
		},
		"ios without udi": {
			&fakeShells{prompt: "r1#", outputs: map[string]string{
				"show version":   oldRouter,
				"show inventory": "",
			}},
			summary{"JAB0402XY7Z", "2611", false, []string{"ssh"}, []string{"unit JAB0402XY7Z 2611 Chassis"}, []inventory.ProblemKind{inventory.ProblemNoInventory}},
			[]string{"show version", "show inventory", "show module", "show diag"},
		},
		"vedge": {
			&fakeShells{prompt: "vedge#", outputs: map[string]string{
				"show version":            "20.6.3\n",
				"show hardware inventory": vedgeHardware,
			}},
			summary{"11OD145130012", "vEdge-1000-AC", true, []string{"ssh"}, []string{"unit 11OD145130012 vEdge-1000-AC Chassis 0", "PQP4V3K FCLF-8521-3 Transceiver 0 in 11OD145130012"}, nil},
			[]string{"show version", "show hardware inventory"},
		},
		"vedge that does not say so": {
			&fakeShells{prompt: "vedge#", outputs: map[string]string{
				"show version":            "viptela 20.6.3 (build 1)\n",
				"show hardware inventory": vedgeHardware,
			}},
			summary{"11OD145130012", "vEdge-1000-AC", true, []string{"ssh"}, []string{"unit 11OD145130012 vEdge-1000-AC Chassis 0", "PQP4V3K FCLF-8521-3 Transceiver 0 in 11OD145130012"}, nil},
			[]string{"show version", "show inventory", "show system id", "scope chassis", "show fabric-interconnect detail", "show udi", "show hardware inventory"},
		},
		"a number for a version and no vedge": {
			&fakeShells{prompt: "box#", outputs: map[string]string{
				"show version":   "20.6.3\n",
				"show inventory": chassis("ISR4321/K9", "FDO2001A0AA"),
			}},
			summary{"FDO2001A0AA", "ISR4321/K9", true, []string{"ssh"}, []string{"unit FDO2001A0AA ISR4321/K9 Chassis"}, nil},
			[]string{"show version", "show hardware inventory", "show inventory"},
		},
		"nxos all": {
			&fakeShells{prompt: "n9k#", outputs: map[string]string{
				"show version":       "Cisco Nexus Operating System (NX-OS) Software\n  NXOS: version 9.3(8)\n  Device name: n9k\n",
				"show inventory all": chassis("N9K-C9372PX", "SAL1911A0AA"),
			}},
			summary{"SAL1911A0AA", "N9K-C9372PX", true, []string{"ssh"}, []string{"unit SAL1911A0AA N9K-C9372PX Chassis"}, nil},
			[]string{"show version", "show inventory all", "show fex"},
		},
		"nxos without all": {
			&fakeShells{prompt: "n5k#", outputs: map[string]string{
				"show version":   "Cisco Nexus Operating System (NX-OS) Software\n  system:    version 7.1(4)N1(1)\n  Device name: n5k\n",
				"show inventory": chassis("N5K-C5596UP", "FOX1511A0AA"),
			}},
			summary{"FOX1511A0AA", "N5K-C5596UP", true, []string{"ssh"}, []string{"unit FOX1511A0AA N5K-C5596UP Chassis"}, nil},
			[]string{"show version", "show inventory all", "show inventory", "show fex"},
		},
		"iosxr without admin rights has no chassis": {
			&fakeShells{prompt: "RP/0/RSP0/CPU0:edge#", outputs: map[string]string{
				"show version":         "Cisco IOS XR Software, Version 6.1.4[Default]\nedge uptime is 2 weeks\n",
				"admin show inventory": "% This command is not authorized\n",
				"show inventory":       "NAME: \"module 0/RSP0/CPU0\", DESCR: \"RSP\"\nPID: A9K-RSP440-TR, VID: V05, SN: FOC1808A0AA\n",
			}},
			summary{
				"", "", false,
				[]string{"ssh"},
				[]string{"FOC1808A0AA A9K-RSP440-TR module 0/RSP0/CPU0"},
				[]inventory.ProblemKind{inventory.ProblemUnauthorized, inventory.ProblemParse},
			},
			[]string{"show version", "admin show inventory", "show inventory", "show inventory all"},
		},
		"aireos tells that access points are missing": {
			&fakeShells{prompt: "(wlc1) >", outputs: map[string]string{
				"show inventory":        "NAME: \"Chassis\"    , DESCR: \"Cisco 3500 Series Wireless LAN Controller\"\nPID: AIR-CT3504-K9,  VID: V01,  SN: FCW2301A0AA\n",
				"show sysinfo":          "Product Version.................................. 8.10.151.0\nSystem Name...................................... wlc-main\n",
				"show ap inventory all": "Incorrect usage.  Use the '?' or <TAB> key to list commands.\n",
			}},
			summary{"FCW2301A0AA", "AIR-CT3504-K9", false, []string{"ssh"}, []string{"unit FCW2301A0AA AIR-CT3504-K9 Chassis"}, []inventory.ProblemKind{inventory.ProblemIncomplete}},
			[]string{"show inventory", "show sysinfo", "show ap summary", "show ap inventory all"},
		},
		"small business": {
			&fakeShells{prompt: "sg300#", outputs: map[string]string{
				"show version":   "SW version    1.4.0.88 ( date  06-Aug-2014 time  16:46:47 )\n",
				"show system id": "Serial number : DNI1234A0AA\n",
			}},
			summary{"DNI1234A0AA", "", true, []string{"ssh"}, []string{"unit DNI1234A0AA  1"}, nil},
			[]string{"show version", "show inventory", "show system id"},
		},
		"no privilege": {
			&fakeShells{prompt: "sw1>", outputs: map[string]string{
				"show version": iosVersion, "show inventory": "Command authorization failed.\n",
			}},
			summary{
				"FOC2001X0AB", "WS-C2960X-24PS-L", false,
				[]string{"ssh"},
				[]string{"unit FOC2001X0AB WS-C2960X-24PS-L "},
				[]inventory.ProblemKind{inventory.ProblemUnauthorized},
			},
			[]string{"show version", "show inventory"},
		},
		"a log message tears a line": {
			&fakeShells{prompt: "sw1#", outputs: map[string]string{
				"show version":   iosVersion,
				"show inventory": iosInventory + "*Nov 23 10:12:13.456: %LINK-3-UPDOWN: Interface Gi1/0/1, changed state to up\nNAME: \"GigabitEthernet1/0/25\", DESCR: \"1000BaseSX SFP\"\nPID: GLC-SX*Nov 23 10:12:14.456 CET: %SYS-5-CONFIG_I: Configured\n",
			}},
			summary{
				"FOC2001X0AB", "WS-C2960X-24PS-L", false,
				[]string{"ssh"},
				[]string{"unit FOC2001X0AB WS-C2960X-24PS-L 1"},
				[]inventory.ProblemKind{inventory.ProblemParse, inventory.ProblemIncomplete},
			},
			[]string{"show version", "show inventory"},
		},
		"cut inside the inventory": {
			&fakeShells{prompt: "sw1#", breaks: "show inventory", outputs: map[string]string{
				"show version": iosVersion, "show inventory": iosInventory + "NAME: \"Switch 1 - Power Supply 0\", DESC",
			}},
			summary{
				"FOC2001X0AB", "WS-C2960X-24PS-L", false,
				[]string{"ssh"},
				[]string{"unit FOC2001X0AB WS-C2960X-24PS-L 1"},
				[]inventory.ProblemKind{inventory.ProblemIncomplete, inventory.ProblemParse},
			},
			[]string{"show version", "show inventory"},
		},
		"old router with cards": {
			&fakeShells{prompt: "r1#", outputs: map[string]string{
				"show version":   oldRouter,
				"show inventory": "",
				"show diag":      "Slot 1:\n\tNM-1E port adapter, 1 port\n\tPort adapter is analyzed\n\tEEPROM contents at hardware discovery:\n\tHardware revision 1.0           Board revision A0\n\tSerial number     26123456      Part number    800-01236-01\n",
			}},
			summary{
				"JAB0402XY7Z", "2611", false,
				[]string{"ssh"},
				[]string{"unit JAB0402XY7Z 2611 Chassis", "26123456  Slot 1 in JAB0402XY7Z"},
				[]inventory.ProblemKind{inventory.ProblemNoInventory},
			},
			[]string{"show version", "show inventory", "show module", "show diag"},
		},
		"command hidden from the unprivileged": {
			&fakeShells{prompt: "sw1>", outputs: map[string]string{"show version": iosVersion}},
			summary{
				"FOC2001X0AB", "WS-C2960X-24PS-L", false,
				[]string{"ssh"},
				[]string{"unit FOC2001X0AB WS-C2960X-24PS-L "},
				[]inventory.ProblemKind{inventory.ProblemNoInventory},
			},
			[]string{"show version", "show inventory", "show module", "show idprom all", "show idprom backplane"},
		},
		"nxos with extenders that the inventory lacks": {
			&fakeShells{prompt: "n5k#", outputs: map[string]string{
				"show version":           "Cisco Nexus Operating System (NX-OS) Software\n  system:    version 7.1(4)N1(1)\n  Device name: n5k\n",
				"show inventory":         chassis("N5K-C5596UP", "FOX1511A0AA"),
				"show fex":               "  FEX         FEX           FEX               FEX               Fex\nNumber    Description      State            Model            Serial\n------------------------------------------------------------------------\n101        FEX0101                Online    N2K-C2248TP-1GE   SSI1511A0BA\n102        FEX0102                Offline   N2K-C2248TP-1GE   SSI1511A0BB\n",
				"show inventory fex 101": "NAME: \"FEX 101 CHASSIS\",  DESCR: \"N2K-C2248TP-1GE  CHASSIS\"\nPID: N2K-C2248TP-1GE   ,  VID: V04 ,  SN: SSI1511A0BA\n\nNAME: \"FEX 101 Power Supply 1\",  DESCR: \"Fabric Extender AC power supply\"\nPID: N2200-PAC-400W    ,  VID: V02 ,  SN: LIT1511A0CC\n",
			}},
			summary{
				"FOX1511A0AA", "N5K-C5596UP", true,
				[]string{"ssh"},
				[]string{"unit FOX1511A0AA N5K-C5596UP Chassis", "unit SSI1511A0BA N2K-C2248TP-1GE FEX 101 CHASSIS", "LIT1511A0CC N2200-PAC-400W FEX 101 Power Supply 1 in SSI1511A0BA"},
				nil,
			},
			[]string{"show version", "show inventory all", "show inventory", "show fex", "show inventory fex 101"},
		},
		"iosxr whose chassis is in the plain inventory": {
			&fakeShells{prompt: "RP/0/RP0/CPU0:ncs#", outputs: map[string]string{
				"show version":         "Cisco IOS XR Software, Version 7.3.2\nncs uptime is 2 weeks\n",
				"admin show inventory": "% This command is not authorized\n",
				"show inventory":       "NAME: \"Rack 0\", DESCR: \"NCS-55A1 Chassis\"\nPID: NCS-55A1-36H-S, VID: V01, SN: FOC2201A0AA\n",
			}},
			summary{"FOC2201A0AA", "NCS-55A1-36H-S", true, []string{"ssh"}, []string{"unit FOC2201A0AA NCS-55A1-36H-S Rack 0"}, nil},
			[]string{"show version", "admin show inventory", "show inventory"},
		},
		"aireos without an inventory of all access points": {
			&fakeShells{prompt: "(wlc1) >", outputs: map[string]string{
				"show inventory":                wlcInventory,
				"show sysinfo":                  "Product Version.................................. 8.0.152.0\nSystem Name...................................... wlc-main\n",
				"show ap summary":               apSummary,
				"show ap inventory all":         "Incorrect usage.  Use the '?' or <TAB> key to list commands.\n",
				"show ap config general AP-one": apConfig("AP-one", "FGL2001A0A1"),
				"show ap config general AP-two": apConfig("AP-two", "FGL2001A0A2"),
			}},
			summary{
				"FCW2301A0AA", "AIR-CT3504-K9", true,
				[]string{"ssh"},
				[]string{"unit FCW2301A0AA AIR-CT3504-K9 Chassis", "unit FGL2001A0A1 AIR-AP3802I-B-K9 AP-one", "unit FGL2001A0A2 AIR-AP3802I-B-K9 AP-two"},
				nil,
			},
			[]string{"show inventory", "show sysinfo", "show ap summary", "show ap inventory all", "show ap config general AP-one", "show ap config general AP-two"},
		},
		"aireos whose access points are not all told": {
			&fakeShells{prompt: "(wlc1) >", outputs: map[string]string{
				"show inventory":        wlcInventory,
				"show sysinfo":          "Product Version.................................. 8.10.151.0\nSystem Name...................................... wlc-main\n",
				"show ap summary":       apSummary,
				"show ap inventory all": "\nInventory for AP-one\n\nNAME: \"AP3800\" , DESCR: \"Cisco Aironet 3800 Series (IEEE 802.11ac) Access Point\"\nPID: AIR-AP3802I-B-K9 , VID: V02, SN: FGL2001A0A1\n",
			}},
			summary{
				"FCW2301A0AA", "AIR-CT3504-K9", false,
				[]string{"ssh"},
				[]string{"unit FCW2301A0AA AIR-CT3504-K9 Chassis", "unit FGL2001A0A1 AIR-AP3802I-B-K9 AP-one"},
				[]inventory.ProblemKind{inventory.ProblemIncomplete},
			},
			[]string{"show inventory", "show sysinfo", "show ap summary", "show ap inventory all", "show ap config general AP-two"},
		},
		"aireos without access points": {
			&fakeShells{prompt: "(wlc1) >", outputs: map[string]string{
				"show inventory":  wlcInventory,
				"show ap summary": "\nNumber of APs.................................... 0\n",
			}},
			summary{"FCW2301A0AA", "AIR-CT3504-K9", true, []string{"ssh"}, []string{"unit FCW2301A0AA AIR-CT3504-K9 Chassis"}, nil},
			[]string{"show inventory", "show sysinfo", "show ap summary"},
		},
		"c9800, one access point at a time": {
			&fakeShells{prompt: "wlc9#", outputs: map[string]string{
				"show version":                       "Cisco IOS XE Software, Version 17.09.04\nwlc9 uptime is 1 week\n",
				"show inventory":                     chassis("C9800-L-C-K9", "FCL2301A0AA"),
				"show ap summary":                    "Number of APs: 1\n\nAP Name   Slots AP Model     Ethernet MAC   Radio MAC\n-------------------------------------------\nAP-one      2     C9120AXI-B   0000.0c00.0001 0000.0c00.0002\n",
				"show ap name AP-one config general": "Cisco AP Name   : AP-one\n======\nAP Model                                        : C9120AXI-B\nAP Serial Number                                : FGL2401A0A1\n",
			}},
			summary{
				"FCL2301A0AA", "C9800-L-C-K9", true,
				[]string{"ssh"},
				[]string{"unit FCL2301A0AA C9800-L-C-K9 Chassis", "unit FGL2401A0A1 C9120AXI-B AP-one"},
				nil,
			},
			[]string{"show version", "show inventory", "show ap summary", "show ap config general", "show ap name AP-one config general"},
		},
		"asa in a context": {
			&fakeShells{prompt: "fw1/web#", outputs: map[string]string{
				"show version":   asaVersion,
				"show inventory": "ERROR: % Invalid input detected at '^' marker.\n",
				"show mode":      "Security context mode: multiple\n",
			}},
			summary{
				"JAD2001A0AA", "ASA5515", false,
				[]string{"ssh"},
				[]string{"unit JAD2001A0AA ASA5515 Chassis"},
				[]inventory.ProblemKind{inventory.ProblemIncomplete, inventory.ProblemNoInventory, inventory.ProblemParse},
			},
			[]string{"show version", "show inventory", "show mode", "changeto system"},
		},
		"asa in the admin context": {
			&fakeShells{prompt: "fw1/admin#", after: "changeto system", then: map[string]string{
				"show inventory": "Name: \"Chassis\", DESCR: \"ASA 5515-X with SW, 6 GE Data, 1 GE Mgmt, AC\"\nPID: ASA5515           , VID: V03     , SN: FTX2001A0AA\n",
			}, outputs: map[string]string{
				"show version": asaVersion, "show mode": "Security context mode: multiple\n", "changeto system": "",
			}},
			summary{"FTX2001A0AA", "ASA5515", true, []string{"ssh"}, []string{"unit FTX2001A0AA ASA5515 Chassis"}, nil},
			[]string{"show version", "show inventory", "show mode", "changeto system", "show inventory"},
		},
		"pix": {
			&fakeShells{prompt: "pix#", outputs: map[string]string{
				"show version": "Cisco PIX Firewall Version 6.3(5)\n\npix up 3 days\n\nHardware:   PIX-515E, 64 MB RAM, CPU Pentium II 433 MHz\n\nSerial Number: 807123456 (0x301bf0c0)\n",
			}},
			summary{
				"807123456", "PIX-515E", false,
				[]string{"ssh"},
				[]string{"unit 807123456 PIX-515E Chassis"},
				[]inventory.ProblemKind{inventory.ProblemNoInventory},
			},
			[]string{"show version", "show inventory", "show mode"},
		},
		"ise whose inventory is refused": {
			&fakeShells{prompt: "ise1/admin#", outputs: map[string]string{
				"show version": "Cisco Application Deployment Engine OS Release: 3.1\nHostname: ise1\nCisco Identity Services Engine\nVersion      : 3.1.0.518\n",
				"show udi":     "SPID: SNS-3655-K9\nVPID: V02\nSerial: WZP2301A0AA\n",
			}},
			summary{
				"WZP2301A0AA", "SNS-3655-K9", false,
				[]string{"ssh"},
				[]string{"unit WZP2301A0AA SNS-3655-K9 Chassis"},
				[]inventory.ProblemKind{inventory.ProblemIncomplete},
			},
			[]string{"show version", "show inventory", "show udi"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.shell.knows = "admin"
			d, answered := poller(&fakeSNMP{}, tc.shell).Poll(t.Context(), node("ssh"))
			if !answered {
				t.Fatalf("no answer: %+v", d.Errors)
			}
			s := summarize(d)
			// That the first of the two accounts was refused matters no more.
			if diff := cmp.Diff(tc.want, s); diff != "" {
				t.Errorf("device (-want +got):\n%s\nproblems %+v", diff, d.Errors)
			}
			if diff := cmp.Diff(tc.ran, tc.shell.ran); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAccessPointsOfLargeController are too many for one output.
func TestAccessPointsOfLargeController(t *testing.T) {
	const count = maxConfigured + 1
	f := &fakeShells{knows: "admin", prompt: "wlc9#", outputs: map[string]string{
		"show version":   "Cisco IOS XE Software, Version 17.09.04\nwlc9 uptime is 1 week\n",
		"show inventory": "NAME: \"Chassis 1\", DESCR: \"Cisco C9800-80-K9 Chassis\"\nPID: C9800-80-K9 , VID: V01 , SN: TTM2301A0AA\n",
	}}
	summary := fmt.Sprintf("Number of APs: %d\n\nAP Name   Slots AP Model     Ethernet MAC\n-------------\n", count)
	for i := range count {
		name := fmt.Sprintf("AP-%d", i)
		summary += name + "  2  C9120AXI-B  0000.0c00.0001\n"
		f.outputs["show ap name "+name+" config general"] = fmt.Sprintf("Cisco AP Name   : %s\nAP Model  : C9120AXI-B\nAP Serial Number   : FGL24%06d\n", name, i)
	}
	f.outputs["show ap summary"] = summary
	d, _ := poller(&fakeSNMP{}, f).Poll(t.Context(), node("ssh"))
	if len(d.Units()) != count+1 || !d.Complete || d.Serial != "TTM2301A0AA" {
		t.Errorf("%d units of %d, complete %v, serial %s, problems %v", len(d.Units()), count+1, d.Complete, d.Serial, d.Errors)
	}
	if slices.Contains(f.ran, "show ap config general") {
		t.Error("all were asked for in one command")
	}
}

// TestWordsOfWhatIsMissing is what a volunteer is told to do.
func TestWordsOfWhatIsMissing(t *testing.T) {
	for name, tc := range map[string]struct {
		prompt  string
		outputs map[string]string
		words   string
	}{
		"unprivileged, refused by AAA": {
			"sw1>",
			map[string]string{"show version": iosVersion, "show inventory": "Command authorization failed.\n"},
			"`show inventory`: set the enable password on this credential",
		},
		"privileged, refused by AAA": {
			"sw1#",
			map[string]string{"show version": iosVersion, "show inventory": "% Authorization failed.\n"},
			"`show inventory`: allow that to this account: in its role, or in the command authorization of the TACACS+ server",
		},
		"hidden from the unprivileged": {"sw1>", map[string]string{"show version": iosVersion}, "no `show inventory` at this privilege level"},
		"hardware without UDI":         {"sw1#", map[string]string{"show version": oldRouter, "show inventory": ""}, "has no `show inventory`, as hardware and software older"},
		"nothing at all":               {"x#", map[string]string{}, "no serial number over SSH: try SNMP, or read the label"},
		"XR without the admin plane": {
			"RP/0/RP0/CPU0:r#",
			map[string]string{"show version": "Cisco IOS XR Software, Version 7.3.2\n", "admin show inventory": "% This command is not authorized\n", "show inventory": "NAME: \"0/0\", DESCR: \"card\"\nPID: A9K-RSP440-TR, VID: V05, SN: FOC1808A0AA\n"},
			"task group root-system or cisco-support",
		},
		"a context of a firewall": {
			"fw/web#",
			map[string]string{"show version": asaVersion, "show mode": "Security context mode: multiple\n"},
			"give the address of the admin context",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeShells{knows: "admin", prompt: tc.prompt, outputs: tc.outputs}
			d, _ := poller(&fakeSNMP{}, f).Poll(t.Context(), node("ssh"))
			if !slices.ContainsFunc(d.Errors, func(p inventory.Problem) bool { return strings.Contains(p.Message, tc.words) }) || d.Complete {
				t.Errorf("complete %v, problems %v, want %q", d.Complete, d.Errors, tc.words)
			}
		})
	}
}
