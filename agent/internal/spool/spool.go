// Package spool is the agent's bounded queue on disk: what was appended stays
// until it is acknowledged, through kill -9, a torn file and a full disk. It is
// an SQLite outbox, in which payload and cursor change in one transaction. It
// knows bytes and an opaque key, not devices; what the bytes mean and where
// they go is decided by packages agent and upload.
package spool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Defaults of Options and fixed limits.
const (
	// DefaultMaxBytes bounds the compressed payloads, in bytes.
	DefaultMaxBytes = 256 << 20
	// DefaultMaxAge bounds the age of superseded items.
	DefaultMaxAge = 90 * 24 * time.Hour
	// DefaultBallast is the size of the file that is given up on a full disk.
	DefaultBallast = 8 << 20

	// maxPayload bounds one item before compression, in bytes.
	maxPayload = 64 << 20
	// maxQuarantined bounds the items set aside, and a quarter of MaxBytes
	// their size.
	maxQuarantined = 1000
	// maxReason bounds the text that says why an item was set aside, in bytes.
	maxReason = 500
)

// Reasons why an item was dropped, as counted in Stats.Dropped.
const (
	DroppedFull       = "full"       // superseded, and the spool or its disk was full
	DroppedAge        = "age"        // superseded, and older than MaxAge
	DroppedQuarantine = "quarantine" // set aside long ago, and the quarantine was full
	DroppedUnsaved    = "unsaved"    // could not be written
)

// Errors of Open that a caller may act on: another process has the spool open,
// or its disk has no room at all, be it for bytes or for files, or takes no
// writing.
var (
	ErrLocked   = errors.New("another rollcall-agent is using it")
	ErrDiskFull = errors.New("its disk is full")
	ErrReadOnly = errors.New("its file system is read-only")
)

// Options of a spool. The zero value has the defaults.
type Options struct {
	// MaxBytes bounds the compressed payloads. Superseded items are dropped to
	// hold it; the newest item of every key is kept even beyond it.
	MaxBytes int64
	// MaxAge bounds the age of superseded items.
	MaxAge time.Duration
	// Ballast is the size of a file kept beside the spool and given up when
	// the disk is full, so that deleting can still commit; below 0 for none.
	Ballast int64
	Now     func() time.Time
	Log     *slog.Logger
}

// An Item is what was appended under one key. ID grows with each item.
type Item struct {
	ID         int64
	Key        string
	AppendedAt time.Time
	Payload    []byte
}

// Stats of a spool.
type Stats struct {
	Items       int64
	Bytes       int64     // compressed payloads of Items
	Oldest      time.Time // when the oldest item was appended; zero without items
	Quarantined int64
	Refusal     string           // why the newest of these was set aside
	Dropped     map[string]int64 // by reason, since the spool was created
	Epoch       int64
	// Acked is the highest ID that was acknowledged, or what SendAgain took it
	// back to.
	Acked int64
	// Kept counts the acknowledged items that SendAgain can still give.
	Kept int64
	// Corrupt counts the spools that were set aside at this place, ever.
	Corrupt int64
	// SetAside are the files to which corrupt spools were renamed since Open.
	SetAside []string
}

// Spool is safe for use by several goroutines. Close it.
type Spool struct {
	path string
	opt  Options
	log  *slog.Logger
	lock *os.File
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	wake chan struct{}

	mu       sync.Mutex // guards what follows; one transaction at a time
	db       *sql.DB
	epoch    int64
	items    int64
	bytes    int64
	unsaved  int64     // items that could not be written, not counted in the file yet
	tight    bool      // the disk was full: acknowledged items are not kept
	agedAt   time.Time // when MaxAge was last enforced
	overFull bool      // the newest items alone exceed MaxBytes, as was logged
	setAside []string
	closed   bool
}

