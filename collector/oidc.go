package collector

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/web"
	"rollcall/pkg/config"
)

// OIDC is an organization's own login (OpenID Connect). Who has an account with
// their verified e-mail address as its name logs in by it.
type OIDC struct {
	Issuer       string        `yaml:"issuer"` // "" for none
	ClientID     string        `yaml:"client_id"`
	ClientSecret config.Secret `yaml:"client_secret"`
	// RedirectURL is the collector's own address with the path of the way back,
	// as the provider knows it.
	RedirectURL string `yaml:"redirect_url"`
	Label       string `yaml:"label"` // of the link on the login page; "" is a general one
}

func (o OIDC) validate() []error {
	if o.Issuer == "" {
		if o.ClientID != "" || o.RedirectURL != "" || o.ClientSecret.IsSet() {
			return []error{errors.New("oidc.issuer: is missing: it is the address that the provider gives as its issuer")}
		}
		return nil
	}
	var errs []error
	secure := func(path, raw string) {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) || u.User != nil || u.Fragment != "" {
			errs = append(errs, fmt.Errorf("%s: %q is not an address that begins with https://", path, raw))
		}
	}
	secure("oidc.issuer", o.Issuer)
	secure("oidc.redirect_url", o.RedirectURL)
	if o.RedirectURL != "" && !strings.HasSuffix(o.RedirectURL, web.ProviderPath) {
		errs = append(errs, fmt.Errorf("oidc.redirect_url: %q does not end with %s: write the collector's address and that, in both places", o.RedirectURL, web.ProviderPath))
	}
	if o.ClientID == "" {
		errs = append(errs, errors.New("oidc.client_id: is missing: the provider gives it when the collector is registered there"))
	}
	if !o.ClientSecret.IsSet() {
		errs = append(errs, errors.New("oidc.client_secret: is missing: the provider gives it when the collector is registered there"))
	} else if _, err := o.ClientSecret.Value(); err != nil {
		errs = append(errs, fmt.Errorf("oidc.client_secret: %w", err))
	}
	return errs
}

// provider is nil for none.
func (o OIDC) provider() *login.Provider {
	if o.Issuer == "" {
		return nil
	}
	return login.NewProvider(login.ProviderSettings{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret.Value, RedirectURL: o.RedirectURL})
}
