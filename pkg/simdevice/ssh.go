package simdevice

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// loginTime is how long a client may take to log in.
const loginTime = 30 * time.Second

// An sshListener accepts connections and can be shut and opened again on the
// same address.
type sshListener struct {
	server *Server
	addr   string

	mu    sync.Mutex
	ln    net.Listener // nil: shut
	conns map[net.Conn]bool

	rsaKeys map[uint64]*rsa.PrivateKey // of Faults.LegacySSH by key number, made when first wanted
}

func listenSSH(s *Server, addr string) (*sshListener, error) {
	l := &sshListener{server: s, addr: addr, conns: map[net.Conn]bool{}, rsaKeys: map[uint64]*rsa.PrivateKey{}}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

// open listens; it does nothing when that is so already.
func (l *sshListener) open() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ln != nil {
		return nil
	}
	ln, err := net.Listen("tcp", l.addr)
	if err != nil {
		return fmt.Errorf("cannot simulate SSH: %w", err)
	}
	l.ln, l.addr = ln, ln.Addr().String()
	l.server.wg.Go(func() { l.accept(ln) })
	return nil
}

// shut ends the listener and every connection. It does not wait for them.
func (l *sshListener) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ln != nil {
		_ = l.ln.Close()
		l.ln = nil
	}
	for c := range l.conns {
		_ = c.Close()
	}
}

func (l *sshListener) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if !l.server.wait(10 * time.Millisecond) { // out of file descriptors, for instance
				return
			}
			continue
		}
		if !l.keep(ln, c) {
			_ = c.Close()
			continue
		}
		l.server.wg.Go(func() {
			defer l.drop(c)
			l.serve(c)
		})
	}
}

// keep remembers the connection, unless the listener was shut meanwhile.
func (l *sshListener) keep(ln net.Listener, c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ln != ln {
		return false
	}
	l.conns[c] = true
	return true
}

func (l *sshListener) drop(c net.Conn) {
	_ = c.Close()
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
}

// serve logs a client in and serves its one session.
func (l *sshListener) serve(c net.Conn) {
	st := l.server.state.Load()
	f := st.device.Faults
	if f.SSHBusy {
		return
	}
	if f.HangBeforeAuth {
		hang(c)
		return
	}
	config, err := l.config(st)
	if err != nil {
		l.server.log.Error("cannot configure the simulated SSH server", "error", err)
		return
	}
	if err := c.SetDeadline(time.Now().Add(loginTime)); err != nil {
		return
	}
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		l.server.log.Debug("an SSH client did not log in", "error", err)
		return
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return
	}
	l.server.wg.Go(func() { ssh.DiscardRequests(requests) })
	served := false
	for offer := range channels {
		if offer.ChannelType() != "session" || served {
			_ = offer.Reject(ssh.ResourceShortage, "one session at a time")
			continue
		}
		served = true
		channel, asked, err := offer.Accept()
		if err != nil {
			break
		}
		l.server.wg.Go(func() {
			// These devices end the connection with the session.
			defer func() { _ = conn.Close() }()
			newShell(l.server, channel).serve(asked)
		})
	}
}

// hang takes what the client sends and never answers, until it goes away.
func hang(r interface{ Read([]byte) (int, error) }) {
	buf := make([]byte, 1024)
	for {
		if _, err := r.Read(buf); err != nil {
			return
		}
	}
}

var errPassword = errors.New("wrong user or password")

// config is that of one connection, so that a change of the device counts from
// the next one on.
func (l *sshListener) config(st *state) (*ssh.ServerConfig, error) {
	d := st.device
	config := &ssh.ServerConfig{MaxAuthTries: 3, ServerVersion: "SSH-2.0-Cisco-1.25"}
	check := func(user, password string) (*ssh.Permissions, error) {
		ok := subtle.ConstantTimeCompare([]byte(user+"\x00"+password), []byte(d.SSHUser+"\x00"+d.SSHPassword)) == 1
		if !ok {
			return nil, errPassword
		}
		return nil, nil
	}
	config.KeyboardInteractiveCallback = func(c ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
		answers, err := ask("", "", []string{"Password: "}, []bool{false})
		if err != nil || len(answers) != 1 {
			return nil, errPassword
		}
		return check(c.User(), answers[0])
	}
	switch shapeOf(d).cli.login {
	case loginBySSH:
		config.PasswordCallback = func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			return check(c.User(), string(password))
		}
	case loginInShellAireOS, loginInShellSMB:
		config.NoClientAuth = true
	}
	if d.Faults.LegacySSH {
		config.ServerVersion = "SSH-1.99-Cisco-1.25"
		config.KeyExchanges = []string{"diffie-hellman-group1-sha1"}
		config.Ciphers = []string{"3des-cbc"}
		config.MACs = []string{"hmac-sha1"}
	}
	signer, err := l.hostKey(st)
	if err != nil {
		return nil, err
	}
	config.AddHostKey(signer)
	return config, nil
}

// hostKey is made from the device's name and key number, so that a demo
// started again shows the keys that its agents have pinned.
func (l *sshListener) hostKey(st *state) (ssh.Signer, error) {
	f := st.device.Faults
	if f.LegacySSH {
		return l.legacyHostKey(st.keyNumber)
	}
	seed := binary.BigEndian.AppendUint64([]byte("simdevice host key "+st.device.Name+"\x00"), st.keyNumber)
	if f.WrongHostKeyEachTime {
		seed = binary.BigEndian.AppendUint64(seed, l.server.salt.Add(1))
	}
	sum := sha256.Sum256(seed)
	return ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(sum[:]))
}

func (l *sshListener) legacyHostKey(number uint64) (ssh.Signer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := l.rsaKeys[number]
	if key == nil {
		var err error
		if key, err = rsa.GenerateKey(rand.Reader, 1024); err != nil {
			return nil, fmt.Errorf("cannot make an RSA key: %w", err)
		}
		l.rsaKeys[number] = key
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, err
	}
	old, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, errors.New("cannot sign with ssh-rsa")
	}
	return ssh.NewSignerWithAlgorithms(old, []string{ssh.KeyAlgoRSA})
}
