package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// millis is how a time is kept: Unix milliseconds, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is the inverse of millis, in UTC.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// number is how a boolean is kept, in both databases.
func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func encode(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("cannot encode %T: %w", v, err)
	}
	return string(raw), nil
}

func decode(raw string, into any) error {
	if err := json.Unmarshal([]byte(raw), into); err != nil {
		return fmt.Errorf("cannot decode stored %T: %w", into, err)
	}
	return nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// list runs a query and returns one T per row.
func list[T any](ctx context.Context, q querier, scan func(scan func(...any) error, v *T) error, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		var v T
		if err := scan(rows.Scan, &v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// listAll is list in a transaction of its own.
func listAll[T any](ctx context.Context, s *Store, scan func(scan func(...any) error, v *T) error, query string, args ...any) (all []T, err error) {
	err = s.view(ctx, func(t *tx) error {
		all, err = list(ctx, t, scan, query, args...)
		return err
	})
	return all, err
}

// listOf runs a query of one organization in a transaction of its own.
func listOf[T any](ctx context.Context, s *Store, org string, query func(context.Context, querier, string) ([]T, error)) (all []T, err error) {
	err = s.viewOf(ctx, org, func(t *tx) error {
		all, err = query(ctx, t, org)
		return err
	})
	return all, err
}

// scanJSON scans a row of one column of JSON.
func scanJSON(scan func(...any) error, into any) error {
	var raw string
	if err := scan(&raw); err != nil {
		return err
	}
	return decode(raw, into)
}
