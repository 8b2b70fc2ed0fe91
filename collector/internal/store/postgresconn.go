package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// connectTime bounds how long one connection is tried, or asked whether it still
// leads anywhere, where the DSN has no connect_timeout.
const connectTime = 5 * time.Second

// silence is how long a server may say nothing before its connection is given
// up: longer than any statement may take. A server whose machine hangs, or is off
// the network, ends nothing by itself.
const silence = updateTimeout*time.Millisecond + 10*time.Second

// keepAlive finds connections to a machine that is gone, where the server is
// waited for.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// readOnly is the SQLSTATE of a server that takes no writes: a standby, or one
// that became one behind a proxy or a pooler.
const readOnly = "25006"

// openServer returns the pool for a DSN, and the server's name without any
// secret. It does not connect. Of several servers that the DSN names, connections
// are to the one that takes writes, whatever target_session_attrs says: a
// collector has no use for another.
func openServer(dsn string, connections int, o ...stdlib.OptionOpenDB) (db *sql.DB, name string, err error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		// What pgx says of it may show a part of the password.
		return nil, "", errors.New("it is no address of a PostgreSQL server: write it as postgres://ROLE:PASSWORD@HOST:5432/DATABASE")
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTime
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "rollcall"
	}
	c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	usual := c.OnPgError
	c.OnPgError = func(conn *pgconn.PgConn, e *pgconn.PgError) (keep bool) { return e.Code != readOnly && usual(conn, e) }
	db = stdlib.OpenDB(*c, o...)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(time.Hour)
	return db, fmt.Sprintf("%s:%d/%s", c.Host, c.Port, c.Database), nil
}

// notForEver has no connection of a pool wait for a server that is gone: one that
// was idle is asked before it is used, and one in use is closed after a silence.
func notForEver() []stdlib.OptionOpenDB {
	return []stdlib.OptionOpenDB{
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }), // it would wait
		stdlib.OptionResetSession(func(ctx context.Context, c *pgx.Conn) error {
			ctx, cancel := context.WithTimeout(ctx, c.Config().ConnectTimeout)
			defer cancel()
			if err := c.Ping(ctx); err != nil {
				return driver.ErrBadConn
			}
			return nil
		}),
		stdlib.OptionBeforeConnect(func(_ context.Context, c *pgx.ConnConfig) error {
			dial := c.DialFunc
			c.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				if err != nil {
					return nil, err
				}
				if tcp, ok := conn.(*net.TCPConn); ok {
					err = tcp.SetKeepAliveConfig(keepAlive)
				}
				return &heardConn{Conn: conn, silence: silence}, err
			}
			return nil
		}),
	}
}

// A heardConn is a connection that ends when the server is silent for too long
// while it is waited for. A deadline that is set holds instead.
type heardConn struct {
	net.Conn
	silence time.Duration

	mu  sync.Mutex
	set bool
}

// SetDeadline is that of net.Conn; pgx sets one where a context ends.
func (c *heardConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set = !t.IsZero()
	return c.Conn.SetDeadline(t)
}

// Read waits no longer than silence.
func (c *heardConn) Read(b []byte) (int, error) {
	if err := c.await(c.SetReadDeadline); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write waits no longer than silence.
func (c *heardConn) Write(b []byte) (int, error) {
	if err := c.await(c.SetWriteDeadline); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *heardConn) await(until func(time.Time) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set {
		return nil
	}
	return until(time.Now().Add(c.silence))
}

// isAway says that no server was reached that takes writes, and not that one
// refused this role, database or statement.
func isAway(err error) bool {
	if e, said := errors.AsType[*pgconn.PgError](err); said {
		// Class 57P is a server that starts, recovers or ends, and 53300 one that has
		// no connection left.
		return strings.HasPrefix(e.Code, "57P") || e.Code == "53300"
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF)
}

// asAway gives an error that isAway its kind, unless the caller's time was over.
func asAway(err error) error {
	_, connects := errors.AsType[*pgconn.ConnectError](err)
	if !isAway(err) || errors.Is(err, ErrAway) || errors.Is(err, context.DeadlineExceeded) && !connects {
		return err
	}
	return fmt.Errorf("%w: %w", ErrAway, err)
}

// explainConnect says what pgx does not: that there are servers and none takes
// writes, or that a pooler is not told of.
func explainConnect(err error) error {
	if errors.Is(err, pgconn.ErrReadOnlyConnection) {
		return fmt.Errorf("no server of database.dsn takes writes now; name all servers there, or what leads to the primary: %w", err)
	}
	// A prepared statement is there already, or is not there: it is of another
	// session.
	if e, said := errors.AsType[*pgconn.PgError](err); said && (e.Code == "42P05" || e.Code == "26000") {
		return fmt.Errorf("a pooler gives each transaction another connection; add default_query_exec_mode=exec to database.dsn: %w", err)
	}
	return err
}
