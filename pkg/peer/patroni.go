package peer

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// patroniPatience bounds each wait for a cluster: to be made, to choose another
// primary, to be whole again.
const patroniPatience = 2 * time.Minute

// How long a primary that does not answer stays the primary, in seconds. Patroni
// wants 20 at least, and 30 is the default: with less a primary on a slow disk may
// be taken for dead.
const (
	patroniTTL     = 20
	patroniTTLFast = 5 // nothing waits for the disk
)

// A Patroni is three real PostgreSQL servers of which one is the primary, as
// Patroni and etcd keep them, and an HAProxy in front that leads to it. All that
// goes between the servers comes over lines that can be cut.
type Patroni struct {
	dir     string
	user    *syscall.Credential
	safe    bool // writes reach the disk
	etcd    *program
	haproxy *program
	proxy   string // address of HAProxy
	// Members are in the order of their addresses in DSN.
	Members []*Member
}

// A Member is one server, with the Patroni that looks after it.
type Member struct {
	Name    string
	cluster *Patroni
	address string // of the server
	rest    string // address of Patroni
	line    *toxiproxy.Proxy
	patroni *program
	frozen  bool
}

// NeedPatroni makes a cluster that ends with the test, or skips the test. Its
// commits wait for a standby until Synchronous says otherwise. Where safe is
// false nothing of it would survive a power loss.
func NeedPatroni(t testing.TB, safe bool) *Patroni {
	t.Helper()
	if !HasPostgres("15") {
		Skip(t, "needs PostgreSQL 15 in "+postgresHomes["15"]+": run .ci/peers")
	}
	etcd, patroni, haproxy := Need(t, "etcd", "etcd-server"), Need(t, "patroni", "patroni"), Need(t, "haproxy", "haproxy")
	c := &Patroni{safe: safe}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(logsIn(c.dir))
		}
		c.remove()
	})
	if err := c.start(t, etcd, patroni, haproxy); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *Patroni) start(t testing.TB, etcd, patroni, haproxy string) (err error) {
	if c.dir, err = os.MkdirTemp("", "rollcall-patroni-"); err != nil {
		return err
	}
	if c.user, err = giveToPostgres(c.dir); err != nil {
		return err
	}
	client, peers := freeTCP(t), freeTCP(t)
	if c.etcd, err = runAs(c.user, c.dir, "etcd", syscall.SIGKILL, etcd, "--name=etcd", "--data-dir="+filepath.Join(c.dir, "etcd"), "--log-level=warn",
		"--listen-client-urls=http://"+client, "--advertise-client-urls=http://"+client,
		"--listen-peer-urls=http://"+peers, "--initial-advertise-peer-urls=http://"+peers, "--initial-cluster=etcd=http://"+peers); err != nil {
		return err
	}
	awaitReady(t, "etcd", "http://"+client+"/health")
	lines := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	for i := range 3 {
		m := &Member{Name: fmt.Sprint("member-", i), cluster: c, address: freeTCP(t), rest: freeTCP(t)}
		m.line = toxiproxy.NewProxy(lines, m.Name, "127.0.0.1:0", m.address)
		if err := m.line.Start(); err != nil {
			return err
		}
		if err := c.write(m.Name+".yml", m.settings(client)); err != nil {
			return err
		}
		c.Members = append(c.Members, m)
		if err := m.start(patroni); err != nil {
			return err
		}
	}
	c.proxy = freeTCP(t)
	if err := c.write("haproxy.cfg", c.haproxySettings()); err != nil {
		return err
	}
	if c.haproxy, err = runAs(c.user, c.dir, "haproxy", syscall.SIGKILL, haproxy, "-db", "-f", filepath.Join(c.dir, "haproxy.cfg")); err != nil {
		return err
	}
	if err := c.AwaitWhole(); err != nil {
		return err
	}
	return errors.Join(c.Exec("postgres", `CREATE ROLE `+OwnerRole+` LOGIN`), c.Exec("postgres", `CREATE ROLE `+AppRole+` LOGIN`))
}

func (c *Patroni) write(name, text string) error {
	return os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o644) //nolint:gosec // the servers read it as another user, and it has no secret
}

