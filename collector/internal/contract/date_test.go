package contract

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Day and month are never guessed.
func TestDateOrder(t *testing.T) {
	tests := []struct {
		name  string
		order DateOrder
		ends  []string
		want  []Date // "refused" for a row that is
	}{
		{"alone it is refused", OrderUnknown, []string{"02/03/2029"}, []Date{"refused"}},
		{"told month first", MonthFirst, []string{"02/03/2029"}, []Date{"2029-02-03"}},
		{"told day first", DayFirst, []string{"02/03/2029"}, []Date{"2029-03-02"}},
		{"another row tells month first", OrderUnknown, []string{"02/03/2029", "01/31/2029"}, []Date{"2029-02-03", "2029-01-31"}},
		{"another row tells day first", OrderUnknown, []string{"31/01/2029", "02/03/2029"}, []Date{"2029-01-31", "2029-03-02"}},
		{"the file has both", OrderUnknown, []string{"31/01/2029", "02/03/2029", "01/31/2029"}, []Date{"2029-01-31", "refused", "2029-01-31"}},
		{"the same either way", OrderUnknown, []string{"03/03/2029", "02/03/2029"}, []Date{"2029-03-03", "refused"}},
		{"against what was told", MonthFirst, []string{"31/01/2029", "02/03/2029"}, []Date{"refused", "2029-02-03"}},
		{"ISO needs no order", OrderUnknown, []string{"2029-03-02", "02/03/2029"}, []Date{"2029-03-02", "refused"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "Serial Number,Warranty End Date,End Date\n"
			for i, e := range tt.ends {
				text += string(rune('A'+i)) + "BC1234,," + e + "\n"
			}
			f := mustRead(t, text, Options{DateOrder: tt.order})
			got := make([]Date, len(tt.ends))
			for i := range got {
				got[i] = "refused"
			}
			for _, l := range f.Lines {
				got[l.Row-2] = l.End
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ends (-want +got):\n%s%v", diff, f.Refused)
			}
		})
	}
	t.Run("a column that decides nothing is kept as text", func(t *testing.T) {
		f := mustRead(t, "Serial Number,Warranty End Date,End Date\nFOC1234,02/03/2027,2029-01-30\n", Options{})
		if len(f.Lines) != 1 || f.Lines[0].WarrantyEnd != "" || f.Lines[0].Extra["Warranty End Date"] != "02/03/2027" {
			t.Errorf("got %+v, refused %v", f.Lines, f.Refused)
		}
	})
}

func TestReadDate(t *testing.T) {
	tests := []struct {
		in   string
		want Date
		err  bool
	}{
		{"2026-01-31", "2026-01-31", false},
		{"2026/1/31", "2026-01-31", false},
		{"20260131", "2026-01-31", false},
		{"01/31/2026", "2026-01-31", false},
		{"1/31/26", "2026-01-31", false},
		{"31.01.2026", "2026-01-31", false},
		{"31-01-2026", "2026-01-31", false},
		{"31-Jan-2026", "2026-01-31", false},
		{"31-JAN-26", "2026-01-31", false},
		{"31 January 2026", "2026-01-31", false},
		{"1st February 2026", "2026-02-01", false},
		{"Jan 31, 2026", "2026-01-31", false},
		{"September 3, 2026", "2026-09-03", false},
		{"Sept. 3, 2026", "2026-09-03", false},
		{"Jan-31-2026", "2026-01-31", false},
		{"31-Dec-99", "1999-12-31", false},
		{"46053", "2026-01-31", false},
		{"46053.5", "2026-01-31", false},
		{"2026-01-31T23:59:59.000Z", "2026-01-31", false},
		{"2026-01-31 23:59:59 +0000", "2026-01-31", false},
		{"2026-01-31 00:00:00 UTC", "2026-01-31", false},
		{"1/31/2026 12:00:00 AM", "2026-01-31", false},
		{"31-JAN-2026 00:00:00", "2026-01-31", false},
		{"2024-02-29", "2024-02-29", false},
		{"", "", false},
		{"N/A", "", false},
		{"0000-00-00", "", false},
		{"2026-02-29", "", true},
		{"2026-13-01", "", true},
		{"13/13/2026", "", true},
		{"31-Jam-2026", "", true},
		{"1900-01-01", "", true},
		{"12345", "", true},
		{"99999", "", true},
		{"2026", "", true},
		{"31/01-2026", "", true},
		{"soon", "", true},
		{"2026-01-31; 2027-01-31", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := readDate(tt.in, OrderUnknown)
			if got != tt.want || (err != nil) != tt.err {
				t.Errorf("readDate(%q) = %q, %v; want %q, error %v", tt.in, got, err, tt.want, tt.err)
			}
		})
	}
}
