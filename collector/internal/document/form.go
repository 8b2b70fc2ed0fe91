package document

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// A Field is one field of a form.
type Field struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Value    string `json:"value"`
	Required bool   `json:"-"` // without it the document is of no use
	Known    bool   `json:"-"` // Rollcall knows the value, nobody typed it
}

// maxTyped bounds what a person types into one field, in bytes.
const maxTyped = 2000

// An Incomplete document lacks what only a person knows. It is never made: sent
// like this it would come back.
type Incomplete struct {
	What    string  // "the draft of …"
	Missing []Field // required, and empty
	Form    []Field // all fields
	Why     string  // why something is missing; "" when there is nothing to say
}

// Error names the missing fields.
func (e *Incomplete) Error() string {
	var names []string
	for _, f := range e.Missing {
		names = append(names, fmt.Sprintf("%s (%s)", f.Label, f.Name))
	}
	s := fmt.Sprintf("%s is not complete, and sent like this it would come back; still to fill in: %s", e.What, strings.Join(names, ", "))
	if e.Why != "" {
		s += ": " + e.Why
	}
	return s
}

// Nothing says that there is nothing that the document could be about.
type Nothing struct{ message string }

// Error says what there is not.
func (e *Nothing) Error() string { return e.message }

func nothing(format string, args ...any) error { return &Nothing{fmt.Sprintf(format, args...)} }

// Invalid is a request that makes no sense.
type Invalid struct{ message string }

// Error says what would.
func (e *Invalid) Error() string { return e.message }

func invalid(format string, args ...any) error { return &Invalid{fmt.Sprintf(format, args...)} }

// fill puts what was given into the fields that are empty. A name that is no
// field's is an error, and so is another value for what is known.
func fill(fields []Field, given map[string]string) ([]Field, error) {
	fields = slices.Clone(fields)
	for i := range fields {
		fields[i].Known = fields[i].Value != ""
	}
	for name, value := range given {
		value = inventory.CleanText(value)
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
		switch {
		case i < 0:
			return nil, invalid("there is no field %.80q: there are %s", name, strings.Join(names(fields), ", "))
		case len(value) > maxTyped:
			return nil, invalid("the value of field %s is longer than %d bytes", name, maxTyped)
		case value == "" || fields[i].Known && fields[i].Value == value:
		case fields[i].Known:
			return nil, invalid("field %s is known to be %q: it can't be given another value", name, fields[i].Value)
		default:
			fields[i].Value = value
		}
	}
	return fields, nil
}

func names(fields []Field) []string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.Name
	}
	return all
}

// lacking returns the required fields that are empty.
func lacking(fields []Field) []Field {
	var missing []Field
	for _, f := range fields {
		if f.Required && f.Value == "" {
			missing = append(missing, f)
		}
	}
	return missing
}

// complete fills the fields and refuses while one is missing that is required.
func complete(what string, fields []Field, given map[string]string) ([]Field, error) {
	fields, err := fill(fields, given)
	if err != nil {
		return nil, err
	}
	if missing := lacking(fields); len(missing) > 0 {
		return nil, &Incomplete{What: what, Missing: missing, Form: fields}
	}
	return fields, nil
}

// filled drops the fields that are empty.
func filled(fields []Field) []Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f Field) bool { return f.Value == "" })
}

// value returns that of a field.
func value(fields []Field, name string) string {
	for _, f := range fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// sheetFields are the fields of a finding's sheet.
func sheetFields(sheet reconcile.Sheet) []Field {
	var fields []Field
	for _, f := range reconcile.SheetFields(sheet) {
		fields = append(fields, Field{Name: f.Name, Label: f.Label, Value: sheet[f.Name], Required: f.Required})
	}
	return fields
}
