package poll

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/snmp"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
)

func faulty(f simdevice.Faults) func(*simdevice.Device) {
	return func(d *simdevice.Device) { d.Faults = f }
}

// Ways to poll.
func overSNMP(n *Node) { n.Via = ViaSNMP }
func overSSH(n *Node)  { n.Via = ViaSSH }

// patiently is for devices that lose requests, briefly for those that never end.
func patiently(n *Node) { n.Timeout, n.Retries = 300*time.Millisecond, 8 }
func briefly(n *Node)   { n.Budget = 4 * time.Second }

func overV3(priv string) func(*Node) {
	return func(n *Node) {
		n.SNMP = []snmp.Credential{{
			Name: "v3", Version: "3", User: "rollcall", AuthProtocol: "SHA256", AuthPassword: config.Plain("auth-password"),
			PrivProtocol: priv, PrivPassword: config.Plain("priv-password"),
		}}
	}
}

func orV1(n *Node) {
	n.Timeout = 300 * time.Millisecond
	n.SNMP = append(n.SNMP, snmp.Credential{Name: "old", Version: "1", Community: config.Plain("public")})
}

// numbered are serials that differ in their last digits.
func numbered(n int, format string) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(format, i))
	}
	return list
}

// A faultTest is a device that no recording shows, and its report.
type faultTest struct {
	name, device string
	change       func(*simdevice.Device)
	ways         []func(*Node)

	units, parts []string // serials
	partial      bool     // the device is not complete
	via          []string // nil where it gave nothing
	silent       bool     // it counts as not having answered
	problems     []string // each is "kind via: words of it"
	requests     int      // over SNMP at most, 50 where 0
}

// Old devices that were never recorded.
func oldDevices() []faultTest {
	accessPoints := numbered(60, "FGL2201B%03d")
	phones := numbered(3, "FCH2401D0B%d")
	weak, bySNMP := []string{"weak_access snmp: SNMPv2c sends its community"}, []string{"snmp"}
	return []faultTest{
		{
			name: "CatOS", device: "catos-switch", via: bySNMP, problems: weak,
			units: []string{"FOX0801A0A1"}, parts: []string{"SAD08010A01", "SAL08010A02"}, // no table has its power supply
		},
		{
			name: "IOS before ENTITY-MIB", device: "ios-old-router", via: bySNMP, problems: weak,
			units: []string{"JMX0501A0A1"}, parts: []string{"20123456"},
		},
		{
			name: "PIX", device: "asa-firewall", via: bySNMP, problems: weak, units: []string{"888001234"},
			change: func(d *simdevice.Device) {
				d.Software, d.Units = "8.0(4)", []simdevice.Unit{{Serial: "888001234", PID: "PIX-515E", Description: "PIX 515E"}}
			},
		},
		{
			name: "AireOS with 60 access points", device: "aireos-controller", via: bySNMP, problems: weak,
			units: append([]string{"FOC2201D0A1"}, accessPoints...),
			change: func(d *simdevice.Device) {
				d.Units = d.Units[:1]
				for _, sn := range accessPoints {
					d.Units = append(d.Units, simdevice.Unit{Serial: sn, PID: "AIR-AP2802I-B-K9", VID: "V02"})
				}
			},
		},
		{
			name: "FXOS", device: "fxos-chassis", via: bySNMP, problems: weak,
			units: []string{"JMX2601A0A1"}, parts: []string{"ART2601X0A1", "FLM2601A0A1", "NWG2601A0A1"},
		},
		{
			name: "LLDP-MED phones", device: "ios-switch", via: bySNMP, problems: weak,
			units: append([]string{"FOC1601X0A1"}, phones...), parts: []string{"FNS16010A01"},
			change: func(d *simdevice.Device) {
				for i, sn := range phones {
					d.Phones = append(d.Phones, simdevice.Phone{Serial: sn, PID: "CP-8845", Name: "SEP00000C0000B" + fmt.Sprint(i), Port: uint32(5 + i)})
				}
			},
		},
		{
			name: "SNMPv1 alone", device: "ios-switch", change: faulty(simdevice.Faults{V1Only: true}), ways: []func(*Node){orV1},
			units: []string{"FOC1601X0A1"}, parts: []string{"FNS16010A01"}, via: bySNMP, problems: []string{"weak_access snmp: SNMPv1 sends its community"},
		},
		{
			name: "SNMPv3 with Cisco's AES-256", device: "ios-switch", ways: []func(*Node){overV3("AES256")}, via: bySNMP,
			change: func(d *simdevice.Device) { d.V3[0].PrivProtocol = "AES256C" },
			units:  []string{"FOC1601X0A1"}, parts: []string{"FNS16010A01"},
		},
	}
}

