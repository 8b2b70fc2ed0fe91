package spool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"modernc.org/sqlite" // registers itself with database/sql as "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	schemaVersion = 1
	// keepCorrupt is how many corrupt spools stay for a person to look at.
	keepCorrupt = 3
)

// The id of an item is its seq. The index holds the size, so that limits are
// counted without reading payloads.
const schema = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE item (id INTEGER PRIMARY KEY, key TEXT NOT NULL, at INTEGER NOT NULL, size INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE INDEX item_key ON item (key, id, size);
CREATE TABLE quarantine (id INTEGER PRIMARY KEY, key TEXT NOT NULL, at INTEGER NOT NULL, size INTEGER NOT NULL, payload BLOB NOT NULL,
	reason TEXT NOT NULL, quarantined_at INTEGER NOT NULL);
CREATE TABLE dropped (reason TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE mark (key TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
`

// A change is what a transaction does to the totals that the spool holds in
// memory.
type change struct{ items, bytes, unsaved int64 }

func (c change) plus(d change) change {
	return change{c.items + d.items, c.bytes + d.bytes, c.unsaved + d.unsaved}
}

// do runs fn in a transaction and books its change once that is committed. A
// full disk is relieved and a spool found corrupt is replaced, and then fn is
// tried again.
func (s *Spool) do(ctx context.Context, fn func(*sql.Tx) (change, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("it is closed")
	}
	err := s.transact(ctx, fn)
	if isCorrupt(err) {
		if rerr := s.replace(err); rerr != nil {
			return rerr
		}
		return s.transact(ctx, fn)
	}
	// Twice, as room that there is again may be that of the ballast alone.
	for tries := 0; isFull(err) && tries < 2; tries++ {
		s.relieve(ctx)
		err = s.transact(ctx, fn)
	}
	return err
}

func (s *Spool) transact(ctx context.Context, fn func(*sql.Tx) (change, error)) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	c, err := fn(tx)
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.items += c.items
	s.bytes += c.bytes
	s.unsaved += c.unsaved
	return nil
}

// open opens the file, sets it aside if it is corrupt, and creates it if there
// is none. On a full disk it gives up the ballast: SQLite needs a little space
// to open a file, and a file or two beside it. The caller holds mu.
func (s *Spool) open() error {
	err := s.ofDisk(s.openOnce())
	if errors.Is(err, ErrDiskFull) && s.dropBallast() {
		err = s.ofDisk(s.openOnce())
	}
	return err
}

// ofDisk adds ErrDiskFull or ErrReadOnly where that is what err comes from.
// SQLite says no more than that it cannot open a file, so the disk is asked.
func (s *Spool) ofDisk(err error) error {
	switch c := code(err) & 0xff; {
	case err == nil, isFull(err):
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case c == sqlite3.SQLITE_CANTOPEN, c == sqlite3.SQLITE_READONLY, c == sqlite3.SQLITE_IOERR:
		f, perr := os.CreateTemp(filepath.Dir(s.path), "spool.probe-*")
		if perr == nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			return err
		}
		if errors.Is(perr, syscall.EROFS) || errors.Is(perr, syscall.ENOSPC) {
			return s.ofDisk(fmt.Errorf("%w (%w)", err, perr))
		}
	}
	if isFull(err) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}

func (s *Spool) openOnce() error {
	_, err := os.Stat(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return s.create(0, 0)
	}
	if err == nil {
		err = s.load()
	}
	if err == nil {
		return nil
	}
	if isDamage(err) {
		return s.replace(err)
	}
	if s.db != nil {
		_ = s.db.Close()
	}
	return err
}

// replace sets the corrupt file aside and starts a new spool.
func (s *Spool) replace(cause error) error {
	before, corrupt := s.epoch, int64(0)
	if s.db != nil {
		if before == 0 {
			_ = s.db.QueryRow(`SELECT value FROM meta WHERE name = 'epoch'`).Scan(&before)
		}
		_ = s.db.QueryRow(`SELECT value FROM meta WHERE name = 'corrupt'`).Scan(&corrupt)
		_ = s.db.Close()
	}
	name, there, err := s.rename()
	if err != nil {
		return fmt.Errorf("it is corrupt (%w) and cannot be set aside: %w", cause, err)
	}
	s.setAside = append(s.setAside, name)
	s.log.Error("spool is corrupt, set aside; reports not sent yet are in it, the next polls replace them", "file", name, "error", cause)
	// Where the corrupt one cannot say how many there were before it, those that
	// still lie beside it are counted.
	return s.create(before, max(corrupt+1, there))
}

// rename says how many corrupt spools there are now, before the oldest go.
func (s *Spool) rename() (name string, there int64, err error) {
	base := strings.TrimSuffix(s.path, filepath.Ext(s.path)) + ".corrupt-"
	name = base + s.opt.Now().UTC().Format("20060102T150405Z")
	for n := 2; ; n++ {
		if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
			break
		}
		name = fmt.Sprintf("%s%s-%d", base, s.opt.Now().UTC().Format("20060102T150405Z"), n)
	}
	if err := os.Rename(s.path, name); err != nil {
		return "", 0, err
	}
	// The new spool must not find the write-ahead log of the old one.
	if err := os.Rename(s.path+"-wal", name+"-wal"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", 0, err
	}
	if err := os.Remove(s.path + "-shm"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", 0, err
	}
	return name, removeOldCorrupt(base), nil
}

func removeOldCorrupt(base string) int64 {
	entries, err := os.ReadDir(filepath.Dir(base))
	if err != nil {
		return 0
	}
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(base)) && !strings.HasSuffix(e.Name(), "-wal") {
			found = append(found, filepath.Join(filepath.Dir(base), e.Name()))
		}
	}
	slices.Sort(found) // by time, as the names carry it
	there := int64(len(found))
	for len(found) > keepCorrupt {
		_ = os.Remove(found[0])
		_ = os.Remove(found[0] + "-wal")
		found = found[1:]
	}
	return there
}

func (s *Spool) connect() error {
	dsn := url.URL{Scheme: "file", Path: s.path, RawQuery: url.Values{
		// FULL: a commit that gates an acknowledgement survives power loss.
		"_pragma": {"busy_timeout(5000)", "auto_vacuum(INCREMENTAL)", "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(8388608)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	s.db = db
	return nil
}

func (s *Spool) create(before, corrupt int64) error {
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite would make it readable by others
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := s.connect(); err != nil {
		return err
	}
	return s.fill(before, corrupt)
}

// fill makes the tables of a new spool, which follows one of epoch before and so
// many corrupt ones.
func (s *Spool) fill(before, corrupt int64) error {
	epoch := clampEpoch(s.opt.Now(), before)
	err := s.transact(context.Background(), func(tx *sql.Tx) (change, error) {
		if _, err := tx.Exec(schema + noteSchema + ";" + keptSchema); err != nil {
			return change{}, err
		}
		if _, err := tx.Exec(`INSERT INTO meta (name, value) VALUES ('epoch', $1), ('seq', 0), ('acked', 0), ('corrupt', $2)`, epoch, corrupt); err != nil {
			return change{}, err
		}
		_, err := tx.Exec(fmt.Sprintf(`PRAGMA user_version = %d`, schemaVersion))
		return change{}, err
	})
	if err != nil {
		_ = s.db.Close()
		return err
	}
	s.epoch, s.items, s.bytes = epoch, 0, 0
	return syncDir(filepath.Dir(s.path))
}

// syncDir makes the new file's name durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}

// load opens an existing file and checks it. Where it returns an error, db may
// be open for a last look.
func (s *Spool) load() error {
	s.epoch = 0
	if err := s.connect(); err != nil {
		return err
	}
	var version, tables, epoch, seq int64
	if err := s.db.QueryRow(`PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	if err := s.db.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return err
	}
	if version == 0 && tables == 0 { // killed while it was made
		return s.fill(0, 0)
	}
	if version != schemaVersion {
		return damage{fmt.Errorf("its schema is version %d, this program knows %d", version, schemaVersion)}
	}
	if err := s.quickCheck(); err != nil {
		return err
	}
	err := s.db.QueryRow(`SELECT (SELECT value FROM meta WHERE name = 'epoch'), (SELECT value FROM meta WHERE name = 'seq')`).Scan(&epoch, &seq)
	if err != nil {
		return damage{err}
	}
	var last int64
	err = s.db.QueryRow(`SELECT count(*), coalesce(sum(size), 0), coalesce(max(id), 0) FROM item INDEXED BY item_key`).Scan(&s.items, &s.bytes, &last)
	if err != nil {
		return damage{err}
	}
	if _, err := s.db.Exec(noteSchema + ";" + keptSchema); err != nil {
		return err
	}
	if err := s.checkShape(); err != nil {
		return err
	}
	if epoch <= 0 || seq < last || s.bytes < 0 {
		return damage{fmt.Errorf("epoch %d, seq %d and last item %d do not fit", epoch, seq, last)}
	}
	// A file that cannot be written SQLite opens for reading, and stays so.
	if _, err := s.db.Exec(`UPDATE meta SET value = value WHERE name = 'seq'`); code(err)&0xff == sqlite3.SQLITE_READONLY {
		return err
	}
	s.epoch = epoch
	return nil
}

// shape is one line for each column of a table and of an index.
const shape = `SELECT m.name || ' ' || c.cid || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || c.pk
		FROM sqlite_schema AS m JOIN pragma_table_xinfo(m.name) AS c WHERE m.type = 'table'
	UNION ALL SELECT m.name || ' of ' || m.tbl_name || ' ' || c.seqno || ' ' || coalesce(c.name, '') || ' ' || c."desc" || ' ' || c.coll
		FROM sqlite_schema AS m JOIN pragma_index_xinfo(m.name) AS c WHERE m.type = 'index'`

// blank is the shape of a spool as it is made.
var blank = sync.OnceValues(func() (map[string]bool, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1) // each has a memory of its own
	if _, err := db.Exec(schema + noteSchema + ";" + keptSchema); err != nil {
		return nil, err
	}
	return lines(db, shape)
})

