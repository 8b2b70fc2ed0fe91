package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// Whatever two organizations did, no method of a view of one of them gives a
// word of the other or changes anything of it, also when it is asked for the
// other by name.
func TestWithinNeverMixes(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		var both [2]*tenant
		for i := range both {
			mark := fmt.Sprintf("W%dX%dW", run, i)
			a, _, err := s.CreateAgent(t.Context(), mark, "Main", "agent-1")
			if err != nil {
				rt.Fatal(err)
			}
			both[i] = &tenant{mark: mark, agent: a}
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			c.advance(time.Minute)
			i := rapid.IntRange(0, 1).Draw(rt, "tenant")
			act(rt, s, c, both[i], both[1-i])
		}
		own, other := both[0], both[1]
		before := everything(rt, s, other.agent.Organization)
		for method, said := range callAll(s.Within(own.agent.Organization), other) {
			if strings.Contains(said, other.mark) || !ofPeople.MatchString(method) && strings.Contains(said, strings.ToLower(other.mark)) {
				rt.Errorf("%s of a view of %s tells of %s:\n%s", method, own.mark, other.mark, said)
			}
		}
		if after := everything(rt, s, other.agent.Organization); after != before {
			rt.Fatalf("a view of %s changed %s from\n%s\nto\n%s", own.mark, other.mark, before, after)
		}
	})
}

// withoutOrganization are methods that read and write nothing of one.
var withoutOrganization = []string{"Close", "Changes", "Within", "As", "Unattended"}

// ofPeople are methods of people and what they log in with, and of those who are
// told of findings. These are of no organization, and the methods repeat what
// they were asked.
var ofPeople = regexp.MustCompile(`Receiver|Notice|Account|Subject|Disabled|Try|Session|Setup|Login|Browser|Password|Grant|APIToken`)

// callAll calls each exported method with all that names the other
// organization, and returns what came back as JSON, errors too, but for errors
// that say no more than what was asked.
func callAll(s *store.Store, other *tenant) map[string]string {
	theirs := []any{other.agent.Organization, "", other.agent.ID}
	said := map[string]string{}
	v := reflect.ValueOf(s)
	for i := range v.NumMethod() {
		name := v.Type().Method(i).Name
		skip := strings.HasSuffix(name, "ForTest")
		for _, n := range withoutOrganization {
			skip = skip || n == name
		}
		if skip {
			continue
		}
		var heard []string
		for _, text := range theirs {
			for _, n := range []int64{1, 2, 3, 1 << 40} {
				heard = append(heard, call(v.Method(i), text, n, other)...)
			}
		}
		said[name] = strings.Join(heard, "\n")
	}
	return said
}

// call makes one call, with the text for each string and the number for each
// number, and a function that remembers what it is given.
func call(method reflect.Value, text any, n int64, other *tenant) []string {
	var heard []string
	hear := func(vs []reflect.Value) {
		for _, v := range vs {
			if err, isError := reflect.TypeAssert[error](v); isError {
				// The answer may repeat the question.
				heard = append(heard, strings.NewReplacer(other.agent.Organization, "", other.agent.ID, "").Replace(err.Error()))
				continue
			}
			raw, err := json.Marshal(v.Interface())
			if err != nil {
				continue // no value that could be shown
			}
			heard = append(heard, string(raw))
		}
	}
	var args []reflect.Value
	for at := range method.Type().NumIn() {
		in := method.Type().In(at)
		if method.Type().IsVariadic() && at == method.Type().NumIn()-1 {
			break
		}
		arg := reflect.New(in).Elem()
		switch {
		case in == reflect.TypeFor[context.Context]():
			arg.Set(reflect.ValueOf(context.Background()))
		case in == reflect.TypeFor[store.Agent]():
			arg.Set(reflect.ValueOf(other.agent))
		case in == reflect.TypeFor[reconcile.Result]():
			arg.Set(reflect.ValueOf(reconcile.Result{Units: []reconcile.Unit{{Serial: "TAKEN", Site: "Main"}}}))
		case in.Kind() == reflect.String:
			arg.SetString(fmt.Sprint(text))
		case in.Kind() == reflect.Int64 || in.Kind() == reflect.Int:
			arg.SetInt(n)
		case in.Kind() == reflect.Bool:
			arg.SetBool(n%2 == 0)
		case in.Kind() == reflect.Func:
			arg.Set(reflect.MakeFunc(in, func(vs []reflect.Value) []reflect.Value {
				hear(vs)
				var out []reflect.Value
				for o := range in.Outs() {
					out = append(out, reflect.Zero(o))
				}
				return out
			}))
		}
		args = append(args, arg)
	}
	hear(method.Call(args))
	return heard
}

// A view of some organizations is one of what both have, and cannot make others.
func TestWithinOfWithin(t *testing.T) {
	s := open(t, t.TempDir(), newClock())
	for _, name := range []string{"a", "b", "c"} {
		agent(t, s, name, "Main", "agent-1")
	}
	names := func(s *store.Store) string {
		t.Helper()
		all, err := s.Organizations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, o := range all {
			ids = append(ids, o.ID)
		}
		return strings.Join(ids, " ")
	}
	for want, view := range map[string]*store.Store{
		"a b c": s, "a b": s.Within("b", "a"), "b": s.Within("a", "b").Within("b", "c"), "": s.Within(), "c": s.Within("", "*", "c", "a,b").As("Ada").Unattended(),
	} {
		if got := names(view); got != want {
			t.Errorf("a view that should see %q sees %q", want, got)
		}
		if _, err := view.CreateOrganization(t.Context(), "d"); want != "a b c" && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a view of %q made an organization: %v", want, err)
		}
	}
}