// Open opens the spool at path or creates it. A corrupt one is renamed to
// "<name>.corrupt-<time>" and a new one started: that is logged and listed in
// Stats, and never an error. The folder must exist.
func Open(path string, opt Options) (*Spool, error) {
	opt = withDefaults(opt)
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open spool: %w", err)
	}
	s := &Spool{path: abs, opt: opt, log: opt.Log, wake: make(chan struct{}, 1)}
	if s.enc, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20)); err != nil {
		return nil, fmt.Errorf("cannot open spool: %w", err)
	}
	if s.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPayload)); err != nil {
		return nil, fmt.Errorf("cannot open spool: %w", err)
	}
	if s.lock, err = lockFile(abs + ".lock"); err != nil {
		s.dec.Close()
		return nil, fmt.Errorf("cannot open spool %s: %w", abs, s.ofDisk(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(); err != nil {
		s.dec.Close()
		_ = s.lock.Close()
		return nil, fmt.Errorf("cannot open spool %s: %w", abs, err)
	}
	s.fillBallast()
	return s, nil
}

func withDefaults(opt Options) Options {
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = DefaultMaxBytes
	}
	if opt.MaxAge <= 0 {
		opt.MaxAge = DefaultMaxAge
	}
	if opt.Ballast == 0 {
		opt.Ballast = DefaultBallast
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return opt
}

// Close releases the spool. Calls in progress end first.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.db.Close()
	s.dec.Close()
	_ = s.lock.Close()
	if err != nil {
		return fmt.Errorf("cannot close spool: %w", err)
	}
	return nil
}

// Appended has a value after an Append, at most one for several.
func (s *Spool) Appended() <-chan struct{} { return s.wake }

// Append makes an item for key durable. In the same transaction it takes the
// next seq of the spool's epoch, with which encode makes the payload; a failed
// Append uses up no seq, and is counted in Stats.Dropped. encode may be called
// twice, when the spool had to be replaced or disk space made.
func (s *Spool) Append(ctx context.Context, key string, encode func(epoch, seq int64) ([]byte, error)) error {
	err := s.do(ctx, func(tx *sql.Tx) (change, error) { return s.appendTo(ctx, tx, key, encode) })
	if err != nil {
		s.lose(ctx)
		return fmt.Errorf("cannot append to spool: %w", err)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

func (s *Spool) appendTo(ctx context.Context, tx *sql.Tx, key string, encode func(epoch, seq int64) ([]byte, error)) (change, error) {
	var seq int64
	err := tx.QueryRowContext(ctx, `UPDATE meta SET value = value + 1 WHERE name = 'seq' RETURNING value`).Scan(&seq)
	if err != nil {
		return change{}, err
	}
	raw, err := encode(s.epoch, seq)
	if err != nil {
		return change{}, err
	}
	if len(raw) > maxPayload {
		return change{}, fmt.Errorf("item of %d bytes is larger than %d", len(raw), maxPayload)
	}
	packed := s.enc.EncodeAll(raw, nil)
	_, err = tx.ExecContext(ctx, `INSERT INTO item (id, key, at, size, payload) VALUES ($1, $2, $3, $4, $5)`,
		seq, key, s.opt.Now().UnixMilli(), len(packed), packed)
	if err != nil {
		return change{}, err
	}
	added := change{items: 1, bytes: int64(len(packed)), unsaved: -s.unsaved}
	if err := count(ctx, tx, DroppedUnsaved, s.unsaved); err != nil {
		return change{}, err
	}
	dropped, err := s.enforce(ctx, tx, key, added)
	return added.plus(dropped), err
}

// Next returns the oldest items, at most maxItems with at most maxBytes of
// payload together, but one at least if there is any. They stay in the spool.
// An item that cannot be decompressed is quarantined on the way.
func (s *Spool) Next(ctx context.Context, maxBytes int64, maxItems int) ([]Item, error) {
	for {
		var items []Item
		var bad []int64
		err := s.do(ctx, func(tx *sql.Tx) (change, error) {
			var err error
			items, bad, err = s.readItems(ctx, tx, maxBytes, maxItems)
			return change{}, err
		})
		if err != nil {
			return nil, fmt.Errorf("cannot read spool: %w", err)
		}
		for _, id := range bad {
			s.log.Error("spooled item is damaged, set aside", "item", id)
			if err := s.Quarantine(ctx, id, "the spooled bytes are damaged"); err != nil {
				return nil, err
			}
		}
		if len(items) > 0 || len(bad) == 0 {
			return items, nil
		}
	}
}

func (s *Spool) readItems(ctx context.Context, tx *sql.Tx, maxBytes int64, maxItems int) ([]Item, []int64, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, key, at, payload FROM item ORDER BY id LIMIT $1`, max(maxItems, 1))
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = rows.Close() }()
	var items []Item
	var bad []int64
	var sum int64
	for rows.Next() {
		var it Item
		var at int64
		var packed []byte
		if err := rows.Scan(&it.ID, &it.Key, &at, &packed); err != nil {
			return nil, nil, err
		}
		it.AppendedAt = time.UnixMilli(at).UTC()
		if it.Payload, err = s.dec.DecodeAll(packed, nil); err != nil {
			bad = append(bad, it.ID)
			continue
		}
		sum += int64(len(it.Payload))
		if len(items) > 0 && sum > maxBytes {
			break
		}
		items = append(items, it)
	}
	return items, bad, rows.Err()
}

// lose counts an item that was not written, unless the caller gave it up.
func (s *Spool) lose(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsaved++
}

// Ack takes the items off the queue. The newest acknowledged item of each key is
// kept for SendAgain, where there is room. An id that is not there any more is
// no error.
func (s *Spool) Ack(ctx context.Context, ids ...int64) error {
	err := s.do(ctx, func(tx *sql.Tx) (change, error) {
		var gone change
		for _, id := range ids {
			if err := s.keepAcked(ctx, tx, id); err != nil {
				return change{}, err
			}
			c, err := deleteItem(ctx, tx, id)
			if err != nil {
				return change{}, err
			}
			gone = gone.plus(c)
		}
		return gone, s.boundKept(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("cannot acknowledge in spool: %w", err)
	}
	s.giveBack(ctx)
	return nil
}

func deleteItem(ctx context.Context, tx *sql.Tx, id int64) (change, error) {
	var size int64
	err := tx.QueryRowContext(ctx, `DELETE FROM item WHERE id = $1 RETURNING size`, id).Scan(&size)
	if errors.Is(err, sql.ErrNoRows) {
		return change{}, nil
	}
	return change{items: -1, bytes: -size}, err
}

// Quarantine moves an item out of the queue and keeps it with the reason. The
// oldest of the quarantine are dropped when it is full.
func (s *Spool) Quarantine(ctx context.Context, id int64, reason string) error {
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	err := s.do(ctx, func(tx *sql.Tx) (change, error) {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO quarantine (id, key, at, size, payload, reason, quarantined_at)
			SELECT id, key, at, size, payload, $2, $3 FROM item WHERE id = $1`, id, reason, s.opt.Now().UnixMilli())
		if err != nil {
			return change{}, err
		}
		gone, err := deleteItem(ctx, tx, id)
		if err != nil {
			return change{}, err
		}
		return gone, s.boundQuarantine(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("cannot quarantine in spool: %w", err)
	}
	return nil
}

// Remember keeps key, with the time, until Remembered no longer asks for it.
func (s *Spool) Remember(ctx context.Context, key string) error {
	err := s.do(ctx, func(tx *sql.Tx) (change, error) {
		_, err := tx.ExecContext(ctx, `INSERT INTO mark (key, at) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET at = excluded.at`,
			key, s.opt.Now().UnixMilli())
		return change{}, err
	})
	if err != nil {
		return fmt.Errorf("cannot remember in spool: %w", err)
	}
	return nil
}

// Remembered returns the keys remembered at since or later, and forgets the
// others.
func (s *Spool) Remembered(ctx context.Context, since time.Time) (map[string]time.Time, error) {
	keys := map[string]time.Time{}
	err := s.do(ctx, func(tx *sql.Tx) (change, error) {
		if _, err := tx.ExecContext(ctx, `DELETE FROM mark WHERE at < $1`, since.UnixMilli()); err != nil {
			return change{}, err
		}
		rows, err := tx.QueryContext(ctx, `SELECT key, at FROM mark`)
		if err != nil {
			return change{}, err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var key string
			var at int64
			if err := rows.Scan(&key, &at); err != nil {
				return change{}, err
			}
			keys[key] = time.UnixMilli(at).UTC()
		}
		return change{}, rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read spool: %w", err)
	}
	return keys, nil
}

// Stats tells how full the spool is and what it had to give up.
func (s *Spool) Stats(ctx context.Context) (Stats, error) {
	st := Stats{Dropped: map[string]int64{DroppedFull: 0, DroppedAge: 0, DroppedQuarantine: 0, DroppedUnsaved: 0}}
	err := s.do(ctx, func(tx *sql.Tx) (change, error) {
		st.Items, st.Bytes, st.SetAside = s.items, s.bytes, append([]string(nil), s.setAside...)
		var oldest int64
		err := tx.QueryRowContext(ctx, `SELECT at FROM item ORDER BY id LIMIT 1`).Scan(&oldest)
		switch {
		case err == nil:
			st.Oldest = time.UnixMilli(oldest).UTC()
		case !errors.Is(err, sql.ErrNoRows):
			return change{}, err
		}
		st.Epoch = s.epoch
		if err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM quarantine), (SELECT count(*) FROM kept),
				coalesce((SELECT reason FROM quarantine ORDER BY quarantined_at DESC, id DESC LIMIT 1), ''),
				coalesce((SELECT value FROM meta WHERE name = 'acked'), 0), coalesce((SELECT value FROM meta WHERE name = 'corrupt'), 0)`).
			Scan(&st.Quarantined, &st.Kept, &st.Refusal, &st.Acked, &st.Corrupt); err != nil {
			return change{}, err
		}
		rows, err := tx.QueryContext(ctx, `SELECT reason, count FROM dropped`)
		if err != nil {
			return change{}, err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var reason string
			var n int64
			if err := rows.Scan(&reason, &n); err != nil {
				return change{}, err
			}
			st.Dropped[reason] = n
		}
		st.Dropped[DroppedUnsaved] += s.unsaved
		return change{}, rows.Err()
	})
	if err != nil {
		return Stats{}, fmt.Errorf("cannot read spool: %w", err)
	}
	return st, nil
}

// Epoch is the number of this spool: greater than that of any spool before it
// at the same place, and above 0.
func (s *Spool) Epoch() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// clampEpoch turns a clock that stands before 1970, or anything else without
// sense, into an epoch above that of the spool before.
func clampEpoch(now time.Time, before int64) int64 {
	floor := int64(1)
	if before > 0 && before < math.MaxInt64 {
		floor = before + 1
	}
	return max(now.UnixMilli(), floor)
}
