package limit

import (
	"context"
	"crypto/tls"
	"errors"
	"runtime"
	"time"
)

const (
	// handshakeTime is how long the client's part may take: its machine may be
	// slow, and holds nothing up. It is what agents give the collector.
	handshakeTime = 20 * time.Second
	// handshakePatience is how long one waits for its turn.
	handshakePatience = 20 * time.Second
)

var errHandshakes = errors.New("too many handshakes at once")

// handshakes is how many are worked on at once: two for each processor.
func handshakes() int { return 2 * runtime.GOMAXPROCS(0) }

// TLS returns the settings of a server behind Listener, in which few handshakes
// are worked on at once, in the order in which clients said hello: of ten
// thousand that share the processors all would end too late, one after the other
// they take some seconds, and leave time for those who have theirs behind them.
// A client that says nothing has no place, and the clock of one that waits begins
// with its turn.
func (c *Connections) TLS(conf *tls.Config) *tls.Config {
	conf = conf.Clone()
	choose := conf.GetConfigForClient
	conf.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if x, ok := hello.Conn.(*conn); ok {
			if err := x.awaitHandshake(hello.Context()); err != nil {
				return nil, err
			}
		}
		if choose == nil {
			return nil, nil //nolint:nilnil // as the one that stands
		}
		return choose(hello)
	}
	return conf
}

// awaitHandshake returns when x has a place, until the server's part is written.
func (x *conn) awaitHandshake(ctx context.Context) error {
	late := time.NewTimer(handshakePatience)
	defer late.Stop()
	select {
	case x.in.handshakes <- struct{}{}:
	case <-late.C:
		x.in.refused.WithLabelValues("handshakes").Inc()
		return errHandshakes
	case <-ctx.Done():
		return ctx.Err()
	}
	x.shakes.Store(true)
	return x.SetDeadline(time.Now().Add(handshakeTime))
}

// shaken gives the place of x back where it has one.
func (x *conn) shaken() {
	if x.shakes.CompareAndSwap(true, false) {
		<-x.in.handshakes
	}
}

// Write implements net.Conn. The first is the server's part of the handshake.
func (x *conn) Write(b []byte) (int, error) {
	x.shaken()
	return x.Conn.Write(b)
}
