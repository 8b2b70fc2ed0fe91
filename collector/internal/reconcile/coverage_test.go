package reconcile

import (
	"strings"
	"testing"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// The coverage of units, one story per rule and edge.
func TestCoverage(t *testing.T) {
	const sw = "Main/sw1"
	tellAll(t, []story{
		{"covered", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"line ends after the last window", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 91)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"line ends in 90 days", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 90)
		}, []string{"FOC1111A0AA: expiring"}, []string{"coverage_expiring/1/90"}},
		{"line ends today", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 0)
		}, []string{"FOC1111A0AA: expiring"}, []string{"coverage_expiring/1/30"}},
		{"line ended yesterday", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, -1)
		}, []string{"FOC1111A0AA: expired"}, []string{"coverage_expired/1"}},
		{"line begins today", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", 0, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"line begins tomorrow", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", 1, 1000)
		}, []string{"FOC1111A0AA: future"}, nil},
		{"two lines, one over", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, -100)
			w.line("2", "C9300-48P FOC1111A0AA", -99, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"two active lines, the one that ends last counts", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, 10)
			w.line("2", "C9300-48P FOC1111A0AA", -99, 1000)
		}, []string{"FOC1111A0AA: covered"}, []string{"duplicate_line/FOC1111A0AA"}},
		{"over, and a renewal that has not begun", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, -10)
			w.line("1", "C9300-48P FOC1111A0AA", 10, 1000)
		}, []string{"FOC1111A0AA: expired"}, []string{"coverage_expired/1"}},
		{"the contract ends later than the line", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, -10).ContractEnd = date(1000)
		}, []string{"FOC1111A0AA: expired"}, []string{"coverage_expired/1"}},
		{"the contract ended earlier than the line", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, 1000).ContractEnd = date(-10)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"what the status says decides nothing", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, -10).Status = "ACTIVE"
		}, []string{"FOC1111A0AA: expired"}, []string{"coverage_expired/1"}},
		{"warranty is no coverage", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, -10).WarrantyEnd = date(1000)
		}, []string{"FOC1111A0AA: expired"}, []string{"coverage_expired/1"}},
		{"the line does not say when it ends", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, 0).End = ""
		}, []string{"FOC1111A0AA: unverified no_contract_data"}, []string{"contract_data_stale/1/no_end"}},
		{"the line does not say when it begins", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", 0, 1000).Begin = ""
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"uncovered", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC2222A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
	})
}

