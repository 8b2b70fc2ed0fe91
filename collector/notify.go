package collector

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones of weekly mails, on machines without them

	"rollcall/collector/internal/notify"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
)

// Notify says who is told of findings. Nobody is by default.
type Notify struct {
	// URL is where people open the collector, for the links of messages.
	URL         string          `yaml:"url"`
	GiveUpAfter config.Duration `yaml:"give_up_after"`
	// Allow are networks, as CIDR, that webhooks may be in although they are
	// not public.
	Allow    []string        `yaml:"allow"`
	Mail     NotifyMail      `yaml:"mail"`
	Webhooks []NotifyWebhook `yaml:"webhooks"`
}

// NotifyMail is the mail server and what is mailed.
type NotifyMail struct {
	Server     string             `yaml:"server"` // host:port; "" sends none
	TLS        string             `yaml:"tls"`    // starttls, tls or none
	CAFile     string             `yaml:"ca_file"`
	From       string             `yaml:"from"`
	Username   string             `yaml:"username"`
	Password   config.Secret      `yaml:"password"`
	To         []string           `yaml:"to"`
	Recipients []NotifyRecipients `yaml:"recipients"`
	Weekly     string             `yaml:"weekly"` // "monday 07:00"; "" is never
	Zone       string             `yaml:"zone"`   // of the IANA database, of Weekly
	AllIsWell  bool               `yaml:"all_is_well"`
	OnChange   bool               `yaml:"on_change"`
	Severity   string             `yaml:"severity"` // of OnChange, at least
	Quiet      config.Duration    `yaml:"quiet"`
	Pause      config.Duration    `yaml:"pause"`
}

// NotifyRecipients get the mails about one organization.
type NotifyRecipients struct {
	Organization string   `yaml:"organization"` // its name or ID
	To           []string `yaml:"to"`
}

// NotifyWebhook is one receiver of changes.
type NotifyWebhook struct {
	Name           string        `yaml:"name"`
	URL            string        `yaml:"url"`
	Secret         config.Secret `yaml:"secret"`
	PreviousSecret config.Secret `yaml:"previous_secret"`
	Organizations  []string      `yaml:"organizations"` // names or IDs; none are all
	Insecure       bool          `yaml:"insecure"`      // http is allowed
}

func defaultNotify() Notify {
	const day = 24 * time.Hour
	return Notify{
		GiveUpAfter: config.Duration(3 * day), Allow: []string{}, Webhooks: []NotifyWebhook{},
		Mail: NotifyMail{
			TLS: notify.StartTLS, To: []string{}, Recipients: []NotifyRecipients{}, Weekly: "monday 07:00", Zone: "UTC", AllIsWell: true,
			OnChange: true, Severity: string(reconcile.Warning), Quiet: config.Duration(15 * time.Minute), Pause: config.Duration(time.Hour),
		},
	}
}

// Limits on what can be set up.
const (
	maxRecipients = 10 // of one organization
	maxWebhooks   = 50
)

