package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"rollcall/agent/internal/dial"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// patience is how long an answer of the collector is waited for.
const patience = 45 * time.Second

// maxSaid bounds what a collector may say, in runes.
const maxSaid = 300

// A refusal is what the collector answered in its own words.
type refusal struct {
	status int
	code   string
	said   string
	time   time.Time // the collector's; zero when it does not say
}

func (r refusal) Error() string { return r.said }

// final says that asking again will not help, until a person does something.
func (r refusal) final() bool {
	return r.status == http.StatusUnauthorized && r.code != wire.CodeClock && r.code != wire.CodeReplay || r.status == http.StatusForbidden || r.status == http.StatusConflict
}

// ask sends a request and returns the credential that it is answered with.
func (k *Keeper) ask(ctx context.Context, client *http.Client, url string, v any) (wire.Credential, error) {
	var none wire.Credential
	raw, err := json.Marshal(v)
	if err != nil {
		return none, fmt.Errorf("cannot encode request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		return none, err
	}
	req.Header.Set("Content-Type", wire.CredentialType)
	req.Header.Set("Accept", wire.CredentialType+", application/json")
	req.Header.Set("User-Agent", "rollcall-agent/"+k.opt.Version)
	resp, err := client.Do(req)
	if err != nil {
		return none, dial.Explain(err, patience, k.opt.Now())
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, wire.MaxJoin+1))
	if err != nil {
		return none, fmt.Errorf("answer breaks off: %w", dial.Explain(err, patience, k.opt.Now()))
	}
	if resp.StatusCode == http.StatusOK {
		return readCredential(resp, answer)
	}
	return none, readRefusal(resp, answer)
}

// Reach says whether the collector that the join token is for is there.
func (k *Keeper) Reach(ctx context.Context) error {
	token, _, err := k.configured()
	if err != nil {
		return err
	}
	client, err := k.clientFor(bond{pin: token.Pin})
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.URL()+"/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return dial.Explain(err, patience, k.opt.Now())
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer was %d %s: is a collector at this address?", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return nil
}

// readCredential believes only what has the type of a credential. A captive
// portal answers 200, too.
func readCredential(resp *http.Response, answer []byte) (wire.Credential, error) {
	if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || t != wire.CredentialType {
		return wire.Credential{}, errors.New("the answer is no credential: a proxy or a login page of the network may answer in the collector's place, or the address is wrong")
	}
	var c wire.Credential
	if err := json.Unmarshal(answer, &c); err != nil || len(answer) > wire.MaxJoin {
		return wire.Credential{}, errors.New("cannot read the credential that the collector answered with")
	}
	if c.Schema != wire.CredentialSchema {
		return wire.Credential{}, fmt.Errorf("the credential has schema %.40q, this agent knows %q: update the agent", c.Schema, wire.CredentialSchema)
	}
	if c.AgentID == "" || c.Token == "" || c.ExpiresIn <= 0 || c.RenewIn <= 0 || c.RenewIn > c.ExpiresIn {
		return wire.Credential{}, errors.New("the credential that the collector answered with is not whole")
	}
	return c, nil
}

func readRefusal(resp *http.Response, answer []byte) error {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	var f wire.Fault
	if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && t == "application/json" && json.Unmarshal(answer, &f) == nil && f.Error != "" {
		text := []rune(inventory.CleanText(f.Error))
		r := refusal{status: resp.StatusCode, code: f.Code, said: "the collector answered " + status + ": " + string(text[:min(len(text), maxSaid)])}
		if f.Time != nil {
			r.time = *f.Time
		}
		return r
	}
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("the answer was %s: no collector is at this address, or it is too old for agents to join: update the collector, or check the address", status)
	case resp.StatusCode/100 == 3:
		return fmt.Errorf("the answer was %s, and redirects are not followed: write the address that they lead to", status)
	}
	return fmt.Errorf("the answer was %s, and not in the collector's words: a proxy may have given it", status)
}