// Devices that are broken over SNMP (discovery facts 6.2, reliability facts
// H4). A stack of two with a phone; SSH works where it may be asked.
func brokenAgents() []faultTest {
	stack := faultTest{
		device: "iosxe-stack", via: []string{"snmp"}, units: []string{"FCH2401D0A1", "FCW2401G0A1", "FCW2401G0A2"},
		parts: []string{"AVD24010A01", "FOC24010A01", "LCC2401G0A2", "LIT24010A01", "LIT24010A02", "MOC2401A0A1"},
	}
	fault := func(name string, f simdevice.Faults, change func(*faultTest), ways ...func(*Node)) faultTest {
		tt := stack
		tt.name, tt.change, tt.ways = name, faulty(f), append([]func(*Node){overV3("AES")}, ways...)
		if change != nil {
			change(&tt)
		}
		return tt
	}
	partial := func(words ...string) func(*faultTest) {
		return func(tt *faultTest) { tt.partial, tt.problems = true, words }
	}
	// SSH tells of all but the phone.
	bySSH := func(words ...string) func(*faultTest) {
		return func(tt *faultTest) { tt.via, tt.units, tt.problems = []string{"ssh"}, tt.units[1:], words }
	}
	endless := fault("a walk that does not end", simdevice.Faults{EndlessWalk: true}, partial(
		"incomplete snmp: entPhysicalSerialNum was not read to its end: the table does not end", "weak_access snmp: SNMPv2c sends its community",
	))
	endless.ways = []func(*Node){overSNMP} // and not SNMPv3, which takes its time over
	endless.requests = 5000                // of the 200,000 variables that a walk may have
	return []faultTest{
		endless,
		fault("a table that begins again", simdevice.Faults{RepeatOID: true}, partial("incomplete snmp: entPhysicalSerialNum was not read to its end: the device does not advance"), overSNMP),
		fault("the same, with SSH", simdevice.Faults{RepeatOID: true}, func(tt *faultTest) { tt.via = []string{"snmp", "ssh"} }),
		fault("tooBig at 11 variables", simdevice.Faults{TooBigAt: 10}, nil),
		fault("30% loss", simdevice.Faults{LossPercent: 30, Seed: 7}, nil, patiently),
		fault("slow answers", simdevice.Faults{DelayReplies: 20 * time.Millisecond}, nil),
		fault("answers after everybody has gone", simdevice.Faults{DelayReplies: time.Hour}, bySSH("unreachable snmp: no answer"), func(n *Node) { n.Timeout = time.Second }),
		fault("a restart in the middle", simdevice.Faults{RebootMidWalk: true}, nil, patiently),
		fault("a wrong engine time at first", simdevice.Faults{EngineTimeOff: time.Hour}, nil),
		fault("a wrong engine time for ever", simdevice.Faults{ReportFlood: true}, bySSH("credential_refused snmp: the device keeps answering that the request is not in its time window")),
	}
}

// Devices that are broken over SSH (reliability facts H5).
func brokenShells() []faultTest {
	stack := faultTest{
		device: "ios-stack", via: []string{"ssh"}, units: []string{"FCW2001A0A1", "FCW2001A0A2"},
		parts: []string{"DCB2001A0A1", "FNS20010A11", "LIT2001A0A2"},
	}
	whole := func(name string, f simdevice.Faults) faultTest {
		tt := stack
		tt.name, tt.change, tt.ways = name, faulty(f), []func(*Node){overSSH}
		return tt
	}
	nothing := func(name string, f simdevice.Faults, problem string) faultTest {
		return faultTest{
			name: name, device: "ios-stack", change: faulty(f), ways: []func(*Node){overSSH, briefly},
			silent: true, partial: true, problems: []string{problem},
		}
	}
	// What came of the first output before the fault tells one unit.
	some := func(name string, f simdevice.Faults, problem string) faultTest {
		tt := nothing(name, f, problem)
		tt.silent, tt.via, tt.units = false, stack.via, stack.units[:1]
		return tt
	}
	long := nothing("a line of 10 MB", simdevice.Faults{LineBytes: 10 << 20}, `incomplete ssh: the output of "show version" was cut: a line is longer than 64 KiB`)
	long.silent = false
	return []faultTest{
		whole("a prompt forged inside output", simdevice.Faults{ForgedPrompt: true}),
		whole("--More-- that cannot be turned off", simdevice.Faults{AlwaysMore: true}),
		nothing("a banner of 100 MB", simdevice.Faults{BannerBytes: 100 << 20}, "incomplete ssh: the device's greeting was cut: it is longer than 64 KiB"),
		nothing("silence before the login", simdevice.Faults{HangBeforeAuth: true}, "unreachable ssh: the poll was stopped before SSH login was done"),
		nothing("silence after the login", simdevice.Faults{HangAfterLogin: true}, "incomplete ssh: no prompt came after login"),
		some("silence inside output", simdevice.Faults{HangMidOutput: true}, `incomplete ssh: the poll's time was over while it ran "show version"`),
		some("a session that ends inside output", simdevice.Faults{CloseMidOutput: true}, `incomplete ssh: the device closed the session while it ran "show version"`),
		long,
	}
}

