package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/table"
)

// resultSchema names the version of the JSON of a result.
const resultSchema = "rollcall.reconcile/1"

// writeResult prints a result in one of the formats that --format offers.
func writeResult(w io.Writer, format string, f reconcile.Facts, r reconcile.Result) error {
	switch format {
	case "json":
		return writeJSON(w, r)
	case "csv":
		return writeCSV(w, r)
	}
	return writeText(w, f, r)
}

func writeJSON(w io.Writer, r reconcile.Result) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Schema string `json:"schema"`
		reconcile.Result
	}{resultSchema, r})
}

// writeCSV prints one row per unit, with what there is to do about it.
func writeCSV(w io.Writer, r reconcile.Result) error {
	findings := findingsBySerial(r.Findings)
	var rows [][]string
	for _, u := range r.Units {
		var kinds, steps []string
		for _, f := range findings[u.Serial] {
			kinds, steps = append(kinds, string(f.Kind)), append(steps, f.NextStep.Title)
		}
		rows = append(rows, []string{
			u.Serial, u.PID, u.Site, u.Node, u.Address, u.Slot, string(u.Coverage), u.Reason, u.Contract, u.ServiceLevel, string(u.LineEnd),
			strings.Join(kinds, "; "), strings.Join(steps, "; "),
		})
	}
	header := []string{
		"serial", "pid", "site", "node", "address", "slot", "coverage", "reason", "contract", "service_level", "line_end", "findings", "next_steps",
	}
	return table.CSV(w, header, rows)
}

// findingsBySerial gives the findings about a unit: its own, and those of its
// contract whose list for a reseller has it.
func findingsBySerial(all []reconcile.Finding) map[string][]reconcile.Finding {
	by := map[string][]reconcile.Finding{}
	for _, f := range all {
		serials := []string{f.Serial}
		if f.Serial == "" {
			serials = append(strings.Split(f.NextStep.Sheet["renew"], ", "), strings.Split(f.NextStep.Sheet["not_worth_renewing"], ", ")...)
		}
		for _, s := range serials {
			if s != "" {
				by[s] = append(by[s], f)
			}
		}
	}
	return by
}

// writeText prints what a person reads from top to bottom: the count, the units
// with the saddest first, and what to do about each finding.
func writeText(w io.Writer, f reconcile.Facts, r reconcile.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Coverage of %s on %s\n\n", plural(len(r.Units), "unit"), f.Today())
	for _, c := range reconcile.Coverages {
		if n := r.Summary[c]; n > 0 {
			fmt.Fprintf(&b, "  %-18s %d\n", c, n)
		}
	}
	for _, c := range reconcile.Coverages {
		if err := writeUnits(&b, c, r.Units); err != nil {
			return err
		}
	}
	if err := writeLines(&b, r); err != nil {
		return err
	}
	if len(r.Findings) == 0 {
		b.WriteString("\nNothing to do: no findings.\n")
	} else {
		fmt.Fprintf(&b, "\nFindings: %d\n", len(r.Findings))
	}
	for i, f := range r.Findings {
		writeFinding(&b, i+1, f)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeUnits(b *strings.Builder, c reconcile.Coverage, units []reconcile.Unit) error {
	var rows [][]string
	for _, u := range units {
		if u.Coverage == c {
			rows = append(rows, []string{u.Serial, dash(u.PID), dash(u.Node), dash(u.Slot), dash(u.Contract), dash(string(u.LineEnd)), dash(u.Reason)})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(b, "\n%s (%d)\n", c, len(rows))
	return table.Columns(b, "  ", []string{"SERIAL", "PID", "NODE", "SLOT", "CONTRACT", "ENDS", "REASON"}, rows)
}

// writeLines tells of the contract's lines, and which of them are of nothing
// that was seen. That is no finding by one scan: the unit may be elsewhere.
func writeLines(b *strings.Builder, r reconcile.Result) error {
	n := r.Lines
	fmt.Fprintf(b, "\nLines of the contracts: %d in use, %d not seen in this scan, %s, %d without serial number\n",
		n[reconcile.LineMatched], n[reconcile.LineUnmatched], plural(n[reconcile.LineLicence], "licence"), n[reconcile.LineQuantity])
	if len(r.Unmatched) == 0 {
		return nil
	}
	rows := make([][]string, 0, len(r.Unmatched))
	for _, l := range r.Unmatched {
		rows = append(rows, []string{l.Serial, dash(l.PID), dash(l.Contract), dash(string(l.End)), dash(l.Site)})
	}
	slices.SortFunc(rows, func(x, y []string) int { return cmp.Or(strings.Compare(x[2], y[2]), strings.Compare(x[0], y[0])) })
	return table.Columns(b, "  ", []string{"NOT SEEN", "PID", "CONTRACT", "ENDS", "INSTALL SITE"}, rows)
}

// dash stands for what is not known, so that columns stay columns.
func dash(s string) string { return cmp.Or(s, "-") }

func writeFinding(b *strings.Builder, n int, f reconcile.Finding) {
	fmt.Fprintf(b, "\n%d. [%s] %s: %s\n", n, f.Severity, f.Kind, table.Text(f.Subject))
	for _, e := range f.Evidence {
		fmt.Fprintf(b, "   - %s\n", table.Text(e))
	}
	fmt.Fprintf(b, "   What to do: %s\n", table.Text(f.NextStep.Title))
	for i, s := range f.NextStep.Steps {
		fmt.Fprintf(b, "     %d) %s\n", i+1, table.Text(s))
	}
	for _, field := range reconcile.SheetFields(f.NextStep.Sheet) {
		v := f.NextStep.Sheet[field.Name]
		if v == "" && field.Required {
			v = "(to be filled in)"
		}
		if v != "" {
			fmt.Fprintf(b, "     %-24s %s\n", field.Label+":", table.Text(v))
		}
	}
}
