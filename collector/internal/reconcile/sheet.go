package reconcile

// A SheetField is one field of a form.
type SheetField struct {
	Name     string // its key in Sheet
	Label    string // for people
	Required bool   // without it the form is of no use
}

// SheetFields returns the fields that a sheet has, in the order of the form.
func SheetFields(s Sheet) []SheetField {
	all := []SheetField{
		// Swap sheet for the Service Contract Center (FAQ 3.1): a swap is
		// "terminate line A" and "add serial B".
		{"contract", "Contract", true},
		{"service_level", "Service level", false},
		{"line", "Line (instance number)", false},
		{"remove_serial", "Remove serial number", true},
		{"remove_pid", "Remove product", false},
		{"add_serial", "Add serial number", true},
		{"add_pid", "Add product", true},
		{"site", "Install site", false},
		{"rma_number", "RMA number", false},
		{"case_number", "Case number", false},
		{"return_by", "Return the old unit by", false},
		// Renewal list for a reseller (FAQ 3.4).
		{"first_end", "First end of a line", false},
		{"renew", "Serial numbers to renew", true},
		{"not_worth_renewing", "Not worth renewing, past the last date of support", false},
		// Mail to the donation program (FAQ 2.4, 2.5).
		{"to", "To", true},
		{"organization", "Organization", true},
		{"order_number", "Order number", true},
		{"reason", "Reason", true},
	}
	var fields []SheetField
	for _, f := range all {
		if _, ok := s[f.Name]; ok {
			fields = append(fields, f)
		}
	}
	return fields
}

// Missing returns the labels of required fields that are empty: while there is
// one, the form is not ready to be sent.
func (s Sheet) Missing() []string {
	var missing []string
	for _, f := range SheetFields(s) {
		if f.Required && s[f.Name] == "" {
			missing = append(missing, f.Label)
		}
	}
	return missing
}
