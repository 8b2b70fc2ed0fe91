package supportapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// tokenMargin is how long before its end a token is not used any more.
const tokenMargin = time.Minute

// A token is the account's current one, for as long as it lasts. It belongs to
// whoever holds the client's turn.
type token struct {
	value string
	until time.Time
	// secrets are what no error may show: of this and of earlier tokens.
	secrets []string
}

func (t *token) forget() { t.value, t.until = "", time.Time{} }

// hide takes the secrets out of a text, as they are and as forms write them.
func (t *token) hide(text string) string {
	for _, s := range t.secrets {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			text = strings.ReplaceAll(text, form, "<secret>")
		}
	}
	return text
}

// keep notes a secret. Old tokens are forgotten, the first two stay: they are
// the client's own.
func (t *token) keep(secrets ...string) {
	const most = 6
	for _, s := range secrets {
		if s != "" {
			t.secrets = append(t.secrets, s)
		}
	}
	if n := len(t.secrets); n > most {
		t.secrets = append(t.secrets[:2:2], t.secrets[n-most+2:]...)
	}
}

// get returns a token that lasts, asking for one where needed. The credentials
// are read each time, so that a file with a new secret needs no restart.
func (t *token) get(ctx context.Context, c *Client) (string, error) {
	if t.value != "" && c.o.Now().Before(t.until) {
		return t.value, nil
	}
	id, err := c.o.ClientID.Value()
	if err != nil {
		return "", &Error{Kind: Unauthorized, Text: "client_id: " + err.Error()}
	}
	secret, err := c.o.ClientSecret.Value()
	if err != nil {
		return "", &Error{Kind: Unauthorized, Text: "client_secret: " + err.Error()}
	}
	t.secrets = nil
	t.keep(secret, id)
	ask := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: c.o.TokenURL, AuthStyle: oauth2.AuthStyleInParams}
	got, err := ask.Token(context.WithValue(ctx, oauth2.HTTPClient, c.http))
	if err != nil {
		err = c.tokenError(ctx, err)
	}
	if c.after != nil {
		c.after("", err)
	}
	if err != nil {
		return "", err
	}
	t.keep(got.AccessToken)
	left := tokenMargin // where it does not say
	if !got.Expiry.IsZero() {
		left = time.Until(got.Expiry)
	}
	t.value, t.until = got.AccessToken, c.o.Now().Add(max(left-tokenMargin, left/2))
	return t.value, nil
}

// tokenError says what the token's server said, without what the library says:
// that has the body.
func (c *Client) tokenError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var r *oauth2.RetrieveError
	var u *url.Error
	switch {
	case errors.As(err, &r) && r.Response != nil:
		code, text := errorIn(r.Body)
		e := &Error{
			Status: r.Response.StatusCode, Code: c.hide(code), Text: c.hide(cmp.Or(text, r.ErrorDescription)),
			RetryAfter: retryAfter(r.Response.Header.Get("Retry-After"), c.o.Now()),
		}
		switch e.Kind = kindOf(e.Status, e.Code); {
		case e.Kind == Expired, e.Kind == Forbidden, e.Kind == Refused:
			e.Kind = Unauthorized
		case e.Status == http.StatusOK:
			e.Kind, e.Text = Failed, cmp.Or(e.Text, "the answer holds no token")
		case e.Status >= 300 && e.Status < 400:
			e.Text = "it was answered with a redirect, which a portal may have done in Cisco's place"
		}
		return e
	case errors.As(err, &u):
		return &Error{Kind: Failed, Text: c.hide(u.Err.Error())}
	}
	return &Error{Kind: Failed, Text: "the answer is no token: a proxy or a portal may have answered in Cisco's place"}
}

// Connect asks for a token, which shows that the account is taken.
func (c *Client) Connect(ctx context.Context) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	_, err := c.token.get(ctx, c)
	return err
}
