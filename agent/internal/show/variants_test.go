package show_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/show"
)

// parts words the components: serial, PID, class, "unit" for one.
func parts(r show.Result) []string {
	list := []string{}
	for _, c := range r.Components {
		s := strings.Join([]string{c.Serial, c.PID, string(c.Class)}, " ")
		if c.Unit {
			s += " unit"
		}
		list = append(list, s)
	}
	return list
}

// wrapped is the text on a terminal of 80 columns.
func wrapped(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for len(line) > 81 {
			b.WriteString(line[:80] + "\n")
			line = line[80:]
		}
		b.WriteString(line)
	}
	return b.String()
}

// TestVariants are the forms of one grammar that releases and terminals print.
// Warnings holds a part of each warning, in order.
func TestVariants(t *testing.T) {
	for name, tc := range map[string]struct {
		text     string
		platform string
		want     []string
		warnings []string
	}{
		"ios, nothing but blanks where the VID is": {
			"NAME: \"1\", DESCR: \"WS-C2960-24TC-L\"\nPID: WS-C2960-24TC-L   , VID:      , SN: FOC1201A0AA\n",
			"ios",
			[]string{"FOC1201A0AA WS-C2960-24TC-L chassis unit"},
			nil,
		},
		"ios, PID Unspecified": {
			"NAME: \"1\", DESCR: \"WS-C3750-48P\"\nPID: WS-C3750-48PS-S  , VID: V05  , SN: CAT1001A0AA\n\nNAME: \"GigabitEthernet1/0/1\", DESCR: \"1000BaseSX SFP\"\nPID: Unspecified       , VID:      , SN: FNS1001A0AB\n",
			"ios",
			[]string{"CAT1001A0AA WS-C3750-48PS-S chassis unit", "FNS1001A0AB  port"},
			nil,
		},
		"xr, SN N/A": {
			"Mon Nov 23 09:08:06.986 UTC\r\nNAME: \"module 0/RSP0/CPU0\", DESCR: \"ASR9K Route Switch Processor\"\r\nPID: A9K-RSP-4G, VID: V02, SN: FOC1401A0AA\r\n\r\nNAME: \"module mau 0/0/0/0\", DESCR: \"Unknown or Unsupported CPAK Module\"\r\nPID: N/A, VID: N/A, SN: N/A\r\n\r\nNAME: \"chassis ASR-9010-AC\", DESCR: \"ASR-9010 AC Chassis\"\r\nPID: ASR-9010-AC, VID: V01, SN: FOX1401A0AB\r\n",
			"iosxr",
			[]string{"FOC1401A0AA A9K-RSP-4G module", "FOX1401A0AB ASR-9010-AC chassis unit"},
			nil,
		},
		"xr, no quotes and one space": {
			"Name: Rack 0 Descr: ASR-9904 AC Chassis\nPID: ASR-9904-AC VID: V01 SN: FOX1901A0AA\n\nName: 0/RSP0 Descr: ASR9K Route Switch Processor with 440G/slot Fabric\nPID: A9K-RSP880-SE VID: V02 SN: FOC1901A0AB\n\nName: 0/FT0 Descr: ASR-9904 Fan Tray\nPID: ASR-9904-FAN VID: V01 SN: FOC1901A0AC\n\nName: 0/PT0-PM0 Descr: 3kW AC V2 Power Module\nPID: PWR-3KW-AC-V2 VID: V02 SN: POG1901A0AD\n",
			"iosxr",
			[]string{"FOX1901A0AA ASR-9904-AC chassis unit", "FOC1901A0AB A9K-RSP880-SE module", "FOC1901A0AC ASR-9904-FAN fan", "POG1901A0AD PWR-3KW-AC-V2 powerSupply"},
			nil,
		},
		"ncs, with racks and commas": {
			"NAME: \"0/0\", DESCR: \"NCS 5501 Fixed 48x10G and 6x100G Chassis, SE\"\nPID: NCS-5501-SE       , VID: V01, SN: FOC2101A0AA\n\nNAME: \"Rack 0\", DESCR: \"NCS5501 w/ TCAM, \"1RU\" chassis\"\nPID: NCS-5501-SE       , VID: V01, SN: FOC2101A0AB\n\nNAME: \"0/FT0\", DESCR: \"NCS5500 Router 1RU Chassis Fan Tray\"\nPID: NCS-1RU-FAN-FW    , VID: V01, SN: N/A\n\nNAME: \"0/PM0\", DESCR: \"Power Module\"\nPID: NCS-1100W-ACFW    , VID: V01, SN: POG2101A0AC\n",
			"iosxr",
			[]string{"FOC2101A0AA NCS-5501-SE module", "FOC2101A0AB NCS-5501-SE chassis unit", "POG2101A0AC NCS-1100W-ACFW powerSupply"},
			nil,
		},
		"nxos, trailing blanks and no blank line": {
			"NAME: \"Chassis\",  DESCR: \"Nexus5548 Chassis\"        \nPID: N5K-C5548UP         ,  VID: V01 ,  SN: SSI1501A0AA          \nNAME: \"Module 1\",  DESCR: \"O2 32X10GE/Modular Universal Platform Supervisor\"\nPID: N5K-C5548UP         ,  VID: V01 ,  SN: FOC1501A0AB          \nNAME: \"Fan 1\",  DESCR: \"Chassis fan module\"\nPID: N5548P-FAN          ,  VID: N/A ,  SN: N/A                  \nNAME: \"Power supply 1\",  DESCR: \"AC power supply\"\nPID: N55-PAC-750W        ,  VID: V02 ,  SN: ART1501A0AC          \n",
			"nxos",
			[]string{"SSI1501A0AA N5K-C5548UP chassis unit", "FOC1501A0AB N5K-C5548UP module", "ART1501A0AC N55-PAC-750W powerSupply"},
			nil,
		},
		"nxos, extenders": {
			"NAME: \"Chassis\",  DESCR: \"Nexus5548 Chassis\"\nPID: N5K-C5548UP         ,  VID: V01 ,  SN: SSI1501A0AA\n\nNAME: \"FEX 101 CHASSIS\",  DESCR: \"N2K-C2248TP-1GE  CHASSIS\"\nPID: N2K-C2248TP-1GE     ,  VID: V04 ,  SN: SSI1501A0BA\n\nNAME: \"FEX 101 Module 1\",  DESCR: \"Fabric Extender Module: 48x1GE, 4x10GE Supervisor\"\nPID: N2K-C2248TP-1GE     ,  VID: V04 ,  SN: FOX1501A0BB\n\nNAME: \"FEX 101 Power Supply 1\",  DESCR: \"Fabric Extender AC power supply\"\nPID: N2200-PAC-400W      ,  VID: V02 ,  SN: LIT1501A0BC\n",
			"nxos",
			[]string{"SSI1501A0AA N5K-C5548UP chassis unit", "SSI1501A0BA N2K-C2248TP-1GE chassis unit", "FOX1501A0BB N2K-C2248TP-1GE module", "LIT1501A0BC N2200-PAC-400W powerSupply"},
			nil,
		},
		"asa, Name and an expansion module": {
			"Name: \"Chassis\", DESCR: \"ASA 5585-X\"\nPID: ASA5585           , VID: V01     , SN: JMX1501A0AA\n\nName: \"power supply 0\", DESCR: \"ASA 5580/5585-X 1200W AC Power Supply\"\nPID: ASA5585-PWR-AC    , VID: V03     , SN: POG1501A0AB\n\nName: \"module 1\", DESCR: \"ASA 5585-X IPS Security Services Processor-10\"\nPID: ASA5585-SSP-IPS10 , VID: V02     , SN: JAF1501A0AC\n\nName: \"SFP+ 0\", DESCR: \"10GBase-SR\"\nPID: SFP-10G-SR        , VID: N/A     , SN: AGD1501A0AD\n",
			"asa",
			[]string{"JMX1501A0AA ASA5585 chassis unit", "POG1501A0AB ASA5585-PWR-AC powerSupply", "JAF1501A0AC ASA5585-SSP-IPS10 module", "AGD1501A0AD SFP-10G-SR port"},
			nil,
		},
		"asa, no chassis row": {
			"Name:\"module 0\", DESCR:\"ASA 5506-X with FirePOWER services, 8GE, AC, DES\"\nPID:ASA5506, VID:V05, SN:JMX2001A0AA\n",
			"asa",
			[]string{"JMX2001A0AA ASA5506 chassis unit"},
			nil,
		},
		"small business, a line for each label": {
			"NAME: \"1\"\nDESCR: \"CBS350-24P-4G 24-Port Gigabit PoE Managed Switch\"\nPID: CBS350-24P-4G-EU\nVID: V01\nSN: FOC2501L0AA\n",
			"smb",
			[]string{"FOC2501L0AA CBS350-24P-4G-EU chassis unit"},
			nil,
		},
		"small business, wide blanks": {
			"NAME: \"1\"           DESCR: \"28-Port Gigabit PoE Managed Switch\"\nPID: SG300-28PP-K9     VID: V02      SN: PSZ19011AAA\n",
			"smb",
			[]string{"PSZ19011AAA SG300-28PP-K9 chassis unit"},
			nil,
		},
		"names with quotes and commas": {
			"NAME: \"Switch 1\", DESCR: \"C9300-24P, \"the big one\", 2019\"\nPID: C9300-24P         , VID: V02  , SN: FCW2301A0AA\n\nNAME: \"Te1/1/1, \"to the core\"\", DESCR: \"SFP-10G-SR\nPID: SFP-10G-SR        , VID: V02  , SN: AVD2301A0AB\n",
			"iosxe",
			[]string{"FCW2301A0AA C9300-24P chassis unit", "AVD2301A0AB SFP-10G-SR port"},
			nil,
		},
		"an echo, a prompt at the end, and CRLF": {
			"sw-1#show inventory\r\nNAME: \"1\", DESCR: \"WS-C2960X-24PS-L\"\r\nPID: WS-C2960X-24PS-L  , VID: V05  , SN: FOC2001A0AA\r\n\r\n\r\nsw-1#",
			"ios",
			[]string{"FOC2001A0AA WS-C2960X-24PS-L chassis unit"},
			nil,
		},
		"wrapped at 80 columns in the middle of the serial number": {
			wrapped("NAME: \"Chassis 1 Power Supply Module 0\", DESCR: \"Cisco Catalyst 9500 Series 950W AC Power Supply\"\nPID: WS-C6509-E-of-a-name-that-is-so-long-that-it-wraps         , VID: V01  , SN: LIT2001A0AA\n"),
			"ios",
			[]string{"LIT2001A0AA WS-C6509-E-of-a-name-that-is-so-long-that-it-wraps powerSupply"},
			[]string{"no chassis"},
		},
		"aireos, burned-in": {
			"(Cisco Controller) >show inventory\n\nBurned-in MAC Address............................ 70:1F:53:00:00:01\nPower Supply 1................................... Present, OK\nPower Supply 2................................... Absent\nMaximum number of APs supported.................. 150\nNAME: \"Chassis\"    , DESCR: \"Cisco 5520 Series Wireless LAN Controller\"\nPID: AIR-CT5520-K9,  VID: V01,  SN: FCH2001V0AA\n\n(Cisco Controller) >",
			"aireos",
			[]string{"FCH2001V0AA AIR-CT5520-K9 chassis unit"},
			nil,
		},
		"aireos, a controller on a module": {
			"Burned-in MAC Address............................ 00:1E:BD:00:00:01\nMaximum number of APs supported.................. 50\nNAME: \"Chassis\"    , DESCR: \"Cisco Wireless Controller\"\nPID: AIR-CTVM-K9,  VID: V01,  SN: 9A1B2C3D4E5\n",
			"aireos",
			[]string{"9A1B2C3D4E5 AIR-CTVM-K9 chassis unit"},
			nil,
		},
		"aireos, in a switch": {
			"NAME: \"Chassis\"    , DESCR: \"Cisco Wireless Controller\"\nPID: WS-C3750G-24PS-W24, VID: V01, SN: FLS0952A0AA\n",
			"aireos",
			[]string{"FLS0952A0AA WS-C3750G-24PS-W24 chassis unit"},
			nil,
		},
		"ise, with its machine": {
			"\nNAME: \"SNS-3595-K9 chassis\", DESCR: \"SNS-3595-K9 chassis\"\nPID: SNS-3595-K9, VID: A0, SN: FCH2001V0AA\nTotal RAM Memory: 65700380 kB\nCPU Core Count: 16\nCPU 0: Model Info: Intel(R) Xeon(R) CPU E5-2640 v3 @ 2.60GHz\nHard Disk Count(*): 1\nDisk 0: Device Name: /dev/sda\nDisk 0: Capacity: 1198.00 GB\nDisk 0: Geometry: 255 heads 63 sectors/track 72824 cylinders\nNIC Count: 6\nNIC 0: Device Name: eth0:\nNIC 0: HW Address: 70:0F:6A:00:00:01\nNIC 0: Driver Descr: Intel(R) Gigabit Ethernet Network Driver\n\n(*) Hard Disk Count may be Logical.\nise1/admin#",
			"ise",
			[]string{"FCH2001V0AA SNS-3595-K9 chassis unit"},
			nil,
		},
		"ise, a line that nobody knows": {
			"NAME: \"SNS-3595-K9 chassis\", DESCR: \"SNS-3595-K9 chassis\"\nPID: SNS-3595-K9, VID: A0, SN: FCH2001V0AA\nRAID Card 0: Serial: SV123\n",
			"ise",
			[]string{"FCH2001V0AA SNS-3595-K9 chassis unit"},
			[]string{`line 3 was not understood: "RAID Card 0: Serial: SV123"`},
		},
		"version and inventory in one paste": {
			"RTR#sh ver\nCisco IOS Software, C2900 Software (C2900-UNIVERSALK9-M), Version 15.4(3)M3, RELEASE SOFTWARE (fc2)\nRTR uptime is 5 weeks\nCisco CISCO2911/K9 (revision 1.0) with 483328K/40960K bytes of memory.\nProcessor board ID FTX1501A0AA\n\nLicense UDI:\n\n-------------------------------------------------\nDevice#   PID                   SN\n-------------------------------------------------\n*1        CISCO2911/K9          FTX1501A0AA\n\nConfiguration register is 0x2102\n\nRTR#sh inv\nNAME: \"CISCO2911/K9\", DESCR: \"CISCO2911/K9 chassis, Hw Serial#: FTX1501A0AA, Hw Revision: 1.0\"\nPID: CISCO2911/K9      , VID: V05 , SN: FTX1501A0AA\n\nNAME: \"Two-Port Fast Ethernet High Speed WAN Interface Card on Slot 0 SubSlot 0\", DESCR: \"Two-Port Fast Ethernet High Speed WAN Interface Card\"\nPID: HWIC-2FE          , VID: V02 , SN: FOC1501A0AB\n\nRTR#",
			"ios",
			[]string{"FTX1501A0AA CISCO2911/K9 chassis unit", "FOC1501A0AB HWIC-2FE module"},
			nil,
		},
		"several devices in one file": {
			"sw-a#show inventory\nNAME: \"1\", DESCR: \"WS-C2960X-24PS-L\"\nPID: WS-C2960X-24PS-L  , VID: V05  , SN: FOC2001A0AA\n\nsw-a#exit\nsw-b#show inventory\nNAME: \"1\", DESCR: \"WS-C2960X-48FPS-L\"\nPID: WS-C2960X-48FPS-L , VID: V02  , SN: FOC2001A0BA\n\nsw-b#exit\n",
			"ios",
			[]string{"FOC2001A0AA WS-C2960X-24PS-L chassis unit", "FOC2001A0BA WS-C2960X-48FPS-L chassis unit"},
			nil,
		},
		"ftd, in clish": {
			"> show inventory\nName: \"module 0\", DESCR: \"Cisco Firepower 1010 Appliance, Desktop, 8 GE, 1 MGMT\"\nPID: FPR-1010          , VID: V00     , SN: JMX2301A0AA\n> ",
			"ftd",
			[]string{"JMX2301A0AA FPR-1010 chassis unit"},
			nil,
		},
		"old router, hexadecimal VID": {
			"NAME: \"3640 chassis\", DESCR: \"3640 chassis, Hw Serial#: 12345678, Hw Revision: 0x00\"\nPID:                    , VID: 0xFF, SN: 12345678\n\nNAME: \"One port E1 in slot 1\", DESCR: \"One port E1\"\nPID: NM-1CE1U=          , VID: 1.0, SN: 00012345678\n",
			"ios",
			[]string{"12345678  chassis unit", "00012345678 NM-1CE1U= module"},
			nil,
		},
		"raw, with containers": {
			"NAME: \"Chassis\", DESCR: \"Cisco C8300-1N1S-4T2X Chassis\"\nPID: C8300-1N1S-4T2X   , VID: V01  , SN: FLM2401A0AA\n\nNAME: \"Power Supply Bay 0\", DESCR: \"Power Supply Bay\"\nPID:                    , VID:      , SN:\n\nNAME: \"Temp: Inlet\", DESCR: \"Temp: Inlet\"\nPID: Not Applicable    , VID: N/A  , SN:\n",
			"iosxe",
			[]string{"FLM2401A0AA C8300-1N1S-4T2X chassis unit"},
			nil,
		},
		"oid lines": {
			"NAME: \"Chassis\", DESCR: \"Cisco ISR4331 Chassis\"\nPID: ISR4331/K9        , VID: V05  , SN: FDO2301A0AA\nOID: 1.3.6.1.4.1.9.12.3.1.3.1545\n\n",
			"iosxe",
			[]string{"FDO2301A0AA ISR4331/K9 chassis unit"},
			nil,
		},
		"load and time in front": {
			"R1#show inventory\nLoad for five secs: 1%/0%; one minute: 1%; five minutes: 1%\nTime source is NTP, 10:12:13.456 CET Mon Nov 23 2026\n\nNAME: \"Chassis\", DESCR: \"Cisco ISR4331 Chassis\"\nPID: ISR4331/K9        , VID: V05  , SN: FDO2301A0AA\n",
			"iosxe",
			[]string{"FDO2301A0AA ISR4331/K9 chassis unit"},
			nil,
		},
		"mds": {
			"NAME: \"Chassis\", DESCR: \"MDS 9148S 16G 48 FC (1 Slot) Chassis \"\nPID: DS-C9148S-K9        , VID: V03 , SN: JPG2001A0AA\n\nNAME: \"Slot 1\", DESCR: \"2/4/8/16 Gbps FC/Supervisor\"\nPID: DS-C9148S-K9-SUP    , VID: V03 , SN: JAE2001A0AB\n",
			"nxos",
			[]string{"JPG2001A0AA DS-C9148S-K9 chassis unit", "JAE2001A0AB DS-C9148S-K9-SUP module"},
			nil,
		},
		"virtual switch of 9500": {
			"NAME: \"Switch 1 Chassis\", DESCR: \"Cisco Catalyst 9500 Series Chassis\"\nPID: C9500-24Y4C       , VID: V02  , SN: FCW2401A0AA\n\nNAME: \"Switch 1 Slot 1 Supervisor\", DESCR: \"Cisco Catalyst 9500 Series Router\"\nPID: C9500-24Y4C       , VID: V02  , SN: FCW2401A0AA\n\nNAME: \"Switch 2 Chassis\", DESCR: \"Cisco Catalyst 9500 Series Chassis\"\nPID: C9500-24Y4C       , VID: V02  , SN: FCW2401A0BA\n\nNAME: \"Switch 2 Slot 1 Supervisor\", DESCR: \"Cisco Catalyst 9500 Series Router\"\nPID: C9500-24Y4C       , VID: V02  , SN: FCW2401A0BA\n",
			"iosxe",
			[]string{"FCW2401A0AA C9500-24Y4C chassis unit", "FCW2401A0BA C9500-24Y4C chassis unit"},
			nil,
		},
		"stack of 2960s with its own row": {
			"NAME: \"1\", DESCR: \"WS-C2960X-48LPS-L\"\nPID: WS-C2960X-48LPS-L , VID: V01  , SN: FOC1801A0AA\n\nNAME: \"Switch 1 - FlexStackPlus Module\", DESCR: \"Stacking Module\"\nPID: C2960X-STACK      , VID: V01  , SN: FOC1801A0AB\n\nNAME: \"2\", DESCR: \"WS-C2960X-48LPS-L\"\nPID: WS-C2960X-48LPS-L , VID: V01  , SN: FOC1801A0BA\n",
			"ios",
			[]string{"FOC1801A0AA WS-C2960X-48LPS-L chassis unit", "FOC1801A0AB C2960X-STACK module", "FOC1801A0BA WS-C2960X-48LPS-L chassis unit"},
			nil,
		},
		"fabric interconnect in nxos": {
			"NAME: \"Chassis\",  DESCR: \"UCS 6248 Series Fabric Interconnect\"\nPID: UCS-FI-6248UP       ,  VID: V01 ,  SN: SSI1601A0AA\n",
			"nxos",
			[]string{"SSI1601A0AA UCS-FI-6248UP chassis unit"},
			nil,
		},
		"chassis whose serial number is not there": {
			"NAME: \"Chassis\",  DESCR: \"Nexus9000 Chassis\"\nPID: N9K-C9332C          ,  VID: V01 ,  SN: N/A\n\nNAME: \"Power Supply 1\",  DESCR: \"Power Supply\"\nPID: NXA-PAC-1100W-PE    ,  VID: V01 ,  SN: ART2301A0AB\n",
			"nxos",
			[]string{"ART2301A0AB NXA-PAC-1100W-PE powerSupply"},
			[]string{`"Chassis" (N9K-C9332C) gives no serial number: read its label`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for reader, got := range map[string]show.Result{"Inventory": show.Inventory("", tc.text), "Parse": show.Parse("auto", tc.text)} {
				if diff := cmp.Diff(tc.want, parts(got)); diff != "" {
					t.Errorf("%s: parts (-want +got):\n%s", reader, diff)
				}
				if got.Platform != tc.platform {
					t.Errorf("%s: platform %q, want %q", reader, got.Platform, tc.platform)
				}
				if len(got.Warnings) != len(tc.warnings) {
					t.Errorf("%s: warnings %q, want %d", reader, got.Warnings, len(tc.warnings))
					continue
				}
				for i, w := range tc.warnings {
					if !strings.Contains(got.Warnings[i], w) {
						t.Errorf("%s: warning %q, want %q", reader, got.Warnings[i], w)
					}
				}
			}
		})
	}
}
