package show_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/show"
)

const oneSwitch = "NAME: \"1\", DESCR: \"WS-C2960X-24PS-L\"\nPID: WS-C2960X-24PS-L  , VID: V05  , SN: FOC2001A0AA\n"

func serials(r show.Result) []string {
	list := []string{}
	for _, c := range r.Components {
		list = append(list, c.Serial)
	}
	return list
}

func TestEncodings(t *testing.T) {
	wide := func(order binary.ByteOrder) string {
		raw := make([]byte, 0, 2*len(oneSwitch))
		for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(oneSwitch))...) {
			pair := make([]byte, 2)
			order.PutUint16(pair, u)
			raw = append(raw, pair...)
		}
		return string(raw)
	}
	for name, text := range map[string]string{
		"plain":                   oneSwitch,
		"no line end":             strings.TrimRight(oneSwitch, "\n"),
		"CRLF":                    strings.ReplaceAll(oneSwitch, "\n", "\r\n"),
		"LFCR":                    strings.ReplaceAll(oneSwitch, "\n", "\n\r"),
		"CR":                      strings.ReplaceAll(oneSwitch, "\n", "\r"),
		"CRCRLF":                  strings.ReplaceAll(oneSwitch, "\n", "\r\r\n"),
		"byte order mark":         "\ufeff" + oneSwitch,
		"PowerShell":              wide(binary.LittleEndian),
		"UTF-16 big end first":    wide(binary.BigEndian),
		"typographic quotes":      strings.Replace(strings.Replace(oneSwitch, `"1"`, "\u201c1\u201d", 1), `"WS-C2960X-24PS-L"`, "\u201cWS-C2960X-24PS-L\u201d", 1),
		"no-break spaces":         strings.ReplaceAll(oneSwitch, " ", "\u00a0"),
		"indented":                "    " + strings.ReplaceAll(oneSwitch, "\n", "\n    "),
		"erase line before":       "\x1b[K" + strings.ReplaceAll(oneSwitch, "\nP", "\n\x1b[KP"),
		"pager wiped by blanks":   strings.Replace(oneSwitch, "PID", " --More-- \b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\bPID", 1),
		"pager left in":           strings.Replace(oneSwitch, "PID", "--More-- or (q)uit PID", 1),
		"pager of small business": strings.Replace(oneSwitch, "PID", "More: <space>,  Quit: q or CTRL+Z, One line: <return> \rPID", 1),
		"pager of asa":            strings.Replace(oneSwitch, "PID", "<--- More --->\r              \rPID", 1),
		"one line":                strings.Replace(oneSwitch, "\n", " ", 1),
		"quoted in a mail":        "> " + strings.ReplaceAll(strings.TrimRight(oneSwitch, "\n"), "\n", "\n> ") + "\n",
		"quoted twice":            ">> " + strings.ReplaceAll(strings.TrimRight(oneSwitch, "\n"), "\n", "\n>> ") + "\n",
		"logged with the time":    "[2026-11-23 10:11:12.123] " + strings.ReplaceAll(strings.TrimRight(oneSwitch, "\n"), "\n", "\n[2026-11-23 10:11:12.456] ") + "\n",
		"logged in RFC 3339":      "2026-11-23T10:11:12Z " + strings.ReplaceAll(strings.TrimRight(oneSwitch, "\n"), "\n", "\n2026-11-23T10:11:12+01:00 ") + "\n",
		"lower case":              strings.NewReplacer("NAME", "Name", "DESCR", "Descr").Replace(oneSwitch),
	} {
		t.Run(name, func(t *testing.T) {
			for _, got := range []show.Result{show.Inventory("ios", text), show.Parse("auto", text)} {
				if diff := cmp.Diff([]string{"FOC2001A0AA"}, serials(got)); diff != "" || len(got.Warnings) != 0 {
					t.Fatalf("serials (-want +got):\n%s\nwarnings %q", diff, got.Warnings)
				}
				if c := got.Components[0]; !c.Unit || c.Name != "1" || c.PID != "WS-C2960X-24PS-L" || c.VID != "V05" {
					t.Errorf("got %+v", c)
				}
			}
		})
	}
}

