package sshcli

import (
	"errors"

	"rollcall/pkg/inventory"
)

// Error is a failure over SSH, of one of the kinds that reports know. Message
// is a whole sentence for people and holds no secret.
type Error struct {
	Kind    inventory.ProblemKind
	Address string
	Message string
	cause   error
}

// Error names the device and says what happened.
func (e *Error) Error() string { return e.Address + ": " + e.Message }

// Unwrap returns what lay below.
func (e *Error) Unwrap() error { return e.cause }

// Problem turns any error of this package into what a report holds.
func Problem(err error) inventory.Problem {
	if e, ok := errors.AsType[*Error](err); ok {
		return inventory.Problem{Kind: e.Kind, Via: Via, Message: e.Message}
	}
	return inventory.Problem{Kind: inventory.ProblemUnreachable, Via: Via, Message: inventory.CleanText(err.Error())}
}

// KindOf is the kind of an error of this package, "" for others.
func KindOf(err error) inventory.ProblemKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}
