package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/wire"
)

// A tenant marks all that it ever says with its own word.
type tenant struct {
	mark  string
	agent store.Agent
	seq   int64
}

// Whatever two organizations do, with the same sites, addresses, agents,
// contracts and finding keys, nothing that is read for one holds a word of the
// other.
func TestOrganizationsNeverMix(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		var both [2]*tenant
		for i := range both {
			mark := fmt.Sprintf("T%dX%dT", run, i)
			a, _, err := s.CreateAgent(context.Background(), mark, "Main", "agent-1")
			if err != nil {
				rt.Fatal(err)
			}
			both[i] = &tenant{mark: mark, agent: a}
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			c.advance(time.Minute)
			i := rapid.IntRange(0, 1).Draw(rt, "tenant")
			act(rt, s, c, both[i], both[1-i])
		}
		for i := range both {
			own, other := both[i], both[1-i]
			if said := everything(rt, s, own.agent.Organization); strings.Contains(said, other.mark) || strings.Contains(said, strings.ToLower(other.mark)) {
				rt.Fatalf("what is read for %s holds a word of %s:\n%s", own.mark, other.mark, said)
			}
		}
	})
}

func act(t *rapid.T, s *store.Store, c *clock, who, other *tenant) {
	ctx := context.Background()
	address := rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2"}).Draw(t, "address")
	var err error
	switch rapid.SampledFrom([]string{"report", "old report", "import", "ledgers", "declare", "result", "acknowledge", "undo", "say"}).Draw(t, "act") {
	case "report", "old report":
		who.seq++
		d := device(address, part("1", "C9300-48P", fmt.Sprintf("%sS%d", who.mark, rapid.IntRange(1, 3).Draw(t, "serial"))))
		d.Name = who.mark
		d.Complete = rapid.Bool().Draw(t, "complete")
		r := report(c, rapid.Int64Range(1, who.seq).Draw(t, "seq"), d)
		r.ReportID = fmt.Sprint("report-", who.seq) // the same ids in both organizations
		_, err = s.SaveReports(ctx, who.agent, wire.Batch{SentAt: c.now(), Interval: 60, Reports: []wire.Report{r}})
	case "import":
		line := contract.Line{Contract: "1", Serial: who.mark, Instance: fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "instance"))}
		_, err = s.ImportContract(ctx, who.agent.Organization, contract.File{Name: who.mark, SHA256: "same", Lines: []contract.Line{line}, Refused: []contract.Refusal{{File: who.mark}}}, c.now())
	case "ledgers":
		_, errRMAs := s.ImportRMAs(ctx, who.agent.Organization, "rma.csv", []contract.RMA{{RMANumber: who.mark}})
		_, errOrders := s.ImportOrders(ctx, who.agent.Organization, "orders.csv", []contract.Order{{OrderNumber: who.mark}})
		err = errors.Join(errRMAs, errOrders)
	case "undo":
		var mine, theirs []store.LoggedImport
		mine, _, errMine := s.ImportLog(ctx, who.agent.Organization, 1, 0)
		theirs, _, err = s.ImportLog(ctx, other.agent.Organization, 5, 0)
		err = errors.Join(err, errMine)
		for _, i := range theirs {
			if _, undoErr := s.UndoImport(ctx, who.agent.Organization, i.ID, who.mark); undoErr == nil {
				t.Fatalf("%s undid an import of %s", who.mark, other.mark)
			}
		}
		if len(mine) > 0 && mine[0].Undone.IsZero() {
			_, undoErr := s.UndoImport(ctx, who.agent.Organization, mine[0].ID, who.mark)
			err = errors.Join(err, undoErr)
		}
	case "say":
		org := who.agent.Organization
		_, errRMA := s.ConfirmReplacement(ctx, org, contract.RMA{OldSerial: "FOCA", NewSerial: "FOCB", RMANumber: who.mark}, who.mark)
		who.seq++
		_, errOrder := s.SaveOrder(ctx, org, 0, contract.Order{OrderNumber: fmt.Sprint(who.mark, "-", who.seq), ProductID: "X"}, who.mark)
		err = errors.Join(errRMA, errOrder,
			s.RejectReplacement(ctx, org, reconcile.Rejection{OldSerial: "FOCC", NewSerial: "FOCD", Author: who.mark, Reason: who.mark}),
			s.Retire(ctx, org, reconcile.Retirement{Kind: reconcile.RetiredSite, Name: "Main", Author: who.mark, Reason: who.mark}),
			s.SetSite(ctx, org, reconcile.Site{Name: "Main", Street: who.mark}))
		theirs, errTheirs := s.RMAs(ctx, other.agent.Organization)
		err = errors.Join(err, errTheirs)
		for _, e := range theirs {
			if s.DeleteRMA(ctx, org, e.ID) == nil {
				t.Fatalf("%s deleted an entry of %s", who.mark, other.mark)
			}
		}
	case "declare":
		err = s.Declare(ctx, who.agent.Organization, reconcile.Declaration{Serial: "FCW0000A001", Kind: reconcile.DeclaredSpare, Author: who.mark, Reason: who.mark})
	case "result":
		err = s.SaveResult(ctx, who.agent.Organization, reconcile.Result{
			Units:    []reconcile.Unit{{Serial: who.mark, Site: "Main", Address: address, Slot: "1"}},
			Findings: []reconcile.Finding{{Key: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key"), Subject: who.mark}},
		})
	case "acknowledge":
		var theirs []store.Finding
		theirs, err = s.Findings(ctx, other.agent.Organization, true)
		for _, f := range theirs {
			if s.Acknowledge(ctx, who.agent.Organization, f.ID, who.mark, "") == nil {
				t.Fatalf("%s acknowledged a finding of %s", who.mark, other.mark)
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// everything is all that can be read for one organization, as JSON.
func everything(t *rapid.T, s *store.Store, org string) string {
	ctx := context.Background()
	var said []any
	add := func(v any, err error) {
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, v)
	}
	f, err := s.Facts(ctx, org)
	add(f, err)
	units, err := s.Units(ctx, org)
	add(units, err)
	open, err := s.Findings(ctx, org, true)
	add(open, err)
	resolved, err := s.Findings(ctx, org, false)
	add(resolved, err)
	agents, err := s.Agents(ctx, org)
	add(agents, err)
	nodes, err := s.Nodes(ctx, org)
	add(nodes, err)
	imports, err := s.Imports(ctx, org)
	add(imports, err)
	log, _, err := s.ImportLog(ctx, org, 1000, 0)
	add(log, err)
	for _, l := range log {
		_, changes, err := s.ImportByID(ctx, org, l.ID, 1000, 0)
		add(changes, err)
	}
	rmas, err := s.RMAs(ctx, org)
	add(rmas, err)
	orders, err := s.Orders(ctx, org)
	add(orders, err)
	retired, err := s.Retirements(ctx, org)
	add(retired, err)
	rejected, err := s.Rejections(ctx, org)
	add(rejected, err)
	replaced, err := s.Replacements(ctx, org)
	add(replaced, err)
	sites, err := s.Sites(ctx, org)
	add(sites, err)
	raw, err := json.Marshal(said)
	add(nil, err)
	return string(raw)
}
