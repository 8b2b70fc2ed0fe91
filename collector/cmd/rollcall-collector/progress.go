package main

import (
	"fmt"
	"path/filepath"
	"runtime/debug"

	"github.com/schollz/progressbar/v3"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/table"
)

// reportEvery is how many rows of a file are read between two lines about it,
// where no terminal shows a bar.
const reportEvery = 100_000

// readContract reads a contract file, and says on standard error how far that
// has come: a bar on a terminal, else a line now and then. A file that is read
// at once says nothing.
func readContract(std stdio, path string, o contract.Options) (contract.File, error) {
	name := filepath.Base(path)
	bar, told := (*progressbar.ProgressBar)(nil), 0
	o.Progress = func(p contract.Progress) {
		if told == 0 {
			// Lines stay in memory to the end of the program: collect more often
			// rather than hold as much again.
			debug.SetGCPercent(50)
		}
		rows := fmt.Sprintf("%s: %s read, %d refused", name, plural(p.Rows, "row"), p.Refused)
		switch {
		case table.IsTerminal(std.err):
			if bar == nil {
				bar = progressbar.NewOptions(1000, progressbar.OptionSetWriter(table.Raw(std.err)), progressbar.OptionSetWidth(30),
					progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false))
			}
			bar.Describe(rows)
			_ = bar.Set(int(1000 * p.Part)) // a terminal that is gone does not stop the import
		case p.Rows/reportEvery > told/reportEvery:
			if p.Part > 0 {
				rows += fmt.Sprintf(" (%.0f %%)", 100*p.Part)
			}
			_, _ = fmt.Fprintf(std.err, "%s: %s\n", program, rows)
		}
		told = p.Rows
	}
	f, err := contract.ReadFile(path, o)
	if bar != nil {
		_ = bar.Finish()
	}
	if err == nil && told > 0 {
		_, _ = fmt.Fprintf(std.err, "%s: %s: all %s read, %d refused\n", program, name, plural(len(f.Lines)+len(f.Refused)+f.NotCovered, "row"), len(f.Refused))
	}
	return f, err
}