// What the report of each such device says, and what reading it costs.
func TestFaults(t *testing.T) {
	for _, tt := range slices.Concat(oldDevices(), brokenAgents(), brokenShells()) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, answered, a := tt.poll(t)
			if answered == tt.silent || d.Complete == tt.partial {
				t.Errorf("answered %v, complete %v", answered, d.Complete)
			}
			units, parts := []string{}, []string{}
			for _, c := range d.Components {
				if c.Unit {
					units = append(units, c.Serial)
				} else {
					parts = append(parts, c.Serial)
				}
			}
			slices.Sort(units)
			slices.Sort(parts)
			if diff := cmp.Diff(slices.Sorted(slices.Values(tt.units)), units, sameEmpty); diff != "" {
				t.Errorf("units (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.parts, parts, sameEmpty); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.via, d.Via, sameEmpty); diff != "" {
				t.Errorf("via (-want +got):\n%s", diff)
			}
			tt.checkProblems(t, d.Errors)
			most := tt.requests
			if most == 0 {
				most = 50
			}
			if a.requests > most {
				t.Errorf("%d requests, want at most %d", a.requests, most)
			}
		})
	}
}

// sameEmpty takes no list for an empty one.
var sameEmpty = cmp.Transformer("list", func(s []string) string { return strings.Join(s, "\n") })

func (tt faultTest) poll(t *testing.T) (inventory.Device, bool, asked) {
	t.Helper()
	d := exampleOf(t, tt.device)
	if tt.change != nil {
		tt.change(&d)
	}
	_, n := simulated(t, d)
	for _, way := range tt.ways {
		way(&n)
	}
	var a asked
	report, answered := New(hostKeys(t), NewMemory(MemoryOptions{Asked: a.note}), slog.New(slog.DiscardHandler)).Poll(t.Context(), n)
	return report, answered, a
}

func (tt faultTest) checkProblems(t *testing.T, got []inventory.Problem) {
	t.Helper()
	ok := len(got) == len(tt.problems)
	for i := 0; ok && i < len(got); i++ {
		kind, words, _ := strings.Cut(tt.problems[i], ": ")
		ok = kind == string(got[i].Kind)+" "+got[i].Via && strings.Contains(got[i].Message, words)
	}
	if !ok {
		t.Errorf("problems %+v, want %q", got, tt.problems)
	}
}

// What a device sends beyond a limit takes no memory, but for what is on its way
// (an SSH window, 2 MB): more of it takes no more.
func TestFaultsTakeNoMemory(t *testing.T) {
	tests := []struct {
		name string
		long func(n int64) simdevice.Faults
		size [2]int64
	}{
		{"banner", func(n int64) simdevice.Faults { return simdevice.Faults{BannerBytes: n} }, [2]int64{4 << 20, 100 << 20}},
		{"line", func(n int64) simdevice.Faults { return simdevice.Faults{LineBytes: n} }, [2]int64{4 << 20, 20 << 20}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var taken [2]uint64
			for i, n := range tt.size {
				bad := faultTest{device: "ios-switch", change: faulty(tt.long(n)), ways: []func(*Node){overSSH}}
				taken[i] = peak(func() {
					if d, _, _ := bad.poll(t); d.Complete {
						t.Error("it was read whole")
					}
				})
			}
			if ratio := float64(taken[1]) / float64(taken[0]); ratio > 2 {
				t.Errorf("with %d bytes the heap grows to %d, with %d to %d: %.1f times as much", tt.size[0], taken[0], tt.size[1], taken[1], ratio)
			}
		})
	}
}

// peak is the largest heap, in bytes, while something is done.
func peak(do func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(5)) // little garbage beside what is in use
	runtime.GC()
	done, over := make(chan struct{}), make(chan uint64)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		var most uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-tick.C:
			case <-done:
				over <- most
				return
			}
		}
	}()
	do()
	close(done)
	return <-over
}
