package web

import (
	"context"
	"fmt"

	"rollcall/collector/internal/store"
)

// A scope is the organizations that a request concerns.
type scope struct {
	All    []store.Organization // all that there are
	Chosen *store.Organization  // nil for all of them
	Names  map[string]string    // by ID, of all
}

// scope finds the organization that the filter asks for. Where there is only
// one it is chosen, so that the people of one never see the word.
func (s *server) scope(ctx context.Context, f filter) (scope, error) {
	orgs, err := s.store.Organizations(ctx)
	if err != nil {
		return scope{}, fmt.Errorf("cannot list organizations: %w", err)
	}
	sc := scope{All: orgs, Names: make(map[string]string, len(orgs))}
	for i, o := range orgs {
		sc.Names[o.ID] = o.Name
		if o.ID == f.Organization || len(orgs) == 1 && f.Organization == "" {
			sc.Chosen = &orgs[i]
		}
	}
	if f.Organization != "" && sc.Chosen == nil {
		return scope{}, notFound("There is no organization %q.", f.Organization)
	}
	return sc, nil
}

// id is the chosen organization's, or "" for all.
func (sc scope) id() string {
	if sc.Chosen == nil {
		return ""
	}
	return sc.Chosen.ID
}

// several says that rows need to name their organization.
func (sc scope) several() bool { return sc.Chosen == nil && len(sc.All) > 1 }

// A switcher goes from one organization to another.
type switcher struct {
	Organizations []store.Organization // empty when they are too many for a drop-down list
	Total         int
	Chosen        *store.Organization
}

func (sc scope) switcher() *switcher {
	if len(sc.All) < 2 {
		return nil
	}
	w := &switcher{Total: len(sc.All), Chosen: sc.Chosen}
	if len(sc.All) <= maxListedOrgs {
		w.Organizations = sc.All
	}
	return w
}
