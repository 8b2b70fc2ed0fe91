package spool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// ageEvery is how often MaxAge is enforced.
	ageEvery = time.Hour
	// relief is what is dropped at once when the disk is full, in bytes.
	relief = 1 << 20
	// worthGivingBack is the free space inside the file above which an empty
	// spool returns it to the disk, in pages of 4 KiB.
	worthGivingBack = 1024
)

// An item is superseded when its key has a newer one. Only such items are ever
// dropped: the newest state of everything is kept. Both queries name at most
// dropBatch items, oldest first.
const (
	dropBatch       = 100
	supersededOfKey = `SELECT id, size FROM item WHERE key = $1 AND id < (SELECT max(id) FROM item WHERE key = $1) ORDER BY id LIMIT 100`
	supersededOfAll = `SELECT id, size FROM item AS i WHERE EXISTS (SELECT 1 FROM item AS n WHERE n.key = i.key AND n.id > i.id) ORDER BY id LIMIT 100`
)

// enforce drops superseded items until the spool is within its limits: of the
// key first, then of all, oldest first.
func (s *Spool) enforce(ctx context.Context, tx *sql.Tx, key string, added change) (change, error) {
	var gone change
	if now := s.opt.Now(); now.Sub(s.agedAt) >= ageEvery || now.Before(s.agedAt) {
		c, err := s.dropAged(ctx, tx, now.Add(-s.opt.MaxAge))
		if err != nil {
			return gone, err
		}
		gone, s.agedAt = gone.plus(c), now
	}
	excess := s.bytes + added.bytes + gone.bytes - s.opt.MaxBytes
	c, err := drop(ctx, tx, excess, supersededOfKey, key)
	if err != nil {
		return gone, err
	}
	gone, excess = gone.plus(c), excess+c.bytes
	c, err = drop(ctx, tx, excess, supersededOfAll)
	if err != nil {
		return gone, err
	}
	gone, excess = gone.plus(c), excess+c.bytes
	s.warnOverFull(excess)
	return gone, nil
}

func (s *Spool) warnOverFull(excess int64) {
	if excess > 0 && !s.overFull {
		s.log.Warn("spool is larger than its limit with the newest report of each device alone: raise spool.max_bytes",
			"max_bytes", s.opt.MaxBytes, "excess", excess)
	}
	s.overFull = excess > 0
}

func (s *Spool) dropAged(ctx context.Context, tx *sql.Tx, before time.Time) (change, error) {
	var gone change
	if _, err := tx.ExecContext(ctx, `DELETE FROM kept WHERE at < $1`, before.UnixMilli()); err != nil {
		return gone, err
	}
	var n, size int64
	err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(size), 0) FROM item AS i
		WHERE at < $1 AND EXISTS (SELECT 1 FROM item AS n WHERE n.key = i.key AND n.id > i.id)`, before.UnixMilli()).Scan(&n, &size)
	if err != nil || n == 0 {
		return gone, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM item WHERE at < $1 AND id < (SELECT max(n.id) FROM item AS n WHERE n.key = item.key)`, before.UnixMilli())
	if err != nil {
		return gone, err
	}
	return change{items: -n, bytes: -size}, count(ctx, tx, DroppedAge, n)
}

// drop deletes the items that query names until at least excess bytes are gone
// or none is left.
func drop(ctx context.Context, tx *sql.Tx, excess int64, query string, args ...any) (change, error) {
	var gone change
	for gone.bytes > -excess {
		found, err := victims(ctx, tx, query, args...)
		if err != nil {
			return gone, err
		}
		for _, v := range found {
			if gone.bytes <= -excess {
				break
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM item WHERE id = $1`, v.id); err != nil {
				return gone, err
			}
			gone = gone.plus(change{items: -1, bytes: -v.size})
		}
		if len(found) < dropBatch {
			break
		}
	}
	return gone, count(ctx, tx, DroppedFull, -gone.items)
}

type victim struct{ id, size int64 }

func victims(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]victim, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []victim
	for rows.Next() {
		var v victim
		if err := rows.Scan(&v.id, &v.size); err != nil {
			return nil, err
		}
		found = append(found, v)
	}
	return found, rows.Err()
}

func count(ctx context.Context, tx *sql.Tx, reason string, n int64) error {
	if n == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO dropped (reason, count) VALUES ($1, $2) ON CONFLICT (reason) DO UPDATE SET count = count + excluded.count`, reason, n)
	return err
}

func (s *Spool) boundQuarantine(ctx context.Context, tx *sql.Tx) error {
	for {
		var n, size int64
		if err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(size), 0) FROM quarantine`).Scan(&n, &size); err != nil {
			return err
		}
		if n <= 1 || (n <= maxQuarantined && size <= s.opt.MaxBytes/4) {
			return nil
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM quarantine WHERE id = (SELECT id FROM quarantine ORDER BY quarantined_at, id LIMIT 1)`)
		if err != nil {
			return err
		}
		if err := count(ctx, tx, DroppedQuarantine, 1); err != nil {
			return err
		}
	}
}

