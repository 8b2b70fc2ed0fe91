package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// Fingerprint is a digest of everything in the device that a verdict depends
// on. Two reports with equal fingerprints are interchangeable, so the collector
// only touches "last seen". The order of components, aliases and transports
// does not matter; neither do messages of problems, which carry timings.
func (d Device) Fingerprint() string {
	c := d
	c.Components = slices.Clone(d.Components)
	for i := range c.Components {
		aliases := slices.Clone(c.Components[i].Aliases)
		slices.Sort(aliases)
		c.Components[i].Aliases = aliases
	}
	slices.SortFunc(c.Components, func(a, b Component) int {
		return strings.Compare(a.Serial+"\x00"+a.PID+"\x00"+a.Name, b.Serial+"\x00"+b.PID+"\x00"+b.Name)
	})
	c.Via = slices.Clone(d.Via)
	slices.Sort(c.Via)
	c.Errors = make([]Problem, 0, len(d.Errors))
	for _, p := range d.Errors {
		c.Errors = append(c.Errors, Problem{Kind: p.Kind, Via: p.Via})
	}
	slices.SortFunc(c.Errors, func(a, b Problem) int { return strings.Compare(string(a.Kind)+a.Via, string(b.Kind)+b.Via) })
	c.Errors = slices.Compact(c.Errors)
	raw, err := json.Marshal(c)
	if err != nil { // strings and booleans always marshal
		panic("inventory: " + err.Error())
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