func TestPlaceholders(t *testing.T) {
	for _, sn := range []string{"", "N/A", "NA", "0", "00000000", "unknown", "XXXXXXXX", "FFFFFFFF", "99999999", "<private>", "0xFF", "JAB092709EL", "PSZ00000000", "001f.6c00.0000", strings.Repeat("A1", 40)} {
		got := show.Inventory("", strings.Replace(oneSwitch, "FOC2001A0AA", sn, 1))
		if len(got.Components) != 0 || len(got.Warnings) == 0 {
			t.Errorf("%q gave %+v, warnings %q: want no component and a word about it", sn, got.Components, got.Warnings)
		}
	}
}

func TestUnits(t *testing.T) {
	row := func(name, descr, pid, sn string) string {
		return fmt.Sprintf("NAME: %q, DESCR: %q\nPID: %s , VID: V01 , SN: %s\n\n", name, descr, pid, sn)
	}
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"cards of a chassis are no members": {row("WS-C6509-E", "Cisco Systems Catalyst 6500 9-slot Chassis System", "WS-C6509-E", "SMG1A0AA") + row("1", "WS-X6748-GE-TX CEF720", "WS-X6748-GE-TX", "SAL1A0AB"), []string{"SMG1A0AA"}},
		"cards without their chassis":       {row("1", "WS-X6748-GE-TX 48 port", "WS-X6748-GE-TX", "SAL1A0AB"), nil},
		"compact switch named as product":   {row("IE-2000-8TC-G", "IE-2000-8TC-G", "IE-2000-8TC-G", "FDO1A0AA"), []string{"FDO1A0AA"}},
		"router named by its series":        {row("881", "881 chassis, Hw Serial#: FTX1A0AA, Hw Revision: 1.0", "CISCO881-K9", "FTX1A0AA") + row("C881 Mother board", "C881 Mother board", "CISCO881-K9", "FOC1A0AB"), []string{"FTX1A0AA"}},
		"virtual switch of the 4500":        {row("Switch1 System", "Cisco Systems, Inc. WS-C4507R+E 7 slot switch ", "WS-C4507R+E", "FXS1A0AA") + row("Switch2 System", "Cisco Systems, Inc. WS-C4507R+E 7 slot switch ", "WS-C4507R+E", "FXS1A0BA"), []string{"FXS1A0AA", "FXS1A0BA"}},
		"pair of controllers":               {row("Chassis 1", "Cisco C9800-80-K9 Chassis", "C9800-80-K9", "TTM1A0AA") + row("Chassis 2", "Cisco C9800-80-K9 Chassis", "C9800-80-K9", "TTM1A0BA") + row("Chassis 2 Power Supply Module 0", "Cisco Catalyst 9800-80 750W AC Power Supply Reverse Air", "C9K-PWR-750WACR", "ART1A0BB"), []string{"TTM1A0AA", "TTM1A0BA"}},
		"parts named after the chassis":     {row("Chassis", "Nexus9000 C9396PX Chassis", "N9K-C9396PX", "SAL1A0AA") + row("Fan 1", "Nexus9000 C9396PX Chassis Fan Module", "N9K-C9300-FAN2", "FOX1A0AB") + row("Power Supply 1", "Nexus9000 C9396PX Chassis Power Supply", "N9K-PAC-650W", "DCB1A0AC"), []string{"SAL1A0AA"}},
		"autonomous access point":           {row("AP1240", "Cisco Aironet 1240 Series (IEEE 802.11a/g) Access Point", "AIR-AP1242AG-A-K9", "FTX1A0AA") + row("Dot11Radio0", "802.11G Radio", "AIR-RADIO", "ALG1A0AB"), []string{"FTX1A0AA"}},
		"stack root that names no member":   {row("c93xx Stack", "c93xx Stack", "C9300-48P", "FCW1A0AA") + row("Switch 2", "C9300-48P", "C9300-48P", "FCW1A0BA"), []string{"FCW1A0AA", "FCW1A0BA"}},
		"stack root before its member":      {row("c93xx Stack", "c93xx Stack", "C9300-48P", "FCW1A0AA") + row("Switch 1", "C9300-48P", "C9300-48P-A", "FCW1A0AA"), []string{"FCW1A0AA"}},
		"identity services":                 {row("SNS-3615-K9 chassis", "SNS-3615-K9 chassis", "SNS-3615-K9", "WZP1A0AA") + "Total RAM Memory: 16267404 kB\nCPU Core Count: 16\nDisk 0: Device Name: /dev/sda\n(*) Hard Disk Count may be Logical.\n", []string{"WZP1A0AA"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := show.Inventory("", tc.text)
			var units []string
			for _, c := range got.Components {
				if c.Unit {
					units = append(units, c.Serial)
				}
			}
			if diff := cmp.Diff(tc.want, units); diff != "" {
				t.Errorf("units (-want +got):\n%s\n%+v", diff, got.Components)
			}
			for _, w := range got.Warnings {
				if strings.Contains(w, "not understood") {
					t.Error(w)
				}
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Run("a long line", func(t *testing.T) {
		t.Parallel()
		long := "NAME: \"" + strings.Repeat("x", show.MaxLine) + "\", DESCR: \"y\"\nPID: p , VID: V01 , SN: FOC2001A0AB\n"
		got := show.Inventory("", oneSwitch+long)
		if !slices.ContainsFunc(got.Warnings, func(w string) bool { return strings.Contains(w, "line 3 is longer") }) || !got.Lossy {
			t.Errorf("a line of %d bytes drew no warning: %q", len(long), got.Warnings)
		}
		if diff := cmp.Diff([]string{"FOC2001A0AA", "FOC2001A0AB"}, serials(got)); diff != "" {
			t.Errorf("serials (-want +got):\n%s", diff)
		}
		for _, c := range got.Components {
			if len(c.Name) > 255 {
				t.Errorf("a name of %d bytes was kept", len(c.Name))
			}
		}
	})
	t.Run("a long text", func(t *testing.T) {
		t.Parallel()
		got := show.Inventory("", oneSwitch+strings.Repeat(strings.Repeat("-", 60<<10)+"\n", show.MaxText/(60<<10)+1)+"NAME: \"2\", DESCR: \"late\"\nPID: p , VID: V01 , SN: FOC2001A0AB\n")
		if len(got.Components) != 1 || !got.Lossy {
			t.Errorf("%d components, warnings %q: want the first alone, and a word about the rest", len(got.Components), got.Warnings)
		}
	})
	t.Run("many parts", func(t *testing.T) {
		t.Parallel()
		var many strings.Builder
		for i := range 10001 {
			fmt.Fprintf(&many, "NAME: \"1\", DESCR: \"\"\nPID: P , VID: , SN: F%07d\n", i+1)
		}
		got := show.Inventory("ios", many.String())
		if len(got.Components) != 10000 || !got.Lossy {
			t.Errorf("%d components, lossy %v", len(got.Components), got.Lossy)
		}
	})
}

func TestPlatforms(t *testing.T) {
	for _, name := range show.Platforms() {
		if got := show.Inventory(name, oneSwitch); got.Platform != name || len(got.Warnings) != 0 {
			t.Errorf("%s: platform %q, warnings %q", name, got.Platform, got.Warnings)
		}
	}
	if got := show.Parse("ISO", oneSwitch); got.Platform != "ios" || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "iso") {
		t.Errorf("an unknown platform gave %q, %q", got.Platform, got.Warnings)
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]show.Refusal{
		"":        show.Accepted,
		oneSwitch: show.Accepted,
		"           ^\n% Invalid input detected at '^' marker.\n\n":      show.Unsupported,
		"% Unknown command or computer name, or unable to find it\n":     show.Unsupported,
		"ERROR: % Invalid input detected at '^' marker.\n":               show.Unsupported,
		"Incorrect usage.  Use the '?' or <TAB> key to list commands.\n": show.Unsupported,
		"Syntax error: unknown command\n":                                show.Unsupported,
		"% Unrecognized command\n":                                       show.Unsupported,
		"Command authorization failed.\n":                                show.Unauthorized,
		"% Authorization failed.\n":                                      show.Unauthorized,
		"% Permission denied for the role\n":                             show.Unauthorized,
		"% This command is not authorized\n":                             show.Unauthorized,
		"\nAuthorization Failed: No sufficient privileges\n\n":           show.Unauthorized,
		"ERROR: % Command authorization failed\n":                        show.Unauthorized,
		"Error: Access denied\n":                                         show.Unauthorized,
		"You do not have permission to execute this command\n":           show.Unauthorized,
		"% Type \"show ?\" for a list of subcommands\n":                  show.Unsupported,
		"Unknown command \"show inventory\".  Use '?' for more info.\n":  show.Unsupported,
		"Syntax error: Illegal command line\n":                           show.Unsupported,
		"-sh: show: not found\n":                                         show.Unsupported,
		"bash: show: command not found\n":                                show.Unsupported,
		"Invalid command\n":                                              show.Unsupported,
		oneSwitch + "\n% Invalid input detected\n":                       show.Accepted,
		"Cisco IOS Software, Version 15\nsw1 uptime is 1 day\n":          show.Accepted,
	} {
		if got := show.Refused(text); got != want {
			t.Errorf("Refused(%q) = %d, want %d", text, got, want)
		}
	}
}

// TestHostileTextIsLinear reads much text in the shapes that cost most, and
// would take minutes were any of them quadratic.
func TestHostileTextIsLinear(t *testing.T) {
	for name, piece := range map[string]string{
		"unknown lines":     "the quick brown fox jumps over the lazy dog and runs away from the other one\n",
		"short lines":       "x\n",
		"names without PID": "NAME: \"a\", DESCR: \"b\n",
		"PID without SN":    "PID: a VID: b\n",
		"one serial":        "NAME: \"a\", DESCR: \"b\"\nPID: c , VID: d , SN: FOC2001A0AA\n",
		"spaces":            strings.Repeat(" ", 50000) + "x\n",
		"quotes and commas": "NAME: " + strings.Repeat(`",`, 20000) + "\n",
		"backspaces":        strings.Repeat("a\b", 20000) + "\n",
		"objects":           "Chassis 1:\n    PID: a\n",
		"rows of objects":   "PSU PID  Serial (SN)\n--- ---- -----------\n1   a    ABCDEF1\n1 a\n",
		"slots":             "Slot 1:\nx\nPCB Serial Number : ABCDEF1\n",
		"access points":     "Cisco AP Name : a\nAP Model : b\n",
		"escapes":           strings.Repeat("\x1b[", 20000) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := show.Parse("auto", strings.Repeat(piece, max(2, (64<<10)/len(piece))))
			if len(got.Warnings) == 0 && !slices.Contains([]string{"one serial", "spaces", "slots", "rows of objects"}, name) {
				t.Error("nothing was said of it")
			}
		})
	}
}

