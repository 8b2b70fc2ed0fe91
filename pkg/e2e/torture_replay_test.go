package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"rollcall/pkg/inventory"
	"rollcall/pkg/torture"
	"rollcall/pkg/wire"
)

// upload sends a batch as an agent does, and returns the status and the receipt.
func (l *line) upload(token string, body []byte) (int, wire.Receipt, error) {
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, "http://"+l.listen+wire.ReportsPath, bytes.NewReader(body))
	if err != nil {
		return 0, wire.Receipt{}, err
	}
	req.Header.Set("Content-Type", wire.BatchType)
	req.Header.Set("Content-Encoding", wire.Encoding)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, wire.Receipt{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	var receipt wire.Receipt
	if resp.StatusCode == http.StatusOK {
		err = json.NewDecoder(resp.Body).Decode(&receipt)
	}
	return resp.StatusCode, receipt, err
}

// seen is a report of node n, the seq-th of its agent, with a serial of its own.
func seen(n, seq int) wire.Report {
	serial := fmt.Sprintf("FCW%08d", seq)
	d := inventory.Device{
		Address: fmt.Sprintf("192.0.2.%d", n+1), Name: fmt.Sprint("sw", n), Platform: inventory.PlatformIOSXE, Model: "C9300-48P", Serial: serial, Complete: true,
		Via: []string{"snmp"}, Errors: []inventory.Problem{},
		Components: []inventory.Component{{Serial: serial, PID: "C9300-48P", Class: inventory.ClassChassis, Name: "1", Unit: true, Aliases: []string{}}},
	}
	return wire.Report{
		ReportID: fmt.Sprintf("report-%08d", seq), Epoch: 1, Seq: int64(seq), PolledAt: time.Now(), Answered: true, Fingerprint: d.Fingerprint(), Device: d,
	}
}

func pack(t *testing.T, reports ...wire.Report) []byte {
	t.Helper()
	body, err := encode(reports...)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func encode(reports ...wire.Report) ([]byte, error) {
	return wire.EncodeBatch(wire.Batch{Agent: "agent", Version: "test", SentAt: time.Now(), Interval: 60, Reports: reports})
}

// Each report comes one to five times, in any order, 32 at once: it counts once,
// and the newest of each node stands.
func TestReplayAndDisorder(t *testing.T) {
	l := newLine(t)
	token, err := l.collector.CreateAgent(t.Context(), organizationName, "Main office", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	const nodes = 8
	reports := torture.Times(200, 5000)
	var bodies [][]byte
	newest := map[string]string{}
	for seq := 1; seq <= reports; seq++ {
		r := seen(seq%nodes, seq)
		newest[r.Device.Address] = r.Device.Serial
		for range 1 + rand.IntN(5) {
			bodies = append(bodies, pack(t, r))
		}
	}
	rand.Shuffle(len(bodies), func(i, j int) { bodies[i], bodies[j] = bodies[j], bodies[i] })
	work := make(chan []byte)
	var senders sync.WaitGroup
	for range 32 {
		senders.Go(func() {
			for body := range work {
				for { // as an agent does, until there is a receipt
					status, receipt, err := l.upload(token, body)
					if err == nil && status == http.StatusOK && len(receipt.Results) == 1 && receipt.Results[0].Status != wire.Refused {
						break
					}
					if status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
						t.Errorf("status %d, receipt %+v, %v", status, receipt, err)
						break
					}
					idle(50 * time.Millisecond)
				}
			}
		})
	}
	for _, body := range bodies {
		work <- body
	}
	close(work)
	senders.Wait()

	db := l.database()
	defer func() { _ = db.Close() }()
	var stored, distinct int
	if err := db.QueryRow(`SELECT COUNT(*), COUNT(DISTINCT report_id) FROM reports`).Scan(&stored, &distinct); err != nil {
		t.Fatal(err)
	}
	if stored != reports || distinct != reports {
		t.Errorf("%d reports stored, %d different, want %d", stored, distinct, reports)
	}
	for address, serial := range newest {
		var got string
		if err := db.QueryRow(`SELECT serial FROM sightings WHERE address = $1 AND gone = 0`, address).Scan(&got); err != nil || got != serial {
			t.Errorf("%s has %q, %v, want its newest serial %s", address, got, err, serial)
		}
	}
	torture.Figure(t, "R10", "%d reports sent %d times in any order by 32 at once over HTTP: each stored once, the newest state of %d nodes stands", reports, len(bodies), nodes)
}

// What was recorded on the way is of no use to others: not with a token that was
// replaced, and with that of another organization it stays there.
func TestReplayByOthers(t *testing.T) {
	l := newLine(t)
	token, err := l.collector.CreateAgent(t.Context(), organizationName, "Main office", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.collector.CreateAgent(t.Context(), "Hillside School", "Main office", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	body := pack(t, seen(0, 1))
	for range 2 {
		if status, _, err := l.upload(token, body); err != nil || status != http.StatusOK {
			t.Fatalf("status %d, %v, want 200", status, err)
		}
	}
	if status, _, err := l.upload("rca_"+token[5:]+"x", body); err != nil || status != http.StatusUnauthorized {
		t.Errorf("status %d, %v of a token that is none, want 401", status, err)
	}
	status, receipt, err := l.upload(other, body)
	if err != nil || status != http.StatusOK || len(receipt.Results) != 1 || receipt.Results[0].Status != wire.Stored {
		t.Fatalf("status %d, %+v, %v for another organization, want its own report stored", status, receipt, err)
	}
	db := l.database()
	defer func() { _ = db.Close() }()
	var here, there int
	if err := db.QueryRow(`SELECT (SELECT COUNT(*) FROM sightings WHERE organization = $1), (SELECT COUNT(*) FROM sightings WHERE organization <> $1)`, organizationID).
		Scan(&here, &there); err != nil || here != 1 || there != 1 {
		t.Errorf("%d sightings here and %d there, %v: want one each", here, there, err)
	}
}
