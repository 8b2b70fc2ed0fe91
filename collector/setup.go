package collector

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"rollcall/collector/internal/store"
)

// setupLife is how long the link for the first account holds.
const setupLife = time.Hour

// offerSetup shows the link to make the first account, as long as there is none.
func (c *Collector) offerSetup(ctx context.Context) error {
	if c.config().Login == LoginOff {
		return nil
	}
	code, err := c.store.NewSetupCode(ctx, "", setupLife)
	if errors.Is(err, store.ErrConflict) {
		return nil // there is an account
	}
	if err != nil {
		return fmt.Errorf("cannot make the link for the first account: %w", err)
	}
	link := SetupURL(c.reachable(), code)
	if c.offer != nil {
		c.offer(link)
		return nil
	}
	c.log.Warn("nobody has an account yet: open this link within an hour to make the first one", "link", link)
	return nil
}

// SetupURL is the link that a code is for.
func SetupURL(base, code string) string {
	return strings.TrimSuffix(base, "/") + "/setup?" + url.Values{"code": {code}}.Encode()
}

// reachable is the collector's address as a browser elsewhere takes it: with the
// name of this machine where it listens on all of its addresses.
func (c *Collector) reachable() string {
	u, err := url.Parse(c.url())
	if err != nil {
		return c.url()
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			u.Host = net.JoinHostPort(name, u.Port())
		}
	}
	return u.String()
}
