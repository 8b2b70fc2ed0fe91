package web

import (
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

func TestAgentNotes(t *testing.T) {
	noted := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	a := reconcile.Agent{ID: "a", Refused: 2, Refusal: "device.name has a NUL character."}
	gap := func(agent, reason string, n int64) store.Gap {
		return store.Gap{Agent: agent, Reason: reason, Noted: noted, Missing: n}
	}
	tests := []struct {
		name  string
		agent reconcile.Agent
		gaps  []store.Gap
		want  []string // the beginning of each note
	}{
		{"all well", reconcile.Agent{ID: "a"}, []store.Gap{gap("another", store.GapFull, 3)}, nil},
		{"refused", a, nil, []string{"2 reports are set aside there, because the collector refused the last: device.name has a NUL character."}},
		{"full", reconcile.Agent{ID: "a"}, []store.Gap{gap("a", store.GapFull, 1)}, []string{"1 report is missing here, for the agent had no room for old ones (noted on 2026-03-02)."}},
		{"corrupt and restored", reconcile.Agent{ID: "a"}, []store.Gap{gap("a", store.GapCorrupt, 1), gap("a", store.GapRestore, 9)}, []string{
			"Its spool was corrupt and was set aside (noted on 2026-03-02)", "The collector's database went back, as by a restore: up to 9 reports are missing here",
		}},
		{"unsaved", reconcile.Agent{ID: "a"}, []store.Gap{gap("a", store.GapUnsaved, 4)}, []string{"4 reports are missing here, for the disk of the agent took none"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := agentNotes(tt.agent, tt.gaps)
			if len(got) != len(tt.want) {
				t.Fatalf("notes %q, want %d", got, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("note %q, want it to begin with %q", got[i], want)
				}
			}
		})
	}
}
