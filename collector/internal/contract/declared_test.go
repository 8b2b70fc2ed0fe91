package contract

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadDeclared(t *testing.T) {
	got, refused, err := ReadDeclared("declared.csv", strings.NewReader(
		"Serial Number;Product ID;Declared as;By;On;Why;Obtained\n"+
			" foc2211a0aa ;C9300-48P;Elsewhere;the admin;2026-10-01;bought, used;2020-01-31\n"+
			"FOC2211A0BB;;not ours;;;;\n"+
			"FOC2211A0CC;;lost;;;;\n"+
			";;elsewhere;;;;\n"+
			"FOC2211A0DD;;elsewhere;;soon;;\n"), Options{}, "elsewhere", "not_ours")
	if err != nil {
		t.Fatal(err)
	}
	want := []Declared{
		{Serial: "FOC2211A0AA", PID: "C9300-48P", As: "elsewhere", Author: "the admin", Date: "2026-10-01", Reason: "bought, used", Obtained: "2020-01-31", Row: 2},
		{Serial: "FOC2211A0BB", As: "not_ours", Row: 3},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("declarations (-want +got):\n%s", diff)
	}
	var columns []string
	for _, r := range refused {
		columns = append(columns, r.Column)
	}
	if diff := cmp.Diff([]string{"Declared as", "Serial Number", "On"}, columns); diff != "" {
		t.Errorf("refused (-want +got):\n%s%v", diff, refused)
	}
}

func FuzzReadDeclared(f *testing.F) {
	f.Add([]byte("serial,declared_as\nFOC2211A0AA,elsewhere\n,spare\n"))
	f.Add([]byte("Serial;Declared as;Date\nFOC2211A0AA;Not Ours;01/31/2026\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		kinds := []string{"elsewhere", "not_ours"}
		all, _, err := ReadDeclared("fuzz.csv", strings.NewReader(string(raw)), Options{}, kinds...)
		if err != nil {
			return
		}
		for _, d := range all {
			if d.Serial == "" || !slices.Contains(kinds, d.As) {
				t.Errorf("read as a declaration: %+v", d)
			}
		}
	})
}
