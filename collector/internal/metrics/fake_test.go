package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// A fake is a source that holds what a real store cannot be brought to hold, or
// fails.
type fake struct {
	snapshot store.Snapshot
	findings []store.Finding
	broken   string
	// byOrganization are the findings in benchmarks.
	byOrganization map[string][]store.Finding

	reads map[string]int // of findings, by organization; nil does not count

	// entered and leave, when set, hold a reader up.
	entered, leave chan struct{}
}

func organizations(ids ...string) store.Snapshot {
	var x store.Snapshot
	for _, id := range ids {
		x.Runs = append(x.Runs, store.Run{Organization: store.Organization{ID: id, Name: id}, At: now})
	}
	return x
}

func (f fake) fail(part string) error {
	if f.broken == part {
		return errors.New("disk on fire")
	}
	return nil
}

func (f fake) Snapshot(_ context.Context, org string) (store.Snapshot, error) {
	if f.entered != nil {
		select {
		case f.entered <- struct{}{}:
			<-f.leave
		case <-f.leave:
		}
	}
	x := f.snapshot
	if org != "" {
		x.Runs = slices.DeleteFunc(slices.Clone(x.Runs), func(r store.Run) bool { return r.ID != org })
	}
	return x, f.fail("snapshot")
}

func (f fake) Findings(_ context.Context, org string, _ bool) ([]store.Finding, error) {
	if f.reads != nil {
		f.reads[org]++
	}
	if f.byOrganization != nil {
		return f.byOrganization[org], f.fail("findings")
	}
	return group(f.findings)[org], f.fail("findings")
}

// open returns n findings, in equal parts of the organizations.
func open(orgs []string, n int) []store.Finding {
	all := make([]store.Finding, n)
	for i := range all {
		all[i] = store.Finding{ID: int64(i + 1), Organization: orgs[i%len(orgs)], Finding: reconcile.Finding{
			Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Site: "Main", Node: fmt.Sprintf("sw%d", i/len(orgs)),
			Serial: fmt.Sprintf("FCW%07d", i), PID: "C9300-48P", Contract: "2041234",
		}}
	}
	return all
}

func names(n int) []string {
	orgs := make([]string, n)
	for i := range orgs {
		orgs[i] = fmt.Sprintf("organization-%d", i)
	}
	return orgs
}

func group(all []store.Finding) map[string][]store.Finding {
	by := map[string][]store.Finding{}
	for _, x := range all {
		by[x.Organization] = append(by[x.Organization], x)
	}
	return by
}
