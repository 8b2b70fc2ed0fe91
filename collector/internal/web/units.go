package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"rollcall/collector/internal/document"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
)

// unitPage is all that is known of one (PID, serial); it stands at two places
// when two nodes show it.
type unitPage struct {
	says

	Organization    string // its name
	OrganizationURL string
	PID, Serial     string
	Places          []unitPlace
	Findings        []findingRow
	ID              string // the organization's
	Declared        []declarationRow
	Kinds           []declarationRow // to choose from
	Came            []replacementRow // what this unit replaced, and what came for it
}

// A replacementRow leads to the other unit of a replacement.
type replacementRow struct {
	Words, PID, Serial, URL, RMANumber string
}

type unitPlace struct {
	unitRow

	First  moment
	TACURL string // the card for a case at Cisco's TAC
}

// unitURL takes the parts as a query, for a PID holds "/" and a serial may hold
// anything.
func unitURL(organization, pid, serial string) string {
	return "/unit?" + url.Values{"organization": {organization}, "pid": {pid}, "serial": {serial}}.Encode()
}

func (s *server) showUnit(r *http.Request) (any, error) {
	f, err := newFilter(r)
	if err != nil {
		return nil, err
	}
	sc, err := s.scope(r.Context(), f)
	if err != nil {
		return nil, err
	}
	if sc.Chosen == nil {
		return nil, invalid("A unit is named by organization, pid and serial: this address lacks the organization.")
	}
	p := unitPage{
		says:         s.says(sc.Chosen.ID),
		Organization: sc.Chosen.Name, OrganizationURL: filter{Organization: sc.Chosen.ID}.url("/"),
		PID: r.FormValue("pid"), Serial: r.FormValue("serial"),
	}
	units, err := s.store.Units(r.Context(), sc.id())
	if err != nil {
		return nil, fmt.Errorf("cannot read units: %w", err)
	}
	now := s.now()
	for _, u := range units {
		if u.Serial == p.Serial && (u.PID == p.PID || p.PID == "") {
			p.Places = append(p.Places, unitPlace{
				newUnitRow(u, sc.Names, now), newMoment(u.FirstSeen, now),
				documentURL(u.Organization, document.TAC, u.Serial, "", "") + "&" + url.Values{"pid": {u.PID}}.Encode(),
			})
		}
	}
	findings, err := s.findings(r.Context(), sc.id(), stateOpen)
	if err != nil {
		return nil, err
	}
	about := keep(findings, func(x store.Finding) bool {
		return x.Serial == p.Serial && (x.PID == p.PID || x.PID == "" || p.PID == "")
	})
	sortFindings(about)
	p.Findings = sc.findingRows(about, now)
	if err := s.saidOfUnit(r.Context(), sc.id(), &p); err != nil {
		return nil, err
	}
	if len(p.Places) == 0 && len(p.Findings) == 0 && len(p.Declared) == 0 && len(p.Came) == 0 {
		return nil, notFound("No unit %.80q with serial %.80q was seen at %s.", p.PID, p.Serial, sc.Chosen.Name)
	}
	return page{Template: "unit.html", Title: p.PID + " " + p.Serial + " · Rollcall", Menu: sc.menu(overviewRoom), Data: p}, nil
}

// saidOfUnit adds what people said of a unit, and its replacements.
func (s *server) saidOfUnit(ctx context.Context, org string, p *unitPage) error {
	p.ID, p.Kinds = org, declarationOptions()
	declared, err := s.store.Declarations(ctx, org)
	if err != nil {
		return fmt.Errorf("cannot read declarations: %w", err)
	}
	serial := inventory.CleanSerial(p.Serial)
	for _, d := range declared {
		if d.Serial == serial && (d.PID == "" || p.PID == "" || inventory.MatchPID(d.PID) == inventory.MatchPID(p.PID)) {
			p.Declared = append(p.Declared, declarationRow{d, declarationWords[d.Kind], ""})
		}
	}
	replacements, err := s.store.Replacements(ctx, org)
	if err != nil {
		return err
	}
	for _, x := range replacements {
		switch serial {
		case x.OldSerial:
			p.Came = append(p.Came, replacementRow{"Replaced by", x.NewPID, x.NewSerial, unitURL(org, x.NewPID, x.NewSerial), x.RMANumber})
		case x.NewSerial:
			p.Came = append(p.Came, replacementRow{"Came for", x.OldPID, x.OldSerial, unitURL(org, x.OldPID, x.OldSerial), x.RMANumber})
		}
	}
	return nil
}
