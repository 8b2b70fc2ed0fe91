package agent

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/snmp"
	"rollcall/pkg/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// One file for each mistake, and the exact words about it.
func TestLoadConfigMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, err := LoadConfig(file)
			if err == nil {
				t.Fatal("was taken")
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".error"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, rerr := os.ReadFile(golden)
			if rerr != nil {
				t.Fatal(rerr)
			}
			if diff := cmp.Diff(string(want), err.Error()+"\n"); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the error shows a password")
			}
		})
	}
}

func TestExampleConfig(t *testing.T) {
	c, err := LoadConfig("../configs/agent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Addresses() != 63 { // one, 62 of the network of which one is listed, one name
		t.Errorf("%d addresses, want 63", a.Addresses())
	}
	if c.Interval.D() != 6*time.Hour || c.Spool.MaxAge.D() != 90*24*time.Hour || c.Credentials[2].SSH == nil {
		t.Errorf("read %+v", c)
	}
	if got := c.Credentials[0].snmp(); got.Version != "3" || got.PrivProtocol != "AES256" || got.AuthProtocol != "SHA256" {
		t.Errorf("SNMPv3 credential %+v", got)
	}
}

// The example shows the defaults where it shows a value that has one.
func TestExampleShowsDefaults(t *testing.T) {
	c, err := LoadConfig("../configs/agent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := DefaultConfig()
	got := []any{c.Interval, c.StartSpread, c.Concurrency, c.SweepRate, c.SSHLogins, c.Spool, c.Log}
	want := []any{d.Interval, d.StartSpread, d.Concurrency, d.SweepRate, d.SSHLogins, d.Spool, d.Log}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults in the example (-want +got):\n%s", diff)
	}
}

func writeFile(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

const inline = `
collector: {url: "http://127.0.0.1:8080", token: canary-token}
credentials: [{name: ro, snmp: {community: canary-community}}]
targets: [{address: 192.0.2.1}]
`

func TestInlineSecretsNeedAPrivateFile(t *testing.T) {
	if _, err := LoadConfig(writeFile(t, "agent.yaml", inline, 0o600)); err != nil {
		t.Errorf("mode 0600: %v", err)
	}
	for _, mode := range []os.FileMode{0o640, 0o644, 0o604} {
		_, err := LoadConfig(writeFile(t, "agent.yaml", inline, mode))
		if err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), "canary") {
			t.Errorf("mode %04o: error %v, want one that says chmod 600 and shows no secret", mode, err)
		}
	}
}

func TestCheckSecrets(t *testing.T) {
	c := DefaultConfig()
	c.Collector.Token = config.Reference("env:ROLLCALL_TEST_NONE")
	c.Credentials = []Credential{
		{Name: "a", SNMP: &SNMPCredential{Community: config.Reference("file:" + writeFile(t, "community", "public\n", 0o600))}},
		{Name: "b", SSH: &SSHCredential{User: "u", Password: config.Reference("cred:password")}},
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	err := c.CheckSecrets()
	want := "collector.token: cannot read env:ROLLCALL_TEST_NONE: the environment variable is not set\n" +
		"credentials[1].ssh.password: cannot read cred:password: CREDENTIALS_DIRECTORY is not set: use LoadCredential= in the systemd unit"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestLoadCredentials(t *testing.T) {
	const list = `
- name: v2
  snmp: {community: public}
- name: v3
  snmp: {user: rollcall, auth_protocol: sha-256, auth_password: "12345678", priv_protocol: aes128, priv_password: "87654321"}
- name: cli
  ssh: {user: rollcall, password: secret, legacy: true}
`
	whole := "credentials:\n" + strings.ReplaceAll(list, "\n", "\n  ")
	for name, text := range map[string]string{"list": list, "under its key": whole} {
		t.Run(name, func(t *testing.T) {
			got, err := LoadCredentials(writeFile(t, "c.yaml", text, 0o600))
			if err != nil {
				t.Fatal(err)
			}
			overSNMP, overSSH := Transports(got)
			want := []snmp.Credential{
				{Name: "v2", Version: "2c", Community: config.Reference("public")},
				{
					Name: "v3", Version: "3", User: "rollcall", AuthProtocol: "SHA256", AuthPassword: config.Reference("12345678"),
					PrivProtocol: "AES", PrivPassword: config.Reference("87654321"),
				},
			}
			if diff := cmp.Diff(want, overSNMP, cmp.AllowUnexported(config.Secret{})); diff != "" {
				t.Errorf("SNMP (-want +got):\n%s", diff)
			}
			if len(overSSH) != 1 || !overSSH[0].Legacy || overSSH[0].User != "rollcall" {
				t.Errorf("SSH %+v", overSSH)
			}
		})
	}
	bad := []struct{ name, text, want string }{
		{"unknown key in a list", "- name: a\n  snmp: {comunity: x}\n", `line 2: there is no setting "comunity": here can stand version, community`},
		{"unknown key under its key", "credentials:\n  - name: a\n    snmp: {comunity: x}\n", `line 3: there is no setting "comunity"`},
		{"other key", "credential: []\n", `there is no setting "credential"`},
		{"empty", "", "credentials: there is none in the file"},
		{"nothing to open with", "- name: a\n", "credentials[0]: has neither snmp nor ssh"},
		{"secret that is not there", "- name: a\n  snmp: {community: 'file:/nonexistent/community'}\n", "credentials[0].snmp.community: cannot read secret"},
	}
	for _, tt := range bad {
		t.Run(tt.name, func(t *testing.T) {
			_, err := LoadCredentials(writeFile(t, "c.yaml", tt.text, 0o600))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
	if _, err := LoadCredentials(writeFile(t, "c.yaml", list, 0o644)); err == nil {
		t.Error("a file that all can read was taken with plain secrets in it")
	}
}

// FuzzConfig: no configuration makes the loader panic, and what it takes makes
// an agent.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(inline))
	if raw, err := os.ReadFile("../configs/agent.yaml"); err == nil {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if strings.Contains(string(raw), "@") {
			t.Skip("names a file")
		}
		c := DefaultConfig()
		if err := config.Decode(raw, &c); err != nil {
			return
		}
		if c.Validate() != nil {
			return
		}
		if _, err := New(c, Options{}); err != nil {
			t.Fatalf("valid configuration makes no agent: %v", err)
		}
	})
}
