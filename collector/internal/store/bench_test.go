package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
	"rollcall/pkg/wire"
)

// BenchmarkSaveReports saves one batch of 100 nodes with 20 components each, on
// databases whose commits reach the disk.
func BenchmarkSaveReports(b *testing.B) {
	for _, version := range []string{"", "15", "18"} {
		b.Run(map[bool]string{true: "SQLite", false: "PostgreSQL" + version}[version == ""], func(b *testing.B) {
			if version != "" {
				startServer(b, version)
			}
			for _, changing := range []bool{false, true} {
				b.Run(map[bool]string{false: "unchanged", true: "changing"}[changing], func(b *testing.B) { saveReports(b, changing) })
			}
		})
	}
}

// startServer has what b runs use a PostgreSQL server.
func startServer(b *testing.B, version string) {
	b.Helper()
	server = &testServer{Postgres: peer.NeedPostgres(b, version, true), databases: map[string]string{}}
	b.Cleanup(func() { server = nil })
	if err := server.makeTemplate(); err != nil {
		b.Fatal(err)
	}
}

func saveReports(b *testing.B, changing bool) {
	c := newClock()
	s := open(b, b.TempDir(), c)
	a := agent(b, s, "Riverside Food Bank", "Main", "agent-1")
	seq := int64(0)
	batch := func() []wire.Report {
		var reports []wire.Report
		for n := range 100 {
			seq++
			var parts []inventory.Component
			for p := range 20 {
				parts = append(parts, part(fmt.Sprint(p), "C9300-48P", fmt.Sprintf("FCW%04d%04d", n, p)))
			}
			if changing {
				parts[0].Serial = fmt.Sprintf("FCX%08d", seq)
			}
			reports = append(reports, report(c, seq, device(fmt.Sprintf("192.0.2.%d", n), parts...)))
		}
		return reports
	}
	send(b, s, c, a, batch()...)
	for b.Loop() {
		b.StopTimer()
		c.advance(time.Minute)
		reports := batch()
		b.StartTimer()
		send(b, s, c, a, reports...)
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "reports/s")
}

// BenchmarkFacts reads an organization of 1000 nodes with 5 components each.
func BenchmarkFacts(b *testing.B) {
	c := newClock()
	s := open(b, b.TempDir(), c)
	a := agent(b, s, "Riverside Food Bank", "Main", "agent-1")
	for n := range int64(1000) {
		var parts []inventory.Component
		for p := range 5 {
			parts = append(parts, part(fmt.Sprint(p), "C9300-48P", fmt.Sprintf("FCW%04d%04d", n, p)))
		}
		send(b, s, c, a, report(c, n+1, device(fmt.Sprintf("192.0.2.%d", n), parts...)))
	}
	for b.Loop() {
		facts(b, s, a.Organization)
	}
}

// BenchmarkChanged asks for changes among 10,000 organizations, none changed,
// as the loop does each second.
func BenchmarkChanged(b *testing.B) {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{DataDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	for n := range 10_000 {
		if _, err := s.CreateOrganization(ctx, fmt.Sprint("Organization ", n)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		changed(b, s)
	}
}
