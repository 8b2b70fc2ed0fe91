package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// lockSeconds is how long a collector waits for another that migrates.
const lockSeconds = 600

// prepare brings the schema up to date, with the rules by which the server
// itself keeps organizations apart. db is of the role that serves.
func prepare(ctx context.Context, db *sql.DB, d Database, log witness) error {
	role, err := lookAt(ctx, db)
	if err != nil {
		return err
	}
	for _, w := range role.warnings() {
		log.WarnContext(ctx, w, "role", role.name) //nolint:sloglint // constant in warnings
	}
	if done, err := prepared(ctx, db, role.name); err != nil || done {
		return err
	}
	dsn := d.OwnerDSN
	if dsn == "" {
		dsn = d.DSN
	}
	// Rows of all organizations are migrated, also where the owner is held to
	// the rules.
	owner, where, err := openServer(dsn, 2, stdlib.OptionAfterConnect(seeEverything))
	if err != nil {
		return fmt.Errorf("database.owner_dsn: %w", err)
	}
	defer func() { _ = owner.Close() }()
	err = migratePostgres(ctx, owner, where, role.name, log)
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == "42501" && d.OwnerDSN == "" {
		return fmt.Errorf("%w: role %s may not change the tables: name the role that owns them with database.owner_dsn, for this start at least", err, role.name)
	}
	return err
}

// seeEverything has a connection see the rows of all organizations.
func seeEverything(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `SELECT set_config('rollcall.organizations', $1, false)`, all)
	return err
}

// migratePostgres holds a lock of the server's while it works, which ends with
// the connection: of several collectors that start at once, one migrates and
// the others wait.
func migratePostgres(ctx context.Context, db *sql.DB, where, role string, log witness) (err error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, lockSeconds))
	if err != nil {
		return fmt.Errorf("cannot make the lock for migrations: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("cannot connect to %s: %w", where, err)
	}
	defer func() { _ = conn.Close() }()
	log.begins()
	if err := locker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("cannot lock the database in %s for migrations: %w", where, err)
	}
	defer func() { err = errors.Join(err, locker.SessionUnlock(context.WithoutCancel(ctx), conn)) }()
	p, err := newProvider(goose.DialectPostgres, db)
	if err != nil {
		return err
	}
	if err := migrate(ctx, p, where, log); err != nil {
		return err
	}
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("cannot begin a transaction: %w", err)
	}
	defer func() { _ = t.Rollback() }() // does nothing after Commit
	if err := secure(ctx, t, role); err != nil {
		return fmt.Errorf("cannot keep organizations apart in %s: %w", where, err)
	}
	return t.Commit()
}

// A roleState is what the server says of itself and of the role that serves.
type roleState struct {
	name             string
	version          int
	encoding, server string
	above            bool // the rules do not hold for it
	owner            bool // it can change the rules
}

func lookAt(ctx context.Context, db *sql.DB) (roleState, error) {
	var r roleState
	if err := db.QueryRowContext(ctx, `SELECT current_user, current_setting('server_version_num')::int, current_setting('server_version'),
		current_setting('server_encoding'), (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),
		EXISTS (SELECT 1 FROM pg_class WHERE oid = to_regclass('organizations') AND pg_has_role(current_user, relowner, 'USAGE'))`).
		Scan(&r.name, &r.version, &r.server, &r.encoding, &r.above, &r.owner); err != nil {
		return r, fmt.Errorf("cannot use the PostgreSQL server of database.dsn: %w", explainConnect(withoutSecret(err)))
	}
	if r.version < oldestNumber {
		return r, fmt.Errorf("cannot use PostgreSQL %s: version %s or newer is needed", r.server, oldestPostgres)
	}
	if r.encoding != "UTF8" {
		return r, fmt.Errorf("cannot use a database whose encoding is %s: make it with ENCODING 'UTF8' TEMPLATE template0", r.encoding)
	}
	return r, nil
}

