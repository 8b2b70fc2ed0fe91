// Package ingest is where agents talk to the collector. It takes what they
// upload: it authenticates the agent, decodes the batch within limits, has it
// saved, and answers with a receipt only after that. And it gives an agent that
// joins, or has joined, its credential. What a report means, whether it is new,
// and who is an agent, is decided by store; the form of all that is said is
// wire's.
package ingest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"rollcall/collector/internal/limit"
	"rollcall/collector/internal/store"
	"rollcall/pkg/wire"
)

const (
	// uploadTime bounds one upload. The largest batch takes 131 s at 8 kB/s.
	uploadTime = 3 * time.Minute
	// decoders bounds the batches that are decoded and saved, each of at most
	// wire.MaxDecoded bytes. One is decoded while another waits for the disk.
	decoders = 2
	// queueTime is how long a batch waits for a decoder before the agent is
	// asked to come back.
	queueTime = 20 * time.Second
	// lookupTime and saveTime bound what the database is waited for, once to look
	// an agent up, and once for a decoder and to save: a database that hangs holds
	// neither for longer. Both together are less than agents wait for an answer,
	// 45 s and more for a long batch.
	lookupTime = 10 * time.Second
	saveTime   = 30 * time.Second
	// savePace is how many bytes of a batch add a second to saveTime.
	savePace = 8 << 10
	// answerTime is how long an agent has to take the answer.
	answerTime = 30 * time.Second
	// retryAfter is what an agent is asked to wait, in seconds, where it has no
	// turn; up to retrySpread more, so that those who were sent away at once do not
	// come back at once.
	retryAfter  = 20
	retrySpread = 20
)

// A saver keeps what agents saw.
type saver interface {
	AgentByToken(ctx context.Context, token string) (store.Agent, error)
	SaveReports(ctx context.Context, agent store.Agent, b wire.Batch) (wire.Receipt, error)
}

// A registrar knows agents and their credentials, too.
type registrar interface {
	saver
	Join(ctx context.Context, j wire.Join, life time.Duration) (store.Agent, wire.Credential, error)
	Renew(ctx context.Context, r wire.Renewal, life time.Duration) (store.Agent, wire.Credential, error)
}

// DefaultLife is how long an agent's credential is valid when Options say
// nothing.
const DefaultLife = 90 * 24 * time.Hour

// Options are what the handler needs. Limits bound how often agents come, and
// the uploads in flight, whose bodies are at most wire.MaxCompressed bytes each;
// nil are limit.Wide.
type Options struct {
	Store    registrar
	Registry prometheus.Registerer
	Log      *slog.Logger
	Limits   *limit.Limits
	Now      func() time.Time // nil is time.Now
	// Terms are asked for each request, for they may change; nil are the zero
	// ones.
	Terms func() Terms
	// NeedCertificate takes agents over connections with a verified client
	// certificate alone.
	NeedCertificate bool
	// NeedKey takes reports over connections alone on which the agent has shown
	// the key that it joined with.
	NeedKey bool
}

// Terms are what agents are told to do.
type Terms struct {
	// Interval is how often nodes should be polled; 0 leaves that to the agents.
	Interval time.Duration
	// CredentialLife is how long an agent's credential is valid; DefaultLife
	// when 0.
	CredentialLife time.Duration
}

type handler struct {
	store    registrar
	log      *slog.Logger
	metrics  *metrics
	terms    func() Terms
	refusals rate.Sometimes // limits the log, which anyone on the network can write to
	limits   *limit.Limits
	decoding chan *wire.Decoder // one for each batch that may be decoded at once
	joining  chan struct{}

	now             func() time.Time
	needCertificate bool
	needKey         bool
}

// New returns the handler of Paths. It panics when the registry has its metrics
// already.
func New(o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Terms == nil {
		o.Terms = func() Terms { return Terms{} }
	}
	if o.Limits == nil {
		o.Limits = limit.New(limit.Wide(), prometheus.NewRegistry())
	}
	h := &handler{
		store: o.Store, log: o.Log, metrics: newMetrics(o.Registry), refusals: rate.Sometimes{First: 10, Interval: time.Second},
		limits: o.Limits, decoding: make(chan *wire.Decoder, decoders), joining: make(chan struct{}, joins),
		now: o.Now, terms: o.Terms, needCertificate: o.NeedCertificate, needKey: o.NeedKey,
	}
	for range decoders {
		h.decoding <- &wire.Decoder{}
	}
	mux := http.NewServeMux()
	mux.Handle("POST "+wire.ReportsPath, h)
	mux.HandleFunc("POST "+wire.JoinPath, h.join)
	mux.HandleFunc("POST "+wire.RenewPath, h.renew)
	return mux
}

// life is how long a credential is valid that is given now.
func (h *handler) life() time.Duration { return cmp.Or(h.terms().CredentialLife, DefaultLife) }

