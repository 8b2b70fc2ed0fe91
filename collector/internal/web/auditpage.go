package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

// shownEntries bounds the entries of one page of the audit log.
const shownEntries = 100

// auditPage shows who did what, the newest first.
type auditPage struct {
	Entries []auditRow
	Several bool
	Name    string // of the chosen organization
	Older   string // address; "" at the end
}

type auditRow struct {
	store.AuditEntry

	When  string
	Words string
	Place string
	More  string
}

// auditWords are what was done, in words.
var auditWords = map[string]string{
	"account.create": "made the account", "account.role": "set the role of", "account.password": "set the password of", "account.disable": "disabled the account",
	"account.enable": "enabled the account", "account.delete": "deleted the account", "account.link_made": "made a link for", "account.link_used": "used a link for",
	"account.link": "tied to the provider's account", "api_token.create": "made the token", "api_token.revoke": "revoked the token",
	"login": "logged in as", "login.failed": "failed to log in as", "login.limit": "was stopped after too many tries as", "logout": "ended sessions of",
	"import.contract": "imported the contract file", "import.rma": "imported the ledger of replacements", "import.orders": "imported the ledger of orders", "import.undo": "undid the import of",
	"rma.save": "saved the replacement", "rma.delete": "deleted the replacement", "orders.save": "saved the order", "orders.delete": "deleted the order",
	"replacement.confirm": "confirmed the replacement of", "replacement.reject": "rejected the replacement of", "replacement.withdraw_rejection": "took back the rejection of",
	"declaration.save": "declared", "declaration.withdraw": "took back what was declared of", "retirement.save": "said that it is gone: the", "retirement.withdraw": "took back that it is gone: the",
	"finding.acknowledge": "has seen the finding", "finding.unacknowledge": "took back having seen the finding", "site.save": "set the address of the site",
	"support_api.answers": "took answers of Cisco's API", "organization.create": "made the organization", "collector.start": "started, by its", "database.restore": "set the database back to",
	"agent.invite": "made a join token for the agent", "agent.join": "let the agent join:", "agent.renew": "renewed the credential of the agent", "agent.state": "set the state of the agent",
	"agent.static_token": "made a token for the agent",
}

// showAudit is for admins: of one organization its own entries, of all
// organizations everything.
func (s *server) showAudit(r *http.Request) (any, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badQuery()
	}
	below, err := number(q, "below", 0, 1, maxOffset)
	if err != nil {
		return nil, err
	}
	sc, err := s.scope(r.Context(), filter{Organization: q.Get("organization")})
	if err != nil {
		return nil, err
	}
	org := ""
	if s.may(login.Admin, "") != nil || q.Get("organization") != "" {
		// Entries of no organization are for admins of all.
		if sc.Chosen == nil {
			return nil, invalid("This page is of one organization: its address lacks it.")
		}
		org = sc.id()
	}
	if err := s.may(login.Admin, org); err != nil {
		return nil, err
	}
	entries, err := s.people.AuditLog(r.Context(), org, int64(below), shownEntries+1)
	if err != nil {
		return nil, fmt.Errorf("cannot read the audit log: %w", err)
	}
	p := auditPage{Several: org == "" && len(sc.All) > 1, Name: sc.Names[org]}
	if len(entries) > shownEntries {
		entries = entries[:shownEntries]
		older := url.Values{"below": {fmt.Sprint(entries[shownEntries-1].Seq)}}
		if org != "" {
			older.Set("organization", org)
		}
		p.Older = "/audit?" + older.Encode()
	}
	for _, e := range entries {
		row := auditRow{AuditEntry: e, When: e.At.Format("2006-01-02 15:04:05"), Words: auditWords[e.Action], Place: sc.Names[e.Organization], More: tellDetail(e.Detail)}
		if row.Words == "" {
			row.Words = strings.NewReplacer(".", ": ", "_", " ").Replace(e.Action)
		}
		p.Entries = append(p.Entries, row)
	}
	return page{Template: "audit.html", Title: "Audit log · Rollcall", Data: p}, nil
}

// tellDetail is the detail of an entry on one line.
func tellDetail(raw json.RawMessage) string {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if text := fmt.Sprint(fields[name]); text != "" && fields[name] != nil {
			parts = append(parts, strings.ReplaceAll(name, "_", " ")+" "+text)
		}
	}
	return strings.Join(parts, ", ")
}
