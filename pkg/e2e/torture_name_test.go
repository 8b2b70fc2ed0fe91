package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"rollcall/pkg/peer"
	"rollcall/pkg/torture"
)

// The name of the collector cannot be found, in each of the ways that names have
// for it, and then it can: the agent keeps its reports and goes on by itself.
func TestNameFails(t *testing.T) {
	peer.NeedRoot(t, "it gives the agent a name server of its own")
	r := newRig(t)
	const address = "127.82.0.53"
	names := serveNames(t, address+":53")
	conf := filepath.Join(r.dir, "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver "+address+"\noptions timeout:1 attempts:1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// In a mount namespace of its own the agent alone sees that file.
	r.wrap = []string{peer.Need(t, "unshare", "util-linux"), "--mount", "sh", "-c", "mount --bind " + conf + ` /etc/resolv.conf && exec "$@"`, "sh"}
	_, port := split(t, r.line.Listener.Addr().String())
	r.goBy(fmt.Sprintf("http://collector.rollcall.test:%d", port))
	c := r.startCollector()
	a := r.startAgent()
	failures := []dnsmessage.RCode{dnsmessage.RCodeNameError, dnsmessage.RCodeServerFailure, peer.NoAnswer}[:torture.Times(1, 3)]
	for _, failure := range failures {
		before := names.fail(failure)
		r.awaitKept(r.promised())
		for limit := time.After(patience); names.asked.Load() == before; {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-limit:
				t.Fatalf("%v: the name server was never asked", failure)
			}
		}
	}
	if n := len(r.stored()); n > 0 {
		t.Errorf("%d reports are stored though the name was not known: it proves nothing", n)
	}
	names.fail(dnsmessage.RCodeSuccess)
	n := r.settle()
	end(t, r, a, c)
	torture.Figure(t, "R8", "%d ways in which the name of the collector is not found, then found, the agent goes on: %d reports promised, 0 lost, 0 doubled", len(failures), n)
}

// A nameServer knows one address for every name, unless it fails.
type nameServer struct {
	failure, asked atomic.Int64
}

// fail says how questions are answered from now on, and how many there were.
func (s *nameServer) fail(code dnsmessage.RCode) (asked int64) {
	s.failure.Store(int64(code))
	return s.asked.Load()
}

func serveNames(t *testing.T, address string) *nameServer {
	t.Helper()
	s := &nameServer{}
	peer.ServeNames(t, address, func() ([4]byte, dnsmessage.RCode) {
		s.asked.Add(1)
		return [4]byte{127, 0, 0, 1}, dnsmessage.RCode(s.failure.Load())
	})
	return s
}
