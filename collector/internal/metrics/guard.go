package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

// Tokens knows who has a token of the API; store.Store does.
type Tokens interface {
	ByAPIToken(ctx context.Context, token string) (login.Principal, error)
}

// Guard lets through whoever has a token for metrics. One of an organization
// gets that one alone, also where the request does not name it.
func Guard(next http.Handler, tokens Tokens, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := tokens.ByAPIToken(r.Context(), login.Bearer(r))
		switch {
		case errors.Is(err, store.ErrUnauthorized):
			w.Header().Set("WWW-Authenticate", `Bearer realm="rollcall"`)
			http.Error(w, "A token of the scope metrics is needed: rollcall-collector token api create --scope metrics Prometheus", http.StatusUnauthorized)
			return
		case err != nil:
			log.ErrorContext(r.Context(), "the token of a scrape cannot be looked up", "error", err)
			http.Error(w, "The token cannot be looked up: the collector's log has the cause.", http.StatusInternalServerError)
			return
		case p.Scope != login.ScopeMetrics:
			http.Error(w, "This token is not of the scope metrics.", http.StatusForbidden)
			return
		}
		ids, all := p.Grants.Organizations()
		if all {
			next.ServeHTTP(w, r)
			return
		}
		named, asked := r.URL.Query()["organization"]
		switch {
		case asked && (len(named) != 1 || !slices.Contains(ids, named[0])):
			http.Error(w, noSuchOrganization, http.StatusNotFound)
			return
		case !asked && len(ids) != 1:
			http.Error(w, "This token is not for all organizations: name one that it is for by its ID, such as /metrics?organization=riverside-food-bank.", http.StatusForbidden)
			return
		case !asked:
			one := r.Clone(r.Context())
			one.URL.RawQuery = url.Values{"organization": {ids[0]}}.Encode()
			r = one
		}
		next.ServeHTTP(w, r)
	})
}

const noSuchOrganization = "There is no organization of that ID. /api/v1/organizations lists them."
