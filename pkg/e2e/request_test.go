package e2e_test

import (
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
)

var requestID = regexp.MustCompile(`request_id=(\w+)`)

// One ID leads from the agent's log of a batch through the collector's to the
// reconciling that followed, and each batch has another.
func TestRequestFromAgentToReconcile(t *testing.T) {
	journal := &running{} // a log that can be read while it is written
	l := &line{
		t: t, dir: t.TempDir(), listen: "127.0.0.1:0", tokens: map[string]string{},
		log: slog.New(slog.NewTextHandler(journal, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	l.startCollector()
	t.Cleanup(l.stopCollector)
	device, err := simdevice.Start(simdevice.Device{
		Name: "sw1", Platform: inventory.PlatformIOS, Software: "15.2(2)E3", Units: []simdevice.Unit{unit("FOC1947W2QP", "WS-C2960X-24PS-L")},
		V3: []simdevice.V3User{v3User},
	}, simdevice.Options{SNMPAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	l.startAgent("Main", "agent-1", device)
	delivered := map[string]int{}
	eventually(t, "three batches are delivered, and one of them is found at each step", func() bool {
		clear(delivered)
		steps := map[string]int{}
		for text := range strings.Lines(journal.text()) {
			id := requestID.FindStringSubmatch(text)
			if id == nil {
				continue
			}
			for bit, message := range []string{`msg="batch delivered"`, `msg="batch taken"`, `msg="organization reconciled"`} {
				if strings.Contains(text, message) {
					steps[id[1]] |= 1 << bit
				}
			}
			if strings.Contains(text, `msg="batch delivered"`) {
				delivered[id[1]]++
			}
		}
		whole := false
		for _, s := range steps {
			whole = whole || s == 7
		}
		return whole && len(delivered) >= 3
	})
	for id, n := range delivered {
		if n > 1 || len(id) < 20 {
			t.Errorf("%d batches of the ID %s", n, id)
		}
	}
}
