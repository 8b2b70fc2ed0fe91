package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

const (
	// MaxUpload bounds a file that is looked at before it is imported, in bytes.
	MaxUpload = 16 << 20
	// maxUploads bounds those of one organization; the oldest makes room.
	maxUploads = 5
	// keepUploads is how long a person has to look.
	keepUploads = 24 * time.Hour
)

// An Upload is a file that a person looks at before it is imported.
type Upload struct {
	Kind    ImportKind
	Name    string // of the file
	Options contract.Options
	Content []byte // at most MaxUpload
}

// saidOptions are those options that a person says of an upload.
type saidOptions struct {
	DateOrder contract.DateOrder `json:"date_order,omitempty"`
	Contract  string             `json:"contract,omitempty"`
	Sheet     string             `json:"sheet,omitempty"`
}

// SaveUpload keeps the file for a day under an ID that cannot be guessed.
func (s *Store) SaveUpload(ctx context.Context, org string, u Upload) (id string, err error) {
	if len(u.Content) > MaxUpload {
		return "", fmt.Errorf("file %.100q: %w: it is larger than %d MiB", u.Name, ErrInvalid, MaxUpload>>20)
	}
	options, err := encode(saidOptions{u.Options.DateOrder, u.Options.Contract, u.Options.Sheet})
	if err != nil {
		return "", err
	}
	id = rand.Text()
	err = s.change(ctx, org, func(t *tx) error {
		if err := organizationExists(ctx, t, org); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO uploads (id, organization, kind, name, options, content, created) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			id, org, string(u.Kind), shorten(inventory.CleanText(u.Name), maxName), options, u.Content, millis(t.now)); err != nil {
			return fmt.Errorf("cannot save the file: %w", err)
		}
		if _, err := t.ExecContext(ctx, `DELETE FROM uploads WHERE organization = $1 AND id NOT IN
			(SELECT id FROM uploads WHERE organization = $1 ORDER BY created DESC, id LIMIT $2)`, org, maxUploads); err != nil {
			return fmt.Errorf("cannot make room for the file: %w", err)
		}
		return nil
	})
	return id, err
}

// Upload returns a file that is kept, or ErrNotFound.
func (s *Store) Upload(ctx context.Context, org, id string) (Upload, error) {
	var u Upload
	var options string
	err := s.viewOf(ctx, org, func(t *tx) error {
		return t.QueryRowContext(ctx, `SELECT kind, name, options, content FROM uploads WHERE organization = $1 AND id = $2`, org, id).
			Scan(&u.Kind, &u.Name, &options, &u.Content)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Upload{}, fmt.Errorf("the file is not kept any more: %w", ErrNotFound)
	}
	if err != nil {
		return Upload{}, fmt.Errorf("cannot read the file: %w", err)
	}
	var said saidOptions
	err = decode(options, &said)
	u.Options = contract.Options{DateOrder: said.DateOrder, Contract: said.Contract, Sheet: said.Sheet}
	return u, err
}

// DeleteUpload forgets a file.
func (s *Store) DeleteUpload(ctx context.Context, org, id string) error {
	return s.change(ctx, org, func(t *tx) error {
		_, err := t.ExecContext(ctx, `DELETE FROM uploads WHERE organization = $1 AND id = $2`, org, id)
		return err
	})
}

// pruneUploads forgets the files that nobody imported.
func pruneUploads(ctx context.Context, t *tx) error {
	if _, err := t.ExecContext(ctx, `DELETE FROM uploads WHERE created < $1`, millis(t.now.Add(-keepUploads))); err != nil {
		return fmt.Errorf("cannot forget old files: %w", err)
	}
	return nil
}
