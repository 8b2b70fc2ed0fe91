package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/torture"
)

// moveDir, moveDSN and moveOwner turn the test binary into the process that
// moves. It writes a line before each step, and goes on with it once a line comes.
const (
	moveDir   = "ROLLCALL_TEST_MOVE_DIR"
	moveDSN   = "ROLLCALL_TEST_MOVE_DSN"
	moveOwner = "ROLLCALL_TEST_MOVE_OWNER"
)

func moveByStep(dir string) error {
	in := bufio.NewReader(os.Stdin)
	step := func(name string) {
		fmt.Println(name) //nolint:forbidigo // the child's only output, read by the test
		if _, err := in.ReadString('\n'); err != nil {
			os.Exit(1)
		}
	}
	_, err := store.Move(context.Background(), store.MoveOptions{
		DataDir: dir, Database: store.Database{DSN: os.Getenv(moveDSN), OwnerDSN: os.Getenv(moveOwner)}, Log: slog.New(slog.DiscardHandler),
		Now:      func() time.Time { step("time"); return start },
		Progress: func(table string, _, _ int64) { step(table) },
	})
	return err
}

// killedMove kills the process that moves before the given step, and returns
// what that was.
func (m *mover) killedMove(steps int) (step string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), moveDir+"="+m.o.DataDir, moveDSN+"="+m.o.Database.DSN, moveOwner+"="+m.o.Database.OwnerDSN)
	child.Stderr = os.Stderr
	in, errIn := child.StdinPipe()
	out, errOut := child.StdoutPipe()
	if err := errors.Join(errIn, errOut, child.Start()); err != nil {
		m.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range steps {
		if !lines.Scan() {
			m.t.Fatalf("the child ended after %q", step)
		}
		step = lines.Text()
		if _, err := io.WriteString(in, "\n"); err != nil {
			m.t.Fatal(err)
		}
	}
	if !lines.Scan() {
		m.t.Fatalf("the child ended after %q", step)
	}
	step = lines.Text()
	_ = child.Process.Kill()
	_ = child.Wait()
	return step
}

// Killed at any step, a move that is run again ends well: there is all of the
// data, once.
func TestMoveKilled(t *testing.T) {
	m := newMover(t)
	moved, err := store.Move(t.Context(), m.o)
	if err != nil {
		t.Fatal(err)
	}
	// It asks for the time before it marks the file, when it writes the mark of
	// the copy, and after the commit.
	last := len(moved.Tables) + 2
	kills := []int{0, 1 + last/2, last - 1, last}
	for _, steps := range kills {
		if _, err := store.UndoMove(t.Context(), m.o); err != nil {
			t.Fatal(err)
		}
		m.empty()
		step := m.killedMove(steps)
		s, err := m.open(true)
		if steps == 0 {
			if err != nil {
				t.Fatalf("killed before the file was marked: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		} else if !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "not known to have ended") {
			t.Errorf("killed at %s: the file was opened: %v", step, err)
		}
		again, err := store.Move(t.Context(), m.o)
		if err != nil {
			t.Fatalf("again after a kill at %s: %v", step, err)
		}
		if copied := len(again.Tables) == 0; copied != (steps == last) {
			t.Errorf("killed at %s (step %d of %d): copied before: %v", step, steps, last, copied)
		}
		m.same()
		if s, err = m.open(false); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CheckAudit(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	torture.Figure(t, "R17", "%d kills of a move to PostgreSQL, each run again: all rows of %d tables equal, none doubled", len(kills), len(moved.Tables))
}
