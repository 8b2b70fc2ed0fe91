package sshcli

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"rollcall/pkg/inventory"
)

// maxHostKeys bounds the file of pinned keys, in bytes; a line is about 500.
const maxHostKeys = 64 << 20

// HostKeys remembers each device's key. The first key seen is pinned; another
// one later is refused before any password is sent. The file has OpenSSH's
// known_hosts format, so `ssh-keygen -R` can remove a pin, and the change is
// seen at the next connection. Safe for concurrent use.
//
// It is the one thing that all sessions of a process share, so it also keeps
// them to one at a time with each device.
type HostKeys struct {
	path   string
	strict bool
	lines  lines

	mu     sync.Mutex
	pinned map[string][]ssh.PublicKey // this process's own pins, by normalised address
	file   ssh.HostKeyCallback        // what the file says; nil when there is none
	size   int64                      // of the file as it was read
	mtime  time.Time
	probe  ssh.PublicKey // a key that no device has, to ask the file what it holds
}

// A HostKeysOption changes how OpenHostKeys behaves.
type HostKeysOption func(*HostKeys)

// Strict refuses devices whose key is not in the file yet, where the default
// is to pin the first key seen.
func Strict() HostKeysOption { return func(h *HostKeys) { h.strict = true } }

// OpenHostKeys reads the file of pinned keys, which need not exist yet. With
// an empty path pins live as long as the value.
func OpenHostKeys(path string, options ...HostKeysOption) (*HostKeys, error) {
	h := &HostKeys{path: path, pinned: map[string][]ssh.PublicKey{}}
	for _, option := range options {
		option(h)
	}
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot open host keys: %w", err)
	}
	if h.probe, err = ssh.NewPublicKey(public); err != nil {
		return nil, fmt.Errorf("cannot open host keys: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.reload(); err != nil {
		return nil, err
	}
	return h, nil
}

// reload reads the file when it has changed since.
func (h *HostKeys) reload() error {
	if h.path == "" {
		return nil
	}
	info, err := os.Stat(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		h.file, h.size, h.mtime = nil, 0, time.Time{}
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read host keys: %w", err)
	}
	if info.Size() == h.size && info.ModTime().Equal(h.mtime) {
		return nil
	}
	if info.Size() > maxHostKeys {
		return fmt.Errorf("cannot read host keys: %s is larger than %d MiB", h.path, maxHostKeys>>20)
	}
	file, err := knownhosts.New(h.path)
	if err != nil {
		return fmt.Errorf("cannot read host keys %s: %w", h.path, err)
	}
	h.file, h.size, h.mtime = file, info.Size(), info.ModTime()
	// The file is the truth from now on: what was removed from it is no pin.
	h.pinned = map[string][]ssh.PublicKey{}
	return nil
}

// known returns the keys that are pinned for the device.
func (h *HostKeys) known(address string, remote net.Addr) []ssh.PublicKey {
	keys := append([]ssh.PublicKey(nil), h.pinned[knownhosts.Normalize(address)]...)
	if h.file == nil {
		return keys
	}
	var want *knownhosts.KeyError
	if err := h.file(address, remote, h.probe); errors.As(err, &want) {
		for _, k := range want.Want {
			keys = append(keys, k.Key)
		}
	}
	return keys
}

// met says that the device has shown a key before.
func (h *HostKeys) met(address string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	// The name that was asked for decides; the address behind it is for names
	// that are not in the file.
	return h.reload() == nil && len(h.known(address, &net.TCPAddr{IP: net.IPv4zero})) > 0
}

// algorithms puts those of the pinned keys' types first, so that a device with
// several keys shows the one that is known. Order and set stay else as given.
func (h *HostKeys) algorithms(address string, remote net.Addr, offered []string) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.reload(); err != nil {
		return nil, err
	}
	var first, rest []string
	known := h.known(address, remote)
	for _, a := range offered {
		if pinnedType(known, a) {
			first = append(first, a)
		} else {
			rest = append(rest, a)
		}
	}
	return append(first, rest...), nil
}

func pinnedType(keys []ssh.PublicKey, algorithm string) bool {
	switch algorithm {
	case ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512:
		algorithm = ssh.KeyAlgoRSA
	}
	for _, k := range keys {
		if k.Type() == algorithm {
			return true
		}
	}
	return false
}

// verdict of a check, for the log.
type verdict int

const (
	keyKnown verdict = iota
	keyPinned
	keyRefused
)

// check compares the device's key with its pin, and pins it when there is
// none. It is called during the key exchange, before authentication.
func (h *HostKeys) check(address string, remote net.Addr, key ssh.PublicKey) (verdict, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.reload(); err != nil {
		return keyRefused, err
	}
	if h.file != nil {
		var revoked *knownhosts.RevokedError
		if err := h.file(address, remote, key); errors.As(err, &revoked) {
			return keyRefused, &Error{
				Kind: inventory.ProblemHostKeyChanged, Address: hostOf(address),
				Message: fmt.Sprintf("the key %s that the device shows is marked as revoked in %s", ssh.FingerprintSHA256(key), h.path),
			}
		}
	}
	known := h.known(address, remote)
	for _, k := range known {
		if bytes.Equal(k.Marshal(), key.Marshal()) {
			return keyKnown, nil
		}
	}
	if len(known) > 0 {
		return keyRefused, h.changed(address, known, key)
	}
	if h.strict {
		return keyRefused, &Error{
			Kind: inventory.ProblemHostKeyChanged, Address: hostOf(address),
			Message: fmt.Sprintf("the device's SSH key %s is not pinned yet, and host keys are strict: compare it with the device's and add it to %s", ssh.FingerprintSHA256(key), h.place()),
		}
	}
	return keyPinned, h.pin(address, key)
}

func (h *HostKeys) changed(address string, known []ssh.PublicKey, key ssh.PublicKey) error {
	was := ssh.FingerprintSHA256(known[0])
	for _, k := range known {
		if k.Type() == key.Type() {
			was = ssh.FingerprintSHA256(k)
		}
	}
	next := "scan again to pin the new key"
	if h.path != "" {
		next = fmt.Sprintf("remove the old key with: ssh-keygen -R '%s' -f '%s'", knownhosts.Normalize(address), h.path)
	}
	return &Error{
		Kind: inventory.ProblemHostKeyChanged, Address: hostOf(address),
		Message: fmt.Sprintf("the SSH key of %s is not the pinned one: pinned %s, now %s (%s). No password was sent. "+
			"If the device was replaced or its keys were made anew, %s; if not, find out what answers at this address",
			hostOf(address), was, ssh.FingerprintSHA256(key), key.Type(), next),
	}
}

func (h *HostKeys) place() string {
	if h.path == "" {
		return "the file of host keys"
	}
	return h.path
}

// pin adds the key to the file, or to memory.
func (h *HostKeys) pin(address string, key ssh.PublicKey) error {
	name := knownhosts.Normalize(address)
	if h.path != "" {
		if err := h.appendLine(knownhosts.Line([]string{address}, key)); err != nil {
			return fmt.Errorf("cannot pin the host key of %s: %w", hostOf(address), err)
		}
		// Reading the file again for each line of our own would make the
		// first scan of a large network quadratic.
		if info, err := os.Stat(h.path); err == nil {
			h.size, h.mtime = info.Size(), info.ModTime()
		}
	}
	h.pinned[name] = append(h.pinned[name], key)
	return nil
}

func (h *HostKeys) appendLine(line string) error {
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(h.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = "\n" + line
		}
	}
	_, err = f.WriteString(line + "\n")
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// hostOf is the address without its port, for messages.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

func joinAddress(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
