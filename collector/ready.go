package collector

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"rollcall/collector/internal/limit"
	"rollcall/collector/internal/store"
)

// An exchangeable is a handler that is exchanged for another while it serves.
type exchangeable struct{ is atomic.Pointer[http.Handler] }

func (e *exchangeable) set(next http.Handler) { e.is.Store(&next) }

// ServeHTTP implements http.Handler.
func (e *exchangeable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*e.is.Load()).ServeHTTP(w, r)
}

// What is not ready, in words that tell a stranger nothing.
const (
	openingDatabase   = "starting: opening the database"
	awaitingDatabase  = "starting: the database server is not there now"
	migratingDatabase = "starting: migrating the database to this version of the program, which may take some minutes"
	stalledReconcile  = "organizations wait to be reconciled, and none was for a while: the collector's log has the cause"
)

const (
	// startRetry is how many seconds whoever comes before the collector is
	// started should stay away; up to startSpread more, so that agents who were
	// sent away at once do not come back at once.
	startRetry  = 10
	startSpread = 20
)

// databasePatience is how long a database server may be away when the collector
// starts, as when both machines do: after that what is wrong ends the program.
// awayRetry is how often it is tried.
const (
	databasePatience = 5 * time.Minute
	awayRetry        = time.Second
)

// openStore waits for a database server that is away.
func (c *Collector) openStore(ctx context.Context, o store.Options) (*store.Store, error) {
	until := time.Now().Add(databasePatience)
	for told := false; ; told = true {
		s, err := c.config().OpenStore(ctx, o)
		if !errors.Is(err, store.ErrAway) || time.Now().After(until) {
			return s, err
		}
		c.front.set(starting(awaitingDatabase))
		if !told {
			c.log.WarnContext(ctx, "waiting for the database", "for", databasePatience, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(awayRetry):
		}
	}
}

// starting answers until the database is open: the program is alive, and everybody
// comes back later. Agents keep their reports until then.
func starting(why string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		limit.Refuse(w, r, http.StatusServiceUnavailable, startRetry+rand.IntN(startSpread), why)
	})
	return mux
}

// healthy says that the program answers at all.
func healthy(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }

// ready says whether agents and people can be served, and to anybody in plain
// words why not: what the database says may name hosts, roles and paths, and is
// for the log.
func (c *Collector) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	words, err := "", c.store.Ready(ctx)
	switch {
	case errors.Is(err, store.ErrUnwritable):
		words = "cannot write to the database: " + c.store.Advice()
	case err != nil:
		words = "cannot read the database: the collector's log has the cause"
	default:
		if err = c.loop.stalled(time.Now()); err == nil {
			plain(w, http.StatusOK, "ready")
			return
		}
		words = stalledReconcile
	}
	if r.Context().Err() == nil { // else nobody waits for it, and nothing is known
		c.unready.Do(func() { c.log.ErrorContext(r.Context(), "not ready", "error", err) })
	}
	plain(w, http.StatusServiceUnavailable, words)
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // whoever asked is gone
}