// relieve makes room on a full disk: it gives up the ballast, so that a
// deletion can commit, folds the write-ahead log into the file, and drops
// acknowledged and superseded items, whose pages are then used again. The log
// keeps its size on the disk, for what comes next has no other place to be
// written to once others have taken what was given up. What fails
// here is tried again by the next call that finds the disk full.
func (s *Spool) relieve(ctx context.Context) {
	if s.tight && s.opt.Ballast > 0 && s.roomAgain(ctx) {
		return
	}
	s.log.Error("disk of the spool is full: make room on it", "file", s.path)
	s.dropBallast()
	s.tight = true
	_, _ = s.db.ExecContext(ctx, `PRAGMA wal_checkpoint(RESTART)`)
	s.holdSize(ctx)
	err := s.transact(ctx, func(tx *sql.Tx) (change, error) {
		if _, err := tx.ExecContext(ctx, `DELETE FROM kept`); err != nil {
			return change{}, err
		}
		return drop(ctx, tx, relief, supersededOfAll)
	})
	if err != nil {
		s.log.Error("spool cannot make room", "error", err)
	}
	_, _ = s.db.ExecContext(ctx, `PRAGMA wal_checkpoint(RESTART)`)
}

// holdSize keeps the file as large as it is. What it grew by would wait in the
// write-ahead log for room on the disk, and the log could not be written from its
// beginning again, not even to delete.
func (s *Spool) holdSize(ctx context.Context) {
	var pages int64
	if err := s.db.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&pages); err == nil && s.opt.Ballast > 0 {
		_, _ = s.db.ExecContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages))
	}
}

// mostPages is SQLite's own limit.
const mostPages = 4294967294

// roomAgain says whether the disk has room for the ballast, and lets the file
// grow then.
func (s *Spool) roomAgain(ctx context.Context) bool {
	if s.tight = !s.fillBallast(); !s.tight {
		_, _ = s.db.ExecContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, mostPages))
	}
	return !s.tight
}

func (s *Spool) ballast() string { return s.path + ".ballast" }

// dropBallast says whether there was one.
func (s *Spool) dropBallast() bool {
	err := os.Remove(s.ballast())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.Warn("ballast file is not removed", "error", err)
	}
	return err == nil
}

// fillBallast writes the ballast file unless it is there. It is not worth an
// error: without it a full disk needs a person. It says whether there is room.
func (s *Spool) fillBallast() bool {
	if s.opt.Ballast < 0 {
		return true
	}
	if info, err := os.Stat(s.ballast()); err == nil && info.Size() == s.opt.Ballast {
		return true
	}
	if err := writeZeros(s.ballast(), s.opt.Ballast); err != nil {
		_ = os.Remove(s.ballast())
		s.log.Warn("ballast file is not written: a full disk may need help by hand", "error", err)
		return false
	}
	return true
}

func writeZeros(path string, n int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	chunk := make([]byte, 1<<20)
	for n > 0 && err == nil {
		var w int
		w, err = f.Write(chunk[:min(n, int64(len(chunk)))])
		n -= int64(w)
	}
	if err == nil {
		err = f.Sync() // space is only taken for certain once it is written
	}
	return errors.Join(err, f.Close())
}

// giveBack returns free pages to the disk and restores the ballast once the
// spool is empty.
func (s *Spool) giveBack(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.items > 0 {
		return
	}
	s.roomAgain(ctx)
	var free int64
	if err := s.db.QueryRowContext(ctx, `PRAGMA freelist_count`).Scan(&free); err != nil || free < worthGivingBack {
		return
	}
	if _, err := s.db.ExecContext(ctx, `PRAGMA incremental_vacuum`); err != nil {
		s.log.Warn("free space of the spool is not returned to the disk", "error", err)
	}
}