func TestParseOfNothing(t *testing.T) {
	for _, text := range []string{"", "\n\n", "hello\n", "sw1#show inventory\nsw1#\n"} {
		got := show.Parse("auto", text)
		if got.Components == nil || len(got.Components) != 0 || len(got.Warnings) == 0 {
			t.Errorf("%q gave %+v", text, got)
		}
	}
}

func TestAccessPoints(t *testing.T) {
	for name, tc := range map[string]struct {
		text  string
		names []string
		count int
	}{
		"aireos": {
			"\nNumber of APs.................................... 2\n\nGlobal AP User Name.............................. Not Configured\n\n" +
				"AP Name             Slots  AP Model              Ethernet MAC       Location          Country  IP Address       Clients\n" +
				"------------------  -----  --------------------  -----------------  ----------------  ----------  ---------------  --------\n" +
				"AP-Lobby             2     AIR-AP3802I-B-K9      00:00:0c:00:00:01  default location  US       192.0.2.20       0\n" +
				"AP.Office_2          2     AIR-AP3802I-B-K9      00:00:0c:00:00:02  2nd floor         US       192.0.2.21       3\n",
			[]string{"AP-Lobby", "AP.Office_2"},
			2,
		},
		"iosxe": {
			"Number of APs: 1\n\nCC = Country Code\nRD = Regulatory Domain\n\nAP Name   Slots AP Model     Ethernet MAC   Radio MAC      CC RD IP Address  State      Location\n" +
				"--------------------------------------------------------------------------------\nAP-1      3     C9120AXI-B   0000.0c00.0001 0000.0c00.0002 US -B 192.0.2.20  Registered default location\n",
			[]string{"AP-1"},
			1,
		},
		"none":       {"\nNumber of APs.................................... 0\n", nil, 0},
		"no summary": {"Incorrect usage.\n", nil, -1},
		"not a name": {"AP Name Slots\nfoo;reboot 2 AIR\n$(x) 2 AIR\n", nil, -1},
	} {
		t.Run(name, func(t *testing.T) {
			names, count := show.AccessPoints(tc.text)
			if diff := cmp.Diff(tc.names, names); diff != "" || count != tc.count {
				t.Errorf("%d access points, want %d; names (-want +got):\n%s", count, tc.count, diff)
			}
		})
	}
}

