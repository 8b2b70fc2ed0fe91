package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answerTimeout bounds the work for one request; servers in front commonly give
// up after 30 or 60 seconds.
const answerTimeout = 25 * time.Second

// A route is one line of the table: a pattern of http.ServeMux, what whoever
// asks needs, and who answers, on a server that is theirs: with what they may
// see, and their name. The value decides how it is written: a page as HTML, an
// asset and a file as they are, and anything else as JSON.
type route struct {
	pattern string
	needs   needs
	handle  func(*server, *http.Request) (any, error)
}

// routes are all that there is: those that read, those that take a file, two for
// each action, and those of logging in.
func (s *server) routes() []route {
	all := append(readingRoutes(), route{"POST /import", editing, (*server).previewUpload}, route{"POST /api/v1/imports", editing, (*server).apiTakeFile})
	all = append(all, loginRoutes()...)
	for _, a := range actions() {
		all = append(all, route{"POST /do/" + a.name, a.needs(), a.form}, route{"POST /api/v1/do/" + a.name, a.needs(), a.api})
	}
	return all
}

func readingRoutes() []route {
	return []route{
		{"GET /{$}", viewing, (*server).showDashboard},
		{"GET /organizations", viewing, (*server).showOrganizations},
		{"GET /findings", viewing, (*server).showFindings},
		{"GET /findings/{id}", viewing, (*server).showFinding},
		{"GET /findings/{id}/{sheet}", viewing, (*server).showSheet},
		{"GET /unit", viewing, (*server).showUnit},
		{"GET /records", viewing, (*server).showRecords},
		{"GET /imports/{id}", viewing, (*server).showImport},
		{"GET /import", editing, (*server).showUpload},
		{"GET /documents", viewing, (*server).showDocuments},
		{"GET /documents/{file}", viewing, (*server).showDocument},
		{"GET /help/{$}", open, (*server).showHelp},
		{"GET /help/{name}", open, (*server).showHelp},
		{"GET /static/{name}", open, (*server).showAsset},
		{"GET /api/v1/organizations", viewing, (*server).apiOrganizations},
		{"GET /api/v1/units", viewing, (*server).apiUnits},
		{"GET /api/v1/findings", viewing, (*server).apiFindings},
		{"GET /api/v1/findings/{id}", viewing, (*server).apiFinding},
		{"GET /api/v1/records", viewing, (*server).apiRecords},
		{"GET /api/v1/sd/nodes", viewing, (*server).sdNodes},
		{"GET /api/v1/nodes.csv", viewing, (*server).nodesCSV},
		{"GET /api/v1/nodes.ansible.json", viewing, (*server).nodesAnsible},
		{"GET /api/v1/nodes.netbox.csv", viewing, (*server).nodesNetBox},
	}
}

// handler is the table as an http.Handler, with the headers of every answer
// around it.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range s.routes() {
		mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
			defer cancel()
			r = r.WithContext(ctx)
			theirs, answer, err := s.admit(r, rt.needs)
			if err == nil && answer == nil {
				answer, err = rt.handle(theirs, r)
			}
			theirs.write(w, r, answer, err)
		})
	}
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.write(w, r, nil, &failure{kind: kindForbidden, message: "This request came from another site's page, so it was refused. Open Rollcall itself and try there."})
	}))
	return secure(s.asked(crossOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern == "" {
			s.write(w, r, nil, noRoute(w, r, h))
			return
		}
		mux.ServeHTTP(w, r)
	}))))
}

// asked refuses what was asked for by another name than the collector's: by a
// name that leads to this machine a page of elsewhere would otherwise read and
// change what only this machine's people may (DNS rebinding).
func (s *server) asked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.hosts != nil && !s.hosts(r.Host) {
			s.write(w, r, nil, &failure{kind: kindHost, message: fmt.Sprintf(
				"The collector does not go by the name %.100q. Open it by the address that it logs at its start, or write the name under hosts in its settings.", r.Host)})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// noRoute tells a path that does not exist from a method that it does not
// take, which the multiplexer's own handler knows, and keeps the Allow header.
func noRoute(w http.ResponseWriter, r *http.Request, h http.Handler) error {
	probe := &probe{header: http.Header{}}
	h.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		return &failure{kind: kindMethod, message: "This address takes " + probe.header.Get("Allow") + " only."}
	}
	return notFound("There is no page at this address.")
}

// A probe is a ResponseWriter that keeps status and headers only.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) WriteHeader(status int)      { p.status = status }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }

// write is the one place where answers and errors go out.
func (s *server) write(w http.ResponseWriter, r *http.Request, answer any, err error) {
	status := http.StatusOK
	if err != nil {
		answer, status = s.failed(r, err)
	}
	if c, ok := answer.(withCookies); ok && err == nil {
		for _, cookie := range c.cookies {
			http.SetCookie(w, cookie)
		}
		answer = c.answer
	}
	if p, ok := answer.(page); ok {
		p.Who = s.above()
		if p.Menu.Rooms == nil {
			p.Menu = scope{}.menu("")
		}
		if err == nil && p.Status != 0 {
			status = p.Status
		}
		answer = p
	}
	if to, ok := answer.(seeOther); ok && err == nil {
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, string(to), http.StatusSeeOther)
		return
	}
	body, contentType, err := s.encode(answer)
	if err != nil {
		s.log.ErrorContext(r.Context(), "page cannot be written", "path", r.URL.Path, "error", err)
		status, contentType, body = http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("The page cannot be written: the collector's log has the cause.\n")
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="rollcall"`)
	}
	if p, ok := answer.(page); ok && p.After > 0 {
		h.Set("Retry-After", strconv.Itoa(int(p.After.Seconds())+1))
	}
	if status >= http.StatusBadRequest {
		s.metrics.failures.WithLabelValues(strconv.Itoa(status)).Inc()
	}
	if status != http.StatusOK {
		h.Set("Cache-Control", "no-store")
		if status == http.StatusServiceUnavailable {
			h.Set("Retry-After", "30")
		}
		w.WriteHeader(status)
		_, _ = w.Write(body) // the client has gone, and nobody else is to be told
		return
	}
	if f, ok := answer.(file); ok {
		f.header(h)
	}
	sum := sha256.Sum256(body)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	h.Set("Cache-Control", "private, no-cache")
	if p, ok := answer.(page); ok && p.Secret {
		h.Set("Cache-Control", "no-store")
	}
	if a, ok := answer.(asset); ok && r.URL.Query().Get("v") == a.mark {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	// ServeContent answers 304 by the ETag, so a page that refreshes itself
	// costs no line while nothing changes.
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func (s *server) encode(answer any) (body []byte, contentType string, err error) {
	switch a := answer.(type) {
	case page:
		body, err = s.templates.render(a)
		return body, "text/html; charset=utf-8", err
	case file:
		return a.body, a.contentType, nil
	case asset:
		return a.body, a.contentType, nil
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent("", "  ")
	if err := enc.Encode(answer); err != nil {
		return nil, "", fmt.Errorf("cannot encode answer: %w", err)
	}
	return buf.Bytes(), "application/json; charset=utf-8", nil
}

// isAPI says that a program asks, which wants errors as JSON.
func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// policy is the content security policy of every answer: nothing from
// elsewhere, nothing inline, no frame around.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// secure sets the headers of every answer. Referrer-Policy is not "no-referrer",
// for with that browsers send "Origin: null" with our own forms, which
// CrossOriginProtection refuses.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
