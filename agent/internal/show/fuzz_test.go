package show_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/show"
	"rollcall/pkg/inventory"
)

// seed gives the fuzzer every fixture and some dirt.
func seed(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	for _, text := range []string{
		"", "NAME:", "PID:", "NAME: \"", "PID: , VID: , SN:", "NAME: DESCR: PID: VID: SN: x", "\x1b]8;;\x07NAME: \"a\x1b[31m\", DESCR: \"\u202e\"\nPID: x, VID: , SN: ABC\u200bDEF\n",
		"show module\nMod Ports Card Type Model Serial No.\n--- -----\n1 2\n", "\xff\xfeN\x00A\x00", "a\rb\rc\b\b\b\bd", "Mod MAC Serial-Num\n1 x y",
		"Unit Serial\n1 ABCDEF12\n", "Switch 02\nModel number : x\nSystem serial number : ABCDEF\n",
	} {
		f.Add(text)
	}
}

// checkComponents holds for whatever a device prints.
func checkComponents(t *testing.T, list []inventory.Component) {
	t.Helper()
	if list == nil {
		t.Error("no list of components")
	}
	serials := map[string]bool{}
	parts := map[string]bool{}
	for _, c := range list {
		serials[c.Serial] = true
		if c.Serial == "" || inventory.CleanSerial(c.Serial) != c.Serial {
			t.Errorf("serial %q is not clean", c.Serial)
		}
		key := c.Serial + "\x00" + inventory.MatchPID(c.PID)
		if parts[key] {
			t.Errorf("part %q %q is listed twice", c.PID, c.Serial)
		}
		parts[key] = true
		if c.Aliases == nil || c.Class == "" {
			t.Errorf("incomplete component %+v", c)
		}
		for _, s := range append([]string{c.PID, c.VID, c.Name, c.Description}, c.Aliases...) {
			checkText(t, s)
		}
	}
	for _, c := range list {
		if c.Parent != "" && !serials[c.Parent] {
			t.Errorf("parent %q of %q is not in the list", c.Parent, c.Serial)
		}
	}
}

func checkText(t *testing.T, s string) {
	t.Helper()
	if len(s) > 4096 || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		t.Errorf("%q is not safe to print", s)
	}
}

func checkWarnings(t *testing.T, list []string) {
	t.Helper()
	if len(list) > 51 {
		t.Errorf("%d warnings", len(list))
	}
	for _, w := range list {
		checkText(t, w)
	}
}

func FuzzInventory(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		got := show.Inventory("", text)
		checkComponents(t, got.Components)
		checkWarnings(t, got.Warnings)
		if diff := cmp.Diff(got, show.Inventory("", text)); diff != "" {
			t.Errorf("two readings differ:\n%s", diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		got := show.Parse("auto", text)
		checkComponents(t, got.Components)
		checkWarnings(t, got.Warnings)
		if len(got.Components) == 0 && len(got.Warnings) == 0 {
			t.Error("nothing was read, and nothing said of it")
		}
	})
}

func FuzzParseVersion(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		v := show.ParseVersion(text)
		checkComponents(t, append([]inventory.Component{}, v.Components...))
		checkWarnings(t, v.Warnings)
		for _, s := range []string{v.Name, v.Platform, v.Software, v.Model} {
			checkText(t, s)
		}
	})
}

// FuzzOutput reads a text as the output of each command that has a form of its
// own.
func FuzzOutput(f *testing.F) {
	seed(f)
	for _, text := range []string{
		"Chassis 1:\n PID: x\n Serial (SN): ABCDEF\n", "PSU PID Serial (SN)\n--- --- -----------\n1 a ABCDEF1\n", "Slot 0:\n x\nPCB Serial Number : ABCDEF\n",
		"% Invalid input detected at '^' marker.", "IDPROM for backplane #0\nSerial Number = 'ABCDEF'\n", "Cisco AP Name....... a\nAP Serial Number : ABCDEF\n", "101 x Online N2K ABCDEF1\n",
	} {
		f.Add(text)
	}
	commands := []string{
		"show inventory psu", "show chassis detail", "show detail", "show diag", "show idprom all", "show ap config general", "show fex", "show module",
		"show version", "show system id", "show udi", "show serial-number",
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, command := range commands {
			got := show.Output("", command, text)
			checkComponents(t, got.Components)
			checkWarnings(t, got.Warnings)
		}
		if r := show.Refused(text); r < show.Accepted || r > show.Unauthorized {
			t.Errorf("refusal %d", r)
		}
		names, _ := show.AccessPoints(text)
		for _, name := range names {
			if strings.ContainsAny(name, " \t\r\n;|?") {
				t.Errorf("%q is no name of an access point", name)
			}
		}
		show.Extenders(show.Output("", "show fex", text).Components)
		show.Mode(text)
	})
}
