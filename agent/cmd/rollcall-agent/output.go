package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"

	"rollcall/pkg/table"
)

// output is standard output, or a file that appears whole or not at all.
type output struct {
	io.Writer
	file *os.File // temporary, beside path; nil without one
	path string
}

// openOutput makes the temporary file now, so that a folder that cannot be
// written to is found before the scan and not after it.
func openOutput(stdout io.Writer, path string) (*output, error) {
	if path == "" || path == "-" {
		return &output{Writer: stdout}, nil
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a device or a pipe
		if info.IsDir() {
			return nil, usage("--output: %s is a folder", path)
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, usage("--output: %v", err)
		}
		return &output{Writer: f, file: f}, nil
	}
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid()))
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, usage("--output: %v", err)
	}
	return &output{Writer: f, file: f, path: path}, nil
}

// keep makes the file durable and gives it its name.
func (o *output) keep() error {
	if o.file == nil {
		return nil
	}
	f := o.file
	o.file = nil
	if o.path == "" {
		return f.Close()
	}
	err := f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), o.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("cannot write %s: %w", o.path, err)
	}
	return nil
}

// discard drops what was not kept.
func (o *output) discard() {
	if o.file == nil {
		return
	}
	_ = o.file.Close()
	if o.path != "" {
		_ = os.Remove(o.file.Name())
	}
}

// progress is a bar on a terminal, and nothing elsewhere.
type progress struct{ bar *progressbar.ProgressBar }

func newProgress(w io.Writer, total int) progress {
	if !table.IsTerminal(w) {
		return progress{}
	}
	return progress{progressbar.NewOptions(total, progressbar.OptionSetWriter(table.Raw(w)), progressbar.OptionSetDescription("asking"),
		progressbar.OptionShowCount(), progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish(), progressbar.OptionSetRenderBlankState(true))}
}

// step counts one address; it may be called by several goroutines.
func (p progress) step() {
	if p.bar != nil {
		_ = p.bar.Add(1) // a terminal that is gone does not stop the scan
	}
}

// more adds an address that is to be asked, too.
func (p progress) more() {
	if p.bar != nil {
		p.bar.ChangeMax(p.bar.GetMax() + 1)
	}
}

func (p progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
