package snmp

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/config"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func v2c(port int, community string) Target {
	return Target{
		Address: "127.0.0.1", Port: port, Timeout: 5 * time.Second, Retries: 2, Budget: time.Minute,
		Credential: Credential{Name: "read", Version: "2c", Community: config.Plain(community)},
	}
}

// TestRecordings reads every recording through a real agent over both versions:
// they must say the same. What they must say is poll's TestRecall.
func TestRecordings(t *testing.T) {
	names, port := recordings(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			target := v2c(port, name)
			r := Read(context.Background(), target, quiet())
			if !r.Answered {
				t.Fatalf("no answer: %v", r.Device.Errors)
			}
			target.Credential.Version = "1"
			if diff := cmp.Diff(r.Device.Components, Read(context.Background(), target, quiet()).Device.Components); diff != "" {
				t.Errorf("components (-v2c +v1):\n%s", diff)
			}
		})
	}
}
