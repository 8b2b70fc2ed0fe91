package nodelist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A netboxDevice is what is used of an element of NetBox's /api/dcim/devices/.
type netboxDevice struct {
	ID         int64   `json:"id"`
	Name       *string `json:"name"`
	Display    string  `json:"display"`
	DeviceType struct {
		Model        string `json:"model"`
		Manufacturer struct {
			Name string `json:"name"`
		} `json:"manufacturer"`
	} `json:"device_type"`
	Platform *struct {
		Name string `json:"name"`
		Slug string `json:"slug"`
	} `json:"platform"`
	Site *struct {
		Name string `json:"name"`
	} `json:"site"`
	Status struct {
		Value any `json:"value"` // a word; a number before NetBox 2.7
	} `json:"status"`
	PrimaryIP      *netboxAddress `json:"primary_ip"`
	PrimaryIP4     *netboxAddress `json:"primary_ip4"`
	PrimaryIP6     *netboxAddress `json:"primary_ip6"`
	OutOfBandIP    *netboxAddress `json:"oob_ip"`
	VirtualChassis *struct {
		Name   string `json:"name"`
		Master *struct {
			ID int64 `json:"id"`
		} `json:"master"`
	} `json:"virtual_chassis"`
}

type netboxAddress struct {
	Address string `json:"address"`
}

// netboxJSON reads a saved answer of /api/dcim/devices/, a whole page or its
// results alone.
func (b *builder) netboxJSON(text string) error {
	p := netboxPage{b: b, raw: []byte(text)}
	if err := p.read(); err != nil {
		return err
	}
	if p.next != "" {
		b.refuse(0, "next", "", "the file is one page of several: save the others too, or let NetBox answer with all at once (?limit=0)")
	}
	return nil
}

// A netboxPage reads one answer of NetBox element by element.
type netboxPage struct {
	b     *builder
	raw   []byte
	lines int // newlines before counted
	count int64
	next  string
	api   bool // number the devices instead of lines
}

var errNotNetBox = errors.New("it is not NetBox's list of devices: that has \"results\", as /api/dcim/devices/ answers")

func (p *netboxPage) read() error {
	dec := json.NewDecoder(bytes.NewReader(p.raw))
	first, err := dec.Token()
	if err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	switch first {
	case json.Delim('['):
		err = p.elements(dec)
	case json.Delim('{'):
		err = p.object(dec)
	default:
		return errNotNetBox
	}
	if err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it is not JSON: more follows its end")
	}
	return nil
}

func (p *netboxPage) object(dec *json.Decoder) error {
	results := false
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return fmt.Errorf("it is not JSON: %w", err)
		}
		switch key {
		case "results":
			if t, err := dec.Token(); err != nil || t != json.Delim('[') {
				return errNotNetBox
			}
			results = true
			err = p.elements(dec)
			if err != nil {
				return err
			}
		case "next":
			var next *string
			if err := dec.Decode(&next); err != nil {
				return errNotNetBox
			}
			if next != nil {
				p.next = *next
			}
		default:
			var other json.RawMessage
			if err := dec.Decode(&other); err != nil {
				return fmt.Errorf("it is not JSON: %w", err)
			}
		}
	}
	if !results {
		return errNotNetBox
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	return nil
}

// elements reads devices up to the end of their array.
func (p *netboxPage) elements(dec *json.Decoder) error {
	for i := 0; dec.More(); i++ {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return fmt.Errorf("it is not JSON: %w", err)
		}
		line := p.line(dec.InputOffset() - int64(len(raw)))
		if p.api {
			line = len(p.b.list.Entries) + len(p.b.list.Refused) + p.b.list.MoreRefused + 1
		}
		var d netboxDevice
		if err := json.Unmarshal(raw, &d); err != nil {
			p.b.refuse(line, fmt.Sprintf("results[%d]", i), "", "it is not a device of NetBox's")
			continue
		}
		if err := p.b.add(d.found(line)); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	return nil
}

// line is the number of the line at the offset; offsets come in rising order.
func (p *netboxPage) line(offset int64) int {
	if offset > p.count {
		p.lines += bytes.Count(p.raw[p.count:offset], []byte("\n"))
		p.count = offset
	}
	return p.lines + 1
}

func (d netboxDevice) found(line int) found {
	f := found{
		Entry:         Entry{Line: line, Name: d.Display, Platform: d.DeviceType.Model},
		addressColumn: "primary_ip", vendor: d.DeviceType.Manufacturer.Name,
	}
	if d.Name != nil && *d.Name != "" {
		f.Name = *d.Name
	}
	if d.Platform != nil {
		f.Platform = d.Platform.Slug
		if f.Platform == "" {
			f.Platform = d.Platform.Name
		}
	}
	if d.Site != nil {
		f.Site = d.Site.Name
	}
	for _, a := range []*netboxAddress{d.PrimaryIP, d.PrimaryIP4, d.PrimaryIP6, d.OutOfBandIP} {
		if a != nil && f.Address == "" {
			f.Address = a.Address
		}
	}
	status, _ := d.Status.Value.(string)
	vc := d.VirtualChassis
	switch {
	case notInUse[strings.ToLower(status)]:
		f.Skip = "its status in NetBox is " + strings.ToLower(status)
	case f.Address == "" && vc != nil && vc.Master != nil && vc.Master.ID != d.ID:
		f.Skip = "a member of virtual chassis " + vc.Name + ", which is asked at its master"
	case f.Address == "":
		f.Skip = "it has no primary IP address in NetBox"
	}
	return f
}
