package web_test

import (
	"strings"
	"testing"
)

// TestMenu: who has chosen an organization keeps it from room to room, and who
// changes it stays in the room; where there is one only, nobody sees the word.
func TestMenu(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/records", "/documents"} {
		if body := s.get(path).Body.String(); !strings.Contains(body, "There is no organization yet") {
			t.Errorf("%s without any organization does not say what to do:\n%s", path, body)
		}
	}
	s.foodBank()
	if body := s.get("/records").Body.String(); strings.Contains(body, foodBankID+`">What to do`) || !strings.Contains(body, `<a href="/records" aria-current="true">`) {
		t.Errorf("the menu of the only organization names it, or not where the page belongs:\n%s", body)
	}
	s.school()
	for _, path := range []string{"/", "/findings", "/documents", "/records"} {
		body := s.get(path + "?organization=" + foodBankID).Body.String()
		for _, want := range []string{`<form action="` + path + `" method="get">`, `<a href="/?organization=` + foodBankID + `"`, `<a href="/findings?organization=` + foodBankID + `"`, `<a href="/documents?organization=` + foodBankID + `"`, `<a href="/records?organization=` + foodBankID + `"`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s of one of several organizations lacks %s", path, want)
			}
		}
	}
}
