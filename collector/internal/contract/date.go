package contract

import (
	"fmt"
	"time"
)

// Date is a calendar day in ISO form, "2026-01-31", or "" for one that is not
// known. Contracts begin and end on days, in no time zone. Dates compare with
// < and >, "" before all.
type Date string

// DateOf is the UTC day of a moment.
func DateOf(t time.Time) Date { return Date(t.UTC().Format(time.DateOnly)) }

// ParseDate reads an ISO date.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return "", fmt.Errorf("%q is not a date: write it as YYYY-MM-DD", s)
	}
	return DateOf(t), nil
}

// AddDays returns the day n days later, or "" for "".
func (d Date) AddDays(n int) Date {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return ""
	}
	return DateOf(t.AddDate(0, 0, n))
}

// DaysUntil returns the number of days from d to e, negative when e is before
// d. It is 0 when either is unknown.
func (d Date) DaysUntil(e Date) int {
	from, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return 0
	}
	to, err := time.Parse(time.DateOnly, string(e))
	if err != nil {
		return 0
	}
	return int(to.Sub(from).Hours() / 24)
}
