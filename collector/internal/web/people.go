package web

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

// linkLife is how long a link holds by which somebody sets a password. It is
// carried to them by mail or by hand.
const linkLife = 3 * 24 * time.Hour

// peoplePage is for admins: who may log in, and what they may do.
type peoplePage struct {
	People        []personRow
	Roles         []login.Role
	Organizations []store.Organization // in which one is admin
	Everywhere    bool                 // admin of all organizations
	Many          bool                 // too many organizations for a list
	Tokens        []tokenRow
}

type personRow struct {
	store.Account

	Roles  []roleRow
	Last   moment
	Manage bool // may be disabled, deleted and given a new password
	Self   bool
}

func (s *server) showPeople(r *http.Request) (any, error) {
	ctx := r.Context()
	sc, err := s.scope(ctx, filter{})
	if err != nil {
		return nil, err
	}
	all, err := s.people.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read accounts: %w", err)
	}
	p := peoplePage{Roles: login.Roles, Everywhere: s.may(login.Admin, "") == nil}
	if p.Many = len(sc.All) > maxListedOrgs; !p.Many {
		p.Organizations = keep(sc.All, func(o store.Organization) bool { return s.may(login.Admin, o.ID) == nil })
	}
	now := s.now()
	for _, a := range all {
		if !s.sees(a) {
			continue
		}
		row := personRow{Account: a, Last: newMoment(a.LastLogin, now), Manage: s.manages(a), Self: a.ID == s.who.Account}
		for _, role := range roleRows(a.Grants, sc.Names) {
			if p.Everywhere || s.may(login.Admin, role.Organization) == nil && role.Organization != "" {
				row.Roles = append(row.Roles, role)
			}
		}
		p.People = append(p.People, row)
	}
	if p.Everywhere {
		tokens, err := s.people.APITokens(ctx, "")
		if err != nil {
			return nil, fmt.Errorf("cannot read tokens: %w", err)
		}
		p.Tokens = tokenRows(keep(tokens, func(t store.APIToken) bool { return t.Revoked.IsZero() }), sc.Names, now)
	}
	return page{Template: "people.html", Title: "People · Rollcall", Data: p}, nil
}

// sees says that an admin knows of an account: it has a role in an organization
// of theirs.
func (s *server) sees(a store.Account) bool {
	if s.who.Grants.In("").Covers(login.Admin) {
		return true
	}
	for org := range withoutAll(a.Grants) {
		if s.who.Grants.In(org).Covers(login.Admin) {
			return true
		}
	}
	return false
}

// manages says that an admin may decide about the whole account: it has no role
// anywhere else. An account without any role is for admins of all organizations.
func (s *server) manages(a store.Account) bool {
	if s.who.Grants.In("").Covers(login.Admin) {
		return true
	}
	return len(a.Grants) > 0 && s.who.Grants.Within(a.Grants)
}

// managed is the account that a form is about, for an admin who may decide about
// it. One that they do not know of is not there for them.
func (s *server) managed(r *http.Request, in said) (store.Account, error) {
	a, err := s.people.AccountByID(r.Context(), in["account"])
	if err != nil {
		return a, err
	}
	if !s.sees(a) {
		return a, store.ErrNotFound
	}
	if !s.manages(a) {
		return a, forbidden("This account also has roles in organizations of which you are no admin: their admins, or one of all organizations, can do this.")
	}
	return a, nil
}

// administered is the organization that a form is about, "" for all, for one who
// is admin there.
func (s *server) administered(r *http.Request, in said) (string, error) {
	org := in["organization"]
	if org != "" {
		sc, err := s.scope(r.Context(), filter{Organization: org})
		if err != nil {
			return "", err
		}
		org = sc.id()
	}
	return org, s.may(login.Admin, org)
}

// createAccount makes an account whose person chooses the password by a link. An
// account that is there already is not touched: else an admin could prepare one
// in the name of somebody whom another organization takes for its own.
func (s *server) createAccount(r *http.Request, in said) (any, error) {
	org, err := s.administered(r, in)
	if err != nil {
		return nil, err
	}
	if login.Role(in["role"]) == "" {
		return nil, invalid("The field \"role\" is empty.")
	}
	a, err := s.people.CreateAccount(r.Context(), in["name"], login.Grants{org: login.Role(in["role"])})
	if err != nil {
		return nil, err
	}
	return s.link(r, a, "A new account")
}

func (s *server) link(r *http.Request, a store.Account, heading string) (any, error) {
	code, err := s.people.NewSetupCode(r.Context(), a.ID, linkLife)
	if err != nil {
		return nil, err
	}
	return oncePage{
		Heading: heading, Secret: s.here(r, "/setup", url.Values{"code": {code}}), Link: true, Back: "/people",
		Words: fmt.Sprintf("Give this link to %s, who opens it and chooses a password. It is shown this once, can be used once, and holds for three days.", a.Name),
		After: "Whoever has the link has the account: send it in a way that only they can read.",
	}.page(), nil
}

func (s *server) setRole(r *http.Request, in said) (any, error) {
	org, err := s.administered(r, in)
	if err != nil {
		return nil, err
	}
	a, err := s.people.AccountByID(r.Context(), in["account"])
	if err != nil {
		return nil, err
	}
	if !s.sees(a) {
		return nil, store.ErrNotFound
	}
	return seeOther("/people"), s.people.Grant(r.Context(), a.ID, org, login.Role(in["role"]))
}

func (s *server) resetPassword(r *http.Request, in said) (any, error) {
	a, err := s.managed(r, in)
	if err != nil {
		return nil, err
	}
	return s.link(r, a, "A new password")
}

func (s *server) disableAccount(r *http.Request, in said) (any, error) {
	a, err := s.managed(r, in)
	if err != nil {
		return nil, err
	}
	return seeOther("/people"), s.people.SetDisabled(r.Context(), a.ID, true)
}

func (s *server) enableAccount(r *http.Request, in said) (any, error) {
	a, err := s.managed(r, in)
	if err != nil {
		return nil, err
	}
	return seeOther("/people"), s.people.SetDisabled(r.Context(), a.ID, false)
}

func (s *server) deleteAccount(r *http.Request, in said) (any, error) {
	a, err := s.managed(r, in)
	if err != nil {
		return nil, err
	}
	return seeOther("/people"), s.people.DeleteAccount(r.Context(), a.ID)
}
