package document

import (
	"cmp"
	"fmt"
	"strings"

	"rollcall/collector/internal/reconcile"
)

// makeSwap is the swap sheet for the Service Contract Center of one replacement,
// or of all (FAQ 3.1).
func makeSwap(in Input, r Request) (Document, error) {
	if r.About != "" || r.PID != "" {
		return Document{}, invalid("a swap sheet is of a finding or of all: it takes no %q", cmp.Or(r.About, r.PID))
	}
	all := in.of(reconcile.RMAMismatch)
	var picked []Finding
	for _, f := range all {
		// Serials that are equal for both units need the record put right, not
		// a swap: there is no sheet.
		if len(f.NextStep.Sheet) > 0 && (r.Of == "" || isNumber(f, r.Of) || sameSerial(f.Serial, r.Of) || sameSerial(f.NextStep.Sheet["remove_serial"], r.Of)) {
			picked = append(picked, f)
		}
	}
	switch {
	case len(picked) == 0 && r.Of == "":
		return Document{}, nothing("there is no replacement to put into the contract")
	case len(picked) == 0:
		return Document{}, nothing("there is no replacement of finding or serial number %q to put into the contract", r.Of)
	case len(picked) == 1:
		return sheetOf(picked[0].Finding, r.Fields)
	case len(r.Fields) > 0:
		return Document{}, invalid("there are %d swaps: name the finding or serial number that the fields are of", len(picked))
	}
	d := Document{Title: fmt.Sprintf("%d serial numbers to swap in the Service Contract Center", len(picked))}
	for _, f := range picked {
		one, err := sheetOf(f.Finding, nil)
		if err != nil {
			d.LeftOut = append(d.LeftOut, err.Error())
			continue
		}
		one.Sections[0].Title = one.Title
		d.Sections = append(d.Sections, one.Sections[0])
	}
	if len(d.Sections) == 0 {
		return Document{}, nothing("no swap sheet can be made: %s", strings.Join(d.LeftOut, "; "))
	}
	return d, nil
}

func isNumber(f Finding, of string) bool { return f.Number != 0 && fmt.Sprint(f.Number) == of }

// Sheet is the form that the next step of a finding has to fill in, whatever its
// kind. It is refused like all others while a field is empty that the other side
// needs.
func Sheet(in Input, f Finding, given map[string]string) (Document, error) {
	d, err := sheetOf(f.Finding, given)
	if err != nil {
		return Document{}, err
	}
	d.Kind = Swap
	return in.finish(d), nil
}

func sheetOf(f reconcile.Finding, given map[string]string) (Document, error) {
	form := sheetFields(f.NextStep.Sheet)
	if len(form) == 0 {
		return Document{}, nothing("there is no sheet to fill in for %s", f.Subject)
	}
	form, err := complete("the sheet of "+f.Subject, form, given)
	if err != nil {
		return Document{}, err
	}
	return Document{
		Name: "sheet-" + cmp.Or(f.Serial, f.Contract), Title: KindLabel(f.Kind) + ": " + f.Subject, Form: form,
		Sections: []Section{{StepsTitle: f.NextStep.Title, Steps: f.NextStep.Steps, Sheet: filled(form)}},
	}, nil
}
