package e2e_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rollcall/pkg/wire"
)

// rushing names the environment variable that makes the test program the process
// of a rush.
const rushing = "ROLLCALL_E2E_RUSH"

// politeness is the niceness of the process of a rush: where there are too few
// processors for both, its work counts a tenth of the collector's.
const politeness = "10"

// A rush is how many agents come.
type rush struct {
	To       string // URL of the collector
	CertFile string // its certificate
	Tokens   []string
	Within   time.Duration // agents come first at a random moment of it
	Each     int           // reports of an agent, in one batch
	From     int           // the number before the first report
}

// Arrivals are what became of a rush.
type arrivals struct {
	Arrived  []time.Duration // after the beginning, when requests were sent
	Statuses map[int]int     // 0 is no answer
	Faults   map[string]int  // why there was none
	Failed   string          // why the process did not come to its end
}

// startRush returns once all batches are made. The agents come when come is
// called, which returns when each has its receipts.
func startRush(ctx context.Context, r rush) (come func() arrivals, err error) {
	cmd := exec.CommandContext(ctx, "nice", "-n", politeness, os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), rushing+"=1"), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	said := json.NewDecoder(out)
	var made bool
	if err := errors.Join(json.NewEncoder(in).Encode(r), said.Decode(&made)); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return func() (a arrivals) {
		err := errors.Join(in.Close(), said.Decode(&a), cmd.Wait())
		if err != nil {
			a.Failed = err.Error()
		}
		return a
	}, nil
}

// runRush is the process: it reads a rush from in, says on out that it is ready,
// lets the agents come when in ends, and writes the arrivals.
func runRush(in io.Reader, out io.Writer) error {
	told := json.NewDecoder(in)
	var r rush
	if err := told.Decode(&r); err != nil {
		return err
	}
	raw, err := os.ReadFile(r.CertFile)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(raw)
	bodies := make([][]byte, len(r.Tokens))
	for i := range bodies {
		var reports []wire.Report
		for n := range r.Each {
			reports = append(reports, seen(n, r.From+i*r.Each+n+1))
		}
		if bodies[i], err = encode(reports...); err != nil {
			return err
		}
	}
	said := json.NewEncoder(out)
	if err := said.Encode(true); err != nil {
		return err
	}
	if _, err := told.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more than a rush: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	return said.Encode(r.run(ctx, &tls.Config{RootCAs: pool}, bodies))
}

// run has every agent come at a random moment, and again until its reports are
// stored.
func (r rush) run(ctx context.Context, trust *tls.Config, bodies [][]byte) arrivals {
	all := arrivals{Statuses: map[int]int{}, Faults: map[string]int{}}
	var mu sync.Mutex
	began := time.Now()
	note := func(a answer) {
		mu.Lock()
		defer mu.Unlock()
		all.Arrived = append(all.Arrived, a.sent.Sub(began))
		all.Statuses[a.status]++
		if a.err != nil {
			all.Faults[fault(a.err)]++
		}
	}
	door := make(doors, 64)
	var agents sync.WaitGroup
	for i, token := range r.Tokens {
		agents.Go(func() {
			c := newComer(fmt.Sprintf("127.%d.%d.%d", 90+i/62500, i/250%250, i%250+1), trust, door)
			defer c.CloseIdleConnections()
			for wait, attempt := rand.N(r.Within), 0; ; attempt++ {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					mu.Lock()
					defer mu.Unlock()
					all.Failed = fmt.Sprintf("agent %d has no receipt", i)
					return
				}
				answer := c.send(ctx, r.To, token, bodies[i])
				note(answer)
				if answer.stored == r.Each {
					return
				}
				if wait = answer.wait; wait == 0 { // full jitter, as package upload has it
					wait = rand.N(min(time.Second<<min(attempt, 10), 10*time.Minute))
				}
			}
		})
	}
	agents.Wait()
	return all
}

// fault is the last part of an error, without addresses.
func fault(err error) string {
	parts := strings.Split(err.Error(), ": ")
	return parts[len(parts)-1]
}

func (a arrivals) later() int {
	return a.Statuses[http.StatusServiceUnavailable] + a.Statuses[http.StatusTooManyRequests]
}

// perSecond is how many requests came in a second, on average and at most, within
// the time after the beginning.
func (a arrivals) perSecond(within time.Duration) (mean float64, most int) {
	seconds := make([]int, int(within.Seconds()))
	for _, at := range a.Arrived {
		if s := int(at.Seconds()); s < len(seconds) {
			seconds[s]++
		}
	}
	return float64(total(seconds)) / float64(len(seconds)), slices.Max(seconds)
}

// A comer is an agent that makes connections and waits as packages dial and
// upload do.
type comer struct{ http.Client }

// patienceOfAgents is how long an agent waits for an answer.
const patienceOfAgents = 45 * time.Second

// newComer is one with an address of its own. The doors are shared by all of a
// process; nil for none.
func newComer(address string, trust *tls.Config, doors doors) *comer {
	dial := (&net.Dialer{Timeout: 15 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext
	return &comer{http.Client{Timeout: patienceOfAgents, Transport: &http.Transport{
		DialContext: doors.wrap(dial), TLSClientConfig: trust.Clone(), TLSHandshakeTimeout: 20 * time.Second, IdleConnTimeout: time.Minute, MaxIdleConns: 1, ForceAttemptHTTP2: true,
	}}}
}

// Doors bound the connections that are made at once, each until its first words
// are sent. A machine of its own sends them as soon as it is connected; one of
// thousands in a process that has little of the processors would do so seconds
// later, and be taken for one that does not mean to.
type doors chan struct{}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

func (d doors) wrap(dial dialer) dialer {
	if d == nil {
		return dial
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d <- struct{}{}
		conn, err := dial(ctx, network, address)
		if err != nil {
			<-d
			return nil, err
		}
		return &silent{conn, sync.OnceFunc(func() { <-d })}, nil
	}
}

// A silent connection is in the door.
type silent struct {
	net.Conn
	leave func()
}

// Write implements net.Conn.
func (s *silent) Write(b []byte) (int, error) {
	defer s.leave()
	return s.Conn.Write(b)
}

// Close implements net.Conn.
func (s *silent) Close() error {
	s.leave()
	return s.Conn.Close()
}

// An answer is what a comer got for a request.
type answer struct {
	sent   time.Time
	status int           // 0 for none
	stored int           // reports acknowledged
	wait   time.Duration // that the collector asks for
	err    error
}

func (c *comer) send(ctx context.Context, to, token string, body []byte) answer {
	a := answer{sent: time.Now()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to+wire.ReportsPath, bytes.NewReader(body))
	if err != nil {
		a.err = err
		return a
	}
	req.Header.Set("Content-Type", wire.BatchType)
	req.Header.Set("Content-Encoding", wire.Encoding)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := c.Do(req)
	if err != nil {
		a.err = err
		return a
	}
	defer func() { _ = resp.Body.Close() }()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		a.err = err
		return a
	}
	a.status = resp.StatusCode
	if resp.StatusCode == http.StatusOK {
		a.stored = strings.Count(string(said), `"status":"stored"`) + strings.Count(string(said), `"status":"duplicate"`)
		return a
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		d := time.Duration(seconds) * time.Second
		a.wait = d + rand.N(d/10+1)
	}
	return a
}
