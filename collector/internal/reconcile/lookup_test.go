package reconcile

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// answered adds an answer of the Support API for a serial, of a day. With a
// contract it covers the serial until a day; "" is none.
func (w *world) answered(serial string, on int, number string, end int) *contract.Lookup {
	l := contract.Lookup{Serial: serial, At: day(on), Source: contract.APISource, Known: true}
	if number != "" {
		l.Lines = []contract.Line{{Contract: number, Serial: serial, PID: "C9300-48P", End: date(end)}}
	}
	w.Lookups = append(w.Lookups, l)
	return &w.Lookups[len(w.Lookups)-1]
}

// What the Support API answers is evidence for the serials that it was asked
// for, and for nothing else.
func TestLookups(t *testing.T) {
	const sw = "Main/sw1"
	tellAll(t, []story{
		{"covered by the API alone", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.answered("FOC1111A0AA", -1, "9", 1000)
		}, []string{"FOC1111A0AA: covered support_api"}, nil},
		{"covered by the API, for somebody else", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.answered("FOC1111A0AA", -1, "9", 1000).Owner = "NO"
		}, []string{"FOC1111A0AA: covered support_api_other_owner"}, nil},
		{"on no line of a fresh file, and covered by the API", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.answered("FOC1111A0AA", -1, "9", 1000)
		}, []string{"FOC1111A0AA: covered support_api"}, nil},
		{"expiring by the API", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.answered("FOC1111A0AA", -1, "9", 20)
		}, []string{"FOC1111A0AA: expiring support_api"}, []string{"coverage_expiring/9/30"}},
		{"ended by the API", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.answered("FOC1111A0AA", -1, "9", -20)
		}, []string{"FOC1111A0AA: expired support_api"}, []string{"coverage_expired/9"}},
		{"an answer of 45 days", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.answered("FOC1111A0AA", -45, "9", 1000)
		}, []string{"FOC1111A0AA: covered support_api"}, nil},
		{"an answer of 46 days gives no verdict", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.answered("FOC1111A0AA", -46, "9", 1000)
		}, []string{"FOC1111A0AA: unverified contract_data_stale"}, []string{"contract_data_stale/support_api"}},
		{"an answer of 46 days, and its contract imported since", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("9", "C9300-48P FOC9999A0AA", -100, 1000)
			w.imported("9", -10)
			w.answered("FOC1111A0AA", -46, "9", 1000)
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"the contract's own file is newer", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("9", "C9300-48P FOC9999A0AA", -100, 1000)
			w.answered("FOC1111A0AA", -1, "9", 1000)
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"the contract's own file is older", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("9", "C9300-48P FOC9999A0AA", -100, 1000)
			w.imported("9", -10)
			w.answered("FOC1111A0AA", -1, "9", 1000)
		}, []string{"FOC1111A0AA: covered support_api"}, nil},
		{"a stale file is confirmed", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.imported("1", -100)
			w.answered("FOC1111A0AA", -1, "1", 1000)
		}, []string{"FOC1111A0AA: covered support_api"}, []string{"contract_data_stale/1"}},
		{"renewed since the file", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, -5)
			w.imported("1", -10)
			w.answered("FOC1111A0AA", -1, "1", 360)
		}, []string{"FOC1111A0AA: covered support_api"}, nil},
		{"renewed since the file, by an answer of 46 days", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, -5)
			w.answered("FOC1111A0AA", -46, "9", 360)
		}, []string{"FOC1111A0AA: unverified contract_data_stale"}, []string{"contract_data_stale/support_api"}},
		{"the same, of one contract, with a file of 50 days", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, -5)
			w.imported("1", -50)
			w.answered("FOC1111A0AA", -46, "1", 360)
		}, []string{"FOC1111A0AA: unverified contract_data_stale"}, []string{"contract_data_stale/1", "contract_data_stale/support_api"}},
		{"an old answer beside a fresh file", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, 100)
			w.answered("FOC1111A0AA", -46, "9", 360)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"an ended line by the API beside one of a file", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, -100)
			w.answered("FOC1111A0AA", -1, "9", -50)
		}, []string{"FOC1111A0AA: expired"}, []string{"coverage_expired/1"}},
		{"the file says the same", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.imported("1", -10)
			w.answered("FOC1111A0AA", -1, "1", 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"the API denies what a file has", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.answered("FOC1111A0AA", 0, "", 0)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"on two contracts, one by the API", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.answered("FOC1111A0AA", -1, "9", 1200)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"denied, without any file", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			w.answered("FOC1111A0AA", -1, "", 0)
		}, []string{"FOC1111A0AA: uncovered", "FOC1111A0BB: unverified no_contract_data"}, []string{"contract_data_stale/none", "uncovered_unit/FOC1111A0AA"}},
		{"denied, beside a stale file", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.imported("1", -100)
			w.answered("FOC1111A0AA", -1, "", 0)
		}, []string{"FOC1111A0AA: uncovered"}, []string{"contract_data_stale/1", "uncovered_unit/FOC1111A0AA"}},
		{"denied too long ago", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.answered("FOC1111A0AA", -46, "", 0)
		}, []string{"FOC1111A0AA: unverified no_contract_data"}, []string{"contract_data_stale/none"}},
		{"denied, and not read in full", func(w *world) {
			w.partial(0, sw, "C9300-48P FOC1111A0AA")
			w.answered("FOC1111A0AA", -1, "", 0)
		}, []string{"FOC1111A0AA: unverified poll_incomplete"}, []string{"poll_incomplete/" + sw}},
		{"Cisco does not know it", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.answered("FOC1111A0AA", -1, "", 0).Known = false
		}, []string{"FOC1111A0AA: unverified no_contract_data"}, []string{"contract_data_stale/none"}},
		{"the newest answer counts", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.answered("FOC1111A0AA", -1, "", 0)
			w.answered("FOC1111A0AA", -2, "9", 1000)
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"the newest answer counts, whichever comes first", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.answered("FOC1111A0AA", -2, "9", 1000)
			w.answered("FOC1111A0AA", -1, "", 0)
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"an answer without a serial is of no part without one", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA", "PWR-C1-715WAC N/A in FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.answered("N/A", -1, "9", 20)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"a newer file without a contract number is not of an answer without one", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("", "C9300-48P FOC9999A0AA", -100, 1000)
			w.answered("FOC1111A0AA", -1, "9", 1000).Lines[0].Contract = ""
		}, []string{"FOC1111A0AA: covered support_api"}, nil},
		{"the contract is said to be over, and the answer is older", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.retire(RetiredContract, "9", -5)
			w.answered("FOC1111A0AA", -6, "9", 1000)
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"the contract is said to be over, and the answer is newer", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.retire(RetiredContract, "9", -5)
			w.answered("FOC1111A0AA", -4, "9", 1000)
		}, []string{"FOC1111A0AA: covered support_api"}, nil},
		{"an answer that does not say when its line ends", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.answered("FOC1111A0AA", -1, "9", 0).Lines[0].End = ""
		}, []string{"FOC1111A0AA: unverified no_contract_data"}, []string{"contract_data_stale/9/no_end", "contract_data_stale/none"}},
		{"an answer's line that nobody sees is no finding", func(w *world) {
			w.poll(-40, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			w.poll(-30, sw, "C9300-48P FOC1111A0BB @2")
			w.poll(0, sw, "C9300-48P FOC1111A0BB @2")
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000)
			w.answered("FOC1111A0AA", -40, "1", 1000)
		}, []string{"FOC1111A0BB: covered"}, nil},
		{"past support by EoX", func(w *world) {
			w.poll(0, sw, "WS-C2960S-24TS-L FOC1111A0AA")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.Products = []contract.Product{{PID: "WS-C2960S-24TS-L", LastSupport: date(-1)}}
		}, []string{"FOC1111A0AA: ineligible past_support"}, nil},
		{"the last day of support by EoX", func(w *world) {
			w.poll(0, sw, "WS-C2960S-24TS-L FOC1111A0AA")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.Products = []contract.Product{{PID: "WS-C2960S-24TS-L", LastSupport: date(0)}}
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"an RMA that Cisco has on record", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.RMAs = []contract.RMA{{RMANumber: "800123456", OldSerial: "FOC1111A0AA", NewSerial: "FOC1111A0BB", OpenedOn: date(-5), Source: contract.APISource}}
		}, []string{"FOC1111A0BB: rma_pending"}, []string{"rma_mismatch/FOC1111A0AA/FOC1111A0BB"}},
	})
}

