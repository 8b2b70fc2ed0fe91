package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

// accountPage is what somebody sees of their own account.
type accountPage struct {
	Name          string
	HasPassword   bool
	Least         int // characters of a password
	Roles         []roleRow
	Sessions      []sessionRow
	Tokens        []tokenRow
	Scopes        []scopeOption
	Organizations []store.Organization
	Several       bool
	Many          bool // too many organizations for a list
}

// A roleRow is a role in an organization.
type roleRow struct {
	Organization, Name string // Name is "all organizations" for ""
	Role               login.Role
}

type sessionRow struct {
	Hash, Address, Browser string
	This                   bool
	Begun, Used            moment
}

type tokenRow struct {
	store.APIToken

	Place                string
	Made, Used, EndsOn   moment
	Holds                bool
	Owner, EndsDay, Gone string
}

type scopeOption struct {
	Scope login.Scope
	Words string
}

var scopeWords = []scopeOption{
	{login.ScopeRead, "read: see everything that you see"},
	{login.ScopeWrite, "write: also decide and say, as an editor does"},
	{login.ScopeMetrics, "metrics: scrape /metrics, and nothing else"},
}

// tokenDays bounds the life of a token, in days, and is what the form proposes.
const tokenDays = 365

func (s *server) showAccount(r *http.Request) (any, error) {
	if s.who.Account == "" {
		return nil, noLogin()
	}
	ctx := r.Context()
	a, err := s.people.AccountByID(ctx, s.who.Account)
	if err != nil {
		return nil, err
	}
	sc, err := s.scope(ctx, filter{})
	if err != nil {
		return nil, err
	}
	p := accountPage{
		Name: a.Name, HasPassword: a.HasPassword, Least: login.MinPassword, Roles: roleRows(a.Grants, sc.Names), Scopes: scopeWords,
		Several: len(sc.All) > 1, Many: len(sc.All) > maxListedOrgs,
	}
	if !p.Many {
		p.Organizations = sc.All
	}
	sessions, err := s.people.Sessions(ctx, a.ID, s.idle)
	if err != nil {
		return nil, fmt.Errorf("cannot read sessions: %w", err)
	}
	now := s.now()
	for _, x := range sessions {
		p.Sessions = append(p.Sessions, sessionRow{x.Hash, x.Address, browserWords(x.Browser), x.Hash == s.who.Session, newMoment(x.Created, now), newMoment(x.LastUsed, now)})
	}
	tokens, err := s.people.APITokens(ctx, a.ID)
	if err != nil {
		return nil, fmt.Errorf("cannot read tokens: %w", err)
	}
	p.Tokens = tokenRows(tokens, sc.Names, now)
	return page{Template: "account.html", Title: "Your account · Rollcall", Data: p}, nil
}

// browserWords are what people call a browser and its system by what it says of
// itself, whose names of others it has too; what it says where that is no name.
func browserWords(agent string) string {
	first := func(names ...[2]string) string {
		for _, n := range names {
			if strings.Contains(agent, n[0]) {
				return n[1]
			}
		}
		return ""
	}
	browser := first([2]string{"Edg", "Edge"}, [2]string{"OPR/", "Opera"}, [2]string{"Firefox/", "Firefox"}, [2]string{"Chrome", "Chrome"}, [2]string{"Safari/", "Safari"})
	system := first([2]string{"Android", "Android"}, [2]string{"iPhone", "an iPhone"}, [2]string{"iPad", "an iPad"}, [2]string{"Windows", "Windows"}, [2]string{"Mac OS X", "a Mac"}, [2]string{"Linux", "Linux"})
	if browser == "" || system == "" {
		return agent
	}
	return browser + " on " + system
}

func roleRows(g login.Grants, names map[string]string) []roleRow {
	var rows []roleRow
	if g[""] != "" {
		rows = append(rows, roleRow{"", "all organizations", g[""]})
	}
	ids, _ := withoutAll(g).Organizations()
	for _, id := range ids {
		if names[id] != "" {
			rows = append(rows, roleRow{id, names[id], g[id]})
		}
	}
	return rows
}

func withoutAll(g login.Grants) login.Grants {
	rest := login.Grants{}
	for id, role := range g {
		if id != "" {
			rest[id] = role
		}
	}
	return rest
}

