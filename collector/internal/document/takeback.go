package document

import (
	"cmp"
	"fmt"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
)

// makeTakeback lists what is under contract and not seen, with what to do when
// it turns up and is not used any more: donated gear may not be sold, exchanged
// or disposed of, and goes back through Cisco's Takeback and Recycle program
// (FAQ 3.5), which wants its number and the case number on every box.
func makeTakeback(in Input, r Request) (Document, error) {
	if r.About != "" || r.PID != "" {
		return Document{}, invalid("a Takeback checklist is of a serial number or of all: it takes no %q", cmp.Or(r.About, r.PID))
	}
	t := &Table{Columns: []Column{
		{Name: "serial", Label: "Serial number"},
		{Name: "pid", Label: "Product"},
		{Name: "description", Label: "Description"},
		{Name: "contract", Label: "Contract"},
		{Name: "line_end", Label: "Line ends"},
		{Name: "install_site", Label: "Install site"},
		{Name: "order_number", Label: "Donated with order"},
		{Name: "known", Label: "What is known of it"},
		{Name: "found", Label: "Found, returned, or still in use?"},
	}}
	for _, f := range in.of(reconcile.LineNotSeen) {
		if r.Of != "" && !sameSerial(f.Serial, r.Of) && !isNumber(f, r.Of) {
			continue
		}
		var l contract.Line
		for _, x := range in.Facts.Lines {
			if x.Contract == f.Contract && sameSerial(x.Serial, f.Serial) && string(f.Kind)+"/"+x.Key() == f.Key {
				l = x
			}
		}
		known := ""
		if len(f.Evidence) > 0 {
			known = f.Evidence[0]
		}
		order, _ := in.order(f.Serial)
		t.Rows = append(t.Rows, []string{f.Serial, f.PID, l.Description, f.Contract, day(l.End), l.Site, order.OrderNumber, known, ""})
	}
	if len(t.Rows) == 0 {
		if r.Of != "" {
			return Document{}, nothing("%s is not among the lines that are not seen", r.Of)
		}
		return Document{}, nothing("every line of the contracts is seen, or nobody can say yet that it is not: there is nothing to look for")
	}
	form, err := complete("the Takeback checklist", []Field{
		{Name: "ctb_number", Label: "Number of the Takeback (CTB)"},
		{Name: "case_number", Label: "Case number"},
		{Name: "contact", Label: "Who is there when it is fetched"},
	}, r.Fields)
	if err != nil {
		return Document{}, err
	}
	steps := []string{
		"Look for it where it should be: it may be unplugged, switched off, in a cupboard, at another site, or at an address that the agent is not told to ask.",
		"Still in use: plug it in, or tell the agent its address. A spare on a shelf: declare it as a spare. It stays on the contract.",
		"Gone back to Cisco, or replaced (RMA): in Cisco's Service Contract Center (SCC) remove its serial number, and add that of its replacement.",
		"Stolen or lost: tell Cisco, and end its line in SCC.",
		"Donated and not used any more: it may not be sold, exchanged or otherwise disposed of. Ask Cisco's Takeback and Recycle program to fetch it.",
		"Erase its data: configuration, keys, certificates and passwords.",
		"Pack it, and write the number of the Takeback (CTB) and the case number on every box.",
		"Have somebody on site on the day when it is fetched.",
		"Declare it as returned, end its line in SCC, download the contract again and import it.",
	}
	return Document{
		Title: fmt.Sprintf("Under contract and not seen: %s", count(len(t.Rows), "unit")), Name: "takeback-" + r.Of, Form: form,
		Sections: []Section{{Fields: filled(form), Table: t}, {StepsTitle: "For each of them", Steps: steps, Checklist: true}},
	}, nil
}
