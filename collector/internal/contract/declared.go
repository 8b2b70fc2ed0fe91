package contract

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// A Declared is what a person says of a unit, as a file has it.
type Declared struct {
	Serial   string
	PID      string // "" for whatever product has the serial
	As       string // one of the kinds that the reader was told of
	Author   string
	Date     Date // when it was said
	Reason   string
	Obtained Date // when the organization got the unit
	Row      int
}

func declaredColumns() []fieldNames {
	return []fieldNames{
		{fieldSerial, []string{"serial", "serial number", "sn", "serial no"}},
		{fieldPID, []string{"pid", "product id", "product number", "product"}},
		{"declared_as", []string{"declared_as", "declared as", "declaration", "as", "kind"}},
		{"author", []string{"author", "by", "declared by"}},
		{"date", []string{"date", "on", "declared on"}},
		{"reason", []string{"reason", "why", "note"}},
		{"obtained", []string{"obtained", "obtained on"}},
	}
}

// ReadDeclared reads a table of declarations. It needs the columns serial and
// declared_as, which is one of kinds; rows that can't be used are refused by
// themselves.
func ReadDeclared(name string, r io.Reader, o Options, kinds ...string) ([]Declared, []Refusal, error) {
	var all []Declared
	refused, err := readLedger(name, r, declaredColumns(), []string{fieldSerial, "declared_as"}, func(e *entry) {
		d := Declared{
			Serial: e.serial(fieldSerial), PID: inventory.CleanPID(e.text(fieldPID)), As: strings.ReplaceAll(strings.ToLower(strings.TrimSpace(e.text("declared_as"))), " ", "_"),
			Author: inventory.CleanText(e.text("author")), Date: e.date("date"), Reason: inventory.CleanText(e.text("reason")), Obtained: e.date("obtained"), Row: e.number,
		}
		if d.Serial == "" {
			e.refuse(fieldSerial, "the serial number of the unit is needed")
		}
		if !slices.Contains(kinds, d.As) {
			e.refuse("declared_as", fmt.Sprintf("it is one of %s", strings.Join(kinds, ", ")))
		}
		if e.refusal == nil {
			all = append(all, d)
		}
	}, o)
	return all, refused, err
}
