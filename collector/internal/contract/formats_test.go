package contract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the APIs say that is no list of lines.
func TestAnswers(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{
			"error in the place of an answer", `{"ErrorResponse":{"APIError":[{"ErrorCode":"API_NOTAUTHORIZED","ErrorDescription":"Not yours"}]}}`,
			"cannot use x.json: it is an error of the API, not an answer: API_NOTAUTHORIZED: Not yours",
		},
		{"cut off", `{"serial_numbers":[{"sr_no":"FOC1"}`, "cannot read x.json: it is no whole JSON: unexpected EOF"},
		{"two pages, the second cut off", `{"serial_numbers":[{"sr_no":"FOC1"}]}{"serial`, "it is no whole JSON"},
		{"another list", `[{"name":"x"}]`, `found the keys ["name"]`},
		{"contracts without serial numbers", `{"data":[{"contractNumber":1,"contractStatus":"ACTIVE","contractStartDate":"x","contractEndDate":"y","siteUseName":"z","baseProductId":"p"}]}`, "(contract-details) without the serial numbers"},
		{"equipment", `{"data":[{"neInstanceId":1,"managedNeInstanceId":1,"hwInstanceId":1,"serialNumber":"FOC1","serialNumberStatus":"x","hwRevision":"1"}]}`, "(inventory/hardware), not what a contract covers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Read("x.json", strings.NewReader(tt.file), Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want %s", f, err, tt.want)
			}
		})
	}
}

// A mapping of the user's own.
func TestMapping(t *testing.T) {
	const text = "Gerät Nr.,Kontrakt,Slut,Serial Number\nFOC1234,204100001,2029-01-30,FOC9999\n"
	tests := []struct {
		name    string
		mapping map[string]string
		want    []Line
		err     string
	}{
		{"none", nil, []Line{{Serial: "FOC9999", Row: 2, Extra: map[string]string{"Gerät Nr.": "FOC1234", "Kontrakt": "204100001", "Slut": "2029-01-30"}}}, ""},
		{
			"before what is known",
			map[string]string{"gerät nr": "serial", "KONTRAKT": "contract", "Slut": "end"},
			[]Line{{Serial: "FOC1234", Contract: "204100001", End: "2029-01-30", Row: 2}},
			"",
		},
		{"no such field", map[string]string{"Slut": "finish"}, nil, `cannot use the mapping for x.csv: header "Slut": there is no field "finish"; fields are serial, `},
		{"no such header", map[string]string{"Ablauf": "end"}, nil, `the mapping names the header "Ablauf", which the file does not have: its headers are ["Gerät Nr." "Kontrakt" "Slut" "Serial Number"]`},
		{"one header twice", map[string]string{"Slut": "end", "slut:": "begin"}, nil, `the headers "Slut" and "slut:" are the same`},
		{"no header", map[string]string{"-": "end"}, nil, `its header "-" has no letter or digit`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Read("x.csv", strings.NewReader(text), Options{Mapping: tt.mapping})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, f.Lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

// Each kind of file is told by its own marks, and no other kind has as many.
func TestFormats(t *testing.T) {
	for _, f := range formats() {
		t.Run(f.name, func(t *testing.T) {
			if got := layOut(f.marks, foldNames(contractColumns())).format(); got.name != f.name {
				t.Errorf("got %s", got.name)
			}
		})
	}
	if got := layOut([]string{"Serial", "Ends"}, foldNames(contractColumns())).format(); got.name != otherTable {
		t.Errorf("a table of one's own: %s", got.name)
	}
}