func TestExtenders(t *testing.T) {
	r := show.Output("nxos", "show fex", "101  FEX0101  Online  N2K-C2248TP-1GE  SSI1511A0BA\n103  FEX0103  Offline  N2K-C2248TP-1GE  SSI1511A0BC\n")
	if diff := cmp.Diff([]string{"101"}, show.Extenders(r.Components)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMode(t *testing.T) {
	for text, want := range map[string]string{
		"Security context mode: multiple\n": "multiple", "Security context mode: single \n": "single",
		"ERROR: % Invalid input detected at '^' marker.\n": "", "": "",
	} {
		if got := show.Mode(text); got != want {
			t.Errorf("Mode(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestVersionPlatforms tells platforms by `show version` that look alike.
func TestVersionPlatforms(t *testing.T) {
	type facts struct{ Platform, Software, Name string }
	for text, want := range map[string]facts{
		"Version: 2.12(0.31)\nStartup-Vers: 2.12(0.31)\n":                                                                                                         {"fxos", "2.12(0.31)", ""},
		"Active-image: flash://system/images/image1.bin\n  Version: 2.5.9.13\n":                                                                                   {"smb", "2.5.9.13", ""},
		"SW version    1.4.0.88 ( date  06-Aug-2014 time  16:46:47 )\n":                                                                                           {"smb", "1.4.0.88", ""},
		"Cisco Application Deployment Engine OS Release: 3.1\nHostname: ise-1\nCisco Identity Services Engine\nVersion      : 3.1.0.518\n":                        {"ise", "3.1.0.518", "ise-1"},
		"-------------------[ fw-1 ]--------------------\nModel                     : Cisco Secure Firewall 3110 Threat Defense (80) Version 7.2.5 (Build 208)\n": {"ftd", "7.2.5", "fw-1"},
		"-----[ fw-2 ]-----\nModel : Cisco Firepower 2130 Threat Defense (77) Version 7.0.1 (Build 84)\n":                                                         {"ftd", "7.0.1", "fw-2"},
		"Cisco PIX Firewall Version 6.3(5)\n\npixfw up 26 days 4 hours\n":                                                                                         {"asa", "6.3(5)", "pixfw"},
		" Role        Pod         Node        Name                      Version\n ----\n controller  1           1           apic-1   5.2(7f)\n":                  {"apic", "5.2(7f)", ""},
		"WS-C6509 Software, Version NmpSW: 8.6(6a)\n":                                                                                                             {"catos", "8.6(6a)", ""},
	} {
		v := show.ParseVersion(text)
		if got := (facts{v.Platform, v.Software, v.Name}); got != want {
			t.Errorf("%q\n got %+v, want %+v", text, got, want)
		}
	}
}
