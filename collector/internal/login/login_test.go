package login

import (
	"context"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCheckPassword(t *testing.T) {
	for password, want := range map[string]string{
		"three switches and no time":       "",
		"correct horse battery":            "",
		"Füchse, Hühner & Körner":          "",
		"12 switches!":                     "",
		"":                                 "it has 0 characters",
		"elevenchars":                      "it has 11 characters, and at least 12 are needed",
		"ПарольПарол":                      "it has 11 characters",
		"aaaaaaaaaaaaaaaa":                 "tried first",
		"abababababab":                     "tried first",
		"PasswordPassword":                 "tried first",
		"123456789012":                     "tried first",
		"ciscociscocisco":                  "tried first",
		"volunteer@example.org":            "made of the name",
		"Volunteer2026!":                   "made of the name",
		"volunteervolunteer":               "made of the name",
		strings.Repeat("long enough ", 20): "longer than 200",
		"three switches \xff\xfe":          "not text",
	} {
		err := CheckPassword("volunteer@example.org", password)
		if want == "" && err != nil || want != "" && (err == nil || !errors.Is(err, ErrPassword) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", password, err, want)
		}
	}
}

// TestHash: a password fits its hash alone, each hash has its own salt, and what
// is no hash of ours is an error and never a match.
func TestHash(t *testing.T) {
	ctx, h := context.Background(), NewHasher()
	one, err1 := h.Hash(ctx, "three switches")
	two, err2 := h.Hash(ctx, "three switches")
	if err := errors.Join(err1, err2); err != nil || one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%q, %q, %v", one, two, err)
	}
	for _, tt := range []struct {
		kept, password string
		fits, fails    bool
	}{
		{one, "three switches", true, false},
		{two, "three switches", true, false},
		{one, "three switches ", false, false},
		{one, "", false, false},
		{"", "three switches", false, false},
		{"", "", false, false},
		{one, strings.Repeat("x", 1<<20), false, false},
		{one[:len(one)-30], "three switches", false, true},
		{strings.Replace(one, "m=19456", "m=99999999", 1), "three switches", false, true},
		{strings.Replace(one, "t=2", "t=0", 1), "three switches", false, true},
		{strings.Replace(one, "p=1", "p=0", 1), "three switches", false, true},
		{strings.Replace(one, "argon2id", "argon2i", 1), "three switches", false, true},
		{"three switches", "three switches", false, true},
	} {
		fits, err := h.Verify(ctx, tt.kept, tt.password)
		if fits != tt.fits || (err != nil) != tt.fails {
			t.Errorf("%.60q with %.20q: %v, %v", tt.kept, tt.password, fits, err)
		}
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	for range hashesAtOnce {
		h.slots <- struct{}{}
	}
	if _, err := h.Verify(over, one, "three switches"); !errors.Is(err, context.Canceled) {
		t.Errorf("while all are busy, for one who left: %v", err)
	}
}

// TestGrants: a role is never more than was given, however it is capped.
func TestGrants(t *testing.T) {
	role := rapid.SampledFrom([]Role{"", Viewer, Editor, Admin, "owner"})
	org := rapid.SampledFrom([]string{"", "a", "b", "c"})
	rapid.Check(t, func(t *rapid.T) {
		g := Grants(rapid.MapOf(org, role).Draw(t, "grants"))
		limit, place := role.Draw(t, "limit"), org.Draw(t, "place")
		capped := g.Capped(limit, place)
		for _, id := range []string{"", "a", "b", "c", "d"} {
			for _, need := range Roles {
				if capped.In(id).Covers(need) && (!g.In(id).Covers(need) || !limit.Covers(need)) {
					t.Fatalf("%v capped by %q at %q may %s in %q", g, limit, place, need, id)
				}
				if place != "" && id != place && capped.In(id).Covers(need) {
					t.Fatalf("%v capped by %q at %q reaches %q", g, limit, place, id)
				}
			}
			ids, all := g.Organizations()
			sees := all
			for _, x := range ids {
				sees = sees || x == id
			}
			if id != "" && sees != g.In(id).Covers(Viewer) {
				t.Fatalf("%v sees %q: %v", g, id, sees)
			}
		}
		if others := Grants(rapid.MapOf(org, role).Draw(t, "others")); g.Within(others) {
			for id := range others {
				if !g.In(id).Covers(Admin) {
					t.Fatalf("%v decides about %v", g, others)
				}
			}
		}
	})
}
