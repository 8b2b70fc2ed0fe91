package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// differing tells of a line before and after an import what is not the same in
// both, field by field; of one that was added or removed all that it says.
func differing(before, after string) (was, is string) {
	b, a := fieldsOf(before), fieldsOf(after)
	var old, now []string
	keys := slices.Sorted(maps.Keys(b))
	for k := range a {
		if _, both := b[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if before != "" && after != "" && b[k] == a[k] && k != "serial" {
			continue
		}
		if b[k] != "" {
			old = append(old, k+" "+b[k])
		}
		if a[k] != "" {
			now = append(now, k+" "+a[k])
		}
	}
	return strings.Join(old, ", "), strings.Join(now, ", ")
}

// fieldsOf are the fields of a line as the store keeps it, that say something
// and are a person's matter.
func fieldsOf(raw string) map[string]string {
	var object map[string]any
	if raw == "" || json.Unmarshal([]byte(raw), &object) != nil {
		return nil
	}
	fields := map[string]string{}
	for k, v := range object {
		switch x := v.(type) {
		case string:
			if x != "" {
				fields[strings.ReplaceAll(k, "_", " ")] = x
			}
		case float64:
			if k != "row" && x != 0 {
				fields[strings.ReplaceAll(k, "_", " ")] = fmt.Sprint(x)
			}
		}
	}
	return fields
}
