package simdevice

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustExample(t *testing.T, name string) Device {
	t.Helper()
	d, ok := Example(name)
	if !ok {
		t.Fatalf("no example %q", name)
	}
	return d
}

// start runs the example with a change and stops it after the test.
func start(t *testing.T, name string, change func(*Device)) *Server {
	t.Helper()
	d := mustExample(t, name)
	if change != nil {
		change(&d)
	}
	s, err := Start(d, Options{SNMPAddr: "127.0.0.1:0", SSHAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// patience bounds every wait of a test.
const patience = 20 * time.Second