// withoutSecret is the error without the settings of the connection, which pgx
// names.
func withoutSecret(err error) error {
	if connect, connects := errors.AsType[*pgconn.ConnectError](err); connects {
		if cause := errors.Unwrap(connect); cause != nil {
			return cause
		}
	}
	return err
}

func (r roleState) warnings() []string {
	switch {
	case r.above:
		return []string{"row-level security protects nothing: the role of database.dsn is a superuser or has BYPASSRLS; serve with another role, see configs/docs/postgresql.md"}
	case r.owner:
		return []string{"row-level security can be switched off by the role of database.dsn, for it owns the tables; serve with another role, see configs/docs/postgresql.md"}
	}
	return nil
}

// CheckDatabase connects, changes nothing, and says what it found: the server's
// version, and what a person should know.
func CheckDatabase(ctx context.Context, d Database) (version string, warnings []string, err error) {
	db, _, err := openServer(d.DSN, 1)
	if err != nil {
		return "", nil, fmt.Errorf("database.dsn: %w", err)
	}
	defer func() { _ = db.Close() }()
	role, err := lookAt(ctx, db)
	if err != nil {
		return "", nil, err
	}
	warnings = role.warnings()
	done, err := prepared(ctx, db, role.name)
	if err == nil && !done && d.OwnerDSN == "" && !role.owner {
		warnings = append(warnings, "the tables are not those of this version yet; where this role may not make them, database.owner_dsn is needed")
	}
	return role.server, warnings, err
}

// parents are the columns by which a row belongs to an organization that has no
// column for it.
var parents = map[string]struct{ column, parent string }{
	"reports":          {"agent", "agents"},
	"watermarks":       {"agent", "agents"},
	"line_changes":     {"import", "imports"},
	"import_contracts": {"import", "imports"},
}

// open are tables that every transaction needs: the end of the audit log's chain
// is one for all organizations.
var open = []string{"audit_head"}

// versions is the table of the migrations, which is read and nothing else.
const versions = "goose_db_version"

const (
	seesAll   = `(SELECT current_setting('rollcall.organizations', true)) = '*'`
	seesThese = ` = ANY ((SELECT string_to_array(current_setting('rollcall.organizations', true), ','))::text[])`
)

// ruleOf is which rows of a table a transaction may see and write. Those of a
// table that nothing is known of are for what sees everything.
func ruleOf(table string, hasOrganization bool) string {
	switch parent, ok := parents[table]; {
	case slices.Contains(open, table):
		return `true`
	case table == "organizations":
		return seesAll + ` OR id` + seesThese
	case hasOrganization:
		return seesAll + ` OR organization` + seesThese
	case ok:
		return seesAll + ` OR EXISTS (SELECT 1 FROM ` + parent.parent + ` p WHERE p.id = ` + table + `.` + parent.column + `)`
	}
	return seesAll
}

// ruleName changes with the rule.
func ruleName(rule string) string {
	sum := sha256.Sum256([]byte(rule))
	return "rollcall_" + hex.EncodeToString(sum[:4])
}

// A tableState is how one table is kept.
type tableState struct {
	name         string
	organization bool // has such a column
	forced       bool // rules hold, for the owner too
	rules        string
	rights       [4]bool // of the role that serves, as in rights
}

var rights = [4]string{"SELECT", "INSERT", "UPDATE", "DELETE"}

// wants are the rights that the role that serves needs.
func (t tableState) wants() [4]bool {
	switch t.name {
	case versions:
		return [4]bool{true}
	case "audit":
		return [4]bool{true, true} // it only grows
	case "audit_head":
		return [4]bool{true, false, true}
	}
	return [4]bool{true, true, true, true}
}

func (t tableState) right() bool {
	if t.name == versions {
		return t.rights[0]
	}
	return t.forced && t.rules == ruleName(ruleOf(t.name, t.organization)) && t.granted()
}