// Paths are what the handler of New serves.
func Paths() []string { return []string{wire.ReportsPath, wire.JoinPath, wire.RenewPath} }

// A fault is an answer that is not a receipt.
type fault struct {
	status int
	code   string // for the agent's decisions; may be ""
	text   string // for the log of the agent
	cause  error  // for the collector's own log alone
	wait   int    // seconds to stay away, where it is not retryAfter
}

func (f *fault) Error() string { return f.text }

// ServeHTTP answers one upload.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	status := http.StatusOK
	agent, receipt, err := h.take(w, r)
	var f *fault
	switch {
	case errors.As(err, &f):
		status = f.status
		h.refuse(w, r, agent, f)
	default:
		for _, result := range receipt.Results {
			h.metrics.reports.WithLabelValues(string(result.Status)).Inc()
			if result.Status == wire.Refused {
				h.log.WarnContext(r.Context(), "report refused", "agent", agent.Name, "organization", agent.Organization,
					"report_id", result.ReportID, "reason", result.Reason)
			}
		}
		h.log.DebugContext(r.Context(), "batch taken", "agent", agent.Name, "organization", agent.Organization, "reports", len(receipt.Results))
		h.answer(w, r, status, wire.ReceiptType, receipt)
	}
	h.metrics.batches.WithLabelValues(strconv.Itoa(status)).Inc()
	h.metrics.duration.Observe(time.Since(began).Seconds())
}

// take returns the receipt of a batch that is saved, or a *fault.
func (h *handler) take(w http.ResponseWriter, r *http.Request) (store.Agent, wire.Receipt, error) {
	agent, err := h.authenticate(r)
	if err != nil {
		return store.Agent{}, wire.Receipt{}, err
	}
	if err := checkType(r); err != nil {
		return agent, wire.Receipt{}, err
	}
	if err := h.often(agent); err != nil {
		return agent, wire.Receipt{}, err
	}
	leave, ok := h.limits.Uploads.Enter(r.Context(), agent.Organization, 0)
	if !ok {
		return agent, wire.Receipt{}, &fault{
			status: http.StatusServiceUnavailable, wait: h.limits.Turns.Next(time.Now()), text: "too many uploads at once: send the batch again later",
		}
	}
	defer leave()
	body, err := h.receive(w, r)
	if err != nil {
		return agent, wire.Receipt{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), savedWithin(len(body)))
	defer cancel()
	decoder, err := h.queue(ctx)
	if err != nil {
		return agent, wire.Receipt{}, err
	}
	h.limits.Turns.Begin(time.Now())
	defer func() {
		h.limits.Turns.End(time.Now())
		h.decoding <- decoder
	}()
	batch, err := decode(decoder, body)
	if err != nil {
		return agent, wire.Receipt{}, err
	}
	receipt, err := h.store.SaveReports(ctx, agent, batch)
	switch {
	case errors.Is(err, store.ErrDisabled), errors.Is(err, store.ErrRevoked), errors.Is(err, store.ErrMustRejoin): // meanwhile
		return agent, wire.Receipt{}, h.refusal(err)
	case err != nil:
		return agent, wire.Receipt{}, &fault{
			status: http.StatusServiceUnavailable, cause: err,
			text: "the collector cannot save the batch: send it again later; the collector's log says why",
		}
	}
	receipt.Schema, receipt.Interval = wire.ReceiptSchema, int(h.terms().Interval.Seconds())
	return agent, receipt, nil
}

// savedWithin is how long a batch of so many bytes may take from its arrival.
func savedWithin(size int) time.Duration {
	return saveTime + time.Duration(size)*time.Second/savePace
}

// queue waits for a decoder, which the caller gives back.
func (h *handler) queue(ctx context.Context) (*wire.Decoder, error) {
	h.metrics.queue.Inc()
	defer h.metrics.queue.Dec()
	timer := time.NewTimer(queueTime)
	defer timer.Stop()
	select {
	case decoder := <-h.decoding:
		return decoder, nil
	case <-timer.C:
		return nil, &fault{
			status: http.StatusServiceUnavailable, wait: h.limits.Turns.Next(time.Now()), text: "the collector is busy: send the batch again later",
		}
	case <-ctx.Done():
		return nil, &fault{status: http.StatusServiceUnavailable, text: "the request was given up", cause: ctx.Err()}
	}
}

// authenticate comes before all that costs something.
func (h *handler) authenticate(r *http.Request) (store.Agent, error) {
	if err := h.checkCertificate(r); err != nil {
		return store.Agent{}, err
	}
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return store.Agent{}, &fault{status: http.StatusUnauthorized, text: `no token: send "Authorization: Bearer TOKEN"`}
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookupTime)
	defer cancel()
	agent, err := h.store.AgentByToken(ctx, strings.TrimSpace(token))
	if err != nil {
		return store.Agent{}, h.refusal(err)
	}
	if h.needKey && (len(agent.Key) == 0 || !agent.Key.Equal(wire.ShownKey(r.TLS))) {
		return agent, &fault{
			status: http.StatusForbidden, code: wire.CodeCertificate,
			text: "this collector takes reports over connections alone on which the agent shows the key that it joined with (tls.require_agent_key): " +
				"update the agent; one with a static token has no key, and needs a join token (rollcall-collector token create --replace)",
		}
	}
	return agent, nil
}

