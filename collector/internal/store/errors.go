package store

import "errors"

// Kinds of errors that a caller acts on; all others are internal.
var (
	ErrNotFound     = errors.New("not found")
	ErrInvalid      = errors.New("invalid")
	ErrConflict     = errors.New("conflict")
	ErrUnauthorized = errors.New("unauthorized")
	// ErrDisabled is returned for a token that is right, of an agent that was
	// disabled.
	ErrDisabled = errors.New("disabled")
)

// errWhole is returned where a view of some organizations is asked for the work
// of all.
var errWhole = errors.New("this is done for all organizations, and the store is a view of some")
