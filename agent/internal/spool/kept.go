package spool

import (
	"context"
	"database/sql"
	"fmt"
)

// keptShare is the part of MaxBytes that acknowledged items may take.
const keptShare = 4

// keptSchema is apart from the schema of version 1, as noteSchema is. It holds
// the newest acknowledged item of each key.
const keptSchema = `
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, id INTEGER NOT NULL, at INTEGER NOT NULL, size INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS kept_id ON kept (id, size);
`

// SendAgain puts the acknowledged items after the id back into the queue, as far
// as they are kept, and takes Stats.Acked back to it: the other side has lost
// what it acknowledged. It returns how many there are. An epoch that is not the
// spool's is none of its business.
func (s *Spool) SendAgain(ctx context.Context, epoch, after int64) (int64, error) {
	var n int64
	err := s.do(ctx, func(tx *sql.Tx) (change, error) {
		n = 0
		if epoch != s.epoch || after < 0 {
			return change{}, nil
		}
		var back change
		err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(size), 0) FROM kept WHERE id > $1`, after).Scan(&back.items, &back.bytes)
		if err != nil {
			return change{}, err
		}
		for _, q := range []string{
			`INSERT INTO item (id, key, at, size, payload) SELECT id, key, at, size, payload FROM kept WHERE id > $1`,
			`DELETE FROM kept WHERE id > $1`,
			`UPDATE meta SET value = min(value, $1) WHERE name = 'acked'`,
		} {
			if _, err := tx.ExecContext(ctx, q, after); err != nil {
				return change{}, err
			}
		}
		n = back.items
		return back, nil
	})
	if err != nil {
		return 0, fmt.Errorf("cannot send again from spool: %w", err)
	}
	return n, nil
}

// keepAcked moves the mark of what is acknowledged, and copies the item to those
// kept unless a newer one of its key is there. On a tight disk none is kept.
func (s *Spool) keepAcked(ctx context.Context, tx *sql.Tx, id int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) SELECT 'acked', id FROM item WHERE id = $1
		ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`, id)
	if err != nil || s.tight {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO kept (key, id, at, size, payload) SELECT key, id, at, size, payload FROM item WHERE id = $1
		ON CONFLICT (key) DO UPDATE SET id = excluded.id, at = excluded.at, size = excluded.size, payload = excluded.payload WHERE kept.id < excluded.id`, id)
	return err
}

// boundKept forgets the oldest that are kept until they are within their part of
// MaxBytes.
func (s *Spool) boundKept(ctx context.Context, tx *sql.Tx) error {
	var size int64
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(sum(size), 0) FROM kept`).Scan(&size); err != nil {
		return err
	}
	excess := size - s.opt.MaxBytes/keptShare
	if excess <= 0 {
		return nil
	}
	gone, err := victims(ctx, tx, `SELECT id, size FROM kept ORDER BY id`)
	if err != nil {
		return err
	}
	for _, v := range gone {
		if excess <= 0 {
			break
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM kept WHERE id = $1`, v.id); err != nil {
			return err
		}
		excess -= v.size
	}
	return nil
}
