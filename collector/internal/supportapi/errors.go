package supportapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
)

// A Kind says what to do about a failed call.
type Kind string

// The kinds of failures.
const (
	Failed       Kind = "failed"       // no answer or no whole one: try again later
	Busy         Kind = "throttled"    // too many calls: wait, and try again
	Quota        Kind = "quota"        // no more calls today, or for longer than a call waits
	Expired      Kind = "expired"      // the token is not taken
	Unauthorized Kind = "unauthorized" // the account is not taken
	Forbidden    Kind = "forbidden"    // the account may not ask this API
	Refused      Kind = "refused"      // one of the inputs is not taken
	TooMuch      Kind = "too_much"     // ask for less at once
)

// Kinds lists all.
var Kinds = []Kind{Failed, Busy, Quota, Expired, Unauthorized, Forbidden, Refused, TooMuch}

// An Error is a call that gave no answer. Its text shows no secret and no
// serial number.
type Error struct {
	Kind       Kind
	API        store.SupportAPI // "" for the token
	Status     int              // of HTTP; 0 without an answer
	Code       string           // Cisco's, such as ERR_403_DEVELOPER_OVER_QPS
	Text       string           // Cisco's words, or ours
	Message    string           // Cisco's id of the call (X-Mashery-Message-ID), for a case
	RetryAfter time.Duration
}

// Error says what was asked, what came, and what to do where a person has to.
func (e *Error) Error() string {
	what := "the " + string(e.API) + " API"
	if e.API == "" {
		what = "a token"
	}
	s := fmt.Sprintf("cannot get an answer of %s", what)
	if e.API == "" {
		s = "cannot get a token"
	}
	for _, part := range []string{status(e.Status), e.Code, e.Text} {
		if part != "" && !strings.Contains(s, part) {
			s += ": " + part
		}
	}
	if e.Message != "" {
		s += " (message id " + e.Message + ")"
	}
	switch e.Kind {
	case Unauthorized:
		s += "; look at client_id and client_secret. Applications that were registered before March 2023 must be made again in Cisco's API console"
	case Forbidden:
		s += "; the account needs the entitlement to this API: ask the Delegated Administrator, and register the application for it in Cisco's API console; or leave it out of apis"
	}
	return s
}

func status(code int) string {
	if code == 0 || code == http.StatusOK {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", code, http.StatusText(code)))
}

// kindOf reads the signs of the gateway: facts of Mashery, whose limits come as
// 403 and without Retry-After, and of HTTP for whatever comes after it.
func kindOf(status int, code string) Kind {
	switch {
	case strings.HasSuffix(code, "OVER_QPS"):
		return Busy
	case strings.HasSuffix(code, "OVER_RATE"):
		return Quota
	case status == http.StatusUnauthorized:
		return Expired
	case status == http.StatusForbidden:
		return Forbidden
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return Busy
	case status == http.StatusRequestURITooLong, status == http.StatusRequestEntityTooLarge, isTooMuch(code):
		return TooMuch
	case status == 596, status == http.StatusBadRequest, status == http.StatusNotFound, status == http.StatusUnprocessableEntity:
		return Refused
	}
	return Failed
}

// isTooMuch says that fewer inputs at once would do.
func isTooMuch(code string) bool {
	return slices.Contains([]string{"EXCEEDED_INPUTS", "EXCEEDED_OUTPUT"}, code)
}

// retryAfter reads the header, in seconds or as a date; 0 for none.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(n)*time.Second, 24*time.Hour)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), 24*time.Hour)
	}
	return 0
}

// words are the fields in which the APIs say what is wrong, in all spellings.
type words struct {
	ErrorCode, ErrorID                           string
	ErrorDescription, ErrorSummary, ErrorMessage string
}

// UnmarshalJSON takes whatever stands there, for these are errors of errors.
func (w *words) UnmarshalJSON(raw []byte) error {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return nil
	}
	into := map[string]*string{
		"errorcode": &w.ErrorCode, "errorid": &w.ErrorID, "errordescription": &w.ErrorDescription, "errorsummary": &w.ErrorSummary,
		"errormessage": &w.ErrorMessage, "error": &w.ErrorCode, "error_description": &w.ErrorDescription,
	}
	for key, value := range fields {
		text, isText := value.(string)
		if p := into[strings.ToLower(key)]; isText && p != nil {
			*p = text
		}
	}
	return nil
}

func (w words) code() string { return cmp.Or(w.ErrorCode, w.ErrorID) }
func (w words) text() string { return cmp.Or(w.ErrorDescription, w.ErrorSummary, w.ErrorMessage) }

// errorIn returns what a body says of an error, wherever in it; "" for nothing.
func errorIn(body []byte) (code, text string) {
	var all map[string]json.RawMessage
	if json.Unmarshal(body, &all) != nil {
		return "", ""
	}
	for _, key := range []string{"OrderList", "ErrorResponse", "EOXError", "EOXException", "APIError", "Error"} {
		if raw, ok := all[key]; ok {
			if code, text := errorWithin(raw, 0); code != "" || text != "" {
				return clip(code), clip(text)
			}
		}
	}
	var w words
	_ = w.UnmarshalJSON(body) // it takes anything
	return clip(w.code()), clip(w.text())
}

// errorWithin looks into lists and wrappers, which differ from API to API.
func errorWithin(raw json.RawMessage, depth int) (code, text string) {
	if depth > 4 {
		return "", ""
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for _, x := range list {
			if code, text := errorWithin(x, depth+1); code != "" || text != "" {
				return code, text
			}
		}
		return "", ""
	}
	var w words
	_ = w.UnmarshalJSON(raw) // it takes anything
	if w.code() != "" || w.text() != "" {
		return w.code(), w.text()
	}
	var inner map[string]json.RawMessage
	if json.Unmarshal(raw, &inner) != nil {
		return "", ""
	}
	for _, key := range []string{"ErrorResponse", "APIError", "Error"} {
		if x, ok := inner[key]; ok {
			if code, text := errorWithin(x, depth+1); code != "" || text != "" {
				return code, text
			}
		}
	}
	return "", ""
}

// clip makes what another party said fit for one line of a log.
func clip(s string) string {
	const most = 200
	s = inventory.CleanText(s[:min(len(s), 8*most)])
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}