func tokenRows(tokens []store.APIToken, names map[string]string, now time.Time) []tokenRow {
	rows := make([]tokenRow, len(tokens))
	for i, t := range tokens {
		rows[i] = tokenRow{
			APIToken: t, Place: names[t.Organization], Made: newMoment(t.Created, now), Used: newMoment(t.LastUsed, now),
			Holds: t.Revoked.IsZero() && now.Before(t.Expires), EndsDay: t.Expires.Format(time.DateOnly), Owner: t.AccountName,
		}
		switch {
		case t.Organization == "":
			rows[i].Place = "all that its account may see"
		case rows[i].Place == "":
			rows[i].Place = t.Organization
		}
		switch {
		case !t.Revoked.IsZero():
			rows[i].Gone = "revoked"
		case !rows[i].Holds:
			rows[i].Gone = "ended"
		}
		if t.Account == "" {
			rows[i].Owner = "the command line"
		}
	}
	return rows
}

func (s *server) changePassword(r *http.Request, in said) (any, error) {
	ctx := r.Context()
	a, err := s.people.AccountByID(ctx, s.who.Account)
	if err != nil {
		return nil, err
	}
	// Whoever sits at a browser that was left alone must not be able to keep
	// the account, nor to try passwords there.
	try := store.Try{Name: a.Name, Address: s.addressOf(r), Browser: cookieOf(r, cookieBrowser)}
	if err := s.people.BeginTry(ctx, try); err != nil {
		return s.tooMany(r, loginPage{Name: a.Name, Next: "/account"}, err)
	}
	kept, err := s.people.PasswordHash(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	right, err := s.verify(ctx, kept, in["password"])
	if err != nil {
		return nil, err
	}
	if err := s.people.EndTry(ctx, try, right, "old password"); err != nil {
		return nil, err
	}
	if !right {
		return nil, invalid("The password that you have now is not the one that you typed.")
	}
	hash, problem, err := s.newPassword(r, a.Name, in["new"], in["again"])
	if err != nil {
		return nil, err
	}
	if problem != "" {
		return nil, invalid("%s", problem)
	}
	if err := s.people.SetPassword(ctx, a.ID, hash, s.who.Session); err != nil {
		return nil, err
	}
	return seeOther("/account"), nil
}

func (s *server) endSession(r *http.Request, in said) (any, error) {
	return seeOther("/account"), s.people.EndSession(r.Context(), s.who.Account, in["session"])
}

func (s *server) endOtherSessions(r *http.Request, _ said) (any, error) {
	return seeOther("/account"), s.people.EndOtherSessions(r.Context(), s.who.Account, s.who.Session)
}

// oncePage shows a secret this once.
type oncePage struct {
	Heading, Words, Secret, After string
	Link                          bool // the secret is an address
	Back                          string
}

func (p oncePage) page() page {
	return page{Template: "once.html", Title: p.Heading + " · Rollcall", Data: p, Secret: true}
}

func (s *server) createToken(r *http.Request, in said) (any, error) {
	days := tokenDays
	if in["days"] != "" {
		n, err := strconv.Atoi(in["days"])
		if err != nil || n < 1 || n > int(store.MaxTokenLife.Hours()/24) {
			return nil, invalid("A token lives between 1 and %d days.", int(store.MaxTokenLife.Hours()/24))
		}
		days = n
	}
	if org := in["organization"]; org != "" {
		sc, err := s.scope(r.Context(), filter{Organization: org})
		if err != nil {
			return nil, err
		}
		if in["scope"] == string(login.ScopeWrite) {
			if err := s.may(login.Editor, sc.id()); err != nil {
				return nil, err
			}
		}
	}
	t, secret, err := s.people.CreateAPIToken(r.Context(), store.APIToken{
		Name: in["name"], Account: s.who.Account, Scope: login.Scope(in["scope"]), Organization: in["organization"],
	}, time.Duration(days)*24*time.Hour)
	if err != nil {
		return nil, err
	}
	return oncePage{
		Heading: "Your new token", Secret: secret, Back: "/account",
		Words: fmt.Sprintf("This is the token %q. It is shown this once: copy it to where it is used. It holds until %s.", t.Name, t.Expires.Format(time.DateOnly)),
		After: "A program sends it in the header \"Authorization: Bearer …\".",
	}.page(), nil
}

func (s *server) revokeToken(r *http.Request, in said) (any, error) {
	whose := s.who.Account
	back := "/account"
	if s.who.Grants.In("").Covers(login.Admin) {
		whose = "" // those of everybody
		if own, err := s.people.APITokens(r.Context(), s.who.Account); err == nil && !ownsToken(own, in["token"]) {
			back = "/people"
		}
	}
	return seeOther(back), s.people.RevokeAPIToken(r.Context(), whose, in["token"])
}

func ownsToken(own []store.APIToken, id string) bool {
	for _, t := range own {
		if t.ID == id {
			return true
		}
	}
	return false
}
