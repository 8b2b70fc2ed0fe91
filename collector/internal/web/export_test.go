package web

import "rollcall/collector/internal/login"

// A RouteForTest is a line of the table of routes as the matrix sees it.
type RouteForTest struct {
	Pattern       string
	Open, Account bool
	Role          login.Role
}

// RoutesForTest are all of them.
func RoutesForTest() []RouteForTest {
	var all []RouteForTest
	for _, rt := range (&server{}).routes() {
		all = append(all, RouteForTest{rt.pattern, rt.needs.open, rt.needs.account, rt.needs.role})
	}
	return all
}

// NextForTest is where a login leads that was asked for with that query.
func NextForTest(raw string) string { return next(raw) }
