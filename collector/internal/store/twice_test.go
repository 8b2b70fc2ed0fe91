package store_test

import (
	"testing"
	"time"
)

// That an agent runs twice is told where its organization is judged.
func TestRunsTwiceIsTold(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	a, secret := invite(t, s, "agent-1")
	m := newMachine(t, s, c)
	m.want("join", m.join(secret), nil)
	settle(t, s)
	for _, instance := range []string{"a", "b", "a"} {
		m.want("upload", m.upload(m.token, instance), nil)
		c.advance(time.Hour)
	}
	if got := changed(t, s); len(got) != 1 {
		t.Errorf("changed %v", got)
	}
	if got := facts(t, s, a.Organization).Agents; len(got) != 1 || !got[0].RunsTwice {
		t.Errorf("agents %+v", got)
	}
}
