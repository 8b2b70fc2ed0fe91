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

// A menu leads to the rooms, which are the pages that all others belong to, and
// from one organization to another within the room.
type menu struct {
	Rooms    []room
	Here     string    // path of the room that the page belongs to; "" for none
	Switcher *switcher // nil where there is nothing to switch
}

type room struct {
	Path, URL, Name string
}

type switcher struct {
	Organizations []store.Organization // empty when they are too many for a drop-down list
	Total         int
	Chosen        *store.Organization
}

// The rooms by path.
const (
	overviewRoom  = "/"
	findingsRoom  = "/findings"
	documentsRoom = "/documents"
	recordsRoom   = "/records"
)

// menu is that of a page which belongs to the room with this path.
func (sc scope) menu(here string) menu {
	m := menu{Here: here}
	var f filter
	if len(sc.All) > 1 {
		f.Organization = sc.id()
		m.Switcher = &switcher{Total: len(sc.All), Chosen: sc.Chosen}
		if len(sc.All) <= maxListedOrgs {
			m.Switcher.Organizations = sc.All
		}
	}
	for _, r := range []room{{Path: overviewRoom, Name: "Overview"}, {Path: findingsRoom, Name: "What to do"}, {Path: documentsRoom, Name: "Documents"}, {Path: recordsRoom, Name: "Records"}} {
		r.URL = f.url(r.Path)
		m.Rooms = append(m.Rooms, r)
	}
	return m
}