// settings are those of Patroni as its documentation has them, but that it is
// quicker to see that a member is gone, and takes the work up where a standby
// lacks more than the megabyte that it may lack by default.
func (m *Member) settings(etcd string) string {
	fsync, ttl := "off", patroniTTLFast
	if m.cluster.safe {
		fsync, ttl = "on", patroniTTL
	}
	return fmt.Sprintf(`scope: rollcall
name: %[1]s
restapi: {listen: "%[2]s", connect_address: "%[2]s"}
etcd3: {host: "%[3]s"}
bootstrap:
  dcs:
    ttl: %[4]d
    loop_wait: 1
    retry_timeout: 2
    maximum_lag_on_failover: 1073741824
    synchronous_mode: true
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters: {max_connections: 200, wal_keep_size: 256MB, max_wal_size: 1GB}
  initdb: [{encoding: UTF8}, {locale: C}, {auth: trust}, no-sync]
postgresql:
  listen: "%[5]s"
  connect_address: "%[6]s"
  data_dir: %[7]s
  bin_dir: %[8]s
  pgpass: %[9]s/pgpass-%[1]s
  use_unix_socket: true
  authentication:
    superuser: {username: postgres}
    replication: {username: replicator}
  basebackup: [{checkpoint: fast}, no-sync]
  parameters:
    unix_socket_directories: %[9]s
    fsync: %[10]s
    shared_buffers: 64MB
    log_min_messages: warning
    wal_retrieve_retry_interval: 200ms
  pg_hba:
    - local all all trust
    - host all all 127.0.0.1/32 trust
    - host replication all 127.0.0.1/32 trust
`, m.Name, m.rest, etcd, ttl, m.address, m.line.Listen, m.data(), filepath.Join(postgresHomes["15"], "bin"), m.cluster.dir, fsync)
}

// haproxySettings are those of Patroni's own template, but that they are
// quicker to see a change.
func (c *Patroni) haproxySettings() string {
	var text strings.Builder
	fmt.Fprintf(&text, `global
    maxconn 500
defaults
    mode tcp
    timeout connect 2s
    timeout client 30m
    timeout server 30m
    timeout check 1s
listen primary
    bind %s
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
`, c.proxy)
	for _, m := range c.Members {
		_, port, _ := strings.Cut(m.rest, ":")
		fmt.Fprintf(&text, "    server %s %s check port %s\n", m.Name, m.address, port)
	}
	return text.String()
}

func (m *Member) data() string { return filepath.Join(m.cluster.dir, m.Name) }

func (m *Member) start(patroni string) (err error) {
	// It takes its server with it.
	m.patroni, err = runAs(m.cluster.user, m.cluster.dir, m.Name, syscall.SIGTERM, patroni, filepath.Join(m.cluster.dir, m.Name+".yml"))
	return err
}

// Kill kills the server and its Patroni, by SIGKILL.
func (m *Member) Kill() error {
	m.patroni.kill()
	return signalServer(m.data(), syscall.SIGKILL)
}

// Start starts a member that was killed. Patroni has the server follow the
// primary of now.
func (m *Member) Start() error { return m.start(m.patroni.cmd.Path) }

// Freeze stops the server and its Patroni as they are: connections stay, and
// nothing answers. So it is with a machine that hangs or has left the network.
func (m *Member) Freeze() error {
	m.frozen = true
	return errors.Join(signalServer(m.data(), syscall.SIGSTOP), ignoreGone(syscall.Kill(m.patroni.cmd.Process.Pid, syscall.SIGSTOP)))
}

// Reset ends a frozen member and starts it again, as its watchdog does with a
// machine that hangs. One that went on where it was instead would, with this
// Patroni, take its place back from the primary that was chosen meanwhile.
func (m *Member) Reset() error {
	err := m.Kill()
	m.frozen = false
	return errors.Join(err, m.Start())
}

// Cut cuts the line by which other members get what this one writes, until
// Mend. Its clients do not notice.
func (m *Member) Cut() { m.line.Stop() }

// Mend undoes Cut.
func (m *Member) Mend() error { return m.line.Start() }

// memberState is what Patroni says of a member, as of its documentation of the
// REST API, GET /cluster.
type memberState struct {
	Name     string
	Role     string // leader, sync_standby, replica
	State    string // running, streaming and others
	Timeline int
	Lag      json.RawMessage // bytes, or "unknown"
}

// ask asks the first Patroni that answers.
func (c *Patroni) ask(path string, answer any) error {
	err := errors.New("no Patroni answers")
	for _, m := range c.Members {
		if m.frozen {
			continue
		}
		if err = m.ask(http.MethodGet, path, "", answer); err == nil {
			return nil
		}
	}
	return err
}

// members are all members as they are now.
func (c *Patroni) members() ([]memberState, error) {
	var answer struct{ Members []memberState }
	err := c.ask("/cluster", &answer)
	return answer.Members, err
}

// ask talks to one Patroni.
func (m *Member) ask(method, path, body string, answer any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+m.rest+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("patroni: %s %s: %s", method, path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// await waits until the members are as they are wanted.
func (c *Patroni) await(what string, are func([]memberState) bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), patroniPatience)
	defer cancel()
	for {
		members, err := c.members()
		if err == nil && are(members) {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the cluster is not %s within %s: %+v, %w", what, patroniPatience, members, err)
		}
		wait(ctx, 50*time.Millisecond)
	}
}