// Which line of a file an answer is of, if of any: that one it makes fresh and
// gives its end, and else it is a line of its own.
func TestLookupConfirms(t *testing.T) {
	type file struct {
		contract, pid string
		begin, end    int
	}
	const pid = "C9300-48P"
	own := func(end int) string { return fmt.Sprintf("9 until %d, answered alone", end) }
	for _, tt := range []struct {
		name   string
		files  []file // all of them of 50 days ago
		number string // that the answer has, with its end
		end    int
		want   []string
	}{
		{"nothing in a file", nil, "9", 1000, []string{own(1000)}},
		{"the contract, renewed", []file{{"9", pid, -100, 100}}, "9", 1000, []string{"9 until 1000, answered"}},
		{"the contract, and the product by another of its PIDs", []file{{"9", pid + "-E", -100, 100}}, "9", 1000, []string{"9 until 1000, answered"}},
		{"the contract, of another product", []file{{"9", "ISR4331/K9", -100, 100}}, "9", 1000, []string{"9 until 100, old", own(1000)}},
		{"another contract", []file{{"1", pid, -100, 100}}, "9", 1000, []string{"1 until 100, old", own(1000)}},
		{"another contract, with the same end", []file{{"1", pid, -100, 1000}}, "9", 1000, []string{"1 until 1000, old", own(1000)}},
		{"two lines of the contract, the first with the end", []file{{"9", pid, -100, 500}, {"9", pid, -100, 600}}, "9", 500, []string{"9 until 500, answered", "9 until 600, old"}},
		{"two lines of the contract, the second with the end", []file{{"9", pid, -100, 500}, {"9", pid, -100, 600}}, "9", 600, []string{"9 until 500, old", "9 until 600, answered"}},
		{"two lines of the contract, neither with the end", []file{{"9", pid, -100, 500}, {"9", pid, -100, 600}}, "9", 700, []string{"9 until 500, old", "9 until 600, old", own(700)}},
		{"a line of the contract that begins tomorrow", []file{{"9", pid, 1, 1000}}, "9", 500, []string{"9 until 1000, old", own(500)}},
		{"no contract in the answer, and the same end", []file{{"1", pid, -100, 1000}}, "", 1000, []string{"1 until 1000, answered"}},
		{"no contract in the answer, and another end", []file{{"1", pid, -100, 900}}, "", 1000, []string{"1 until 900, old", " until 1000, answered alone"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			for _, f := range tt.files {
				w.line(f.contract, f.pid+" FOC1111A0AA", f.begin, f.end)
				w.imported(f.contract, -50)
			}
			w.answered("FOC1111A0AA", -1, "9", tt.end).Lines[0].Contract = tt.number
			var got []string
			for _, l := range newRun(w.Facts).onLine["FOC1111A0AA"] {
				words := fmt.Sprintf("%s until %d, ", l.Contract, date(0).DaysUntil(l.End))
				switch {
				case l.partial:
					words += "answered alone"
				case l.answer != nil && l.fresh && l.state == lineActive:
					words += "answered"
				case !l.fresh:
					words += "old"
				}
				got = append(got, words)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

// Renewal lists tell what EoX says is not worth renewing.
func TestProductsInRenewal(t *testing.T) {
	w := newWorld()
	w.poll(0, "Main/sw1", "WS-C2960S-24TS-L FOC1111A0AA")
	w.line("1", "WS-C2960S-24TS-L FOC1111A0AA", -1000, 20)
	w.Products = []contract.Product{{PID: "WS-C2960S-24TS-L", LastSupport: date(-1)}}
	for _, f := range Reconcile(w.Facts).Findings {
		if f.Kind == CoverageExpiring {
			if got := f.NextStep.Sheet["not_worth_renewing"]; got != "FOC1111A0AA" {
				t.Errorf("not worth renewing: %q", got)
			}
			return
		}
	}
	t.Error("nothing expires")
}

// An answer that covers its serial never takes coverage away, and one of any
// kind changes nothing for the other serials.
func TestLookupsProperty(t *testing.T) {
	good := map[Coverage]bool{Covered: true, Expiring: true}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := Reconcile(w.Facts)
		serial := rapid.SampledFrom(someSerials).Draw(t, "asked")
		number := rapid.SampledFrom([]string{"", "1", "2", "9"}).Draw(t, "answered contract")
		w.answered(serial, -rapid.SampledFrom([]int{0, 1, 45, 46, 300}).Draw(t, "answered"), number, rapid.SampledFrom([]int{-300, -1, 0, 20, 1000}).Draw(t, "answered end"))
		after := Reconcile(w.Facts)
		was := map[string]Unit{}
		for _, u := range before.Units {
			was[u.Serial+"/"+u.PID+"/"+u.Address+"/"+u.Slot] = u
		}
		for _, u := range after.Units {
			b := was[u.Serial+"/"+u.PID+"/"+u.Address+"/"+u.Slot]
			if inventory.CleanSerial(u.Serial) != inventory.CleanSerial(serial) {
				// Its predecessor's line may be the one, and too old to say more.
				byOld := u.Reason == ContractDataStale && u.Contract == number && b.Contract == ""
				if b.Coverage == RMAPending || u.Coverage == RMAPending || b.Reason == ContractDataStale || byOld {
					continue
				}
				if diff := cmp.Diff(b, u); diff != "" {
					t.Errorf("an answer for %s changes %s (-before +after):\n%s", serial, u.Serial, diff)
				}
				continue
			}
			if good[b.Coverage] && !good[u.Coverage] {
				t.Errorf("%s was %s, and is %s %s with an answer", u.Serial, b.Coverage, u.Coverage, u.Reason)
			}
		}
	})
}
