package e2e_test

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
)

// The collector is killed when a receiver has a message and the collector has
// not noted it: of a webhook, then of a mail. Each comes again, the same, and
// nothing is lost.
func killedWhileTelling(t *testing.T, program string) {
	l := &line{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", tokens: map[string]string{}}
	l.startCollector()
	_, stop := l.startAgent("Main office", "main-office", device(t, "127.81.15.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P"), unit("FCW2431L0B2", "C9300-48P")))
	l.importContract("FCW2431L0A7 C9300-48P", "FCW2431L0B2 C9300-48P")
	l.until("both units to be covered", func() bool {
		u := l.units()
		return u["FCW2431L0A7"] == "covered" && u["FCW2431L0B2"] == "covered"
	})
	stop()
	l.stopCollector()

	var mu sync.Mutex
	var posts, letters []string     // what came: of a webhook its ID, of a mail its subject
	bodies := map[string][32]byte{} // by these
	armed := ""                     // the sort of message that is the end of the victim
	victim := make(chan *process, 1)
	arrived := make(chan string, 99) // of which sort it was
	came := func(sort, name string, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		if was, again := bodies[name]; again && was != sha256.Sum256(body) {
			t.Errorf("%s came again as another", name)
		}
		bodies[name] = sha256.Sum256(body)
		if sort == "mail" {
			letters = append(letters, name)
		} else {
			posts = append(posts, name)
		}
		if armed == sort {
			armed = ""
			(<-victim).kill()
		}
		arrived <- sort
	}
	mails := peer.ServeMail(t, peer.MailServer{Take: func(l peer.Letter) error {
		came("mail", l.Subject, []byte(l.Text+l.HTML))
		return nil
	}})
	desk := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it does not count
		}
		came("webhook", r.Header.Get("Webhook-Id"), body)
	}))
	t.Cleanup(desk.Close)
	settings := fmt.Sprintf(`
notify:
  allow: [127.0.0.1/32]
  mail: {server: %q, tls: none, from: rollcall@example.org, to: [admin@example.org], weekly: "", quiet: 0s, pause: 0s}
  webhooks: [{name: desk, url: %q, secret: whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}]
`, mails, desk.URL)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(l.dir, "collector", "rollcall.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	live := func(until string, fatal bool) {
		t.Helper()
		mu.Lock()
		if fatal {
			armed = until
		}
		mu.Unlock()
		q := serveProgram(t, program, l.dir, l.listen, settings)
		if fatal {
			victim <- q
		}
		for limit := time.After(patience); ; {
			select {
			case sort := <-arrived:
				if sort != until {
					continue
				}
			case <-limit:
				t.Fatalf("waited %s for a %s in vain", patience, until)
			}
			break
		}
		if !fatal {
			l.until("all to be noted as told", func() bool {
				var n int
				if err := db.QueryRow(`SELECT COUNT(*) FROM notices`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n == 0
			})
			if err := q.stop(time.Minute); err != nil {
				t.Error(err)
			}
		}
		<-q.done
		// What the killed one had claimed is free again once its lease has ended.
		for _, table := range []string{"notices", "digests"} {
			if _, err := db.Exec(`UPDATE ` + table + ` SET claimed = MIN(claimed, 1)`); err != nil {
				t.Fatal(err)
			}
		}
	}
	out, err := exec.Command(program, "import", "--data-dir", filepath.Join(l.dir, "collector"), "--organization", organizationID, l.contractFile(4, "FCW2431L0A7 C9300-48P")).CombinedOutput()
	if err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	live("webhook", true)
	live("mail", true)
	live("mail", false)
	mu.Lock()
	defer mu.Unlock()
	if len(letters) != 2 || letters[0] != letters[1] {
		t.Errorf("mails %q came, want one twice", letters)
	}
	if !slices.Contains(posts[1:], posts[0]) {
		t.Errorf("messages %q came, want the first again", posts)
	}
	var changes int
	if err := db.QueryRow(`SELECT COUNT(*) FROM findings WHERE kind = 'uncovered_unit'`).Scan(&changes); err != nil {
		t.Fatal(err)
	}
	if changes != 1 || len(bodies) < 2 {
		t.Errorf("%d findings, told were %d things, want the finding by mail and webhook", changes, len(bodies))
	}
}
