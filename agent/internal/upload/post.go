package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/agent/internal/dial"
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
	fromCollector bool   // it answered in the collector's own words
	code          string // one of wire's; "" for none
	unauthorized  bool   // 401, 403
	refused       bool   // 400, 422: this batch will never be taken
	tooLarge      bool   // 413
	size          bool   // a smaller batch may get through
	retryAfter    time.Duration
	request       string // the ID under which the collector may know it; "" without a request
}

func (f fault) Error() string { return f.err.Error() }
func (f fault) Unwrap() error { return f.err }

func asFault(err error) fault {
	if f, ok := errors.AsType[fault](err); ok {
		return f
	}
	return fault{err: err}
}

// post sends the body as the request of this ID and returns a valid receipt, or a
// fault.
func (u *Uploader) post(ctx context.Context, id string, body []byte) (wire.Receipt, error) {
	var none wire.Receipt
	token, err := u.opt.Credential.Token()
	if err != nil {
		return none, err
	}
	limit := u.opt.Patience + time.Duration(len(body))*time.Second/slowest
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.opt.Credential.URL()+wire.ReportsPath, bytes.NewReader(body))
	if err != nil {
		return none, err
	}
	req.Header.Set(wire.RequestIDHeader, id)
	req.Header.Set("Content-Type", wire.BatchType)
	req.Header.Set("Content-Encoding", wire.Encoding)
	req.Header.Set("Accept", wire.ReceiptType+", application/json")
	req.Header.Set("User-Agent", "rollcall-agent/"+u.opt.Version)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := u.opt.Client.Do(req)
	if err != nil {
		return none, fault{err: dial.Explain(err, limit, u.opt.Now()), size: true}
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return none, fault{err: fmt.Errorf("answer breaks off: %w", dial.Explain(err, limit, u.opt.Now())), size: true}
	}
	if resp.StatusCode/100 == 2 {
		return readReceipt(resp, answer)
	}
	f := u.readFault(resp, answer)
	if f.code == wire.CodeUnknown || f.code == wire.CodeExpired {
		u.opt.Credential.Refused(token)
	}
	return none, f
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
		f.fromCollector, f.code, said = true, w.Code, clean(w.Error)
	}
	hint := ""
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		f.unauthorized, hint = true, "the reports are kept"
		if f.code == "" {
			hint = "check collector.token; the reports are kept"
		}
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
