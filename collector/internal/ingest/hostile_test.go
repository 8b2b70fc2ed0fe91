package ingest_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"rollcall/collector/internal/limit"
	"rollcall/collector/internal/store"
	"rollcall/pkg/wire"
)

// batchOf is a batch with one report whose name is the text of JSON.
func batchOf(name string) string {
	return `{"schema":"rollcall.batch/1","agent":"agent-1","sent_at":"2026-11-01T00:00:00Z","interval_seconds":60,"reports":[{"report_id":"report-1","epoch":1,"seq":1,` +
		`"polled_at":"2026-11-01T00:00:00Z","answered":true,"device":{"address":"192.0.2.1","name":` + name + `,"complete":true,"components":[]}}]}`
}

// frame is the head of a zstd frame (RFC 8878, section 3.1.1) with this
// descriptor and what belongs to it, and an empty last block.
func frame(descriptor byte, fields ...byte) []byte {
	return append(append([]byte{0x28, 0xb5, 0x2f, 0xfd, descriptor}, fields...), 0x01, 0x00, 0x00)
}

// Whatever the body is, the answer says whose fault it is, and that it is not
// the collector's; what can be taken is taken once, and nothing else.
func TestHostileBodies(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(make([]byte, wire.MaxDecoded+1)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var keys strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&keys, `"%x":1,`, i)
	}
	zeros := make([]byte, wire.MaxDecoded+1)
	tests := []struct {
		name   string
		body   io.Reader
		edit   func(*http.Request)
		status int
	}{
		{"gzip bomb", &zipped, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, 415},
		{"gzip bomb in zstd", bytes.NewReader(compress(t, zipped.Bytes())), nil, 400},
		{"zstd bomb", bytes.NewReader(compress(t, zeros)), nil, 413},
		{"zstd bomb in zstd", bytes.NewReader(compress(t, compress(t, zeros))), nil, 400},
		{"many frames", bytes.NewReader(bytes.Repeat(compress(t, zeros[:1<<20]), 20)), nil, 413},
		{"window of 2 GiB", bytes.NewReader(frame(0x00, 21<<3)), nil, 413},
		{"frame that tells of 1 TiB", bytes.NewReader(frame(0xe0, binary.LittleEndian.AppendUint64(nil, 1<<40)...)), nil, 413},
		{"endless, in chunks", io.MultiReader(bytes.NewReader(compress(t, []byte(batchOf(`"sw1"`)))), endless{}), nil, 413},
		{"10^6 deep", bytes.NewReader(compress(t, bytes.Repeat([]byte("["), 1_000_000))), nil, 413},
		{"10^6 deep in a field of no meaning", bytes.NewReader(compress(t, []byte(`{"schema":"rollcall.batch/1","x":`+strings.Repeat(`{"a":`, 1_000_000)))), nil, 413},
		{"10^6 keys", bytes.NewReader(compress(t, []byte(`{`+keys.String()+`"schema":"rollcall.batch/1"}`))), nil, 413},
		{"1e999", bytes.NewReader(compress(t, []byte(`{"schema":"rollcall.batch/1","interval_seconds":1e999}`))), nil, 400},
		{"1e999 as a text", bytes.NewReader(compress(t, []byte(batchOf(`1e999`)))), nil, 400},
		{"cut off", bytes.NewReader(compress(t, []byte(batchOf(`"sw1`)))), nil, 400},
		{"two values", bytes.NewReader(compress(t, []byte(batchOf(`"sw1"`)+batchOf(`"sw2"`)))), nil, 400},
		{"byte order mark", bytes.NewReader(compress(t, []byte("\ufeff"+batchOf(`"sw1"`)))), nil, 400},
	}
	s := serve(t, nil, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, raw := post(t, s, tt.body, tt.edit)
			if res.status != tt.status {
				t.Fatalf("status %d, want %d: %s", res.status, tt.status, raw)
			}
			checkFault(t, raw, " ")
		})
	}
	nodes, err := s.store.Nodes(t.Context(), s.agent.Organization)
	if err != nil || len(nodes) > 0 {
		t.Errorf("nodes %v, %v; want none", nodes, err)
	}
}