// granted says that the role has the rights it needs. One that has more is the
// owner or a superuser, whose rights are not taken away.
func (t tableState) granted() bool {
	for i, w := range t.wants() {
		if w && !t.rights[i] {
			return false
		}
	}
	return true
}

type rowQuerier interface {
	querier
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func tables(ctx context.Context, q querier, role string) ([]tableState, error) {
	return list(ctx, q, func(scan func(...any) error, t *tableState) error {
		return scan(&t.name, &t.organization, &t.forced, &t.rules, &t.rights[0], &t.rights[1], &t.rights[2], &t.rights[3])
	}, `SELECT c.relname, EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization' AND NOT a.attisdropped),
		c.relrowsecurity AND c.relforcerowsecurity, COALESCE((SELECT string_agg(p.polname::text, ',') FROM pg_policy p WHERE p.polrelid = c.oid), ''),
		has_table_privilege($1, c.oid, 'SELECT'), has_table_privilege($1, c.oid, 'INSERT'), has_table_privilege($1, c.oid, 'UPDATE'), has_table_privilege($1, c.oid, 'DELETE')
		FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' ORDER BY c.relname`, role)
}

// prepared says that nothing is left to do for this version of the program. It
// changes nothing, so that the role that serves can ask.
func prepared(ctx context.Context, db rowQuerier, role string) (bool, error) {
	p, err := newProvider(goose.DialectPostgres, new(sql.DB))
	if err != nil {
		return false, err
	}
	all, err := tables(ctx, db, role)
	if err != nil {
		return false, fmt.Errorf("cannot look at the tables: %w", err)
	}
	at := slices.IndexFunc(all, func(t tableState) bool { return t.name == versions })
	if at < 0 || slices.ContainsFunc(all, func(t tableState) bool { return !t.right() }) {
		return false, nil
	}
	var current int64
	if err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM `+versions+` WHERE is_applied`).Scan(&current); err != nil {
		return false, fmt.Errorf("cannot read the version of the database: %w", err)
	}
	sources := p.ListSources()
	return current >= sources[len(sources)-1].Version, nil
}

// secure has the server keep the organizations apart, and gives the role that
// serves what it needs and no more. It changes only what is not so already, for
// a change waits until nobody uses the table.
func secure(ctx context.Context, t *sql.Tx, role string) error {
	all, err := tables(ctx, t, role)
	if err != nil {
		return fmt.Errorf("cannot look at the tables: %w", err)
	}
	for _, table := range all {
		if table.right() {
			continue
		}
		for _, q := range secureTable(table, pgx.Identifier{role}.Sanitize()) {
			if _, err := t.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("table %s: %w", table.name, err)
			}
		}
	}
	return nil
}

func secureTable(t tableState, role string) []string {
	name := pgx.Identifier{t.name}.Sanitize()
	var wanted []string
	for i, w := range t.wants() {
		if w && !t.rights[i] {
			wanted = append(wanted, rights[i])
		}
	}
	var do []string
	if len(wanted) > 0 {
		do = append(do, `GRANT `+strings.Join(wanted, ", ")+` ON `+name+` TO `+role)
	}
	if t.name == versions {
		return do
	}
	if !t.forced {
		do = append(do, `ALTER TABLE `+name+` ENABLE ROW LEVEL SECURITY`, `ALTER TABLE `+name+` FORCE ROW LEVEL SECURITY`)
	}
	rule := ruleOf(t.name, t.organization)
	if t.rules == ruleName(rule) {
		return do
	}
	for old := range strings.SplitSeq(t.rules, ",") {
		if old != "" {
			do = append(do, `DROP POLICY `+pgx.Identifier{old}.Sanitize()+` ON `+name)
		}
	}
	return append(do, `CREATE POLICY `+ruleName(rule)+` ON `+name+` USING (`+rule+`) WITH CHECK (`+rule+`)`)
}
