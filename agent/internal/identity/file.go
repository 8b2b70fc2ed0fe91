package identity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

const (
	// fileName is the identity in the agent's data folder.
	fileName   = "identity.json"
	fileSchema = "rollcall.identity/1"
	// maxFile bounds it, in bytes.
	maxFile = 64 << 10
)

// file is what is kept, for the agent's user alone.
type file struct {
	Schema       string    `json:"schema"`
	URL          string    `json:"url"` // of the collector, as it was joined
	Pin          string    `json:"pin"` // of the collector's key; "" for none
	AgentID      string    `json:"agent_id"`
	Organization string    `json:"organization"`
	Site         string    `json:"site"`
	Agent        string    `json:"agent"` // its name at the collector
	Key          []byte    `json:"key"`   // the seed of an Ed25519 key; never leaves this file
	Token        string    `json:"token"` // the credential
	Issued       time.Time `json:"issued"`
	Expires      time.Time `json:"expires"`
	Renew        time.Time `json:"renew"`
	JoinedBy     string    `json:"joined_by"` // hash of the join token
	// Joining is a join that has no answer yet: the answer may be lost, and the
	// token is good for this key alone then.
	Joining *joining `json:"joining,omitempty"`
}

type joining struct {
	By  string `json:"by"` // hash of the join token
	Key []byte `json:"key"`
}

// has says that the agent has joined.
func (f file) has() bool { return f.AgentID != "" }

// damage is an error about what a file holds.
type damage struct{ error }

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func path(dir string) string { return filepath.Join(dir, fileName) }

// read returns the identity in the folder, an empty one when there is none, or
// damage.
func read(dir string) (file, error) {
	f, err := os.Open(path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return file{}, nil
	}
	if err != nil {
		return file{}, fmt.Errorf("cannot read the agent's identity: %w: it is for the agent's user alone, who has to own it", err)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return file{}, fmt.Errorf("cannot read the agent's identity: %w", err)
	}
	var v file
	err = json.Unmarshal(raw, &v)
	switch {
	case len(raw) > maxFile:
		err = fmt.Errorf("it is larger than %d bytes", maxFile)
	case err != nil:
	case v.Schema != fileSchema:
		err = fmt.Errorf("its schema is %.40q, and not %s", v.Schema, fileSchema)
	case v.has() && (len(v.Key) != ed25519.SeedSize || v.Token == "" || v.URL == ""):
		err = errors.New("it has no key, no token or no address")
	case v.Joining != nil && len(v.Joining.Key) != ed25519.SeedSize:
		err = errors.New("it has no key to join with")
	}
	if err != nil {
		return file{}, damage{fmt.Errorf("cannot use the agent's identity in %s: %w", path(dir), err)}
	}
	return v, nil
}

// write replaces the identity in the folder, wholly or not at all.
func (f file) write(dir string) error {
	f.Schema = fileSchema
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot keep the agent's identity: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot keep the agent's identity: %w", err)
	}
	if err := renameio.WriteFile(path(dir), append(raw, '\n'), 0o600, renameio.WithStaticPermissions(0o600)); err != nil {
		return fmt.Errorf("cannot keep the agent's identity: %w", err)
	}
	giveToOwner(dir, path(dir))
	return syncDir(dir)
}

// syncDir makes the new name durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot keep the agent's identity: %w", err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("cannot keep the agent's identity: %w", err)
	}
	return nil
}

// setAside renames a damaged identity, so that a person can look at it.
func setAside(dir string, now time.Time) (name string, err error) {
	name = path(dir) + ".corrupt-" + now.UTC().Format("20060102T150405Z")
	if err := os.Rename(path(dir), name); err != nil {
		return "", fmt.Errorf("cannot set it aside: %w", err)
	}
	return name, nil
}
