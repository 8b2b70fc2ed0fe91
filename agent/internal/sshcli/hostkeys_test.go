package sshcli

import (
	"crypto/rand"
	"crypto/rsa"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
)

var remote = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 22}

func openKeys(t *testing.T, path string, options ...HostKeysOption) *HostKeys {
	t.Helper()
	h, err := OpenHostKeys(path, options...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHostKeysPinOnFirstUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state", "known_hosts")
	first, second := newKey(t).PublicKey(), newKey(t).PublicKey()
	for _, address := range []string{"192.0.2.1:22", "192.0.2.1:2222", "[2001:db8::1]:22", "sw1.example.org:22"} {
		h := openKeys(t, path)
		if v, err := h.check(address, remote, first); v != keyPinned || err != nil {
			t.Fatalf("%s: first use: %v %v", address, v, err)
		}
		if v, err := h.check(address, remote, first); v != keyKnown || err != nil {
			t.Fatalf("%s: second use: %v %v", address, v, err)
		}
		h = openKeys(t, path) // the agent was restarted
		if v, err := h.check(address, remote, first); v != keyKnown || err != nil {
			t.Fatalf("%s: after a restart: %v %v", address, v, err)
		}
		_, err := h.check(address, remote, second)
		if KindOf(err) != inventory.ProblemHostKeyChanged {
			t.Fatalf("%s: another key: %v", address, err)
		}
		for _, want := range []string{ssh.FingerprintSHA256(first), ssh.FingerprintSHA256(second), hostOf(address), "ssh-keygen -R", path} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in the error: %v", address, want, err)
			}
		}
		if v, err := h.check(address, remote, first); v != keyKnown || err != nil {
			t.Errorf("%s: the pin was lost by the other key: %v %v", address, v, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestHostKeysInMemory(t *testing.T) {
	t.Parallel()
	h := openKeys(t, "")
	first := newKey(t).PublicKey()
	if v, err := h.check("192.0.2.1:22", remote, first); v != keyPinned || err != nil {
		t.Fatal(v, err)
	}
	if _, err := h.check("192.0.2.1:22", remote, newKey(t).PublicKey()); KindOf(err) != inventory.ProblemHostKeyChanged {
		t.Errorf("another key: %v", err)
	}
	if v, err := openKeys(t, "").check("192.0.2.1:22", remote, first); v != keyPinned || err != nil {
		t.Errorf("pins outlived their store: %v %v", v, err)
	}
}

func TestHostKeysStrict(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "known_hosts")
	key := newKey(t).PublicKey()
	h := openKeys(t, path, Strict())
	_, err := h.check("192.0.2.1:22", remote, key)
	if KindOf(err) != inventory.ProblemHostKeyChanged || !strings.Contains(err.Error(), ssh.FingerprintSHA256(key)) {
		t.Fatalf("an unknown key: %v", err)
	}
	// A file without a last line end, as editors leave it.
	if err := os.WriteFile(path, []byte(knownhosts.Line([]string{"192.0.2.1"}, key)), 0o600); err != nil {
		t.Fatal(err)
	}
	if v, err := h.check("192.0.2.1:22", remote, key); v != keyKnown || err != nil {
		t.Fatalf("after the key was added: %v %v", v, err)
	}
	lax := openKeys(t, path)
	if v, err := lax.check("192.0.2.2:22", remote, key); v != keyPinned || err != nil {
		t.Fatal(v, err)
	}
	if v, err := openKeys(t, path, Strict()).check("192.0.2.2:22", remote, key); v != keyKnown || err != nil {
		t.Errorf("the line after a missing line end: %v %v", v, err)
	}
}

func TestHostKeysRemovedWithOpenSSH(t *testing.T) {
	t.Parallel()
	keygen := peer.Need(t, "ssh-keygen", "openssh-client")
	path := filepath.Join(t.TempDir(), "known_hosts")
	first, second := newKey(t).PublicKey(), newKey(t).PublicKey()
	h := openKeys(t, path)
	for _, address := range []string{"192.0.2.1:2222", "192.0.2.2:22"} {
		if _, err := h.check(address, remote, first); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(keygen, "-R", "[192.0.2.1]:2222", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// The same store sees it, without a restart.
	if v, err := h.check("192.0.2.1:2222", remote, second); v != keyPinned || err != nil {
		t.Errorf("after the pin was removed: %v %v", v, err)
	}
	if _, err := h.check("192.0.2.2:22", remote, second); KindOf(err) != inventory.ProblemHostKeyChanged {
		t.Errorf("the other pin: %v", err)
	}
	// Hashed names, as Debian writes them.
	if out, err := exec.Command(keygen, "-H", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if v, err := openKeys(t, path).check("192.0.2.2:22", remote, first); v != keyKnown || err != nil {
		t.Errorf("hashed: %v %v", v, err)
	}
}

func TestHostKeysBadFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(path, []byte("192.0.2.1 ssh-ed25519 not-base64!\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenHostKeys(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names the file", err)
	}
	revoked := newKey(t).PublicKey()
	if err := os.WriteFile(path, []byte("@revoked "+knownhosts.Line([]string{"*"}, revoked)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openKeys(t, path).check("192.0.2.1:22", remote, revoked); KindOf(err) != inventory.ProblemHostKeyChanged {
		t.Errorf("a revoked key: %v", err)
	}
}

func TestHostKeysConcurrently(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "known_hosts")
	h := openKeys(t, path)
	key := newKey(t).PublicKey()
	var wg sync.WaitGroup
	const nodes = 50
	for i := range nodes {
		wg.Go(func() {
			if _, err := h.check("node-"+strconv.Itoa(i)+".example.org:22", remote, key); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	raw, err := os.ReadFile(path)
	if err != nil || strings.Count(string(raw), "\n") != nodes {
		t.Errorf("%d lines, %v, want %d", strings.Count(string(raw), "\n"), err, nodes)
	}
}

// TestChangedKeyStopsBeforeThePassword is the promise that refusing keeps the
// password safe.
func TestChangedKeyStopsBeforeThePassword(t *testing.T) {
	t.Parallel()
	d := startDevice(t, func(term *terminal) { term.run("", "sw1#", ios()) })
	tg := d.target(t)
	address := joinAddress(tg.Address, tg.Port)
	pinned := newKey(t).PublicKey()
	if _, err := tg.HostKeys.check(address, remote, pinned); err != nil {
		t.Fatal(err)
	}
	message := dialFails(t, tg, inventory.ProblemHostKeyChanged)
	if !strings.Contains(message, ssh.FingerprintSHA256(pinned)) || strings.Count(message, "SHA256:") != 2 {
		t.Errorf("the message lacks a fingerprint: %s", message)
	}
	if d.passwords != 0 {
		t.Errorf("%d passwords were sent", d.passwords)
	}
}

// TestSecondKeyOfTheDevice: one that shows an RSA and an Ed25519 key goes on
// showing the pinned one, although the other kind is preferred.
func TestSecondKeyOfTheDevice(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	var other ssh.PublicKey
	d := startDevice(t, func(term *terminal) { term.run("", "sw1#", ios()) }, func(d *device) {
		d.config.AddHostKey(signer)
		key := newKey(t)
		d.config.AddHostKey(key) // takes the place of the Ed25519 key made before
		other = key.PublicKey()
	})
	for _, key := range []ssh.PublicKey{signer.PublicKey(), other} {
		tg := d.target(t)
		if _, err := tg.HostKeys.check(joinAddress(tg.Address, tg.Port), remote, key); err != nil {
			t.Fatal(err)
		}
		dial(t, tg)
	}
}