func checkType(r *http.Request) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != wire.BatchType {
		return &fault{status: http.StatusUnsupportedMediaType, text: fmt.Sprintf("Content-Type %.80q: want %s", r.Header.Get("Content-Type"), wire.BatchType)}
	}
	if e := r.Header.Get("Content-Encoding"); e != wire.Encoding {
		return &fault{status: http.StatusUnsupportedMediaType, text: fmt.Sprintf("Content-Encoding %.80q: want %s", e, wire.Encoding)}
	}
	return nil
}

// often refuses what comes more often than an agent with a backlog does.
func (h *handler) often(agent store.Agent) error {
	now := time.Now()
	if wait := h.limits.Agent.Take(agent.ID, now); wait > 0 {
		return &fault{status: http.StatusTooManyRequests, wait: wait, text: "this agent sends too often: send the batch again later"}
	}
	if wait := h.limits.Organization.Take(agent.Organization, now); wait > 0 {
		wait += rand.IntN(retrySpread) // all of its agents are told the same
		return &fault{status: http.StatusTooManyRequests, wait: wait, text: "the agents of this organization send too often: send the batch again later"}
	}
	return nil
}

// receive reads the body, which may come slowly, before a decoder is taken.
func (h *handler) receive(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	deadline := time.Now().Add(uploadTime)
	control := http.NewResponseController(w)
	until := func(t time.Time) error { return supported(control.SetReadDeadline(t)) }
	if err := errors.Join(until(deadline), supported(control.SetWriteDeadline(deadline.Add(savedWithin(wire.MaxCompressed)+answerTime)))); err != nil {
		return nil, &fault{status: http.StatusServiceUnavailable, text: "the connection is gone", cause: err}
	}
	body, err := io.ReadAll(h.limits.Uploads.Paced(http.MaxBytesReader(w, r.Body, wire.MaxCompressed), deadline, until))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &fault{status: http.StatusRequestEntityTooLarge, text: fmt.Sprintf("the batch is larger than %d bytes", wire.MaxCompressed)}
	case err != nil: // cut short: the link's fault, so not a reason to drop the batch
		return nil, &fault{status: http.StatusRequestTimeout, text: "the batch did not arrive whole: send it again", cause: err}
	}
	return body, nil
}

// supported forgives a server that has no deadlines, as those of some tests.
func supported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// decode maps what is wrong with a batch to what its agent should do: 400 and 413
// make it set the batch aside for ever. A schema of tomorrow is 415, upon which the
// agent keeps the batch until the collector knows it.
func decode(d *wire.Decoder, body []byte) (wire.Batch, error) {
	batch, err := d.Decode(bytes.NewReader(body))
	switch {
	case errors.Is(err, wire.ErrTooLarge):
		return wire.Batch{}, &fault{status: http.StatusRequestEntityTooLarge, text: err.Error()}
	case errors.Is(err, wire.ErrSchema):
		return wire.Batch{}, &fault{status: http.StatusUnsupportedMediaType, text: err.Error() + ": update the collector"}
	case err != nil:
		return wire.Batch{}, &fault{status: http.StatusBadRequest, text: err.Error()}
	}
	return batch, nil
}

func (h *handler) refuse(w http.ResponseWriter, r *http.Request, agent store.Agent, f *fault) {
	log := h.log.With("agent", agent.Name, "organization", agent.Organization, "remote", r.RemoteAddr, "status", f.status, "answer", f.text)
	switch {
	case r.Context().Err() != nil: // nobody is there to hear the answer
	case f.status == http.StatusServiceUnavailable && f.cause != nil:
		log.ErrorContext(r.Context(), "cannot take agent's request", "path", r.URL.Path, "error", f.cause)
	default:
		h.refusals.Do(func() { log.WarnContext(r.Context(), "agent's request refused", "path", r.URL.Path, "error", f.cause) })
	}
	switch f.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="rollcall"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(cmp.Or(f.wait, retryAfter+rand.IntN(retrySpread))))
	}
	answer := wire.Fault{Error: f.text, Code: f.code}
	if f.code == wire.CodeClock {
		now := h.now().UTC()
		answer.Time = &now
	}
	h.answer(w, r, f.status, "application/json", answer)
}

func (h *handler) answer(w http.ResponseWriter, r *http.Request, status int, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		// The agent sends the batch again, and the reports are duplicates then.
		h.log.DebugContext(r.Context(), "cannot answer", "remote", r.RemoteAddr, "error", err)
	}
}
