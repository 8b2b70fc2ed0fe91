package limit

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rollcall/pkg/wire"
)

// pagePatience is how long a page may wait for room.
const pagePatience = 3 * time.Second

// roomRetry is what is asked to wait where there was no room, in seconds.
const roomRetry = 5

// Handler counts each request by its address before anything is done for it, and
// hands it on as the client made it: see Addresses.AsAsked. It is the outermost
// handler but Serving.
func (l *Limits) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addr, known := l.Addresses.Client(r)
		if known {
			if wait := l.Address.Take(key(addr.Addr()), time.Now()); wait > 0 {
				Refuse(w, r, http.StatusTooManyRequests, wait, "too many requests from this address: come back later")
				return
			}
		}
		next.ServeHTTP(w, l.Addresses.AsAsked(r))
	})
}

// Page gives each request a place among those of people and programs.
func (l *Limits) Page(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := ""
		if addr, known := l.Addresses.Client(r); known {
			who = key(addr.Addr())
		}
		leave, ok := l.Pages.Enter(r.Context(), who, pagePatience)
		if !ok {
			Refuse(w, r, http.StatusServiceUnavailable, roomRetry, "the collector is busy: come back in a moment")
			return
		}
		defer leave()
		next.ServeHTTP(w, r)
	})
}

// Refuse answers that the request should come again after so many seconds.
func Refuse(w http.ResponseWriter, r *http.Request, status, retryAfter int, text string) {
	h := w.Header()
	h.Set("Retry-After", strconv.Itoa(retryAfter))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if strings.HasPrefix(r.URL.Path, "/api/") {
		h.Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(wire.Fault{Error: text}) // whoever asked is gone
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // as above
}
