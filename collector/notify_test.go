package collector

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

// What an agent's report causes reaches a webhook: the parts are wired.
func TestNotify(t *testing.T) {
	type message struct{ Type, Key string }
	came := make(chan message, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct {
			Type string
			Data struct{ Finding struct{ Key string } }
		}
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		came <- message{m.Type, m.Data.Finding.Key}
	}))
	defer hook.Close()
	c := testConfig(t)
	c.Notify.Allow = []string{"127.0.0.1/32"}
	c.Notify.Webhooks = []NotifyWebhook{{Name: "desk", URL: hook.URL, Secret: config.Plain("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}}
	col := start(t, c, Options{})
	token, err := col.CreateAgent(t.Context(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	unit := inventory.Component{Serial: "FOC2211A0AA", PID: "C9300-48P", Class: inventory.ClassChassis, Name: "1", Unit: true}
	upload(t, col.URL(), token, inventory.Device{Address: "192.0.2.1", Name: "sw1", Platform: inventory.PlatformIOSXE, Complete: true, Components: []inventory.Component{unit}})
	covers := func(serial string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "contract.csv")
		text := fmt.Sprintf("Contract Number,Serial Number,Product ID,Begin Date,End Date\n204100001,%s,C9300-48P,2020-01-01,%d-01-01\n", serial, time.Now().Year()+3)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := col.ImportContract(t.Context(), "Riverside Food Bank", file); err != nil {
			t.Fatal(err)
		}
	}
	covers("FOC2211A0BB")
	next := func() message {
		t.Helper()
		select {
		case m := <-came:
			return m
		case <-time.After(time.Minute):
			t.Fatal("no message came")
		}
		return message{}
	}
	wait := func(kind string) {
		t.Helper()
		for {
			if m := next(); strings.HasPrefix(m.Key, "uncovered_unit") {
				if m.Type != kind {
					t.Errorf("message %+v, want %s", m, kind)
				}
				return
			}
		}
	}
	wait("finding.opened")
	covers("FOC2211A0AA")
	wait("finding.resolved")
}