// endless gives bytes for ever.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// Odd text in a report is its own fault, or is text.
func TestHostileText(t *testing.T) {
	tests := []struct {
		name, value string
		status      wire.Status
		stored      string // the name of the node
	}{
		{"NUL", `"sw\u0000"`, wire.Refused, ""},
		{"invalid UTF-8", "\"sw\xff\xfe\"", wire.Stored, "sw��"},
		{"lone surrogate", `"sw\ud800"`, wire.Stored, "sw�"},
		{"surrogates the wrong way round", `"sw\udc00\ud800"`, wire.Stored, "sw��"},
		{"repeated key", `"sw1","name":"sw2"`, wire.Stored, "sw2"},
		{"other case of the key", `"sw1","NAME":"sw2"`, wire.Stored, "sw2"},
		{"null", `null`, wire.Stored, ""},
		{"too long", `"` + strings.Repeat("x", 5000) + `"`, wire.Refused, ""},
		{"escapes of a terminal", `"\u001b]0;x\u0007"`, wire.Stored, "\x1b]0;x\a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, nil, nil)
			res, raw := post(t, s, bytes.NewReader(compress(t, []byte(batchOf(tt.value)))), nil)
			var receipt wire.Receipt
			if err := json.Unmarshal(raw, &receipt); err != nil || res.status != http.StatusOK || len(receipt.Results) != 1 {
				t.Fatalf("status %d: %s", res.status, raw)
			}
			if got := receipt.Results[0]; got.Status != tt.status {
				t.Fatalf("report is %s: %s; want %s", got.Status, got.Reason, tt.status)
			}
			nodes, err := s.store.Nodes(t.Context(), s.agent.Organization)
			if err != nil {
				t.Fatal(err)
			}
			if tt.status == wire.Refused {
				if len(nodes) > 0 {
					t.Errorf("nodes %v, want none", nodes)
				}
				return
			}
			if len(nodes) != 1 || nodes[0].Name != tt.stored {
				t.Errorf("nodes %+v, want one of name %q", nodes, tt.stored)
			}
		})
	}
}

// One agent that sends without an end is sent away, and no other with it.
func TestTooOften(t *testing.T) {
	few := limit.Wide()
	few.Agent.PerSecond, few.Agent.Burst = 0.01, 2
	few.Organization.PerSecond, few.Organization.Burst = 0.01, 3
	s := serveWith(t, nil, nil, few)
	second, third := s, s
	var err error
	if _, second.token, err = s.store.CreateAgent(t.Context(), "Riverside Food Bank", "Depot", "agent-2"); err != nil {
		t.Fatal(err)
	}
	if _, third.token, err = s.store.CreateAgent(t.Context(), "Harbor Shelter", "Main", "agent-1"); err != nil {
		t.Fatal(err)
	}
	send := func(from site, want int) {
		t.Helper()
		res, raw := post(t, from, bytes.NewReader(encode(t, report(1))), nil)
		if res.status != want {
			t.Fatalf("status %d, want %d: %s", res.status, want, raw)
		}
		// The hundred seconds run while the test does, and agents of one organization
		// are told up to twenty more.
		if wait, err := strconv.Atoi(res.header.Get("Retry-After")); want == http.StatusTooManyRequests && (err != nil || wait < 40 || wait > 120) {
			t.Errorf("Retry-After %q, want what is left of 100, or somewhat more", res.header.Get("Retry-After"))
		}
	}
	send(s, 200)
	send(s, 200)
	send(s, 429)
	send(second, 200)
	send(second, 429) // for its organization
	send(third, 200)
}

// A slow saver saves when it is told to.
type slow struct {
	keeper
	begun, end chan struct{}
}

func (s slow) SaveReports(ctx context.Context, a store.Agent, b wire.Batch) (wire.Receipt, error) {
	s.begun <- struct{}{}
	<-s.end
	return s.keeper.SaveReports(ctx, a, b)
}

// An upload has its place until it is saved, and who finds none is told so at
// once, with a time to come.
func TestNoRoom(t *testing.T) {
	few := limit.Wide()
	few.Uploads = 2 // and half of it for one organization
	saver := slow{begun: make(chan struct{}), end: make(chan struct{})}
	s := serveBy(t, few, func(k keeper) keeper { saver.keeper = k; return saver })
	first := make(chan answer)
	go func() {
		res, _ := post(t, s, bytes.NewReader(encode(t, report(1))), nil)
		first <- res
	}()
	<-saver.begun
	res, raw := post(t, s, bytes.NewReader(encode(t, report(2))), nil)
	if res.status != http.StatusServiceUnavailable || res.header.Get("Retry-After") != "1" {
		t.Errorf("one too many: status %d, Retry-After %q; want 503 and the first turn, after a second: %s", res.status, res.header.Get("Retry-After"), raw)
	}
	close(saver.end)
	if res := <-first; res.status != http.StatusOK {
		t.Errorf("the one that has its place: status %d", res.status)
	}
}
