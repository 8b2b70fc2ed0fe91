package reconcile

import (
	"slices"
	"strings"
)

// A Site is a place of the organization with its postal address, as far as a
// person entered it.
type Site struct {
	Name       string `json:"name"`
	Street     string `json:"street"` // with the number
	PostalCode string `json:"postal_code"`
	City       string `json:"city"`
	State      string `json:"state"`
	Country    string `json:"country"`
}

// Address is the postal address in one line, "" when none is known.
func (s Site) Address() string {
	parts := []string{s.Street, strings.TrimSpace(s.City), strings.TrimSpace(s.State + " " + s.PostalCode), s.Country}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

// hasAddress says that an address in one line is the site's: it has the postal
// code and the numbers of the street. Words of the street do not count, for
// "Street" is also written "St".
func (s Site) hasAddress(line string) bool {
	words, code := foldWords(line), foldWords(s.PostalCode)
	numbers := slices.DeleteFunc(foldWords(s.Street), func(w string) bool { return !strings.ContainsAny(w, "0123456789") })
	return holds(words, code) && holds(words, numbers)
}
