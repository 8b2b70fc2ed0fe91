package sshcli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
)

// iosScript answers like a small IOS switch. What is not shown by OpenSSH's
// own behaviour is in the Go servers of the other tests.
const iosScript = `#!/bin/sh
printf '\nAuthorized use only. Call 555# or sw0> for help.\n\n'
printf 'sw1#'
while read -r line; do
	case "$line" in
	'terminal length 0' | 'terminal width 511' | '') ;;
	'show version') printf 'Cisco IOS Software, C2960X Software, Version 15.2(7)E3, RELEASE SOFTWARE (fc3)\nsw1 uptime is 3 weeks\n' ;;
	'show inventory')
		printf 'NAME: "1", DESCR: "WS-C2960X-24PS-L"\nPID: WS-C2960X-24PS-L  , VID: V05  , SN: FOC2001X0AB\n\n'
		i=1
		while [ $i -le 2000 ]; do
			printf 'NAME: "GigabitEthernet1/0/%d", DESCR: "1000BaseSX SFP"\nPID: GLC-SX-MMD          , VID: V01  , SN: AGM%08d     \n\n' $i $i
			i=$((i + 1))
		done
		;;
	exit) printf 'bye\n'; : >"$HOME/left/exit"; exit 0 ;;
	*) printf "      ^\n%% Invalid input detected at '^' marker.\n\n" ;;
	esac
	printf 'sw1#'
done
`

func opensshTarget(t *testing.T, d *peer.SSHDaemon, keys *HostKeys) Target {
	t.Helper()
	return Target{
		Address: "127.0.0.1", Port: d.Port, HostKeys: keys,
		Credential: Credential{Name: "office", User: d.User, Password: config.Plain(d.Password)},
	}
}

func TestOpenSSH(t *testing.T) {
	d := peer.SSHD(t, peer.SSHDOptions{Shell: iosScript})
	keys := openKeys(t, filepath.Join(t.TempDir(), "known_hosts"))
	tg := opensshTarget(t, d, keys)
	t.Run("inventory", func(t *testing.T) {
		s := dial(t, tg)
		if s.Prompt() != "sw1#" {
			t.Errorf("prompt %q", s.Prompt())
		}
		out := run(t, s, "show inventory")
		if n := strings.Count(out, "SN: "); n != 2001 || !strings.HasPrefix(out, "NAME: \"1\"") || strings.Contains(out, "sw1#") {
			t.Errorf("%d serials of 2001, from %.60q to %q", n, out, out[max(0, len(out)-60):])
		}
		if out := run(t, s, "show udi"); !strings.Contains(out, "% Invalid input") {
			t.Errorf("got %q", out)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		wrong := tg
		wrong.Credential.Password = config.Plain("canary-wrong")
		dialFails(t, wrong, inventory.ProblemCredentialRefused)
	})
	t.Run("unknown user", func(t *testing.T) {
		wrong := tg
		wrong.Credential.User = "rollcall-nobody"
		dialFails(t, wrong, inventory.ProblemCredentialRefused)
	})
	t.Run("changed key", func(t *testing.T) {
		d.RenewHostKey(t)
		message := dialFails(t, tg, inventory.ProblemHostKeyChanged)
		if strings.Count(message, "SHA256:") != 2 {
			t.Errorf("the message does not name both fingerprints: %s", message)
		}
		fresh := tg
		fresh.HostKeys = openKeys(t, "")
		dial(t, fresh)
	})
}

func TestOpenSSHKeyboardInteractiveOnly(t *testing.T) {
	// Without PAM, sshd asks by way of BSD authentication alone, which Linux
	// lacks: it then offers no method, and the account is refused.
	d := peer.SSHD(t, peer.SSHDOptions{Shell: iosScript, Directives: []string{"PasswordAuthentication no", "KbdInteractiveAuthentication yes"}})
	dialFails(t, opensshTarget(t, d, openKeys(t, "")), inventory.ProblemCredentialRefused)
}

// TestOpenSSHOldAlgorithmsOnly is a server that has but what old devices have:
// refused by default with a hint, reached by consent.
func TestOpenSSHOldAlgorithmsOnly(t *testing.T) {
	key := filepath.Join(t.TempDir(), "rsa_key")
	if out, err := exec.Command(peer.Need(t, "ssh-keygen", "openssh-client"), "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	for name, tc := range map[string]struct {
		directives []string
		hint       string
	}{
		"IOS 15": {
			[]string{"HostKey " + key, "HostKeyAlgorithms ssh-rsa", "KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes128-cbc", "MACs hmac-sha1"},
			"(key exchange diffie-hellman-group14-sha1; host key ssh-rsa; cipher aes128-cbc)",
		},
		"IOS 12, with group exchange": {
			[]string{"KexAlgorithms diffie-hellman-group1-sha1,diffie-hellman-group-exchange-sha1", "Ciphers 3des-cbc,aes128-cbc", "MACs hmac-sha1"},
			"(key exchange diffie-hellman-group1-sha1, diffie-hellman-group-exchange-sha1; cipher 3des-cbc, aes128-cbc)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := peer.SSHD(t, peer.SSHDOptions{Shell: iosScript, Directives: tc.directives})
			tg := opensshTarget(t, d, openKeys(t, ""))
			if message := dialFails(t, tg, inventory.ProblemLegacyCrypto); !strings.Contains(message, tc.hint) || !strings.Contains(message, "set legacy on this credential") {
				t.Errorf("message %q, want one that names %q and what to do", message, tc.hint)
			}
			tg.Credential.Legacy = true
			s := dial(t, tg)
			if out := run(t, s, "show version"); !strings.Contains(out, "15.2(7)E3") {
				t.Errorf("got %q", out)
			}
			if p := s.Problems(); len(p) != 1 || p[0].Kind != inventory.ProblemWeakAccess {
				t.Errorf("problems %v, want weak_access", p)
			}
		})
	}
}

func TestOpenSSHBanner(t *testing.T) {
	banner := filepath.Join(t.TempDir(), "banner")
	writeFile(t, banner, strings.Repeat("Keep out# sw1> Password: User:\n", 200))
	d := peer.SSHD(t, peer.SSHDOptions{Shell: iosScript, Directives: []string{"Banner " + banner}})
	dial(t, opensshTarget(t, d, openKeys(t, "")))
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
