package contract

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// isJSON says that a file may be JSON.
func isJSON(head []byte) bool {
	start := bytes.TrimLeft(head[:min(len(head), 512)], "\xEF\xBB\xBF \t\r\n")
	return bytes.HasPrefix(start, []byte("{")) || bytes.HasPrefix(start, []byte("["))
}

// jsonRows are the records of a JSON file as rows: one column for each key, in
// order of first appearance.
type jsonRows struct {
	headers []string
	index   map[string]int
	rows    []row
	cells   int
	lim     limits
}

func (j *jsonRows) next() (row, error) {
	if len(j.rows) == 0 {
		return row{}, io.EOF
	}
	r := j.rows[0]
	j.rows = j.rows[1:]
	return r, nil
}

// openJSON reads answers of the Support APIs (SN2Info) and the Services APIs:
// one or several after each other, as pages are. Rows are counted as records, so
// that the first is row 2, as under a header.
func (t *table) openJSON(raw *bufio.Reader, s spec) error {
	if _, err := discardMark(raw); err != nil {
		return fmt.Errorf("cannot read %s: %w", t.name, err)
	}
	t.answer = true
	j := &jsonRows{index: map[string]int{}, lim: t.lim}
	d := json.NewDecoder(&limited{r: raw, most: t.lim.json, left: t.lim.json})
	d.UseNumber()
	for {
		var page any
		err := d.Decode(&page)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("cannot read %s: it is no whole JSON: %w", t.name, err)
		}
		if why := apiError(page); why != "" {
			return fmt.Errorf("cannot use %s: it is an error of the API, not an answer: %s", t.name, why)
		}
		for _, r := range recordsOf(page) {
			if err := j.add(r); err != nil {
				return fmt.Errorf("cannot use %s: %w", t.name, err)
			}
		}
	}
	l := layOut(j.headers, s.names())
	if f := l.format(); !l.has(s.required...) && f.refusal == "" {
		return fmt.Errorf("cannot use %s: it is JSON, perhaps a scan, but no answer of Cisco's Support APIs with serial numbers: found the keys %q",
			t.name, shortened(j.headers))
	}
	t.rows, t.layout = j, l
	return nil
}

// discardMark skips the mark that begins some UTF-8 files.
func discardMark(r *bufio.Reader) (int, error) {
	head, err := r.Peek(3)
	if err != nil || !bytes.Equal(head, []byte("\xEF\xBB\xBF")) {
		return 0, nil
	}
	return r.Discard(3)
}

// recordLists are the keys under which the APIs have their records.
func recordLists() []string {
	return []string{"serial_numbers", "instance_numbers", "data", "items", "coverage", "contracts", "results"}
}

// recordsOf finds the records of an answer.
func recordsOf(page any) []map[string]any {
	switch p := page.(type) {
	case []any:
		var all []map[string]any
		for _, e := range p {
			if m, ok := e.(map[string]any); ok {
				if inner := listIn(m); inner != nil { // a list of pages
					all = append(all, recordsOf(inner)...)
					continue
				}
				all = append(all, m)
			}
		}
		return all
	case map[string]any:
		if inner := listIn(p); inner != nil {
			return recordsOf(inner)
		}
	}
	return nil
}

func listIn(m map[string]any) []any {
	for _, key := range recordLists() {
		if l, ok := m[key].([]any); ok {
			return l
		}
	}
	return nil
}

// apiError is the error that stands in the place of an answer.
func apiError(page any) string {
	m, ok := page.(map[string]any)
	if !ok {
		return ""
	}
	for _, key := range []string{"ErrorResponse", "EOXError", "APIError"} {
		if e, ok := m[key]; ok {
			return errorText(e)
		}
	}
	return ""
}

// errorText puts what an error of the APIs says in one line.
func errorText(e any) string {
	cells := map[string]string{}
	flatten("", e, cells, 0)
	var parts []string
	for _, key := range []string{"ErrorCode", "errorCode", "ErrorID", "ErrorDescription", "errorDescription", "SuggestedAction", "suggestedAction"} {
		if v := clean(cells[key]); v != "" && !slices.Contains(parts, v) {
			parts = append(parts, shorten(v))
		}
	}
	if len(parts) == 0 {
		return "without a reason"
	}
	return strings.Join(parts, ": ")
}

// add makes a row of a record.
func (j *jsonRows) add(record map[string]any) error {
	r := row{number: len(j.rows) + 2}
	e, bad := record["ErrorResponse"]
	delete(record, "ErrorResponse")
	cells := map[string]string{}
	flatten("", record, cells, 0)
	if bad {
		r.fault = fmt.Sprintf("the API could not answer for %s: %s", cmp.Or(shorten(clean(cells["sr_no"])), "it"), errorText(e))
	}
	for _, key := range slices.Sorted(maps.Keys(cells)) {
		if _, known := j.index[key]; !known {
			if len(j.headers) >= j.lim.columns {
				r.fault = fmt.Sprintf("the record has more than %d keys, with those before", j.lim.columns)
				continue
			}
			j.index[key] = len(j.headers)
			j.headers = append(j.headers, key)
		}
	}
	for key, value := range cells {
		i, known := j.index[key]
		if !known {
			continue
		}
		if len(value) > j.lim.cell {
			r.fault, value = fmt.Sprintf("the value of %s is longer than %d KiB", shorten(key), j.lim.cell>>10), value[:64]
		}
		for len(r.cells) <= i {
			r.cells = append(r.cells, "")
		}
		r.cells[i] = value
	}
	if j.cells += len(r.cells); j.cells > j.lim.cells {
		return fmt.Errorf("it has more than %d values; split it by contract", j.lim.cells)
	}
	j.rows = append(j.rows, r)
	return nil
}

// mostDepth is how deep values may lie in a record; those of the APIs lie at 2.
const mostDepth = 5

// flatten puts the values of a record under their own keys, whatever they lie
// in: base_pid_list is an object in some answers and a list in others. Of
// several values of a key the first that is not empty counts.
func flatten(key string, value any, into map[string]string, depth int) {
	if depth > mostDepth {
		return
	}
	put := func(text string) {
		if into[key] == "" && key != "" {
			into[key] = text
		}
	}
	switch v := value.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			flatten(k, v[k], into, depth+1)
		}
	case []any:
		for _, e := range v {
			flatten(key, e, into, depth+1)
		}
	case string:
		put(v)
	case json.Number:
		put(v.String())
	case bool:
		put(map[bool]string{true: "YES", false: "NO"}[v])
	}
}
