// Package login says who somebody is and what they may do: roles and whom they
// reach, the rules of passwords and how they are hashed, secrets that are shown
// once, and logging in through an organization's own provider (OpenID Connect).
// It keeps nothing: accounts, sessions and tokens are the store's, cookies and
// pages are web's.
package login

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// A Role is what somebody may do in an organization. Each may all that the ones
// before it may.
type Role string

// Roles, from the least.
const (
	Viewer Role = "viewer" // sees everything of an organization
	Editor Role = "editor" // decides and says: acknowledges, declares, imports, records
	Admin  Role = "admin"  // says who may do what
)

// Roles are all of them, from the least.
var Roles = []Role{Viewer, Editor, Admin}

// rank is 0 for no role.
func (r Role) rank() int { return slices.Index(Roles, r) + 1 }

// Covers says that whoever has the role r may do what needs the role n.
func (r Role) Covers(n Role) bool { return n.rank() > 0 && r.rank() >= n.rank() }

// Grants are roles by the ID of an organization; "" stands for all of them,
// also for those that are made later.
type Grants map[string]Role

// In is the role in an organization; "" is the role in all of them.
func (g Grants) In(organization string) Role {
	if g[""].rank() >= g[organization].rank() {
		return g[""]
	}
	return g[organization]
}

// Anywhere says that the role is covered in one organization at least.
func (g Grants) Anywhere(r Role) bool {
	for _, has := range g {
		if has.Covers(r) {
			return true
		}
	}
	return false
}

// Organizations are those that may be seen; all says that it is every one.
func (g Grants) Organizations() (ids []string, all bool) {
	if g[""].Covers(Viewer) {
		return nil, true
	}
	for _, id := range slices.Sorted(maps.Keys(g)) {
		if g[id].Covers(Viewer) {
			ids = append(ids, id)
		}
	}
	return ids, false
}

// Within says that an admin who has the grants g may decide everything about
// somebody who has those given: there is no organization of theirs in which the
// admin is none.
func (g Grants) Within(others Grants) bool {
	for id := range others {
		if !g.In(id).Covers(Admin) {
			return false
		}
	}
	return true
}

// Capped are the grants with no role above r, and of one organization alone
// unless that is "".
func (g Grants) Capped(r Role, organization string) Grants {
	capped := Grants{}
	least := func(has Role) Role {
		if has.rank() > r.rank() {
			return r
		}
		return has
	}
	if organization != "" {
		if has := least(g.In(organization)); has != "" {
			capped[organization] = has
		}
		return capped
	}
	for id, has := range g {
		capped[id] = least(has)
	}
	return capped
}

// A Scope is what a token of the API is for.
type Scope string

// Scopes.
const (
	ScopeRead    Scope = "read"    // what a viewer may
	ScopeWrite   Scope = "write"   // what an editor may
	ScopeMetrics Scope = "metrics" // scrape /metrics, and nothing else
)

// Scopes are all of them.
var Scopes = []Scope{ScopeRead, ScopeWrite, ScopeMetrics}

// Role is the most that a token of the scope may be.
func (s Scope) Role() Role {
	if s == ScopeWrite {
		return Editor
	}
	return Viewer
}

// A Principal is who asks. The zero one is nobody.
type Principal struct {
	Name    string // of the account or the token, as it is written down
	Account string // ID; "" for nobody, for the local one and for tokens of the command line
	Grants  Grants
	Session string // hash of the session; "" where there is none
	Token   string // ID of the token of the API; "" where there is none
	Scope   Scope  // of the token
}

// Local is whoever asks where there is no login.
func Local() Principal { return Principal{Name: "local", Grants: Grants{"": Admin}} }

// Known says that it is not nobody.
func (p Principal) Known() bool { return p.Name != "" }

// Bearer is the token of the header Authorization (RFC 6750), "" for none.
func Bearer(r *http.Request) string {
	if scheme, t, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(t)
	}
	return ""
}

// Secrets are told apart by their beginning, by people and by scanners of
// secrets.
const (
	PrefixAPI = "rct_" // token of the API
)

// secretBytes is the randomness of a secret. It needs no salt and no slow hash:
// 256 bits cannot be guessed.
const secretBytes = 32

// NewSecret returns a secret that begins with the prefix.
func NewSecret(prefix string) string {
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // never fails: the program ends instead
	return prefix + base64.RawURLEncoding.EncodeToString(raw)
}

// HashSecret is what is kept of a secret: SHA-256 in hex.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
