package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"rollcall/collector/internal/document"
	"rollcall/pkg/table"
)

// documentFlags are what only people know, for a document that is asked for.
type documentFlags struct {
	Field map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"What only you know, for documents with fields to fill in, such as contact=... or reason=...; may be given several times. A refusal names the fields."`
	PID   string            `name:"pid" placeholder:"PID" help:"The product, where several have the serial number of a TAC card."`
}

// makeDocument makes a document of input and writes it in the format to the
// file at path, or to standard output. What can't be made is said, with the
// exit status for it.
func makeDocument(std stdio, in document.Input, r document.Request, format, path string) error {
	f, err := formatOf(format, path)
	if err == nil {
		err = document.Check(r.Kind, f)
	}
	if err != nil {
		complain(std, err)
		return wrongUsage
	}
	d, err := document.Make(in, r)
	if err != nil {
		return refusedDocument(std, err)
	}
	// A workbook on a terminal is noise.
	if f == document.XLSX && path == "" && table.IsTerminal(std.out) {
		complain(std, errors.New("a workbook is no text for a terminal: name a file with --output"))
		return wrongUsage
	}
	if err := writeFile(std.out, path, func(w io.Writer) error { return document.Write(w, d, f) }); err != nil {
		return err
	}
	for _, note := range d.Notes {
		complain(std, errors.New(note))
	}
	for _, left := range d.LeftOut {
		complain(std, errors.New("left out: "+left))
	}
	if len(d.LeftOut) > 0 {
		return missing
	}
	return nil
}

// refusedDocument says why there is none: what makes no sense is wrong usage,
// what is not there yet is missing.
func refusedDocument(std stdio, err error) error {
	var incomplete *document.Incomplete
	var invalid *document.Invalid
	var nothing *document.Nothing
	switch {
	case errors.As(err, &incomplete):
		var give []string
		for _, f := range incomplete.Missing {
			give = append(give, "--field "+f.Name+"=...")
		}
		complain(std, fmt.Errorf("%w\ngive %s", err, strings.Join(give, " ")))
		return missing
	case errors.As(err, &nothing):
		complain(std, err)
		return missing
	case errors.As(err, &invalid):
		complain(std, err)
		return wrongUsage
	}
	return err
}

// formatOf is the format that was named, or else the one of the file's name.
func formatOf(format, path string) (document.Format, error) {
	if format != "" {
		return document.Format(format), nil
	}
	extension := strings.TrimPrefix(filepath.Ext(path), ".")
	for _, f := range document.Formats {
		if extension == f.Extension() {
			return f, nil
		}
	}
	return document.Text, nil
}

// writeFile writes to standard output, or to a file that appears whole or not at
// all.
func writeFile(stdout io.Writer, path string, write func(io.Writer) error) (err error) {
	if path == "" || path == "-" {
		return write(stdout)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a device or a pipe
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("cannot write: %w", err)
		}
		return errors.Join(write(f), f.Close())
	}
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid()))
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err = errors.Join(write(f), f.Sync(), f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot write %s: %w", path, err), os.Remove(temp))
	}
	return nil
}

// kindNames are all documents, for help texts.
func kindNames() string {
	names := make([]string, len(document.Kinds))
	for i, k := range document.Kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// request is what the words of a command ask for.
func (f documentFlags) request(kind, of, about string) document.Request {
	return document.Request{Kind: document.Kind(kind), Of: of, About: about, PID: f.PID, Fields: f.Field}
}