var webhookName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,49}$`)

func (n Notify) secrets() []config.Secret {
	all := []config.Secret{n.Mail.Password}
	for _, h := range n.Webhooks {
		all = append(all, h.Secret, h.PreviousSecret)
	}
	return all
}

func (n Notify) validate() []error {
	var errs []error
	wrong := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("notify.%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if n.URL != "" && !isWebAddress(n.URL) {
		wrong("url", "%q is not an address: write it as https://rollcall.example.org", n.URL)
	}
	if d := n.GiveUpAfter.D(); d < time.Hour || d > maxDays*24*time.Hour {
		wrong("give_up_after", "%s is not between 1h and %dd", d, maxDays)
	}
	for i, s := range n.Allow {
		if _, err := netip.ParsePrefix(s); err != nil {
			wrong(fmt.Sprintf("allow[%d]", i), "%q is not a network: write it as 10.1.2.0/24, and one address as 10.1.2.3/32", s)
		}
	}
	n.Mail.validate(func(key, format string, args ...any) { wrong("mail."+key, format, args...) })
	n.validateWebhooks(wrong)
	return errs
}

func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func (m NotifyMail) validate(wrong func(key, format string, args ...any)) {
	if !slices.Contains([]string{notify.StartTLS, notify.TLS, notify.NoTLS}, m.TLS) {
		wrong("tls", "%q is not known: use starttls, tls or none", m.TLS)
	}
	if _, err := m.weekly(); err != nil {
		wrong("weekly", "%v", err)
	}
	if _, err := time.LoadLocation(m.Zone); err != nil || m.Zone == "" {
		wrong("zone", "%q is not a time zone: write it as UTC or Europe/Berlin", m.Zone)
	}
	if !slices.Contains([]string{string(reconcile.Info), string(reconcile.Warning), string(reconcile.Critical)}, m.Severity) {
		wrong("severity", "%q is not known: use info, warning or critical", m.Severity)
	}
	const day = 24 * time.Hour
	if d := m.Quiet.D(); d < 0 || d > day {
		wrong("quiet", "%s is not between 0s and 1d", d)
	}
	if d := m.Pause.D(); d < 0 || d > 7*day {
		wrong("pause", "%s is not between 0s and 7d", d)
	}
	recipients := func(key string, list []string) {
		if len(list) > maxRecipients {
			wrong(key, "has %d addresses: at most %d, or the address of a list", len(list), maxRecipients)
		}
		for i, s := range list {
			if !isMailAddress(s) {
				wrong(fmt.Sprintf("%s[%d]", key, i), "%q is not a mail address", s)
			}
		}
	}
	recipients("to", m.To)
	for i, r := range m.Recipients {
		key := fmt.Sprintf("recipients[%d]", i)
		if strings.TrimSpace(r.Organization) == "" {
			wrong(key+".organization", "is missing: name the organization, or use notify.mail.to for all")
		}
		recipients(key+".to", r.To)
	}
	if m.Server == "" {
		if m.From != "" || len(m.To)+len(m.Recipients) > 0 {
			wrong("server", "is missing: name the mail server as host:port, or leave out all of notify.mail")
		}
		return
	}
	m.validateServer(wrong)
}

func isMailAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

func (m NotifyMail) validateServer(wrong func(key, format string, args ...any)) {
	host, ok := hostOf(m.Server)
	if !ok {
		wrong("server", "%q is not an address: write it as mail.example.org:587", m.Server)
	}
	if m.TLS == notify.NoTLS && !isLoopback(host) {
		wrong("tls", "none is for a mail server on this machine: mails and the password would be readable on the way to %s", host)
	}
	if !isMailAddress(m.From) {
		wrong("from", "%q is not a mail address", m.From)
	}
	if len(m.To) == 0 && len(m.Recipients) == 0 {
		wrong("to", "is empty, as is notify.mail.recipients: nobody would get a mail")
	}
	switch {
	case m.Username != "" && !m.Password.IsSet():
		wrong("password", "is missing: notify.mail.username needs it")
	case m.Username == "" && m.Password.IsSet():
		wrong("username", "is missing: notify.mail.password needs it")
	case m.Password.IsSet():
		if _, err := m.Password.Value(); err != nil {
			wrong("password", "%v", err)
		}
	}
	if m.Weekly == "" && !m.OnChange {
		wrong("on_change", "is false and notify.mail.weekly is empty: no mail would be sent")
	}
}

// hostOf is the host of host:port.
func hostOf(address string) (string, bool) {
	u, err := url.Parse("smtp://" + address)
	if err != nil || u.Hostname() == "" || u.Port() == "" || u.Host != address {
		return "", false
	}
	return u.Hostname(), true
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func (m NotifyMail) weekly() (notify.Weekly, error) {
	if m.Weekly == "" {
		return notify.Weekly{}, nil
	}
	zone, err := time.LoadLocation(m.Zone)
	if err != nil {
		zone = time.UTC // said of zone
	}
	day, clock, _ := strings.Cut(strings.ToLower(m.Weekly), " ")
	at, err := time.Parse("15:04", clock)
	weekday := slices.Index(weekdays, day)
	if err != nil || weekday < 0 {
		return notify.Weekly{}, fmt.Errorf("%q is not a day and a time: write it as monday 07:00", m.Weekly)
	}
	return notify.Weekly{Day: time.Weekday(weekday), Hour: at.Hour(), Minute: at.Minute(), Zone: zone}, nil
}

func (n Notify) validateWebhooks(wrong func(key, format string, args ...any)) {
	if len(n.Webhooks) > maxWebhooks {
		wrong("webhooks", "are %d: at most %d", len(n.Webhooks), maxWebhooks)
	}
	names := map[string]bool{}
	for i, h := range n.Webhooks {
		key := fmt.Sprintf("webhooks[%d].", i)
		switch {
		case !webhookName.MatchString(h.Name):
			wrong(key+"name", "%q is not a name: use small letters, digits and hyphens", h.Name)
		case h.Name == store.MailReceiver:
			wrong(key+"name", "%q is the name of mails in metrics: choose another one", h.Name)
		case names[h.Name]:
			wrong(key+"name", "%q is the name of another webhook", h.Name)
		}
		names[h.Name] = true
		u, err := url.Parse(h.URL)
		switch {
		case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
			wrong(key+"url", "is not an address: write it as https://host/path, without a user name") // it may hold a secret
		case u.Scheme == "http" && !isLoopback(u.Hostname()) && !h.Insecure:
			wrong(key+"url", "is not https: serial numbers and names would be readable on the way; where that does not matter, set insecure: true")
		}
		if !h.Secret.IsSet() {
			wrong(key+"secret", "is missing: messages are signed with it")
		}
		for _, s := range []struct {
			key string
			is  config.Secret
		}{{"secret", h.Secret}, {"previous_secret", h.PreviousSecret}} {
			if s.is.IsSet() {
				if _, err := notify.Key(s.is); err != nil {
					wrong(key+s.key, "%v", err)
				}
			}
		}
	}
}

// settings are of notify.Options. They are valid.
func (n Notify) settings() notify.Settings {
	m := n.Mail
	weekly, _ := m.weekly() // Validate has said so
	s := notify.Settings{
		URL: n.URL, GiveUpAfter: n.GiveUpAfter.D(),
		Mail: notify.Mail{
			Server: m.Server, TLS: m.TLS, CAFile: m.CAFile, From: m.From, Username: m.Username, Password: m.Password, To: m.To, Weekly: weekly,
			AllIsWell: m.AllIsWell, OnChange: m.OnChange, Severity: m.Severity, Quiet: m.Quiet.D(), Pause: m.Pause.D(),
		},
	}
	for _, r := range m.Recipients {
		s.Mail.Recipients = append(s.Mail.Recipients, notify.Recipients(r))
	}
	for _, network := range n.Allow {
		if p, err := netip.ParsePrefix(network); err == nil {
			s.Allow = append(s.Allow, p.Masked())
		}
	}
	for _, h := range n.Webhooks {
		s.Webhooks = append(s.Webhooks, notify.Webhook{Name: h.Name, URL: h.URL, Secret: h.Secret, Previous: h.PreviousSecret, Organizations: h.Organizations})
	}
	return s
}

// ConnectNotify greets the mail server and logs in, and connects to each
// webhook; with send it sends each recipient a mail and each webhook a message of
// type "test". It returns what went well, in words.
func (c Config) ConnectNotify(ctx context.Context, version string, send bool) (well []string, errs []error) {
	for _, t := range notify.Try(ctx, c.Notify.settings(), version, send) {
		if t.Err != nil {
			errs = append(errs, errors.New("notify: "+t.What+": "+t.Err.Error()))
			continue
		}
		well = append(well, t.What)
	}
	return well, errs
}
