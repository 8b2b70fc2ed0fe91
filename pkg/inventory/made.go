package inventory

import (
	"regexp"
	"time"
)

// usualSerial is the form that three quarters of Cisco's serials have: site or
// supplier, year since 1996, week, number in base 36.
var usualSerial = regexp.MustCompile(`^[A-Z]{3}(\d\d)(\d\d)[0-9A-Z]{4}$`)

// lastWeeks are the last weeks of the months, as Cisco counts them in serials.
var lastWeeks = [...]int{5, 9, 14, 18, 22, 27, 31, 35, 40, 44, 48, 53}

// Made says in which month the serial number says that the part was made: the
// usual form has the years since 1996 and the week (Cisco's serial number
// lookup). It is for people to look at, and no identity and no start of any
// warranty: the MIB forbids taking serials apart, and some suppliers' year is off
// by one (Cisco document 18280). ok is false for serials of other forms, and
// for dates that cannot be on that day.
func Made(serial string, today time.Time) (year int, month time.Month, ok bool) {
	m := usualSerial.FindStringSubmatch(serial)
	if m == nil {
		return 0, 0, false
	}
	two := func(s string) int { return 10*int(s[0]-'0') + int(s[1]-'0') }
	year, week := 1996+two(m[1]), two(m[2])
	if year == 1996 || year > today.Year()+1 || week < 1 || week > 53 {
		return 0, 0, false
	}
	for i, last := range lastWeeks {
		if week <= last {
			month = time.Month(i + 1)
			break
		}
	}
	return year, month, true
}
