package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A format is a kind of contract file by the headers that only it has, or has
// together. It decides nothing about lines but what the last two fields say:
// that is up to the columns.
type format struct {
	name  string
	marks []string // headers
	// refusal says why a file of this kind has nothing to use.
	refusal string
	// notCovered says that the file lists what is under no contract.
	notCovered bool
	// partial says that the file answers for the serials that were asked for
	// and for no whole contract.
	partial bool
}

// formats are the files that Cisco's services give. Of those of which a file has
// half the marks, the one with most counts, and of equals the first. Sources are
// importers that other people wrote and the documentation of the APIs: none is
// an official list, so this is data, to be added to.
func formats() []format {
	return []format{
		{name: "Service Contract Center download", marks: []string{
			"serial number / pak number", "bill to name", "site name", "product number", "product relationship", "begin date", "end date", "product ship date",
		}},
		{name: "install-base workbook", marks: []string{
			"product id", "asset type", "instance id", "covered line status", "covered line start date", "covered line end date", "default service level", "install site name",
		}},
		{name: "equipment report", marks: []string{
			"collected serial number", "pce product id", "sn/pid validation status", "item type", "last day of support", "covered begin date", "contract coverage ends", "coverage status",
		}},
		{name: "Services API coverage", marks: []string{
			"serialnumber", "contractnumber", "coverageStatus", "coverageStartDate", "coverageEndDate", "contractInstanceNumber", "serviceable", "serviceLineId",
		}},
		{
			name: "Services API not-covered", notCovered: true,
			marks: []string{"contractInstanceNumber", "serialNumber", "hwType", "warrantyType", "neInstanceId", "billtoPartyId"},
		},
		{
			name: "Services API contract-details", marks: []string{"contractStatus", "contractStartDate", "contractEndDate", "siteUseName", "siteUseId", "baseProductId"},
			refusal: "it lists contracts (contract-details) without the serial numbers on them; give the coverage of them instead",
		},
		{
			name: "Services API hardware", marks: []string{"neInstanceId", "managedNeInstanceId", "hwInstanceId", "serialNumberStatus", "pcbNumber", "collectedSerialNumber", "hwRevision"},
			refusal: "it lists equipment (inventory/hardware), not what a contract covers; give the coverage instead",
		},
		{
			name: "Services API network elements", marks: []string{"neInstanceId", "managedNeInstanceId", "managementAddress", "sysObjectId", "reachabilityStatus", "lastReset"},
			refusal: "it lists equipment (inventory/network-elements), not what a contract covers; give the coverage instead",
		},
		{name: "Support API summary", partial: true, marks: []string{
			"sr_no", "is_covered", "base_pid", "contract_site_customer_name", "covered_product_line_end_date", "service_contract_number", "service_line_descr",
		}},
		{name: "Support API status", partial: true, marks: []string{"sr_no", "is_covered", "coverage_end_date"}},
	}
}

// otherTable is the format of a file by no one known.
const otherTable = "other table"

// format is the kind of file that the headers show.
func (l layout) format() format {
	has := map[string]bool{}
	for _, h := range l.headers {
		has[fold(h)] = true
	}
	best, most := format{name: otherTable}, 0.0
	for _, f := range formats() {
		n := 0.0
		for _, m := range f.marks {
			if has[fold(m)] {
				n++
			}
		}
		if share := n / float64(len(f.marks)); share >= 0.5 && share > most {
			best, most = f, share
		}
	}
	// What has lines with ends is a contract's, whatever else it has.
	if l.has(fieldContract) && l.has(fieldEnd) && l.has(fieldSerial) {
		best.refusal, best.notCovered = "", false
	}
	return best
}

// Fields are the names of fields that a mapping may give, in their order.
func Fields() []string {
	var names []string
	for _, f := range contractColumns() {
		names = append(names, f.field)
	}
	return names
}

// check refuses a mapping that can't be meant, in the order of its headers.
func (s spec) check(name string) error {
	var fields []string
	for _, f := range s.columns {
		fields = append(fields, f.field)
	}
	seen := map[string]string{}
	for _, header := range slices.Sorted(maps.Keys(s.mapping)) {
		field := s.mapping[header]
		if !slices.Contains(fields, field) {
			return fmt.Errorf("cannot use the mapping for %s: header %q: there is no field %q; fields are %s",
				name, shorten(header), shorten(field), strings.Join(fields, ", "))
		}
		folded := fold(header)
		if folded == "" {
			return fmt.Errorf("cannot use the mapping for %s: field %q: its header %q has no letter or digit", name, field, shorten(header))
		}
		if other, twice := seen[folded]; twice {
			return fmt.Errorf("cannot use the mapping for %s: the headers %q and %q are the same: case and punctuation do not count", name, shorten(other), shorten(header))
		}
		seen[folded] = header
	}
	return nil
}