// checkShape finds damage to the schema, which is text in the file and which
// quick_check believes: a table may have other columns then, or no key.
func (s *Spool) checkShape() error {
	want, err := blank()
	if err != nil {
		return err
	}
	got, err := lines(s.db, shape)
	if err != nil {
		return damage{err}
	}
	for line := range want {
		if !got[line] {
			return damage{fmt.Errorf("its schema lacks %q", line)}
		}
	}
	return nil
}

func lines(db *sql.DB, query string) (map[string]bool, error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	all := map[string]bool{}
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		all[line] = true
	}
	return all, rows.Err()
}

func (s *Spool) quickCheck() error {
	var answer string
	if err := s.db.QueryRow(`PRAGMA quick_check(1)`).Scan(&answer); err != nil {
		return err
	}
	if answer != "ok" {
		return damage{errors.New("quick_check: " + answer)}
	}
	return nil
}

// damage is an error about the contents of the file.
type damage struct{ error }

func (d damage) Unwrap() error { return d.error }

// isDamage sorts the errors of opening: those of the file's contents from those
// of its surroundings, which no new file would mend.
func isDamage(err error) bool {
	var d damage
	return errors.As(err, &d) || isCorrupt(err)
}

func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

// isCorrupt includes a value of another type than what was written, in the only
// words that database/sql has for it.
func isCorrupt(err error) bool {
	if err != nil && strings.Contains(err.Error(), "sql: Scan error on column") {
		return true
	}
	switch c := code(err); c {
	case sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA:
		return true
	default:
		return c&0xff == sqlite3.SQLITE_CORRUPT || c&0xff == sqlite3.SQLITE_NOTADB || c&0xff == sqlite3.SQLITE_FORMAT
	}
}

// isFull includes what SQLite says when it cannot extend its shared memory file.
func isFull(err error) bool {
	c := code(err)
	return c&0xff == sqlite3.SQLITE_FULL || c == sqlite3.SQLITE_IOERR_SHMSIZE || errors.Is(err, syscall.ENOSPC)
}
