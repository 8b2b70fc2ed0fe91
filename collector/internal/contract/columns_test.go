package contract

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// No synonym stands for two fields.
func TestSynonyms(t *testing.T) {
	for _, table := range [][]fieldNames{contractColumns(), rmaColumns(), orderColumns()} {
		of := map[string]string{}
		for _, f := range table {
			for _, n := range f.names {
				if other, taken := of[fold(n)]; taken && other != f.field {
					t.Errorf("%q is %s and %s", n, other, f.field)
				}
				of[fold(n)] = f.field
			}
		}
	}
}

// What the rows of a file say does not depend on the order of its columns.
func TestColumnOrder(t *testing.T) {
	a := mustRead(t, "Serial Number,Contract Number,End Date\nFOC1234,204100001,2029-01-30\n", Options{})
	b := mustRead(t, "END_DATE,contractNumber,sr_no\n2029-01-30,204100001,FOC1234\n", Options{})
	if !slices.EqualFunc(a.Lines, b.Lines, func(x, y Line) bool { return cmp.Equal(x, y) }) {
		t.Errorf("%+v and %+v", a.Lines, b.Lines)
	}
}

// What people and programs put around a table: titles above it, totals below it,
// and headers in another language.
func TestAroundTheTable(t *testing.T) {
	f := mustRead(t, "Report for Riverside Food Bank,,\nPrinted on 2026-06-01,,\n,,\nSerial Number,Contract Number,End Date,,\nFOC1234,204100001,2029-01-30,,\n,,\nTotal,1,\nGrand total: 1 line,,\n", Options{})
	if got := f.Contracts(); len(f.Lines) != 1 || !slices.Equal(got, []string{"204100001"}) {
		t.Errorf("%d lines of contracts %q", len(f.Lines), got)
	}
	if len(f.Refused) != 2 || f.Refused[0].Row != 7 || !strings.Contains(f.Refused[0].Reason, "a row of totals may be left out") {
		t.Errorf("refused %v", f.Refused)
	}
	_, err := Read("vertrag.csv", strings.NewReader("Apparat;Kontrakt;Slut\nFOC1234;204100001;31.01.2029\n"), Options{})
	if err == nil || !strings.Contains(err.Error(), `found ["Apparat" "Kontrakt" "Slut"]: download the file again with English headers`) {
		t.Errorf("got %v", err)
	}
	f, err = Read("vertrag.csv", strings.NewReader("Apparat;Kontrakt;Slut\nFOC1234;204100001;31.01.2029\n"),
		Options{Mapping: map[string]string{"Apparat": "serial", "Kontrakt": "contract", "Slut": "end"}})
	if err != nil || len(f.Lines) != 1 || f.Lines[0].End != "2029-01-31" {
		t.Errorf("%+v, %v", f.Lines, err)
	}
}

// Headers in the languages that Cisco's portals have, and the products of
// services beside those of the equipment.
func TestOtherHeaders(t *testing.T) {
	want := []Line{{Contract: "204100001", Serial: "FOC1234", PID: "C9300-48P", Begin: "2024-02-01", End: "2029-01-31", Row: 2}}
	for name, text := range map[string]string{
		"German":                     "Seriennummer;Vertragsnummer;Produktnummer;Startdatum;Enddatum\nFOC1234;204100001;C9300-48P;01.02.2024;31.01.2029\n",
		"French":                     "Num\u00e9ro de s\u00e9rie;Num\u00e9ro de contrat;R\u00e9f\u00e9rence produit;Date de d\u00e9but;Date de fin\nFOC1234;204100001;C9300-48P;01/02/2024;31/01/2029\n",
		"Spanish":                    "N\u00famero de serie,N\u00famero de contrato,N\u00famero de producto,Fecha de inicio,Fecha de finalizaci\u00f3n\nFOC1234,204100001,C9300-48P,2024-02-01,2029-01-31\n",
		"Japanese":                   "\u30b7\u30ea\u30a2\u30eb\u756a\u53f7,\u5951\u7d04\u756a\u53f7,\u88fd\u54c1\u756a\u53f7,\u958b\u59cb\u65e5,\u7d42\u4e86\u65e5\nFOC1234,204100001,C9300-48P,2024/02/01,2029/01/31\n",
		"a column of services first": "Serial Number,Contract Number,Product Number,Product ID,Begin Date,End Date\nFOC1234,204100001,CON-SNT-C93004PE,C9300-48P,2024-02-01,2029-01-31\n",
	} {
		t.Run(name, func(t *testing.T) {
			lines := mustRead(t, text, Options{}).Lines
			for i := range lines {
				lines[i].ServiceLevel = ""
			}
			if diff := cmp.Diff(want, lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}
