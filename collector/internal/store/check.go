package store

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"rollcall/pkg/wire"
)

// maxText bounds each text of a report, in bytes. The longest that devices
// send are descriptions, of 255.
const maxText = 4096

// checkReport says what is wrong with a report, beyond what wire says: texts
// that a database or a page cannot hold. PostgreSQL has no NUL in text.
func checkReport(r wire.Report) error {
	if err := r.Validate(); err != nil {
		return err
	}
	c := textCheck{}
	c.text("report_id", r.ReportID)
	d := r.Device
	c.text("device.address", d.Address)
	c.text("device.name", d.Name)
	c.text("device.platform", d.Platform)
	c.text("device.model", d.Model)
	c.text("device.serial", d.Serial)
	c.text("device.software", d.Software)
	for i, p := range d.Components {
		at := fmt.Sprintf("device.components[%d].", i)
		c.text(at+"serial", p.Serial)
		c.text(at+"pid", p.PID)
		c.text(at+"vid", p.VID)
		c.text(at+"class", string(p.Class))
		c.text(at+"name", p.Name)
		c.text(at+"description", p.Description)
		c.text(at+"parent", p.Parent)
		for _, a := range p.Aliases {
			c.text(at+"aliases", a)
		}
	}
	for i, p := range d.Errors {
		at := fmt.Sprintf("device.errors[%d].", i)
		c.text(at+"kind", string(p.Kind))
		c.text(at+"via", p.Via)
		c.text(at+"message", p.Message)
	}
	for _, via := range d.Via {
		c.text("device.via", via)
	}
	return c.err
}

// textCheck keeps the first thing that is wrong.
type textCheck struct{ err error }

func (c *textCheck) text(field, value string) {
	switch {
	case c.err != nil:
	case len(value) > maxText:
		c.err = fmt.Errorf("%s is longer than %d bytes", field, maxText)
	case strings.ContainsRune(value, 0):
		c.err = fmt.Errorf("%s has a NUL character", field)
	case !utf8.ValidString(value):
		c.err = fmt.Errorf("%s is not UTF-8", field)
	}
}

// shorten cuts s to at most n bytes, between two characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
