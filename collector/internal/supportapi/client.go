// Package supportapi asks Cisco's Support APIs (SN2Info, EoX, RMA) what they
// know of an organization's serial numbers, products and replacements, and gives
// the answers to the store. It is optional and off until an account is set up.
//
// Here are the token, the politeness, the ways in which the APIs fail, and the
// decoders of what they answer. What an answer means for a unit is reconcile's,
// how it is kept is store's, and reading a saved answer from a file is
// contract's.
//
// The shapes are those of developer.cisco.com/docs/support-apis and of bodies
// that were recorded from the APIs; see the tests for each fault.
package supportapi

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
)

// The addresses of the APIs and of their tokens, by Cisco's documentation.
const (
	DefaultTokenURL    = "https://id.cisco.com/oauth2/default/v1/token"
	DefaultCoverageURL = "https://apix.cisco.com/sn2info/v2"
	DefaultEoXURL      = "https://apix.cisco.com/supporttools/eox/rest/5"
	DefaultRMAURL      = "https://apix.cisco.com/return/v1.0"
)

// Limits of one call. The APIs publish how many inputs a call may have, and not
// how many calls.
const (
	maxSerials = 75 // SN2Info
	maxPIDs    = 20 // EoX
	maxPages   = 200
	maxBody    = 8 << 20 // bytes of one answer, unpacked
	callTime   = 60 * time.Second
)

// Retries of one call: full jitter, each wait up to twice the one before, within
// a time that leaves other organizations their turn.
const (
	maxTries   = 5
	firstWait  = 2 * time.Second
	longWait   = time.Minute
	retryLimit = 3 * time.Minute
)

// Options are the settings of one account.
type Options struct {
	Account                string // its name, for logs, metrics and the store
	ClientID, ClientSecret config.Secret
	TokenURL               string
	CoverageURL            string
	EoXURL                 string
	RMAURL                 string
	PerSecond, PerMinute   int // calls
	UserAgent              string

	// What follows is for tests; the zero values are the real ones.
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration) error
}

// A Client asks the APIs with one account, one call after another. It is safe
// for concurrent use.
type Client struct {
	o      Options
	http   *http.Client
	second *rate.Limiter
	minute *rate.Limiter
	turn   sync.Mutex // held while a call is made
	token  token

	// before is asked before each call and may refuse it; after hears how it
	// ended. Both may be nil.
	before func(ctx context.Context) error
	after  func(api store.SupportAPI, err error)
}

// NewClient returns a client of an account. It asks nothing yet.
func NewClient(o Options) *Client {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
	transport.ResponseHeaderTimeout = callTime / 2
	transport.MaxResponseHeaderBytes = 64 << 10
	transport.MaxIdleConnsPerHost = 1
	// Half the calls of a minute may come at once and half in its course, so
	// that no minute has more of them.
	burst := max(o.PerMinute/2, 1)
	perMinute := rate.Limit(float64(max(o.PerMinute-burst, 1)) / 60)
	return &Client{
		o: o, second: rate.NewLimiter(rate.Limit(o.PerSecond), 1), minute: rate.NewLimiter(perMinute, burst),
		http: &http.Client{
			Transport: transport, Timeout: callTime,
			// The token is for Cisco's address and for no other.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close lets go of connections that are kept.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// get asks for an address until there is a whole answer or no use in trying
// again, and gives it to read, whose error of the kinds Busy and Failed is
// tried again too.
func (c *Client) get(ctx context.Context, api store.SupportAPI, address string, read func(body []byte) error) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	began, next := c.o.Now(), firstWait
	renewed := false
	for try := 1; ; try++ {
		err := c.once(ctx, api, address, read)
		if err == nil || ctx.Err() != nil {
			return err
		}
		var e *Error
		if !errors.As(err, &e) {
			return err
		}
		if e.Kind == Expired && !renewed { // the token ended before its time
			renewed = true
			c.token.forget()
			continue
		}
		if e.Kind != Busy && e.Kind != Failed || try == maxTries {
			return err
		}
		pause := time.Duration(rand.Int64N(int64(next))) + 1 //nolint:gosec // jitter, no secret
		next = min(2*next, longWait)
		pause = max(pause, e.RetryAfter)
		if c.o.Now().Add(pause).Sub(began) > retryLimit {
			return err
		}
		if err := c.o.Wait(ctx, pause); err != nil {
			return err
		}
	}
}

// once makes one call.
func (c *Client) once(ctx context.Context, api store.SupportAPI, address string, read func([]byte) error) (err error) {
	bearer, err := c.token.get(ctx, c)
	if err != nil {
		return err
	}
	if c.before != nil {
		if err := c.before(ctx); err != nil {
			return err
		}
	}
	if err := c.pace(ctx); err != nil {
		return err
	}
	if c.after != nil {
		defer func() { c.after(api, err) }()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return &Error{Kind: Refused, API: api, Text: "the address cannot be used"}
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.o.UserAgent)
	res, err := c.http.Do(req)
	if err != nil {
		return c.failed(ctx, api, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return c.failed(ctx, api, err)
	}
	if err := c.judge(api, res, body); err != nil {
		return err
	}
	err = read(body)
	if e, ok := errors.AsType[*Error](err); ok {
		e.API, e.Message = api, clip(res.Header.Get("X-Mashery-Message-ID"))
		e.Text = c.hide(e.Text)
	}
	return err
}

// pace waits until a call may be made.
func (c *Client) pace(ctx context.Context) error {
	now := c.o.Now()
	pause := max(c.second.ReserveN(now, 1).DelayFrom(now), c.minute.ReserveN(now, 1).DelayFrom(now))
	if pause <= 0 {
		return ctx.Err()
	}
	return c.o.Wait(ctx, pause)
}

// failed is the error of a call without a whole answer.
func (c *Client) failed(ctx context.Context, api store.SupportAPI, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return &Error{Kind: Failed, API: api, Text: c.hide(err.Error())}
}

// judge says what is wrong with an answer as such; its content is for the
// decoders.
func (c *Client) judge(api store.SupportAPI, res *http.Response, body []byte) error {
	e := &Error{API: api, Status: res.StatusCode, Message: clip(res.Header.Get("X-Mashery-Message-ID")), Kind: Failed}
	if len(body) > maxBody {
		e.Kind, e.Text = TooMuch, fmt.Sprintf("the answer is larger than %d MiB", maxBody>>20)
		return e
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	isJSON := kind == "application/json" || strings.HasSuffix(kind, "+json") ||
		(kind == "" || kind == "text/plain") && bytes.HasPrefix(bytes.TrimSpace(body), []byte("{"))
	if res.StatusCode == http.StatusOK {
		if !isJSON {
			e.Text = fmt.Sprintf("the answer is %q and no JSON: a proxy or a portal may have answered in Cisco's place", clip(kind))
			return e
		}
		return nil
	}
	gateway := clip(res.Header.Get("X-Mashery-Error-Code"))
	e.Code, e.Text = gateway, res.Status
	if isJSON {
		if code, text := errorIn(body); code != "" || text != "" {
			e.Code, e.Text = cmp.Or(gateway, code), text
		}
	}
	e.Code, e.Text = c.hide(e.Code), c.hide(e.Text)
	e.RetryAfter = retryAfter(res.Header.Get("Retry-After"), c.o.Now())
	e.Kind = kindOf(res.StatusCode, e.Code)
	if e.Kind == Busy && e.RetryAfter > retryLimit {
		e.Kind = Quota
	}
	return e
}

// hide takes the account's secrets and control characters out of what another
// party said, and shortens it.
func (c *Client) hide(text string) string {
	return clip(c.token.hide(text))
}
