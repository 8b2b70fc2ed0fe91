package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
)

// A DraftKind is one of the mails that the program's FAQ tells people to send.
type DraftKind struct {
	Name  string
	About string // what it asks for, in words
	make  func(Input, Request) (Document, error)
}

// Drafts are all mails that there are.
func Drafts() []DraftKind {
	return []DraftKind{
		{"term_short", "a contract of one year was not extended to the program's term", draftTerm},
		{"activation_overdue", "a donation has arrived, and its contract is overdue", draftOverdue},
		{"contract_not_found", "the contract can't be found in the Service Contract Center", draftNotFound},
		{"early_activation", "support is needed before the Welcome Kit has come", draftEarly},
	}
}

// makeDraft writes a mail. It is refused while a field is empty that the FAQ
// asks for: the organization's name, the order number and the reason (FAQ 2.5).
func makeDraft(in Input, r Request) (Document, error) {
	all := Drafts()
	i := slices.IndexFunc(all, func(k DraftKind) bool { return k.Name == r.Of })
	if i < 0 {
		known := make([]string, len(all))
		for n, k := range all {
			known[n] = k.Name
		}
		if r.Of == "" {
			return Document{}, invalid("say which draft: one of %s", strings.Join(known, ", "))
		}
		return Document{}, invalid("there is no draft %q: it is one of %s", r.Of, strings.Join(known, ", "))
	}
	if r.PID != "" {
		return Document{}, invalid("a draft takes no %q", r.PID)
	}
	d, err := all[i].make(in, r)
	if err != nil {
		return Document{}, err
	}
	d.Name = "draft-" + r.Of
	d.Title = "Draft of a mail: " + all[i].About
	return d, nil
}

// optional are the fields that every mail may have.
func optional() []Field {
	return []Field{{Name: "contact", Label: "Contact person"}, {Name: "phone", Label: "Phone"}}
}

// draftTerm is of a contract that was not extended (FAQ 1.4, 2.4).
func draftTerm(in Input, r Request) (Document, error) {
	f, err := in.pick(reconcile.TermShort, r.About, func(f Finding) string { return f.Contract })
	if err != nil {
		return Document{}, err
	}
	form := append(sheetFields(f.NextStep.Sheet), Field{Name: "contract", Label: "Contract", Value: f.Contract, Required: true})
	form, err = complete("the draft about contract "+f.Contract, append(form, optional()...), r.Fields)
	if err != nil {
		return Document{}, err
	}
	years := count(cmp.Or(in.Facts.Settings.TermYears, reconcile.DefaultSettings().TermYears), "year")
	d := mail(form, fmt.Sprintf("SMARTnet contract %s was not extended to %s", value(form, "contract"), years), []string{
		fmt.Sprintf("our SMARTnet contract %s for donated Cisco products runs about one year. By your SMARTnet FAQ it should have been extended to %s, and it was not.", value(form, "contract"), years),
	}, "Please have it extended, or tell us what is missing.")
	d.Notes = append(d.Notes, f.NextStep.Title+".")
	return d, nil
}

// draftOverdue is of an order whose contract is late (FAQ 2.4, 2.5).
func draftOverdue(in Input, r Request) (Document, error) {
	f, err := in.pick(reconcile.ActivationOverdue, r.About, func(f Finding) string { return f.NextStep.Sheet["order_number"] })
	if err != nil {
		return Document{}, err
	}
	number := f.NextStep.Sheet["order_number"]
	form, err := complete("the draft about order "+number, append(append(sheetFields(f.NextStep.Sheet), in.ordered(number)...), optional()...), r.Fields)
	if err != nil {
		return Document{}, err
	}
	d := mail(form, "SMARTnet contract of order "+value(form, "order_number")+" is not active", []string{
		fmt.Sprintf("our order %s of donated Cisco products has arrived in full, and we have neither a Welcome Kit nor a contract for it.", value(form, "order_number")),
		"We have searched the Service Contract Center by contract number, by serial number and by sales order, and did not find it.",
	}, "Please have the SMARTnet contract activated, or tell us its number.")
	d.Notes = append(d.Notes, "Send it only after you have searched the Service Contract Center by contract number, by serial number and by sales order, and looked at the install-site address there: the mail says so.")
	return d, nil
}

// draftNotFound is of gear whose contract SCC does not show (FAQ 2.4).
func draftNotFound(in Input, r Request) (Document, error) {
	var serials []string
	var order contract.Order
	number := r.About
	for _, f := range in.of(reconcile.UncoveredUnit) {
		if r.About != "" && (isNumber(f, r.About) || sameSerial(f.Serial, r.About)) {
			serials = []string{describe(f.PID, f.Serial)}
			order, _ = in.order(f.Serial)
			number = order.OrderNumber
		}
	}
	if r.About != "" && len(serials) == 0 {
		if order = in.orderOf(r.About); order.OrderNumber == "" {
			return Document{}, nothing("%q is neither a finding of a unit on no contract, nor its serial number, nor an order", r.About)
		}
		for _, o := range in.Facts.Orders {
			if o.OrderNumber == number && o.Serial != "" {
				serials = append(serials, describe(o.ProductID, o.Serial))
			}
		}
	}
	form, err := complete("the draft", append([]Field{
		{Name: "to", Label: "To", Value: in.programMail(), Required: true},
		{Name: "organization", Label: "Organization", Value: cmp.Or(order.Organization, in.organization()), Required: true},
		{Name: "order_number", Label: "Order number", Value: number, Required: true},
		{Name: "serials", Label: "Serial numbers", Value: strings.Join(serials, ", "), Required: true},
		{Name: "contract", Label: "Contract number"},
		{Name: "sales_order", Label: "Cisco Sales Order number"},
	}, optional()...), r.Fields)
	if err != nil {
		return Document{}, err
	}
	searched := []string{"serial number"}
	for _, s := range []struct{ field, words string }{{"contract", "contract number"}, {"sales_order", "sales order"}} {
		if value(form, s.field) != "" {
			searched = append(searched, s.words)
		}
	}
	d := mail(form, "SMARTnet contract of order "+value(form, "order_number")+" can't be found", []string{
		"we can't find the SMARTnet contract of the donated Cisco products below. We have searched the Service Contract Center by " + strings.Join(searched, " and by ") + ".",
	}, "Please tell us the contract number, or have the serial numbers added to our contract.")
	d.Notes = append(d.Notes, "Send it only after you have searched the Service Contract Center by what the mail names, and for products that came as a donation through the program: others can't be on a donated contract.")
	return d, nil
}

