package spool

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// maxNote bounds a note, in bytes.
const maxNote = 16 << 20

// noteSchema is apart from the schema of version 1: a spool made before there
// were notes gets the table when it is opened.
const noteSchema = `CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, at INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID`

// Note keeps a value under key, in place of the one before, until Notes no
// longer asks for it. An empty value forgets the key. Notes are what the agent
// wants to know again after a restart; they are never sent.
func (s *Spool) Note(ctx context.Context, key string, value []byte) error {
	if len(value) > maxNote {
		return fmt.Errorf("cannot keep a note in the spool: %d bytes are more than %d", len(value), maxNote)
	}
	err := s.do(ctx, func(tx *sql.Tx) (change, error) {
		if len(value) == 0 {
			_, err := tx.ExecContext(ctx, `DELETE FROM note WHERE key = $1`, key)
			return change{}, err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO note (key, at, value) VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE SET at = excluded.at, value = excluded.value`,
			key, s.opt.Now().UnixMilli(), value)
		return change{}, err
	})
	if err != nil {
		return fmt.Errorf("cannot keep a note in the spool: %w", err)
	}
	return nil
}

// Notes gives each note whose key begins with prefix and that was kept at since
// or later to take, and forgets older ones of the prefix.
func (s *Spool) Notes(ctx context.Context, prefix string, since time.Time, take func(key string, value []byte)) error {
	err := s.do(ctx, func(tx *sql.Tx) (change, error) {
		if _, err := tx.ExecContext(ctx, `DELETE FROM note WHERE substr(key, 1, length($1)) = $1 AND at < $2`, prefix, since.UnixMilli()); err != nil {
			return change{}, err
		}
		rows, err := tx.QueryContext(ctx, `SELECT key, value FROM note WHERE substr(key, 1, length($1)) = $1 ORDER BY key`, prefix)
		if err != nil {
			return change{}, err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var key string
			var value []byte
			if err := rows.Scan(&key, &value); err != nil {
				return change{}, err
			}
			take(key, value)
		}
		return change{}, rows.Err()
	})
	if err != nil {
		return fmt.Errorf("cannot read notes of the spool: %w", err)
	}
	return nil
}
