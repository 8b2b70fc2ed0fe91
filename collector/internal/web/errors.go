package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"rollcall/collector/internal/store"
	"rollcall/pkg/wire"
)

// Kinds of failures, as the API names them.
const (
	kindNotFound   = "not_found"
	kindInvalid    = "invalid"
	kindIncomplete = "incomplete"
	kindForbidden  = "forbidden"
	kindNobody     = "unauthorized"
	kindTooMany    = "too_many_requests"
	kindMethod     = "method_not_allowed"
	kindConflict   = "conflict"
	kindMediaType  = "unsupported_media_type"
	kindTooLarge   = "too_large"
	kindHost       = "misdirected"
	kindBusy       = "busy"
	kindInternal   = "internal"
)

// A failure is an error whose message is meant for whoever asked.
type failure struct {
	kind    string
	message string // a whole sentence
}

// Error is the message.
func (f *failure) Error() string { return f.message }

func notFound(format string, args ...any) error {
	return &failure{kind: kindNotFound, message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &failure{kind: kindInvalid, message: fmt.Sprintf(format, args...)}
}

// failed maps an error to its answer and status, and decides what the client
// may see: an internal error is logged in full and shown as such only.
func (s *server) failed(r *http.Request, err error) (answer any, status int) {
	var f *failure
	switch {
	case errors.As(err, &f):
	case errors.Is(err, store.ErrNotFound):
		f = &failure{kind: kindNotFound, message: "There is nothing of that name or number."}
	case errors.Is(err, store.ErrInvalid):
		f = &failure{kind: kindInvalid, message: upperFirst(err.Error()) + "."}
	case errors.Is(err, store.ErrConflict):
		f = &failure{kind: kindConflict, message: upperFirst(err.Error()) + "."}
	case errors.Is(r.Context().Err(), context.DeadlineExceeded): // answerTimeout
		s.log.WarnContext(r.Context(), "request took too long and was given up", "path", r.URL.Path, "error", err)
		f = &failure{kind: kindBusy, message: "This was not answered in time: the collector or its database is busy, or hangs. Try again in a minute."}
	case errors.Is(err, store.ErrAway):
		s.log.ErrorContext(r.Context(), "database does not answer", "path", r.URL.Path, "error", err)
		f = &failure{kind: kindBusy, message: "The database does not answer now. Try again in a minute: agents keep their reports until then, and nothing is lost."}
	default:
		if r.Context().Err() == nil {
			s.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
		}
		f = &failure{kind: kindInternal, message: "The collector cannot answer this now. Its log has the cause."}
	}
	status = map[string]int{
		kindNotFound:   http.StatusNotFound,
		kindInvalid:    http.StatusBadRequest,
		kindIncomplete: http.StatusConflict,
		kindConflict:   http.StatusConflict,
		kindMediaType:  http.StatusUnsupportedMediaType,
		kindTooLarge:   http.StatusRequestEntityTooLarge,
		kindHost:       http.StatusMisdirectedRequest,
		kindForbidden:  http.StatusForbidden,
		kindNobody:     http.StatusUnauthorized,
		kindTooMany:    http.StatusTooManyRequests,
		kindMethod:     http.StatusMethodNotAllowed,
		kindBusy:       http.StatusServiceUnavailable,
		kindInternal:   http.StatusInternalServerError,
	}[f.kind]
	if isAPI(r) {
		return apiError{Fault: wire.Fault{Error: f.message}, Kind: f.kind}, status
	}
	return page{Template: "error.html", Title: http.StatusText(status) + " · Rollcall", Data: f.message}, status
}
