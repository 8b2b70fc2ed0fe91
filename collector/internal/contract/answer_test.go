package contract

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What SN2Info says of each serial number, by one or several of its answers.
func TestLookups(t *testing.T) {
	const covered = `{"serial_numbers":[{"sr_no":"FOC1111A0AA","is_covered":"YES","base_pid_list":[{"base_pid":"C9300-48P"}],
		"covered_product_line_end_date":"2029-11-22","service_contract_number":"204517788","service_line_descr":"SNT",
		"contract_site_customer_name":"RIVERSIDE","contract_site_country":"US"}]}`
	tests := []struct{ name, answers, want string }{
		{"covered", covered, "FOC1111A0AA known: 204517788 C9300-48P until 2029-11-22"},
		{"the product as an object", strings.ReplaceAll(covered, `[{"base_pid":"C9300-48P"}]`, `{"base_pid":"C9300-48P"}`), "FOC1111A0AA known: 204517788 C9300-48P until 2029-11-22"},
		{
			"known, and under no contract",
			`{"serial_numbers":[{"sr_no":"FOC1111A0AA","is_covered":"NO","base_pid_list":[{"base_pid":"C9300-48P"}],"covered_product_line_end_date":"","service_contract_number":"","service_line_descr":"","contract_site_customer_name":""}]}`,
			"FOC1111A0AA known denied:",
		},
		{
			"not known to Cisco",
			`{"serial_numbers":[{"sr_no":"FOC1111A0AA","is_covered":"NO","base_pid_list":[{"base_pid":""}],"covered_product_line_end_date":"","service_contract_number":"","service_line_descr":"","contract_site_customer_name":""}]}`,
			"FOC1111A0AA:",
		},
		{"status alone does not say which", `{"serial_numbers":[{"sr_no":"FOC1111A0AA","is_covered":"NO","coverage_end_date":""}]}`, "FOC1111A0AA:"},
		{"ended", `{"serial_numbers":[{"sr_no":"FOC1111A0AA","is_covered":"NO","coverage_end_date":"2025-01-01"}]}`, "FOC1111A0AA:   until 2025-01-01"},
		{"not covered, and until later", `{"serial_numbers":[{"sr_no":"FOC1111A0AA","is_covered":"NO","coverage_end_date":"2029-01-01"}]}`, "FOC1111A0AA:"},
		{
			"covered, without saying by what",
			`{"serial_numbers":[{"sr_no":"FOC1111A0AA","is_covered":"YES","base_pid_list":[{"base_pid":"C9300-48P"}],"covered_product_line_end_date":"","service_contract_number":"","service_line_descr":"","contract_site_customer_name":""}]}`,
			"FOC1111A0AA:",
		},
		{
			"owner and summary together",
			`{"serial_numbers":[{"sr_no":"FOC1111A0AA","sr_no_owner":"no","is_covered":"YES","coverage_end_date":"2029-11-22"}]}` + covered,
			"FOC1111A0AA known owner NO: 204517788 C9300-48P until 2029-11-22",
		},
		{
			"two products of one serial",
			covered + strings.ReplaceAll(covered, "C9300-48P", "ISR4331/K9"),
			"FOC1111A0AA known: 204517788 C9300-48P until 2029-11-22, 204517788 ISR4331/K9 until 2029-11-22",
		},
	}
	at := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Read("answer.json", strings.NewReader(tt.answers), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !f.Partial || len(f.Refused) > 0 {
				t.Fatalf("partial %v, refused %v", f.Partial, f.Refused)
			}
			if diff := cmp.Diff(tt.want, lookupWords(f.Lookups(at, APISource))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func lookupWords(all []Lookup) string {
	var said []string
	for _, l := range all {
		s := l.Serial
		if l.Known {
			s += " known"
		}
		if l.Denied() {
			s += " denied"
		}
		if l.Owner != "" {
			s += " owner " + l.Owner
		}
		var lines []string
		for _, x := range l.Lines {
			lines = append(lines, fmt.Sprintf(" %s %s until %s", x.Contract, x.PID, x.End))
		}
		said = append(said, s+":"+strings.Join(lines, ","))
	}
	return strings.Join(said, "\n")
}

func TestMergeRMAs(t *testing.T) {
	recorded := []RMA{{RMANumber: "1", OldSerial: "foc1111a0aa", NewSerial: "FOC1111A0BB"}, {RMANumber: "2", OldSerial: "FOC2222A0AA"}}
	given := []RMA{
		{RMANumber: "1", OldSerial: "FOC1111A0AA", NewSerial: "FOC1111A0CC", Source: APISource}, // a person says otherwise
		{RMANumber: "2", OldSerial: "FOC2222A0AA", NewSerial: "FOC2222A0BB", Source: APISource},
	}
	if diff := cmp.Diff([]RMA{recorded[0], recorded[1], given[1]}, MergeRMAs(recorded, given)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
