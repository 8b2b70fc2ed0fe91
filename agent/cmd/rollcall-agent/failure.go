package main

import (
	"errors"
	"fmt"
	"strings"

	"rollcall/pkg/inventory"
	"rollcall/pkg/table"
)

const program = "rollcall-agent"

// The exit statuses.
const (
	statusFailed  = 1 // the program failed
	statusUsage   = 2 // wrong usage
	statusMissing = 3 // it ran, but something that it was asked for is not there
)

// failure is an error with an exit status of its own.
type failure struct {
	status int
	text   string
}

func (f failure) Error() string { return f.text }

func usage(format string, args ...any) error {
	return failure{statusUsage, fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) error {
	return failure{statusMissing, fmt.Sprintf(format, args...)}
}

// fail prints the error, each line after the program's name, and returns the
// exit status.
func (s streams) fail(err error) int {
	if err == nil {
		return 0
	}
	s.note("%v", err)
	var f failure
	if !errors.As(err, &f) {
		return statusFailed
	}
	if f.status == statusUsage {
		s.note("run %s --help, or %s COMMAND --help", program, program)
	}
	return f.status
}

// note writes a message for the person at the terminal. Its parts may come
// from a device.
func (s streams) note(format string, args ...any) {
	for line := range strings.SplitSeq(strings.TrimRight(fmt.Sprintf(format, args...), "\n"), "\n") {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		_, _ = fmt.Fprintf(s.errOut, "%s: %s%s\n", program, indent, table.Text(inventory.CleanText(line)))
	}
}

// maxNotes bounds the notes of one kind that are shown.
const maxNotes = 50

// notes writes several messages, the first of many.
func (s streams) notes(list []string) {
	for _, text := range list[:min(len(list), maxNotes)] {
		s.note("%s", text)
	}
	if more := len(list) - maxNotes; more > 0 {
		s.note("and %d more", more)
	}
}
