package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
)

// Schema names the version of the JSON that webhooks get. More may be added to
// it without another name.
const Schema = "rollcall.event/1"

// A Webhook is a receiver of changes of findings by HTTP POST, as the Standard
// Webhooks specification has it (standardwebhooks.com, version 1).
type Webhook struct {
	Name string
	URL  string
	// Secret signs messages; Previous too, while receivers change to a new one.
	Secret, Previous config.Secret
	// Organizations whose findings it is told, by name or ID; none are all.
	Organizations []string
}

// secretPrefix stands before secrets of the specification, in base64.
const secretPrefix = "whsec_"

// Sizes of a secret, in bytes, by the specification.
const minSecret, maxSecret = 24, 64

// Key returns the bytes of a webhook's secret, written as "whsec_" and base64.
func Key(s config.Secret) ([]byte, error) {
	value, err := s.Value()
	if err != nil {
		return nil, err
	}
	coded, ok := strings.CutPrefix(value, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(coded)
	if !ok || err != nil || len(key) < minSecret || len(key) > maxSecret {
		return nil, fmt.Errorf("is not a secret for webhooks: write %q and %d to %d random bytes in base64, such as the output of: echo %s$(openssl rand -base64 32)",
			secretPrefix, minSecret, maxSecret, secretPrefix)
	}
	return key, nil
}

// sign returns the signature of a message, sent at a time in Unix seconds.
func sign(key []byte, id string, at int64, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.", id, at)
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Types of messages.
const (
	typePrefix = "finding." // and the change: finding.opened
	typeTest   = "test"     // of check --send
)

// A message is the body of a POST. The same notice makes the same bytes at each
// attempt.
type message struct {
	Schema    string      `json:"schema"`
	Type      string      `json:"type"`
	Timestamp time.Time   `json:"timestamp"` // of the change
	ID        string      `json:"id"`        // as webhook-id
	Data      messageData `json:"data"`
}

type messageData struct {
	Organization *messageOrganization `json:"organization,omitempty"`
	Finding      *messageFinding      `json:"finding,omitempty"`
	URL          string               `json:"url,omitempty"` // the collector's page
}

type messageOrganization struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// A messageFinding has the names of the API.
type messageFinding struct {
	ID           int64  `json:"id"`
	Organization string `json:"organization"` // ID
	reconcile.Finding
	Opened   time.Time  `json:"opened"`
	Resolved *time.Time `json:"resolved"` // null while open
}

// newMessage is what a webhook is told of a notice.
func newMessage(n store.Notice, o store.Organization, base string) message {
	f := n.Finding
	m := message{
		Schema: Schema, Type: typePrefix + string(n.Change), Timestamp: n.Noted, ID: n.Event,
		Data: messageData{
			Organization: &messageOrganization{o.ID, o.Name},
			Finding:      &messageFinding{ID: f.ID, Organization: o.ID, Finding: f.Finding, Opened: f.Opened},
			URL:          findingURL(base, f.ID),
		},
	}
	if !f.Resolved.IsZero() {
		m.Data.Finding.Resolved = &f.Resolved
	}
	return m
}

// findingURL is the collector's page of a finding, "" where its address is not
// known.
func findingURL(base string, id int64) string {
	if base == "" {
		return ""
	}
	return fmt.Sprintf("%s/findings/%d", strings.TrimSuffix(base, "/"), id)
}

// A refusal is why a message was not taken.
type refusal struct {
	text  string
	after time.Duration // the receiver asks to wait so long; 0 when it does not say
	own   bool          // it is about this message; others may be taken
}

func (r *refusal) Error() string { return r.text }

// post sends a message and returns nil once the receiver has taken it: once it
// answered with 2xx.
func (h Webhook) post(ctx context.Context, client *http.Client, m message, now time.Time, agent string) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("cannot encode the message: %w", err)
	}
	// Secrets are read each time, so that they can be changed without a restart.
	signatures := make([]string, 0, 2)
	for _, s := range []config.Secret{h.Secret, h.Previous} {
		if !s.IsSet() {
			continue
		}
		key, err := Key(s)
		if err != nil {
			return fmt.Errorf("cannot sign: the secret %w", err)
		}
		signatures = append(signatures, sign(key, m.ID, now.Unix(), body))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {agent}, "Webhook-Id": {m.ID},
		"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {strings.Join(signatures, " ")},
	}
	res, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok { // has the URL, which may hold a secret of the receiver
			err = u.Err
		}
		return fmt.Errorf("cannot be reached: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // what it answers besides is its own affair
	switch res.StatusCode / 100 {
	case 2:
		return nil
	case 3:
		return &refusal{text: fmt.Sprintf("it answered %d and leads elsewhere, which is not followed: put the new address into the settings", res.StatusCode)}
	}
	own := res.StatusCode == http.StatusBadRequest || res.StatusCode == http.StatusConflict || res.StatusCode == http.StatusRequestEntityTooLarge ||
		res.StatusCode == http.StatusUnprocessableEntity
	return &refusal{fmt.Sprintf("it answered %d %s", res.StatusCode, http.StatusText(res.StatusCode)), retryAfter(res.Header.Get("Retry-After"), now), own}
}

// maxRetryAfter bounds what a receiver may ask for.
const maxRetryAfter = time.Hour

// retryAfter reads seconds or a date (RFC 9110, 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(value); err == nil {
		return min(max(0, time.Duration(min(n, int(maxRetryAfter/time.Second)))*time.Second), maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter)
	}
	return 0
}