// draftEarly is of a donation that has arrived, where support is needed before
// the kit (FAQ 2.5).
func draftEarly(in Input, r Request) (Document, error) {
	number := r.About
	if number == "" {
		number = in.onlyOrder()
	}
	order := in.orderOf(number)
	if r.About != "" && order.OrderNumber == "" && len(in.Facts.Orders) > 0 {
		return Document{}, nothing("the ledger has no order %q", r.About)
	}
	form, err := complete("the draft", append(append([]Field{
		{Name: "to", Label: "To", Value: in.programMail(), Required: true},
		{Name: "organization", Label: "Organization", Value: cmp.Or(order.Organization, in.organization()), Required: true},
		{Name: "order_number", Label: "Order number", Value: number, Required: true},
		{Name: "completed_on", Label: "The whole order arrived on", Value: in.arrived(number), Required: true},
		{Name: "reason", Label: "Reason", Required: true},
	}, in.ordered(number)...), optional()...), r.Fields)
	if err != nil {
		return Document{}, err
	}
	return mail(form, "Please activate the SMARTnet contract of order "+value(form, "order_number"), []string{
		"we have received the whole of the donation below, and need support before its Welcome Kit has come.",
	}, "Please have the SMARTnet contract activated."), nil
}

// mail writes what all drafts have: the fields, and who writes.
func mail(form []Field, subject string, said []string, asked string) Document {
	organization := value(form, "organization")
	body := []string{"Hello,", ""}
	for _, s := range said {
		body = append(body, s, "")
	}
	for _, f := range filled(form) {
		if f.Name == "to" || f.Name == "contact" || f.Name == "phone" {
			continue
		}
		body = append(body, f.Label+": "+f.Value)
	}
	body = append(body, "", asked, "", "Kind regards")
	for _, s := range []string{value(form, "contact"), organization, value(form, "phone")} {
		if s != "" {
			body = append(body, s)
		}
	}
	return Document{Form: form, Mail: &Mail{To: value(form, "to"), Subject: subject + " (" + organization + ")", Body: body}}
}

// pick returns the one finding of a kind, or the one that about names by its
// number or by what it is of.
func (in Input) pick(kind reconcile.Kind, about string, of func(Finding) string) (Finding, error) {
	var found []Finding
	var known []string
	for _, f := range in.of(kind) {
		known = append(known, of(f))
		if about == "" || isNumber(f, about) || of(f) == about {
			found = append(found, f)
		}
	}
	switch {
	case len(known) == 0:
		return Finding{}, nothing("there is no finding %s, so there is nothing to write about", kind)
	case len(found) == 0:
		return Finding{}, nothing("there is no finding %s of %q: there are those of %s", kind, about, strings.Join(known, ", "))
	case len(found) > 1:
		return Finding{}, invalid("there are several findings %s: say which one it is about: %s", kind, strings.Join(known, ", "))
	}
	return found[0], nil
}

func (in Input) programMail() string {
	return cmp.Or(in.Facts.Settings.ProgramMail, reconcile.DefaultSettings().ProgramMail)
}

// orderOf returns the first entry of an order.
func (in Input) orderOf(number string) contract.Order {
	for _, o := range in.Facts.Orders {
		if o.OrderNumber == number {
			return o
		}
	}
	return contract.Order{}
}

// onlyOrder is the number of the order, where there is but one.
func (in Input) onlyOrder() string {
	var number string
	for _, o := range in.Facts.Orders {
		if number != "" && o.OrderNumber != number {
			return ""
		}
		number = o.OrderNumber
	}
	return number
}

// arrived is the day since when all of an order is there, "" while it is not.
func (in Input) arrived(number string) string {
	var last contract.Date
	for _, o := range in.Facts.Orders {
		if o.OrderNumber != number {
			continue
		}
		if o.CompletedOn == "" {
			return ""
		}
		last = max(last, o.CompletedOn)
	}
	return string(last)
}

// ordered is the field with what an order is of, none when it is not known.
func (in Input) ordered(number string) []Field {
	var all []string
	for _, o := range in.Facts.Orders {
		switch {
		case o.OrderNumber != number || number == "":
		case o.Serial != "":
			all = append(all, describe(o.ProductID, o.Serial))
		default:
			all = append(all, fmt.Sprintf("%d x %s", o.Quantity, o.ProductID))
		}
	}
	if len(all) == 0 {
		return nil
	}
	return []Field{{Name: "products", Label: "Products", Value: strings.Join(all, ", ")}}
}
