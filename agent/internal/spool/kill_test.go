package spool_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/agent/internal/spool"
	"rollcall/pkg/torture"
)

// childEnv makes the test binary a child that appends and acknowledges until it
// is killed. Its value is the spool's path.
const childEnv = "ROLLCALL_TEST_SPOOL_CHILD"

// childSteps ends the child after so many items; without it it goes on.
const childSteps = "ROLLCALL_TEST_SPOOL_STEPS"

// childGoesOn lets the child go on after a step that failed, which it says.
const childGoesOn = "ROLLCALL_TEST_SPOOL_GOES_ON"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child writes each completed step on standard output, one write a line. The
// parent's ledger of these lines is independent of the spool.
func child(path string) error {
	s, err := spool.Open(path, spool.Options{Ballast: -1})
	if err != nil {
		return err
	}
	ctx := context.Background()
	goesOn := os.Getenv(childGoesOn) != ""
	failed := func(n int, err error) error {
		if !goesOn {
			return err
		}
		fmt.Printf("failed %d\n", n) //nolint:forbidigo // the ledger of a test's child process
		return nil
	}
	last, _ := strconv.Atoi(os.Getenv(childSteps))
	for n := 0; last == 0 || n < last; n++ {
		var id int64
		err := s.Append(ctx, fmt.Sprint("node", n%5), func(_, seq int64) ([]byte, error) {
			id = seq
			return fmt.Appendf(nil, "payload of %d %s", seq, strings.Repeat("x", int(seq%3000))), nil
		})
		if err != nil {
			if err := failed(n, err); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("appended %d\n", id) //nolint:forbidigo // the ledger of a test's child process
		if n%3 != 0 {
			continue
		}
		items, err := s.Next(ctx, 1<<20, 2)
		if err != nil {
			if err := failed(n, err); err != nil {
				return err
			}
			continue
		}
		for _, it := range items {
			fmt.Printf("acking %d\n", it.ID) //nolint:forbidigo // as above
			if err := s.Ack(ctx, it.ID); err != nil {
				if err := failed(n, err); err != nil {
					return err
				}
				continue
			}
			fmt.Printf("acked %d\n", it.ID) //nolint:forbidigo // as above
		}
	}
	return nil
}

type ledger struct {
	appended, acking, acked map[int64]bool
	failed                  map[int64]bool // by the number of the step
}

func newLedger() ledger {
	return ledger{map[int64]bool{}, map[int64]bool{}, map[int64]bool{}, map[int64]bool{}}
}

// note takes what the child said.
func (l ledger) note(t *testing.T, line string) {
	t.Helper()
	var what string
	var id int64
	if _, err := fmt.Sscan(line, &what, &id); err != nil {
		t.Fatalf("child said %q: %v", line, err)
	}
	map[string]map[int64]bool{"appended": l.appended, "acking": l.acking, "acked": l.acked, "failed": l.failed}[what][id] = true
}

// TestKill kills a process at random moments of appending and acknowledging.
// Everything it said was appended is there unless it began to acknowledge it,
// exactly once; nothing acknowledged comes back.
func TestKill(t *testing.T) {
	path := filepath.Join(memory(t), "spool.db")
	l := newLedger()
	kills := torture.Times(20, 2000)
	for range kills {
		runAndKill(t, path, l)
		if t.Failed() {
			return
		}
		l.check(t, path)
	}
	torture.Figure(t, "R1", "spool alone: %d kills, %d appended, %d acknowledged, 0 lost, 0 doubled", kills, len(l.appended), len(l.acked))
	if len(l.appended) < 20 {
		t.Errorf("only %d items were appended: the kills prove nothing", len(l.appended))
	}
}

func runAndKill(t *testing.T, path string, l ledger) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := 1 + rand.IntN(120)
	kill := time.AfterFunc(time.Hour, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil { // a last line without its end is a step that did not complete
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			break
		}
		l.note(t, line)
		if lines--; lines == 0 {
			kill.Reset(time.Duration(rand.IntN(3000)) * time.Microsecond)
		}
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Errorf("child ended by itself: %v, %s", err, stderr.String())
	}
}

func (l ledger) check(t *testing.T, path string) {
	t.Helper()
	s := open(t, path, spool.Options{})
	defer func() { _ = s.Close() }()
	items, err := s.Next(t.Context(), 1<<40, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	there := map[int64]bool{}
	for _, it := range items {
		if there[it.ID] {
			t.Errorf("item %d is there twice", it.ID)
		}
		if l.acked[it.ID] {
			t.Errorf("item %d was acknowledged and is there again", it.ID)
		}
		if want := fmt.Sprintf("payload of %d ", it.ID); !strings.HasPrefix(string(it.Payload), want) {
			t.Errorf("item %d has the payload %.40q", it.ID, it.Payload)
		}
		there[it.ID] = true
		l.appended[it.ID] = true // committed, and killed before it could say so
	}
	for id := range l.appended {
		if !there[id] && !l.acking[id] {
			t.Errorf("item %d was appended and is lost", id)
		}
	}
	if st := stats(t, s); len(st.SetAside) > 0 || st.Items != int64(len(items)) {
		t.Errorf("stats %+v with %d items, want nothing set aside and the same count", st, len(items))
	}
}
