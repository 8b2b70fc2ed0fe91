package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// statusFile is the socket at which a running agent tells its status, in
	// data_dir.
	statusFile = "status.sock"
	// stoppedFile is what an agent leaves behind when it is stopped.
	stoppedFile = "stopped.json"
	statusPath  = "/status"
	// statusWait bounds the question to a running agent.
	statusWait = 10 * time.Second
	// maxStatus bounds the answer, in bytes.
	maxStatus = 256 << 20
	// maxSocketPath is what a Unix socket's address holds (unix(7)).
	maxSocketPath = 107
)

// A stopped is what is known of an agent after its end.
type stopped struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	Reports int64     `json:"spool_reports"`
}

// socketPath is where the socket is, as short as it can be written.
func socketPath(dir string) (string, error) {
	path := filepath.Join(dir, statusFile)
	if len(path) <= maxSocketPath {
		return path, nil
	}
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, path); err == nil && len(rel) <= maxSocketPath {
			return rel, nil
		}
	}
	return "", fmt.Errorf("the path %s is longer than %d bytes: choose a shorter data_dir", path, maxSocketPath)
}

// serveStatus tells the status to whoever may use the folder, until the
// returned function is called. A socket that a killed agent left is replaced,
// one of an agent that runs is not.
func (a *Agent) serveStatus(ctx context.Context) (stop func(), err error) {
	path, err := socketPath(a.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	switch conn, err := net.Dial("unix", path); {
	case err == nil:
		_ = conn.Close()
		return nil, errors.New("another agent answers there")
	case errors.Is(err, syscall.ECONNREFUSED):
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, err
	}
	_ = os.Remove(filepath.Join(a.cfg.DataDir, stoppedFile)) // if it is not there, all the better
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a.Status()) // the client is gone: nobody to tell
	})
	s := newServer(mux)
	answering := &server{http: s, answer: func() error { return s.Serve(l) }}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- answering.serve(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			a.log.Error("status is not served", "error", err)
		}
	}, nil
}

// leaveNote says for later that the agent was stopped in order.
func (a *Agent) leaveNote() {
	st, err := a.metrics.stats()
	n := stopped{Name: a.cfg.Name, Version: a.opt.Version, At: a.opt.Now().UTC()}
	if err == nil {
		n.Reports = st.Items
	}
	raw, err := json.Marshal(n)
	if err == nil {
		err = os.WriteFile(filepath.Join(a.cfg.DataDir, stoppedFile), raw, 0o600)
	}
	if err != nil {
		a.log.Warn("a later status will not know that the agent was stopped", "error", err)
	}
}

// AskStatus asks the agent that runs with the folder for its status. The error
// says what is known when none does.
func AskStatus(ctx context.Context, dataDir string) (Status, error) {
	path, err := socketPath(dataDir)
	if err != nil {
		return Status{}, fmt.Errorf("cannot ask the agent for its status: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: statusWait}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent"+statusPath, nil)
	if err != nil {
		return Status{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return Status{}, noAgent(dataDir, err)
	}
	defer func() { _ = resp.Body.Close() }()
	var s Status
	err = json.NewDecoder(io.LimitReader(resp.Body, maxStatus)).Decode(&s)
	if err != nil || resp.StatusCode != http.StatusOK || s.Schema != StatusSchema {
		return Status{}, fmt.Errorf("cannot understand the status that the agent with data_dir %s gives: is it of the same version as this program?", dataDir)
	}
	return s, nil
}

// noAgent words why there was no answer.
func noAgent(dataDir string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cannot ask the agent with data_dir %s: permission denied; run status as the agent's user, or as root", dataDir)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no agent runs with data_dir %s: it ended without a word; look into its log, and start it again", dataDir)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the agent with data_dir %s does not answer within %s: look into its log, or start it again", dataDir, statusWait)
	}
	raw, err := os.ReadFile(filepath.Join(dataDir, stoppedFile))
	var n stopped
	if err != nil || json.Unmarshal(raw, &n) != nil || n.At.IsZero() {
		return fmt.Errorf("no agent runs with data_dir %s, and none has been there: start it with rollcall-agent run --config FILE", dataDir)
	}
	return fmt.Errorf("no agent runs with data_dir %s: it was stopped at %s, with %d reports that wait for the collector", dataDir, n.At.Format("2006-01-02 15:04 UTC"), n.Reports)
}
