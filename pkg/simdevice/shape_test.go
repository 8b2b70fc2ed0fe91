package simdevice

import (
	"fmt"
	"testing"

	"rollcall/pkg/inventory"
)

func TestUDI(t *testing.T) {
	for software, want := range map[string]bool{
		"11.3(4)": true, "12.1(22)EA14": true, "12.2(13)T": true, "12.2(15)SE": true, "12.2(55)SE12": false, "12.2(33)SXI": false,
		"12.3(26)": false, "12.4(25d)": false, "15.0(2a)EX5": false,
	} {
		if got := hasNoUDI(Device{Software: software}); got != want {
			t.Errorf("%s: %v, want %v", software, got, want)
		}
	}
}

func TestCodename(t *testing.T) {
	for software, want := range map[string]string{
		"17.15.1": "IOSXE", "17.12.3": "Dublin", "17.9.4": "Cupertino", "17.6.4": "Bengaluru", "17.3.1": "Amsterdam", "16.12.5": "Gibraltar",
		"16.9.1": "Fuji", "16.6.7": "Everest", "16.3.2": "Denali", "03.06.06E": "",
	} {
		if got := codename(Device{Software: software}); got != want {
			t.Errorf("%s: %q, want %q", software, got, want)
		}
	}
}

func TestMatchCommand(t *testing.T) {
	commands := []command{{words: "show inventory"}, {words: "show inventory all"}, {words: "terminal length *"}, {words: "scope ..."}}
	for line, want := range map[string]string{
		"show inventory": "show inventory", "sh inv": "show inventory", "SHOW INVENTORY": "show inventory", " show  inventory all ": "show inventory all",
		"terminal length 0": "terminal length *", "term len 24": "terminal length *", "scope chassis 1": "scope ...",
		"s inv": "", "show": "", "show inventory now": "", "terminal length": "", "inventory show": "", "": "",
	} {
		c, _, ok := matchCommand(commands, line)
		if c.words != want || ok != (want != "") {
			t.Errorf("%q means %q, want %q", line, c.words, want)
		}
	}
}

// TestIndicesDoNotMeet renders a device as full as they come on every platform.
func TestIndicesDoNotMeet(t *testing.T) {
	fill := []struct {
		class inventory.Class
		n     int
	}{{inventory.ClassModule, 16}, {inventory.ClassPowerSupply, 8}, {inventory.ClassFan, 8}, {inventory.ClassPort, 60}}
	for _, platform := range platforms() {
		for _, model := range []string{"C9300-48P", "C9500-24Y4C", "ISR4451-X/K9", "WS-C6509-E", "N9K-C9396PX", "SG350X-48", "C9800-80-K9"} {
			d := Device{Name: "full", Platform: platform, Software: "17.9.4", Model: model}
			for unit := range 3 {
				u := Unit{Serial: fmt.Sprintf("FCW2401G%03d", unit), PID: model}
				for _, f := range fill {
					for i := range f.n {
						u.Parts = append(u.Parts, Part{Serial: fmt.Sprintf("FOC2401%d%03d", unit, i), PID: "X", Class: f.class})
					}
				}
				d.Units = append(d.Units, u)
			}
			if _, err := newView(d); err != nil {
				t.Errorf("%s, %s: %v", platform, model, err)
			}
		}
	}
}
