package nodelist

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollcall/pkg/config"
)

const (
	netboxPageSize = 250
	// maxPages bounds the pages of one import: MaxEntries by the page size,
	// with room for a server that gives fewer.
	maxPages = 5000
	// netboxBudget bounds the import as a whole.
	netboxBudget = 10 * time.Minute
)

// A NetBox is where to ask for devices over the REST API.
type NetBox struct {
	URL   string // of NetBox itself: https://netbox.example.org
	Token config.Secret
	// AllowPlainHTTP consents to send the token readable for everybody on the
	// way.
	AllowPlainHTTP bool
	Timeout        time.Duration // for one page; 30 s when 0
	// Filter narrows the list as NetBox's own parameters do: site=hq,
	// manufacturer=cisco.
	Filter url.Values
	// RootCAs trust NetBox's certificate; the system's when nil.
	RootCAs *x509.CertPool
}

// Validate says what is wrong with the settings, or nil. It reads no secret.
func (n NetBox) Validate() error {
	u, err := url.Parse(n.URL)
	switch {
	case n.URL == "":
		return errors.New("the address of NetBox is missing: write it as https://netbox.example.org")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the address of NetBox is no web address: write it as https://netbox.example.org")
	case u.User != nil:
		return errors.New("the address of NetBox has a user or password in it: write the token as a setting of its own")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("the address of NetBox has more than a host and a path")
	case u.Scheme == "http" && !n.AllowPlainHTTP && !isLoopback(u.Hostname()):
		return errors.New("the address of NetBox would send the token readable for everybody on the way: write https://")
	case !n.Token.IsSet():
		return errors.New("the token for NetBox is missing: create one that may read, and write file:PATH of the file that holds it")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Devices asks for all devices, page by page. It asks the configured address
// only: where a page or a redirect names another host, it does not go there.
func (n NetBox) Devices(ctx context.Context) (List, error) {
	if err := n.Validate(); err != nil {
		return List{}, err
	}
	token, err := n.Token.Value()
	if err != nil {
		return List{}, fmt.Errorf("cannot ask NetBox: %w", err)
	}
	base, err := url.Parse(strings.TrimRight(n.URL, "/") + "/api/dcim/devices/")
	if err != nil {
		return List{}, fmt.Errorf("cannot ask NetBox: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, netboxBudget)
	defer cancel()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: n.RootCAs, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	timeout := n.Timeout
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	c := netboxClient{base: base, authorization: authorization(token), client: &http.Client{Transport: transport, Timeout: timeout, CheckRedirect: sameHost(base)}}
	b := newBuilder(n.URL)
	b.list.Format = NetBoxJSON
	if err := c.all(ctx, b, n.firstQuery()); err != nil {
		return List{}, fmt.Errorf("cannot read devices from NetBox at %s: %w", n.URL, err)
	}
	return b.list, nil
}

// firstQuery is the filter with the size of pages, and without what is large
// and of no use.
func (n NetBox) firstQuery() url.Values {
	query := url.Values{}
	maps.Copy(query, n.Filter)
	query.Set("limit", fmt.Sprint(netboxPageSize))
	query.Set("exclude", "config_context")
	return query
}

// authorization words the token: those of version 2, since NetBox 4.5, begin
// with nbt_ and are bearer tokens.
func authorization(token string) string {
	if strings.HasPrefix(token, "nbt_") {
		return "Bearer " + token
	}
	return "Token " + token
}

// sameHost follows redirects within the configured scheme and host only: the
// token goes nowhere else.
func sameHost(base *url.URL) func(*http.Request, []*http.Request) error {
	return func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != base.Scheme || r.URL.Host != base.Host {
			return fmt.Errorf("it redirects to %s://%s: if that is your NetBox, configure that address", r.URL.Scheme, r.URL.Host)
		}
		if len(via) > 3 {
			return errors.New("it redirects too often")
		}
		return nil
	}
}

type netboxClient struct {
	base          *url.URL
	authorization string
	client        *http.Client
}

// all reads page after page. Of the address of the next page only the query is
// taken: behind a proxy NetBox often names a host or scheme that is not its own.
func (c netboxClient) all(ctx context.Context, b *builder, query url.Values) error {
	asked := map[string]bool{}
	raw := query.Encode()
	for range maxPages {
		asked[raw] = true
		body, err := c.page(ctx, raw)
		if err != nil {
			return err
		}
		p := netboxPage{b: b, raw: body, api: true}
		if err := p.read(); err != nil {
			return err
		}
		if p.next == "" {
			return nil
		}
		next, err := url.Parse(p.next)
		if err != nil {
			return errors.New("the address of its next page cannot be read")
		}
		if raw = next.RawQuery; asked[raw] {
			return errors.New("its pages go round in a circle")
		}
	}
	return fmt.Errorf("it has more than %d pages: narrow the list by a filter", maxPages)
}

func (c netboxClient) page(ctx context.Context, query string) ([]byte, error) {
	u := *c.base
	u.RawQuery = query
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("its address cannot be used")
	}
	r.Header.Set("Authorization", c.authorization)
	r.Header.Set("Accept", "application/json")
	resp, err := c.client.Do(r)
	if err != nil {
		return nil, unwrapURL(err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("it refuses the token (%d): check that the token is whole, not expired, and may view devices", resp.StatusCode)
	case resp.StatusCode == http.StatusNotFound:
		return nil, errors.New("there is no NetBox (404): check the address")
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answers with status %d: try again later, or look into its log", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxFile+1))
	if err != nil {
		return nil, unwrapURL(err)
	}
	if len(body) > MaxFile {
		return nil, fmt.Errorf("a page of %d devices is larger than %d MiB", netboxPageSize, MaxFile>>20)
	}
	return body, nil
}

// unwrapURL leaves out the long address with all its parameters.
func unwrapURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
