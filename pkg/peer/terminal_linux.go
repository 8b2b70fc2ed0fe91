package peer

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// OnTerminal runs a program on a terminal and returns what that is sent.
func OnTerminal(t testing.TB, program string, args ...string) string {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ours.Close() }()
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, theirs
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(ours) // it ends in an error when the program has ended
	_ = cmd.Wait()              // some are to fail
	return string(said)
}

// Obeyed fails the test where a terminal was sent anything that it would obey, or
// that a reader would not see.
func Obeyed(t testing.TB, said string) {
	t.Helper()
	for _, r := range strings.NewReplacer("\r\n", "", "\n", "", "\t", "").Replace(said) {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x200b {
			t.Errorf("the terminal is sent %U: %q", r, said)
			return
		}
	}
}
