package store

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// ExecForTest runs a statement that no method runs.
func (s *Store) ExecForTest(ctx context.Context, query string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.ExecContext(ctx, query)
		return err
	})
}

// DumpForTest is all that the tables of accounts and the audit log hold.
func (s *Store) DumpForTest(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	err := s.view(context.Background(), func(x *tx) error {
		for _, table := range []string{"accounts", "account_grants", "sessions", "setup_codes", "api_tokens", "login_tries", "known_browsers", "audit"} {
			if err := dump(x, &b, table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// LimitConnections bounds the connections of each lane to a PostgreSQL server.
func LimitConnections(s *Store, n int) {
	for _, db := range s.db.(*postgres).pools {
		db.SetMaxOpenConns(n)
	}
}

// HeardConn is a connection to a server that may be silent for as long.
func HeardConn(c net.Conn, silence time.Duration) net.Conn {
	return &heardConn{Conn: c, silence: silence}
}

func dump(x *tx, b *strings.Builder, table string) error {
	rows, err := x.QueryContext(context.Background(), `SELECT * FROM `+table)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return err
		}
		for i, v := range values {
			fmt.Fprintf(b, "%s.%s=%v\n", table, columns[i], *v.(*any))
		}
	}
	return rows.Err()
}

// CountLineChanges is how many rows there are of what imports changed.
func (s *Store) CountLineChanges(ctx context.Context) (n int, err error) {
	err = s.view(ctx, func(t *tx) error { return t.QueryRowContext(ctx, `SELECT COUNT(*) FROM line_changes`).Scan(&n) })
	return n, err
}
