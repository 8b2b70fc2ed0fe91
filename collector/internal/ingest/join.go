package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/wire"
)

const (
	// joins bounds the requests for credentials that are answered at once.
	joins = 64
	// joinTime bounds the reading of one.
	joinTime = 20 * time.Second
)

// join answers an agent that joins.
func (h *handler) join(w http.ResponseWriter, r *http.Request) {
	var j wire.Join
	h.credential(w, r, "join", &j, func(ctx context.Context) (store.Agent, wire.Credential, error) {
		if err := j.Verify(); err != nil {
			return store.Agent{}, wire.Credential{}, &fault{status: http.StatusBadRequest, text: err.Error()}
		}
		return h.store.Join(ctx, j, h.life())
	})
}

// renew answers an agent that has joined, and wants another credential.
func (h *handler) renew(w http.ResponseWriter, r *http.Request) {
	var n wire.Renewal
	h.credential(w, r, "renew", &n, func(ctx context.Context) (store.Agent, wire.Credential, error) {
		return h.store.Renew(ctx, n, h.life())
	})
}

// credential reads a request, and answers with a credential or a fault.
func (h *handler) credential(w http.ResponseWriter, r *http.Request, what string, into any, issue func(context.Context) (store.Agent, wire.Credential, error)) {
	status := http.StatusOK
	agent, c, err := store.Agent{}, wire.Credential{}, h.readRequest(w, r, into)
	if err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), saveTime)
		defer cancel()
		agent, c, err = issue(ctx)
	}
	if err != nil {
		f := h.refusal(err)
		status = f.status
		h.refuse(w, r, agent, f)
	} else {
		h.log.InfoContext(r.Context(), "agent got a credential", "agent", agent.Name, "organization", agent.Organization, "site", agent.Site,
			"by", what, "valid_for", h.life().String(), "remote", r.RemoteAddr)
		h.answer(w, r, status, wire.CredentialType, c)
	}
	h.metrics.credentials.WithLabelValues(what, strconv.Itoa(status)).Inc()
}

func (h *handler) readRequest(w http.ResponseWriter, r *http.Request, into any) error {
	if err := h.checkCertificate(r); err != nil {
		return err
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != wire.CredentialType {
		return &fault{status: http.StatusUnsupportedMediaType, text: fmt.Sprintf("Content-Type %.80q: want %s", r.Header.Get("Content-Type"), wire.CredentialType)}
	}
	select {
	case h.joining <- struct{}{}:
		defer func() { <-h.joining }()
	default:
		return &fault{status: http.StatusServiceUnavailable, text: "too many agents join at once: try again later"}
	}
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(joinTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return &fault{status: http.StatusServiceUnavailable, text: "the connection is gone", cause: err}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxJoin))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &fault{status: http.StatusRequestEntityTooLarge, text: fmt.Sprintf("the request is larger than %d bytes", wire.MaxJoin)}
	case err != nil:
		return &fault{status: http.StatusRequestTimeout, text: "the request did not arrive whole: send it again", cause: err}
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return &fault{status: http.StatusBadRequest, text: "cannot read the request: it is not what an agent sends", cause: err}
	}
	return nil
}

// refusal words why an agent is not taken.
func (h *handler) refusal(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	for _, known := range []struct {
		kind   error
		status int
		code   string
		text   string
	}{
		{store.ErrDisabled, http.StatusForbidden, wire.CodeDisabled, "this agent is disabled at the collector: rollcall-collector token enable takes it again"},
		{store.ErrRevoked, http.StatusForbidden, wire.CodeRevoked, "this agent was revoked at the collector: to let it in again, rollcall-collector token create --replace makes a join token"},
		{store.ErrMustRejoin, http.StatusForbidden, wire.CodeMustRejoin, "the collector does not know this agent's key: rollcall-collector token create --replace makes a join token, with which it joins again"},
		{store.ErrUsed, http.StatusConflict, wire.CodeUsed, "this join token was used by another machine, or by this one before it lost its data: rollcall-collector token create --replace makes a new one"},
		{store.ErrExpired, http.StatusUnauthorized, wire.CodeExpired, "the life of this token is over: an agent that has joined renews it by itself; for a join token, rollcall-collector token create --replace makes a new one"},
		{store.ErrClock, http.StatusUnauthorized, wire.CodeClock, "the time of the request is too far from the collector's clock: check the clocks of both machines"},
		{store.ErrReplay, http.StatusUnauthorized, wire.CodeReplay, "this request came before: an agent makes a new one each time"},
		{store.ErrUnauthorized, http.StatusUnauthorized, wire.CodeUnknown, "the collector does not know this token: make one with rollcall-collector token create"},
	} {
		if errors.Is(err, known.kind) {
			return &fault{status: known.status, code: known.code, text: known.text, cause: err}
		}
	}
	return &fault{
		status: http.StatusServiceUnavailable, cause: err,
		text: "the collector cannot look up the agent: try again later; the collector's log says why",
	}
}

// checkCertificate wants a client certificate where the collector asks for one,
// which the connection has verified.
func (h *handler) checkCertificate(r *http.Request) error {
	if h.needCertificate && (r.TLS == nil || len(r.TLS.VerifiedChains) == 0) {
		return &fault{
			status: http.StatusForbidden, code: wire.CodeCertificate,
			text: "this collector takes agents with a client certificate alone (tls.client_ca_file): name it in collector.cert_file and collector.key_file of agent.yaml",
		}
	}
	return nil
}
