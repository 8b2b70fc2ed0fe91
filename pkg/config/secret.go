package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

const redacted = "<secret>"

// maxSecret bounds a secret's file, in bytes.
const maxSecret = 64 << 10

// Secret is a password, community or token. It is written in a file as a
// reference, "file:PATH", "env:NAME" or "cred:NAME" (a file of systemd's
// $CREDENTIALS_DIRECTORY), or as the plain value, and prints as "<secret>"
// everywhere. Only Value tells what it is.
type Secret struct {
	// written is as in the configuration: a reference, or the value itself. It
	// is behind a pointer because fmt prints unexported fields of a struct that
	// holds a Secret without asking String.
	written *string
	plain   bool // written is the value, whatever it looks like
}

// Plain makes a secret of a value at hand.
func Plain(value string) Secret { return Secret{written: &value, plain: true} }

// Reference makes a secret of a written reference or plain value.
func Reference(written string) Secret { return Secret{written: &written} }

// IsSet says that something was written.
func (s Secret) IsSet() bool { return s.text() != "" }

func (s Secret) text() string {
	if s.written == nil {
		return ""
	}
	return *s.written
}

// Inline says that the value stands in the configuration itself, which then
// must not be readable by others.
func (s Secret) Inline() bool {
	return s.IsSet() && !s.plain && !hasScheme(s.text(), "file:", "env:", "cred:")
}

func hasScheme(s string, schemes ...string) bool {
	for _, scheme := range schemes {
		if strings.HasPrefix(s, scheme) {
			return true
		}
	}
	return false
}

// Value resolves the reference. A file loses one trailing line end; one that
// group or others may read is refused, as ssh does with keys.
func (s Secret) Value() (string, error) {
	written := s.text()
	scheme, rest, found := strings.Cut(written, ":")
	if !found || s.plain {
		return written, nil
	}
	switch scheme {
	case "file":
		return readSecret(rest, true)
	case "cred":
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return "", fmt.Errorf("cannot read %s: CREDENTIALS_DIRECTORY is not set: use LoadCredential= in the systemd unit", written)
		}
		if rest == "" || rest != filepath.Base(rest) {
			return "", fmt.Errorf("cannot read %s: a credential's name has no slash", written)
		}
		return readSecret(filepath.Join(dir, rest), false)
	case "env":
		v, ok := os.LookupEnv(rest)
		if !ok || v == "" {
			return "", fmt.Errorf("cannot read %s: the environment variable is not set", written)
		}
		return v, nil
	}
	return written, nil
}

// Changed is when the file that a reference names was last written; zero for a
// value that stands elsewhere, and when there is no such file. It reads no
// value.
func (s Secret) Changed() time.Time {
	scheme, rest, found := strings.Cut(s.text(), ":")
	if !found || s.plain {
		return time.Time{}
	}
	path := rest
	switch scheme {
	case "file":
	case "cred":
		path = filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), filepath.Base(rest))
	default:
		return time.Time{}
	}
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func readSecret(path string, strict bool) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read secret: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("cannot read secret: %w", err)
	}
	if strict && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("secret file %s can be read by others (mode %04o): run chmod 600 %s", path, info.Mode().Perm(), path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("cannot read secret %s: %w", path, err)
	}
	if len(raw) > maxSecret {
		return "", fmt.Errorf("secret file %s is larger than %d bytes", path, maxSecret)
	}
	v := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if v == "" {
		return "", fmt.Errorf("secret file %s is empty", path)
	}
	return v, nil
}

// CheckInline returns an error when secret values stand in the configuration
// file at path and others than its owner can read that file.
func CheckInline(path string, secrets ...Secret) error {
	inline := false
	for _, s := range secrets {
		inline = inline || s.Inline()
	}
	if !inline {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("cannot check configuration: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("cannot use %s: it holds a secret in plain text and others can read it (mode %04o); run chmod 600 %s, or write the secret as file:, env: or cred: reference",
			path, info.Mode().Perm(), path)
	}
	return nil
}

// UnmarshalYAML reads the written form.
func (s *Secret) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: a secret is file:PATH, env:NAME, cred:NAME or a plain value", node.Line)
	}
	*s = Reference(node.Value)
	return nil
}

// UnmarshalText reads the written form from a command line.
func (s *Secret) UnmarshalText(raw []byte) error {
	*s = Reference(string(raw))
	return nil
}

// UnmarshalJSON refuses: secrets are never read from a wire.
func (s *Secret) UnmarshalJSON([]byte) error { return errors.New("a secret is not read from JSON") }

// String hides the value.
func (s Secret) String() string { return redacted }

// GoString hides the value from %#v.
func (s Secret) GoString() string { return redacted }

// MarshalJSON hides the value.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalYAML hides the value.
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }

// LogValue hides the value from log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
