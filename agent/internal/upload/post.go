package upload

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/pkg/wire"
)

const (
	// maxAnswer bounds an answer's body, in bytes.
	maxAnswer = 1 << 20
	// slowest is the slowest link to wait for, in bytes per second.
	slowest = 1 << 10
)

// A fault is an error that says what to do about it.
type fault struct {
	err           error
	fromCollector bool // it answered in the collector's own words
	unauthorized  bool // 401, 403
	refused       bool // 400, 422: this batch will never be taken
	tooLarge      bool // 413
	size          bool // a smaller batch may get through
	retryAfter    time.Duration
}

func (f fault) Error() string { return f.err.Error() }
func (f fault) Unwrap() error { return f.err }

func asFault(err error) fault {
	if f, ok := errors.AsType[fault](err); ok {
		return f
	}
	return fault{err: err}
}

// NewClient returns a client for the collector: it follows no redirect, as that
// would carry the token elsewhere, and believes the system's authorities and
// those in the PEM file caFile, if one is named.
func NewClient(caFile string) (*http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the collector's authority: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot use %s: there is no PEM certificate in it", caFile)
		}
		conf.RootCAs = pool
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			TLSClientConfig:     conf,
			TLSHandshakeTimeout: 20 * time.Second,
			IdleConnTimeout:     time.Minute,
			MaxIdleConns:        1,
			ForceAttemptHTTP2:   true,
			// A connection that died without a word is found by its pings.
			HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
		},
	}, nil
}

// post sends the body and returns a valid receipt, or a fault.
func (u *Uploader) post(ctx context.Context, body []byte) (wire.Receipt, error) {
	var none wire.Receipt
	token, err := u.token()
	if err != nil {
		return none, err
	}
	limit := u.opt.Patience + time.Duration(len(body))*time.Second/slowest
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.endpoint, bytes.NewReader(body))
	if err != nil {
		return none, err
	}
	req.Header.Set("Content-Type", wire.BatchType)
	req.Header.Set("Content-Encoding", wire.Encoding)
	req.Header.Set("Accept", wire.ReceiptType+", application/json")
	req.Header.Set("User-Agent", "rollcall-agent/"+u.opt.Version)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := u.opt.Client.Do(req)
	if err != nil {
		return none, fault{err: u.explain(err, limit), size: true}
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return none, fault{err: fmt.Errorf("answer breaks off: %w", u.explain(err, limit)), size: true}
	}
	if resp.StatusCode/100 == 2 {
		return readReceipt(resp, answer)
	}
	return none, u.readFault(resp, answer)
}

func (u *Uploader) token() (string, error) {
	if !u.opt.Token.IsSet() {
		return "", nil
	}
	v, err := u.opt.Token.Value()
	if err != nil {
		return "", fmt.Errorf("cannot resolve collector.token: %w", err)
	}
	return v, nil
}

// explain adds to a transport's error what a volunteer can do about it.
func (u *Uploader) explain(err error, limit time.Duration) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err // without method and address, which the log line has
	}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %s", limit.Round(time.Second))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("%w: check the clock of this machine, which says %s, and the collector's certificate", err, u.opt.Now().UTC().Format(time.RFC3339))
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: name the authority that signed it in collector.ca_file", err)
	case errors.As(err, &dns):
		return fmt.Errorf("%w: check collector.url and this machine's name server", err)
	}
	return err
}

// readReceipt believes only a typed receipt. A captive portal answers 200, too.
func readReceipt(resp *http.Response, answer []byte) (wire.Receipt, error) {
	var r wire.Receipt
	if t := mediaType(resp); t != wire.ReceiptType {
		return r, fault{err: fmt.Errorf("answer %d is %s and no receipt: a proxy or a login page of the network may answer in the collector's place, or collector.url is wrong",
			resp.StatusCode, t)}
	}
	if len(answer) > maxAnswer {
		return r, fault{err: fmt.Errorf("receipt is longer than %d bytes", maxAnswer), size: true}
	}
	if err := json.Unmarshal(answer, &r); err != nil {
		return wire.Receipt{}, fault{err: fmt.Errorf("cannot read receipt: %w", err), size: true}
	}
	if r.Schema != wire.ReceiptSchema {
		return wire.Receipt{}, fault{err: fmt.Errorf("receipt has schema %.40q, this agent knows %q: update the agent", r.Schema, wire.ReceiptSchema)}
	}
	return r, nil
}

func mediaType(resp *http.Response) string {
	t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return "of no known type"
	}
	return t
}

// readFault sorts an answer that is no success.
func (u *Uploader) readFault(resp *http.Response, answer []byte) fault {
	f := fault{retryAfter: u.retryAfter(resp)}
	said := ""
	var w wire.Fault
	if t := mediaType(resp); (t == "application/json" || strings.HasSuffix(t, "+json")) && json.Unmarshal(answer, &w) == nil && w.Error != "" {
		f.fromCollector, said = true, clean(w.Error)
	}
	hint := ""
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		f.unauthorized, hint = true, "check collector.token; the reports are kept"
	case code == http.StatusBadRequest, code == http.StatusUnprocessableEntity:
		f.refused = true
	case code == http.StatusRequestEntityTooLarge:
		f.tooLarge = true
	case code == http.StatusNotFound:
		hint = "no collector is at this address, check collector.url"
	case code == http.StatusProxyAuthRequired:
		hint = "the proxy asks for a password, write it in HTTPS_PROXY"
	case code/100 == 3:
		hint = "redirects are not followed, write the new address in collector.url"
		if loc, err := resp.Location(); err == nil {
			hint = fmt.Sprintf("it redirects to %s://%s, and redirects are not followed: write the right address in collector.url", clean(loc.Scheme), clean(loc.Host))
		}
	case code >= 500:
		f.size = true
	}
	words := []string{"collector answered " + strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))), said, hint}
	f.err = errors.New(strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), ": "))
	return f
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3); 0 if there is
// none.
func (u *Uploader) retryAfter(resp *http.Response) time.Duration {
	v := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if n, err := strconv.ParseInt(v, 10, 32); err == nil && n >= 0 {
		return max(time.Duration(n)*time.Second, time.Second)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(u.opt.Now()), time.Second)
	}
	return 0
}
