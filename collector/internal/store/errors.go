package store

import (
	"errors"
	"slices"
)

// Kinds of errors that a caller acts on; all others are internal.
var (
	ErrNotFound     = errors.New("not found")
	ErrInvalid      = errors.New("invalid")
	ErrConflict     = errors.New("conflict")
	ErrUnauthorized = errors.New("unauthorized")
)

// ErrAway is the kind of an error when a database server is not reached, does not
// answer, has no primary, is starting or ending: it may be there a moment later.
var ErrAway = errors.New("the database server is not there now")

// ErrUnwritable is the kind of Ready's error when nothing can be written.
var ErrUnwritable = errors.New("cannot write to the database")

// errWhole is returned where a view of some organizations is asked for the work
// of all.
var errWhole = errors.New("this is done for all organizations, and the store is a view of some")

// Why an agent is not taken, beside ErrUnauthorized: its state, or what it
// shows.
var (
	ErrDisabled   = errors.New("disabled")
	ErrRevoked    = errors.New("revoked")
	ErrMustRejoin = errors.New("must join again")
	ErrExpired    = errors.New("expired")
	ErrUsed       = errors.New("used already")
	ErrClock      = errors.New("too far from the collector's time")
	ErrReplay     = errors.New("replayed")
)

// isRefusal says that the caller asked for what cannot be, and nothing is wrong
// with the store.
func isRefusal(err error) bool {
	return slices.ContainsFunc([]error{
		ErrNotFound, ErrInvalid, ErrConflict, ErrUnauthorized, ErrDisabled, ErrRevoked, ErrMustRejoin, ErrExpired, ErrUsed, ErrClock, ErrReplay,
	}, func(kind error) bool { return errors.Is(err, kind) })
}