// AwaitWhole waits until both others follow the primary closely.
func (c *Patroni) AwaitWhole() error { return c.awaitFollowers(len(c.Members) - 1) }

// AwaitStandby waits until another can take the place of the primary: a standby
// follows it closely, and commits wait for it where they are to.
func (c *Patroni) AwaitStandby() error { return c.awaitFollowers(1) }

// closely is what a standby that follows closely may lack, in bytes: while much is
// written it always lacks something.
const closely = 1 << 20

func (c *Patroni) awaitFollowers(n int) error {
	return c.await(fmt.Sprintf("one with %d standbys", n), func(members []memberState) bool {
		leader := leaderOf(members)
		synchronous, err := c.synchronous()
		if leader == nil || err != nil {
			return false
		}
		follow, waitedFor := 0, 0
		for _, m := range members {
			lag, err := strconv.Atoi(string(m.Lag))
			if (m.State == "running" || m.State == "streaming") && m.Timeline == leader.Timeline && err == nil && lag < closely {
				follow++
				if m.Role == "sync_standby" {
					waitedFor++
				}
			}
		}
		return follow >= n && synchronous == (waitedFor > 0)
	})
}

// AwaitOther waits until there is another primary than the one that was.
func (c *Patroni) AwaitOther(before *Member) error {
	return c.await("without "+before.Name+" as its primary", func(members []memberState) bool {
		leader := leaderOf(members)
		return leader != nil && leader.Name != before.Name && leader.State == "running"
	})
}

func leaderOf(members []memberState) *memberState {
	for i := range members {
		if members[i].Role == "leader" && members[i].State == "running" {
			return &members[i]
		}
	}
	return nil
}

// Primary is the member that takes writes.
func (c *Patroni) Primary() (*Member, error) {
	members, err := c.members()
	if err != nil {
		return nil, err
	}
	leader := leaderOf(members)
	for _, m := range c.Members {
		if leader != nil && m.Name == leader.Name {
			return m, nil
		}
	}
	return nil, fmt.Errorf("there is no primary: %+v", members)
}

// synchronous says whether commits are to wait for a standby.
func (c *Patroni) synchronous() (bool, error) {
	var set struct {
		Synchronous bool `json:"synchronous_mode"`
	}
	err := c.ask("/config", &set)
	return set.Synchronous, err
}

// Synchronous sets whether commits wait for a standby, and waits until it is so.
// All members run.
func (c *Patroni) Synchronous(on bool) error {
	var all json.RawMessage
	if err := c.Members[0].ask(http.MethodPatch, "/config", fmt.Sprintf(`{"synchronous_mode": %t}`, on), &all); err != nil {
		return err
	}
	return c.AwaitStandby()
}

// DSN is the address of a database for a role, with all members: what it is
// used by finds the primary itself.
func (c *Patroni) DSN(role, database string) string {
	hosts := make([]string, len(c.Members))
	for i, m := range c.Members {
		hosts[i] = m.address
	}
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable&target_session_attrs=read-write", role, strings.Join(hosts, ","), database)
}

// ProxyDSN is the address by HAProxy.
func (c *Patroni) ProxyDSN(role, database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", role, c.proxy, database)
}

// Exec runs a statement on the primary as the superuser.
func (c *Patroni) Exec(database, query string) error {
	db, err := sql.Open("pgx", c.DSN("postgres", database))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(query); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}

// CreateDatabase makes an empty database that OwnerRole owns, and returns when
// every member has it.
func (c *Patroni) CreateDatabase(name string) error {
	if err := c.Exec("postgres", `CREATE DATABASE `+name+` OWNER `+OwnerRole+` TEMPLATE template0`); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patroniPatience)
	defer cancel()
	for _, m := range c.Members {
		db, err := sql.Open("pgx", "postgres://postgres@"+m.address+"/"+name+"?sslmode=disable")
		if err != nil {
			return err
		}
		for err = db.PingContext(ctx); err != nil && ctx.Err() == nil; err = db.PingContext(ctx) {
			wait(ctx, 20*time.Millisecond)
		}
		if err := errors.Join(err, db.Close()); err != nil {
			return fmt.Errorf("%s does not get the database: %w", m.Name, err)
		}
	}
	return c.Exec(name, checking)
}

// Check has pg_amcheck look through a database on every member.
func (c *Patroni) Check(database string) (err error) {
	for _, m := range c.Members {
		err = errors.Join(err, amcheck(postgresHomes["15"], m.address, database))
	}
	return err
}

// remove ends all and removes the files.
func (c *Patroni) remove() {
	for _, m := range c.Members {
		_ = m.Kill() // it may be dead
		m.line.Stop()
	}
	for _, p := range []*program{c.haproxy, c.etcd} {
		p.kill()
	}
	_ = os.RemoveAll(c.dir) // below the system's folder for such
}
