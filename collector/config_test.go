package collector_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector"
	"rollcall/pkg/config"
)

// One file per mistake, with all that is said about it.
func TestBadConfig(t *testing.T) {
	tests := map[string]string{
		"unknown-key":       `line 1: there is no setting "listne": configs/README.md lists what can stand where`,
		"unknown-setting":   `line 2: there is no setting "stale_day": configs/README.md lists what can stand where`,
		"repeated-key":      "line 2: mapping key \"data_dir\" already defined at line 1",
		"wrong-type":        "line 1: cannot unmarshal !!seq into string",
		"not-yaml":          "yaml: line 2: found unexpected end of stream",
		"two-documents":     "more than one YAML document: put all settings in the first",
		"listen-no-port":    `listen: "127.0.0.1" is not an address: write it as 127.0.0.1:8480`,
		"listen-bad-port":   `listen: port "http" is not a number from 0 to 65535`,
		"listen-large-port": `listen: port "65536" is not a number from 0 to 65535`,
		"public-url":        `public_url: "rollcall.example.org" is not an address: write it as https://rollcall.example.org`,
		"proxy-headers":     `proxy_headers: "x-real-ip" is not known: use x-forwarded or forwarded`,
		"client-ca-plain":   "tls.client_ca_file: needs TLS: set tls.cert_file and tls.key_file too",
		"client-ca-missing": "tls.client_ca_file: cannot be read: open testdata/none.pem: no such file or directory",
		"agent-key-plain":   "tls.require_agent_key: needs TLS: set tls.cert_file and tls.key_file too",
		"agent-key-ca":      "tls.require_agent_key: agents cannot show both their own key and a certificate of tls.client_ca_file: leave one out",
		"credential-short":  "agents.credential_life: 5m0s is not between 1h and 3650d",
		"listen-any-port":   "listen: port 0 takes any free port, which agents would not find: name a port",
		"history-short":     "history_days: 30 is not between 400 and 3650",
		"history-window":    "history_days: 500 is shorter than settings.replacement_window, which asks for older components",
		"database-owner":    "database.dsn: is missing: database.owner_dsn is for migrations alone",
		"database-missing":  "database.dsn: cannot read secret: open testdata/none.dsn: no such file or directory",
		"tls-no-key":        "tls.key_file: is missing: tls.cert_file needs its key",
		"tls-no-cert":       "tls.cert_file: is missing: tls.key_file needs its certificate",
		"tls-missing-file":  "tls.key_file: cannot be read: stat testdata/none.key: no such file or directory",
		"data-dir-empty":    "data_dir: is empty: name the directory for the database",
		"log-level":         `log.level: "loud" is not known: use debug, info, warn or error`,
		"log-format":        `log.format: "xml" is not known: use text or json`,
		"no-windows":        "settings.expiring_days: has 0 windows: give 1 to 10, such as [90, 60, 30]",
		"window-zero":       "settings.expiring_days[1]: 0 is not between 1 and 3650",
		"stale-negative":    "settings.stale_days: -1 is not between 1 and 3650",
		"not-seen-long":     "settings.line_not_seen_days: 3651 is not between 1 and 3650",
		"replacement-short": "settings.replacement_window: 1h0m0s is not between 1d and 3650d",
		"replacement-unit":  `line 2: cannot read duration "90 days": write it as 90s, 15m, 24h or 7d`,
		"silent-zero":       "settings.agent_silent_after: 0 is not between 1 and 1000",
		"activation-zero":   "settings.activation_days: 0 is not between 1 and 3650",
		"short-term-long":   "settings.short_term_days: 700 days and 42 of tolerance are not shorter than the 2 years of settings.term_years",
		"donated-since":     `settings.donated_only_since: "February 2006" is not a date: write it as YYYY-MM-DD`,
		"program-mail":      `settings.program_mail: "Program <x@example.org>" is not a mail address`,
		"login-unknown":     `login: "maybe" is not known: use required or off`,
		"login-off-beyond":  `login: off lets everybody do everything, and other machines can reach "0.0.0.0:8480": set login: required, or listen on 127.0.0.1`,
		"login-off-proxy":   "login: off lets everybody do everything, and hosts or public_url says that others come through a proxy: set login: required",
		"login-off-public":  "login: off lets everybody do everything, and hosts or public_url says that others come through a proxy: set login: required",
		"metrics-access":    `metrics.access: "nobody" is not known: use auto, open or token`,
		"metrics-listen":    `metrics.listen: "8481" is not an address: write it as 127.0.0.1:8481`,
		"metrics-web-alone": "metrics.web_config_file: is for a listener of its own: set metrics.listen",
		"metrics-web-bad":   "metrics.web_config_file: testdata/web-bad.yml: yaml: unmarshal errors:\ntestdata/bad/metrics-web-bad.yaml:   line 1: field basic_auth_user not found in type web.Config",
		"oidc-secret":       "oidc.client_secret: cannot read env:ROLLCALL_TEST_NONE: the environment variable is not set",
		"oidc-issuer":       "oidc.issuer: is missing: it is the address that the provider gives as its issuer",
		"oidc-plain": `oidc.issuer: "http://login.example.org" is not an address that begins with https://` + "\n" +
			`testdata/bad/oidc-plain.yaml: oidc.redirect_url: "https://rollcall.example.org/" does not end with /login/return: write the collector's address and that, in both places` + "\n" +
			"testdata/bad/oidc-plain.yaml: oidc.client_id: is missing: the provider gives it when the collector is registered there\n" +
			"testdata/bad/oidc-plain.yaml: oidc.client_secret: is missing: the provider gives it when the collector is registered there",
		"notify-address":    "notify.url: \"rollcall.example.org\" is not an address: write it as https://rollcall.example.org",
		"notify-give-up":    "notify.give_up_after: 1m0s is not between 1h and 3650d",
		"notify-network":    "notify.allow[1]: \"10.1.2.3\" is not a network: write it as 10.1.2.0/24, and one address as 10.1.2.3/32",
		"notify-no-server":  "notify.mail.server: is missing: name the mail server as host:port, or leave out all of notify.mail",
		"notify-mail":       "notify.mail.server: \"mail.example.org\" is not an address: write it as mail.example.org:587\ntestdata/bad/notify-mail.yaml: notify.mail.from: \"Rollcall\" is not a mail address\ntestdata/bad/notify-mail.yaml: notify.mail.to: is empty, as is notify.mail.recipients: nobody would get a mail",
		"notify-mail-tls":   "notify.mail.tls: none is for a mail server on this machine: mails and the password would be readable on the way to mail.example.org",
		"notify-mail-login": "notify.mail.password: is missing: notify.mail.username needs it",
		"notify-mail-never": "notify.mail.on_change: is false and notify.mail.weekly is empty: no mail would be sent",
		"notify-mail-times": "notify.mail.tls: \"ssl\" is not known: use starttls, tls or none\ntestdata/bad/notify-mail-times.yaml: notify.mail.weekly: \"mon 7\" is not a day and a time: write it as monday 07:00\ntestdata/bad/notify-mail-times.yaml: notify.mail.zone: \"Berlin\" is not a time zone: write it as UTC or Europe/Berlin\ntestdata/bad/notify-mail-times.yaml: notify.mail.severity: \"loud\" is not known: use info, warning or critical\ntestdata/bad/notify-mail-times.yaml: notify.mail.quiet: 25h0m0s is not between 0s and 1d\ntestdata/bad/notify-mail-times.yaml: notify.mail.pause: 192h0m0s is not between 0s and 7d",
		"notify-recipients": "notify.mail.to[0]: \"a@example.org, b@example.org\" is not a mail address\ntestdata/bad/notify-recipients.yaml: notify.mail.recipients[0].organization: is missing: name the organization, or use notify.mail.to for all\ntestdata/bad/notify-recipients.yaml: notify.mail.recipients[0].to[0]: \"Ann <ann@example.org>\" is not a mail address",
		"notify-webhook":    "notify.webhooks[0].name: \"Tickets!\" is not a name: use small letters, digits and hyphens\ntestdata/bad/notify-webhook.yaml: notify.webhooks[0].url: is not an address: write it as https://host/path, without a user name\ntestdata/bad/notify-webhook.yaml: notify.webhooks[0].secret: is missing: messages are signed with it\ntestdata/bad/notify-webhook.yaml: notify.webhooks[1].name: \"mail\" is the name of mails in metrics: choose another one\ntestdata/bad/notify-webhook.yaml: notify.webhooks[1].url: is not https: serial numbers and names would be readable on the way; where that does not matter, set insecure: true\ntestdata/bad/notify-webhook.yaml: notify.webhooks[1].secret: cannot read env:ROLLCALL_TEST_NONE: the environment variable is not set",
		"session-short":     "session.idle: 1s is not between 1m and 366d",
		"two-mistakes":      "log.level: \"loud\" is not known: use debug, info, warn or error\ntestdata/bad/two-mistakes.yaml: settings.stale_days: 0 is not between 1 and 3650",
	}
	files, err := fs.Glob(os.DirFS("testdata/bad"), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		name = strings.TrimSuffix(name, ".yaml")
		t.Run(name, func(t *testing.T) {
			want, known := tests[name]
			if !known {
				t.Fatal("no message is wanted of this file")
			}
			path := filepath.Join("testdata", "bad", name+".yaml")
			_, err := collector.LoadConfig(path)
			if err == nil {
				t.Fatal("loaded, want an error")
			}
			if diff := cmp.Diff(path+": "+want, err.Error()); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
	if len(files) != len(tests) {
		t.Errorf("%d files, %d messages", len(files), len(tests))
	}
}

func TestConfigWithoutSettings(t *testing.T) {
	for _, path := range []string{"", filepath.Join("testdata", "empty.yaml")} {
		got, err := collector.LoadConfig(path)
		if err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		if diff := cmp.Diff(collector.DefaultConfig(), got, secrets); diff != "" {
			t.Errorf("%q (-want +got):\n%s", path, diff)
		}
	}
	if err := collector.DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults are not valid: %v", err)
	}
}

// The example shows every setting with its default.
func TestExampleConfig(t *testing.T) {
	path := filepath.Join("..", "configs", "collector.yaml")
	got, err := collector.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(collector.DefaultConfig(), got, secrets); diff != "" {
		t.Errorf("the example is not the defaults (-want +got):\n%s", diff)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys(reflect.TypeFor[collector.Config](), "") {
		if !strings.Contains(string(raw), "\n"+key+":") {
			t.Errorf("the example has no line %q", key)
		}
	}
}

// secrets are the same when both are set or neither is.
var secrets = cmp.Comparer(func(a, b config.Secret) bool { return a.IsSet() == b.IsSet() })

// keys are the names of all settings, each indented as in the file.
func keys(t reflect.Type, indent string) []string {
	var all []string
	for f := range t.Fields() {
		all = append(all, indent+f.Tag.Get("yaml"))
		if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[config.Secret]() {
			all = append(all, keys(f.Type, indent+"  ")...)
		}
	}
	return all
}