// How a unit and a line find each other.
func TestMatching(t *testing.T) {
	const sw = "Main/sw1"
	tellAll(t, []story{
		{"PID with = on the line", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P= FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"PID with = in the device", func(w *world) {
			w.poll(0, sw, "C9300-48P= FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"remanufactured", func(w *world) {
			w.poll(0, sw, "WS-C3850-48P-S FOC1111A0AA")
			w.line("1", "WS-C3850-48P-S-RF FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"the line names the unit's second serial", func(w *world) {
			w.poll(0, sw, "ASR-9901 FOC1111A0AA also FOC1111A0B9")
			w.line("1", "ASR-9901 FOC1111A0B9", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"the second serial of another product", func(w *world) {
			w.poll(0, sw, "ASR-9901 FOC1111A0AA also FOC1111A0B9")
			w.line("1", "C9300-48P FOC1111A0B9", -100, 1000)
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"the second serial of one is the first of another", func(w *world) {
			w.poll(0, sw, "ASR-9901 FOC1111A0AA also FOC1111A0B9")
			w.poll(0, "Main/sw2", "ASR-9901 FOC1111A0B9")
			w.line("1", "ASR-9901 FOC1111A0B9", -100, 1000)
		}, []string{"FOC1111A0AA: uncovered", "FOC1111A0B9: covered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"two units tell one second serial", func(w *world) {
			w.poll(0, sw, "ASR-9901 FOC1111A0AA also FOC1111A0B9")
			w.poll(0, "Main/sw2", "ASR-9901 FOC1111A0CC also FOC1111A0B9")
			w.line("1", "ASR-9901 FOC1111A0B9", -100, 1000)
		}, []string{"FOC1111A0AA: uncovered", "FOC1111A0CC: uncovered"}, []string{"uncovered_unit/FOC1111A0AA", "uncovered_unit/FOC1111A0CC"}},
		{"one unit tells its second serial at two addresses", func(w *world) {
			w.poll(0, sw, "ASR-9901 FOC1111A0AA also FOC1111A0B9")
			w.poll(0, "Main/sw22", "ASR-9901 FOC1111A0AA also FOC1111A0B9")
			w.line("1", "ASR-9901 FOC1111A0B9", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, []string{"duplicate_serial/FOC1111A0AA"}},
		{"three units tell one second serial", func(w *world) {
			for i, serial := range []string{"FOC1111A0AA", "FOC1111A0CC", "FOC1111A0CC"} {
				w.poll(0, sw+strings.Repeat("1", i), "ASR-9901 "+serial+" also FOC1111A0B9")
			}
			w.line("1", "ASR-9901 FOC1111A0B9", -100, 1000)
		}, []string{"FOC1111A0AA: uncovered", "FOC1111A0CC: uncovered"}, []string{"duplicate_serial/FOC1111A0CC", "uncovered_unit/FOC1111A0AA", "uncovered_unit/FOC1111A0CC"}},
		{"a unit that went told the second serial of another", func(w *world) {
			w.poll(-20, sw, "ASR-9901 FOC1111A0AA @1", "ASR-9901 FOC1111A0CC @2 also FOC1111A0B9")
			w.poll(0, sw, "ASR-9901 FOC1111A0AA @1 also FOC1111A0B9")
			w.line("1", "ASR-9901 FOC1111A0B9", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"a part tells the second serial of its unit", func(w *world) {
			w.poll(0, sw, "ASR-9901 FOC1111A0AA also FOC1111A0B9", "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA also FOC1111A0B9")
			w.line("1", "ASR-9901 FOC1111A0B9", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"a placeholder for a second serial, and a line that has one too", func(w *world) {
			w.poll(0, sw, "ASR-9901 FOC1111A0AA also N/A")
			w.line("1", "ASR-9901 N/A", -100, 1000)
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"a unit without a serial tells a second one", func(w *world) {
			w.poll(0, sw, "ASR-9901 N/A also FOC1111A0B9")
			w.line("1", "ASR-9901 FOC1111A0B9", -100, 20)
		}, []string{"N/A: unknown_serial"}, []string{"suspect_serial/" + sw + "/chassis"}},
		{"the file lost the zeros before the serial", func(w *world) {
			w.poll(0, sw, "WS-C2950-24 00123456789")
			w.line("1", "WS-C2950-24 123456789", -100, 1000)
		}, []string{"00123456789: covered"}, nil},
		{"the digits without zeros, of another product", func(w *world) {
			w.poll(0, sw, "WS-C2950-24 00123456789")
			w.line("1", "ASA5505 123456789", -100, 1000)
		}, []string{"00123456789: uncovered"}, []string{"uncovered_unit/00123456789"}},
		{"the digits without zeros, of one that is there itself", func(w *world) {
			w.poll(0, sw, "WS-C2950-24 00123456789")
			w.poll(0, "Main/sw22", "WS-C2950-24 123456789")
			w.line("1", "WS-C2950-24 123456789", -100, 1000)
		}, []string{"00123456789: uncovered", "123456789: covered"}, []string{"uncovered_unit/00123456789"}},
		{"the digits without zeros, of two", func(w *world) {
			w.poll(0, sw, "WS-C2950-24 00123456789")
			w.poll(0, "Main/sw22", "WS-C2950-24 0123456789")
			w.line("1", "WS-C2950-24 123456789", -100, 1000)
		}, []string{"00123456789: uncovered", "0123456789: uncovered"}, []string{"uncovered_unit/00123456789", "uncovered_unit/0123456789"}},
		{"the digits without zeros, of a line without a product", func(w *world) {
			w.poll(0, sw, "WS-C2950-24 00123456789")
			w.line("1", " 123456789", -100, 1000)
		}, []string{"00123456789: uncovered"}, []string{"uncovered_unit/00123456789"}},
		{"the digits without zeros, of a device that does not say its product", func(w *world) {
			w.poll(0, sw, "- 00123456789")
			w.line("1", "WS-C2950-24 123456789", -100, 1000)
		}, []string{"00123456789: uncovered"}, []string{"uncovered_unit/00123456789"}},
		{"a serial of letters without its zeros", func(w *world) {
			w.poll(0, sw, "WS-C2950-24 00FOC1111A0")
			w.line("1", "WS-C2950-24 FOC1111A0", -100, 1000)
		}, []string{"00FOC1111A0: uncovered"}, []string{"uncovered_unit/00FOC1111A0"}},
		{"a line of another product runs, its own begins tomorrow", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-24P FOC1111A0AA", -100, 1000)
			w.line("2", "C9300-48P FOC1111A0AA", 1, 1000)
		}, []string{"FOC1111A0AA: covered"}, []string{"pid_mismatch/FOC1111A0AA"}},
		{"its own line begins tomorrow, one of another product runs", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", 1, 1000)
			w.line("2", "C9300-24P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, []string{"pid_mismatch/FOC1111A0AA"}},
		{"licence level on the line", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P-E FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"bundle on the line", func(w *world) {
			w.poll(0, sw, "ISR4331/K9 FDO1111A0AA")
			w.poll(0, "Main/fw1", "ASA5516 JMX1111A0AA")
			w.poll(0, "Main/fw22", "FPR-1120 JAD1111A0AA")
			w.line("1", "ISR4331-SEC/K9 FDO1111A0AA", -100, 1000)
			w.line("1", "ASA5516-FPWR-K9 JMX1111A0AA", -100, 1000)
			w.line("1", "FPR1120-NGFW-K9 JAD1111A0AA", -100, 1000)
		}, []string{"FDO1111A0AA: covered", "JAD1111A0AA: covered", "JMX1111A0AA: covered"}, nil},
		{"another product under the serial", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-24P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, []string{"pid_mismatch/FOC1111A0AA"}},
		{"two products under the serial, the right one is over", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-24P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0AA", -100, -10)
		}, []string{"FOC1111A0AA: covered"}, []string{"pid_mismatch/FOC1111A0AA"}},
		{"the device does not say its product", func(w *world) {
			w.poll(0, sw, "- FOC1111A0AA")
			w.line("1", "C9300-24P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"the line does not say its product", func(w *world) {
			w.poll(0, sw, "C9300-24P FOC1111A0AA")
			w.line("1", " FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"lower case and blanks in the file", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "c9300-48p  foc1111a0aa ", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"lower case and blanks in the device", func(w *world) {
			w.poll(0, sw, "C9300-48P x")
			w.Sightings[0].Component.Serial = "\"foc1111a0aa    \""
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"licence rows stand for no unit", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "L-C9300-DNA-E FOC1111A0AA", -100, 1000)
			w.line("1", "UCM-11 FOC1111A0AA", -100, 1000).ProductType = "SOFTWARE"
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"quantity rows stand for no unit", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P ", -100, 1000).Quantity = 10
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"parts are no gaps", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA", "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"a part with a line of its own is seen", func(w *world) {
			w.poll(-30, sw, "C9300-48P FOC1111A0AA", "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC1111A0AA", "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "PWR-C1-715WAC DCA1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"a part with a line of its own, which ended soon after it went", func(w *world) {
			w.poll(-30, sw, "C9300-48P FOC1111A0AA", "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "PWR-C1-715WAC DCA1111A0AA", -100, 20)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"a cable with a line of its own, which ends soon", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA", "SFP-H10GB-CU1M TED1111A0AA in FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "SFP-H10GB-CU1M TED1111A0AA", -100, 20)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"cable on two switches", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA", "SFP-H10GB-CU1M TED1111A0AA in FOC1111A0AA")
			w.poll(0, "Main/sw22", "C9300-48P FOC1111A0BB", "SFP-H10GB-CU1M TED1111A0AA in FOC1111A0BB", "STACK-T1-50CM MOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0BB: covered"}, nil},
		{"the same line in two files", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			l := *w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			l.Row = 99
			w.Lines = append(w.Lines, l)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"one serial at two chassis", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, "Main/sw22", "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, []string{"duplicate_serial/FOC1111A0AA"}},
		{"one serial of two products", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, "Main/rt1", "ISR4331/K9 FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "ISR4331/K9 FOC1111A0AA", -100, -10)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0AA: covered"}, []string{"pid_mismatch/FOC1111A0AA"}},
		{"one serial of two products, and of one that is not said", func(w *world) {
			w.poll(0, "Main/ap1", "- FOC1111A0AA")
			w.poll(0, sw+"1", "C9300-48P FOC1111A0AA")
			w.poll(0, "Main/rt1", "ISR4331/K9 FOC1111A0AA")
			w.poll(0, "Main/zz1", "- FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "ISR4331/K9 FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0AA: covered"}, []string{"duplicate_line/FOC1111A0AA", "duplicate_line/FOC1111A0AA/C9300-48P", "duplicate_serial/FOC1111A0AA"}},
		{"two lines run, that of another product for longer", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-24P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 500)
		}, []string{"FOC1111A0AA: covered"}, []string{"duplicate_line/FOC1111A0AA"}},
		{"the transports word the product differently", func(w *world) {
			w.partial(-1, sw, "WS-C3850-48P FOC1111A0AA")
			w.partial(0, sw, "WS-C3850-48P-S FOC1111A0AA")
			w.line("1", "WS-C3850-48P-S FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, []string{"poll_incomplete/" + sw}},
	})
}

// What is never called uncovered.
func TestExcuses(t *testing.T) {
	const sw = "Main/sw1"
	other := func(w *world) { w.line("1", "C9300-48P FOC9999A0AA", -100, 1000) }
	tellAll(t, []story{
		{"virtual", func(w *world) {
			w.poll(0, sw, "C8000V 9QTLM2ZC0WB")
			other(w)
		}, []string{"9QTLM2ZC0WB: ineligible virtual"}, nil},
		{"virtual, before any contract is imported", func(w *world) {
			w.poll(0, sw, "CSR1000V 9QTLM2ZC0WB")
		}, []string{"9QTLM2ZC0WB: ineligible virtual"}, []string{"contract_data_stale/none"}},
		{"virtual, and on a line", func(w *world) {
			w.poll(0, sw, "C8000V 9QTLM2ZC0WB")
			w.line("1", "C8000V 9QTLM2ZC0WB", -100, 1000)
		}, []string{"9QTLM2ZC0WB: covered"}, nil},
		{"Linksys by its platform", func(w *world) {
			w.poll(0, sw, "SRW2024 14K10C68A01234")
			w.Nodes[0].Platform = inventory.PlatformLinksys
			other(w)
		}, []string{"14K10C68A01234: ineligible linksys"}, nil},
		{"Linksys by its product", func(w *world) {
			w.poll(0, sw, "LGS318P 14K10C68A01234")
			other(w)
		}, []string{"14K10C68A01234: ineligible linksys"}, nil},
		{"past support, by a line of the same product", func(w *world) {
			w.poll(0, sw, "WS-C2960S-24TS-L FOC1111A0AA")
			w.line("1", "WS-C2960S-24TS-L FOC9999A0AA", -1000, -100).LastSupport = date(-200)
		}, []string{"FOC1111A0AA: ineligible past_support"}, nil},
		{"still supported", func(w *world) {
			w.poll(0, sw, "WS-C2960S-24TS-L FOC1111A0AA")
			w.line("1", "WS-C2960S-24TS-L FOC9999A0AA", -1000, -100).LastSupport = date(0)
		}, []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"placeholder for a serial", func(w *world) {
			w.poll(0, sw, "C9300-48P N/A")
			other(w)
		}, []string{"N/A: unknown_serial"}, []string{"suspect_serial/" + sw + "/chassis"}},
		{"two placeholders", func(w *world) {
			w.poll(0, sw, "C9300-48P XXXX @1", "C9300-48P XXXX @2")
			other(w)
		}, []string{"XXXX: unknown_serial", "XXXX: unknown_serial"}, []string{"suspect_serial/" + sw + "/1", "suspect_serial/" + sw + "/2"}},
		{"modem's identity for a serial", func(w *world) {
			w.poll(0, sw, "C1111-8PLTEEA 356142080012345")
			other(w)
		}, []string{"356142080012345: unknown_serial"}, []string{"suspect_serial/356142080012345"}},
		{"odd serial in half an answer", func(w *world) {
			w.partial(0, sw, "C9300-48P N/A")
			other(w)
		}, []string{"N/A: unverified poll_incomplete"}, []string{"poll_incomplete/" + sw, "suspect_serial/" + sw + "/chassis"}},
		{"odd serial, and on a line", func(w *world) {
			w.poll(0, sw, "C9300-48P ABC")
			w.line("1", "C9300-48P ABC", -100, 1000)
		}, []string{"ABC: covered"}, []string{"suspect_serial/ABC"}},
		{"donated, contract on its way", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			other(w)
			w.Orders = []contract.Order{{OrderNumber: "TS-1", Serial: "FOC1111A0AA", ProductID: "C9300-48P", Quantity: 1, CompletedOn: date(-21)}}
		}, []string{"FOC1111A0AA: activation_pending"}, nil},
		{"donated, contract overdue", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			other(w)
			w.Orders = []contract.Order{{OrderNumber: "TS-1", Serial: "FOC1111A0AA", ProductID: "C9300-48P", Quantity: 1, CompletedOn: date(-22)}}
		}, []string{"FOC1111A0AA: uncovered"}, []string{"activation_overdue/TS-1", "uncovered_unit/FOC1111A0AA"}},
		{"donated, not complete yet", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			other(w)
			w.Orders = []contract.Order{{OrderNumber: "TS-1", Serial: "FOC1111A0AA", ProductID: "C9300-48P", Quantity: 1, OrderedOn: date(-60)}}
		}, []string{"FOC1111A0AA: activation_pending"}, nil},
		{"donated by the number, the newest units are meant", func(w *world) {
			w.poll(-50, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			other(w)
			w.Orders = []contract.Order{{OrderNumber: "TS-1", ProductID: "C9300-48P", Quantity: 1, OrderedOn: date(-60), CompletedOn: date(-1)}}
		}, []string{"FOC1111A0AA: uncovered", "FOC1111A0BB: activation_pending"}, []string{"uncovered_unit/FOC1111A0AA"}},
		{"donated, and on the contract by now", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -5, 1000)
			w.Orders = []contract.Order{{OrderNumber: "TS-1", ProductID: "C9300-48P", Quantity: 1, OrderedOn: date(-60), CompletedOn: date(-40)}}
		}, []string{"FOC1111A0AA: covered"}, nil},
	})
}

// Not known is not the same as not covered.
func TestUnverified(t *testing.T) {
	const sw = "Main/sw1"
	tellAll(t, []story{
		{"no contract data", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
		}, []string{"FOC1111A0AA: unverified no_contract_data"}, []string{"contract_data_stale/none"}},
		{"no contract data, and nothing seen", func(*world) {}, nil, nil},
		{"contract data of 45 days", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.imported("1", -45)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0BB: uncovered"}, []string{"uncovered_unit/FOC1111A0BB"}},
		{"contract data of 46 days", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2", "C9300-48P FOC1111A0CC @3")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0CC", -100, -1)
			w.imported("1", -46)
		}, []string{
			"FOC1111A0AA: unverified contract_data_stale", "FOC1111A0BB: unverified contract_data_stale", "FOC1111A0CC: unverified contract_data_stale",
		}, []string{"contract_data_stale/1"}},
		{"one contract stale, one fresh", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2", "C9300-48P FOC1111A0CC @3", "C9300-48P FOC1111A0DD @4")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0BB", -100, -5)
			w.line("2", "C9300-48P FOC1111A0CC", -100, 1000)
			w.imported("1", -100)
			w.imported("2", 0)
		}, []string{
			"FOC1111A0AA: unverified contract_data_stale", // on the stale one
			"FOC1111A0BB: unverified contract_data_stale", // may have been renewed
			"FOC1111A0CC: covered",                        // on the fresh one
			"FOC1111A0DD: unverified contract_data_stale", // may be on the stale one by now
		}, []string{"contract_data_stale/1"}},
		{"active on both a stale and a fresh contract", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("2", "C9300-48P FOC1111A0AA", -100, 20)
			w.imported("1", -100)
			w.imported("2", 0)
		}, []string{"FOC1111A0AA: covered"}, []string{"contract_data_stale/1", "duplicate_line/FOC1111A0AA"}},
		{"lines of a contract whose import is not known", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.imported("2", 0)
			w.Imports = w.Imports[1:]
		}, []string{"FOC1111A0AA: unverified contract_data_stale"}, nil},
		{"incomplete poll", func(w *world) {
			w.partial(0, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2", "C9300-48P FOC1111A0CC @3")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0CC", -100, -1)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0BB: unverified poll_incomplete", "FOC1111A0CC: expired"}, []string{"coverage_expired/1", "poll_incomplete/" + sw}},
		{"incomplete poll without one member", func(w *world) {
			w.poll(-1, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			w.partial(0, sw, "C9300-48P FOC1111A0AA @1")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0BB: covered"}, []string{"poll_incomplete/" + sw}},
		{"no answer", func(w *world) {
			w.poll(-1, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			w.silence(0, sw)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0BB: unverified poll_incomplete"}, []string{"node_unreachable/" + sw}},
		{"login refused", func(w *world) {
			w.poll(-1, sw, "C9300-48P FOC1111A0BB")
			w.silence(0, sw)
			w.problem(sw, inventory.ProblemCredentialRefused, "the device refused the password.")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0BB: unverified poll_incomplete"}, []string{"credential_refused/" + sw}},
		{"silent agent", func(w *world) {
			w.poll(-4, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0BB: unverified poll_incomplete"}, []string{"agent_silent/agent-Main"}},
		{"agent late, but not too late", func(w *world) {
			w.poll(-2, sw, "C9300-48P FOC1111A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0BB: uncovered"}, []string{"uncovered_unit/FOC1111A0BB"}},
		{"agent reports, but not on this node", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0BB")
			w.agent("Main", 0)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0BB: unverified poll_incomplete"}, []string{"node_unreachable/" + sw}},
		{"its row was refused", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.Refused = []contract.Refusal{{File: "1.csv", Row: 9, Column: "End Date", Value: "soon", Serial: "FOC1111A0AA"}}
		}, []string{"FOC1111A0AA: unverified no_contract_data", "FOC1111A0BB: uncovered"}, []string{"contract_data_stale/refused", "uncovered_unit/FOC1111A0BB"}},
		{"its row may be the one that lost its digits", func(w *world) {
			w.poll(0, sw, "WS-C2950-24 12345678901 @1", "C9300-48P FOC1111A0BB @2")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.Refused = []contract.Refusal{{File: "1.csv", Row: 9, Column: "Serial Number", Value: "1.23457E+10"}}
		}, []string{"12345678901: unverified no_contract_data", "FOC1111A0BB: uncovered"}, []string{"contract_data_stale/refused", "uncovered_unit/FOC1111A0BB"}},
		{
			"its row has two serials in a cell", func(w *world) {
				w.poll(0, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2", "C9300-48P FOC1111A0CC @3")
				w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
				w.Refused = []contract.Refusal{{File: "1.csv", Row: 9, Column: "Serial Number", Value: "foc1111a0aa, FOC1111A0BB"}}
			},
			[]string{"FOC1111A0AA: unverified no_contract_data", "FOC1111A0BB: unverified no_contract_data", "FOC1111A0CC: uncovered"},
			[]string{"contract_data_stale/refused", "uncovered_unit/FOC1111A0CC"},
		},
	})
}
