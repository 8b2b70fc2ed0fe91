package snmp

import (
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/peer"
)

// A meter passes datagrams on to an agent of 127.0.0.1 and counts those that
// ask.
type meter struct {
	port     int
	requests atomic.Int64
}

// metered puts a meter in front of the agent on a port until the test ends.
func metered(t testing.TB, port int) *meter {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{port: front.LocalAddr().(*net.UDPAddr).Port}
	agent := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	var running sync.WaitGroup
	running.Go(func() { m.forward(front, agent, &running) })
	t.Cleanup(func() {
		_ = front.Close()
		running.Wait()
	})
	return m
}

// forward serves clients, each with a socket of its own towards the agent,
// until the socket in front is closed.
func (m *meter) forward(front *net.UDPConn, agent *net.UDPAddr, running *sync.WaitGroup) {
	back := map[string]*net.UDPConn{}
	defer func() {
		for _, conn := range back {
			_ = conn.Close()
		}
	}()
	buf := make([]byte, 65535)
	for {
		n, client, err := front.ReadFromUDP(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		m.requests.Add(1)
		conn := back[client.String()]
		if conn == nil {
			if conn, err = net.DialUDP("udp4", nil, agent); err != nil {
				return
			}
			back[client.String()] = conn
			running.Go(func() {
				answer := make([]byte, 65535)
				for {
					n, err := conn.Read(answer)
					if errors.Is(err, net.ErrClosed) {
						return
					}
					if err == nil {
						_, _ = front.WriteToUDP(answer[:n], client)
					}
				}
			})
		}
		_, _ = conn.Write(buf[:n])
	}
}

// count returns how many requests a call makes.
func (m *meter) count(call func()) int64 {
	before := m.requests.Load()
	call()
	return m.requests.Load() - before
}

// recordings are the names of all recordings of SNMP, and a port that serves
// each under its name as the community.
func recordings(t testing.TB) (names []string, port int) {
	t.Helper()
	folder := peer.Recordings(t, "snmp")
	files, err := filepath.Glob(filepath.Join(folder, "*.snmprec"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s (%v)", folder, err)
	}
	for _, path := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".snmprec"))
	}
	slices.Sort(names)
	return names, peer.SNMPSim(t, folder)
}

func plainSession(t testing.TB, port int, community string) *gosnmp.GoSNMP {
	t.Helper()
	g := &gosnmp.GoSNMP{
		Target: "127.0.0.1", Port: uint16(port), Version: gosnmp.Version2c, Community: community,
		Timeout: 20 * time.Second, Retries: 2, MaxOids: gosnmp.MaxOids, MaxRepetitions: 10,
	}
	if err := g.Connect(); err != nil {
		t.Fatal(err)
	}
	return g
}
