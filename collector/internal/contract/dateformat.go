package contract

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// DateOrder says what 02/03/2026 is.
type DateOrder string

// The orders. With OrderUnknown a file's own dates decide, such as 01/31/2026,
// and where none does, the rows are refused: a guess would be wrong for a month
// at a time.
const (
	OrderUnknown DateOrder = ""
	MonthFirst   DateOrder = "mdy" // United States: 02/03/2026 is 3 February
	DayFirst     DateOrder = "dmy" // nearly everywhere else: 2 March
)

// ParseDateOrder reads an order as people give it.
func ParseDateOrder(s string) (DateOrder, error) {
	switch o := DateOrder(strings.ToLower(strings.TrimSpace(s))); o {
	case OrderUnknown, MonthFirst, DayFirst:
		return o, nil
	}
	return "", fmt.Errorf("%q is no date order: use mdy (month first, 01/31/2026) or dmy (day first, 31/01/2026)", s)
}

var (
	errNoDate    = errors.New("it is not a date: write it as YYYY-MM-DD")
	errAmbiguous = errors.New("day and month could be either way round, and no other date of the file tells: " +
		"set the date order to mdy (month first) or dmy (day first), or write it as YYYY-MM-DD")
)

var (
	timeOfDay  = regexp.MustCompile(`^(.*\d)[T ]+\d{1,2}:\d{2}\S*(?: ?[AaPp]\.?[Mm]\.?)?(?: ?[A-Z]{1,4}| [+-]\d{4})?$`)
	yearFirst  = regexp.MustCompile(`^(\d{4})([-/.])(\d{1,2})([-/.])(\d{1,2})$`)
	yearLast   = regexp.MustCompile(`^(\d{1,2})([-/.])(\d{1,2})([-/.])(\d{4}|\d{2})$`)
	compact    = regexp.MustCompile(`^((?:19|20)\d{2})(\d{2})(\d{2})$`)
	dayNamed   = regexp.MustCompile(`^(\d{1,2})(?:st|nd|rd|th)?[-/. ]*([A-Za-z]{3,9})\.?[-/., ]*(\d{4}|\d{2})$`)
	monthNamed = regexp.MustCompile(`^([A-Za-z]{3,9})\.?[-/. ]*(\d{1,2})(?:st|nd|rd|th)?[-/., ]+(\d{4}|\d{2})$`)
	excelDay   = regexp.MustCompile(`^(\d{5})(?:\.\d+)?$`)
)

// noDate are the words for a date that is not known or not set.
func noDate(s string) bool {
	switch strings.ToLower(s) {
	case "", "-", "--", "n/a", "na", "null", "none", "nil", "tbd", "unknown", "not available", "not applicable", "not announced", "0000-00-00", "00/00/0000", "0":
		return true
	}
	return false
}

// readDate reads a date as files have them: ISO, with the month's name, with
// the month or the day first, and the day numbers of spreadsheets. A time of
// day is left out: contracts begin and end on days.
func readDate(s string, order DateOrder) (Date, error) {
	if noDate(s) {
		return "", nil
	}
	if m := timeOfDay.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	if m := yearFirst.FindStringSubmatch(s); m != nil && m[2] == m[4] {
		return day(m[1], m[3], m[5])
	}
	if m := compact.FindStringSubmatch(s); m != nil {
		return day(m[1], m[2], m[3])
	}
	if m := dayNamed.FindStringSubmatch(s); m != nil {
		return day(m[3], monthNumber(m[2]), m[1])
	}
	if m := monthNamed.FindStringSubmatch(s); m != nil {
		return day(m[3], monthNumber(m[1]), m[2])
	}
	if m := yearLast.FindStringSubmatch(s); m != nil && m[2] == m[4] {
		return ordered(m[1], m[3], m[5], order)
	}
	if m := excelDay.FindStringSubmatch(s); m != nil {
		return spreadsheetDay(m[1])
	}
	return "", errNoDate
}

// ordered reads a date whose first two numbers are month and day or day and
// month.
func ordered(first, second, year string, order DateOrder) (Date, error) {
	switch order {
	case MonthFirst:
		d, err := day(year, first, second)
		if err != nil {
			return "", errors.New("it is not a date with the month first (mdy)")
		}
		return d, nil
	case DayFirst:
		d, err := day(year, second, first)
		if err != nil {
			return "", errors.New("it is not a date with the day first (dmy)")
		}
		return d, nil
	}
	mdy, errMonthFirst := day(year, first, second)
	dmy, errDayFirst := day(year, second, first)
	switch {
	case errMonthFirst != nil && errDayFirst != nil:
		return "", errNoDate
	case errMonthFirst != nil:
		return dmy, nil
	case errDayFirst != nil, mdy == dmy:
		return mdy, nil
	}
	return "", errAmbiguous
}

// orderOf says which order a date shows by being no date in the other one.
func orderOf(s string) DateOrder {
	if m := timeOfDay.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	m := yearLast.FindStringSubmatch(s)
	if m == nil || m[2] != m[4] {
		return OrderUnknown
	}
	_, errMonthFirst := day(m[5], m[1], m[3])
	_, errDayFirst := day(m[5], m[3], m[1])
	switch {
	case errMonthFirst == nil && errDayFirst != nil:
		return MonthFirst
	case errMonthFirst != nil && errDayFirst == nil:
		return DayFirst
	}
	return OrderUnknown
}

// firstYear is before any contract: SMARTnet came in the 1990s. Dates before it
// are placeholders such as 1900-01-01.
const firstYear = 1980

func day(year, month, dayOfMonth string) (Date, error) {
	y, errYear := strconv.Atoi(year)
	m, errMonth := strconv.Atoi(month)
	d, errDay := strconv.Atoi(dayOfMonth)
	if errYear != nil || errMonth != nil || errDay != nil {
		return "", errNoDate
	}
	if len(year) == 2 {
		y += 2000
		if y >= 2080 {
			y -= 100
		}
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if t.Year() != y || int(t.Month()) != m || t.Day() != d {
		return "", errNoDate
	}
	if y < firstYear {
		return "", fmt.Errorf("the year %d cannot be", y)
	}
	return DateOf(t), nil
}

// monthNumber returns "1" for "Jan", "JANUARY" and the like, "" for no month.
func monthNumber(name string) string {
	name = strings.ToLower(name)
	for m := time.January; m <= time.December; m++ {
		full := strings.ToLower(m.String())
		if name == full || name == full[:3] || m == time.September && name == "sept" {
			return strconv.Itoa(int(m))
		}
	}
	return ""
}

// spreadsheetDay reads the number of days since 30 December 1899, as which
// spreadsheets keep dates.
func spreadsheetDay(number string) (Date, error) {
	n, err := strconv.Atoi(number)
	epoch := time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC)
	if err != nil || n > math.MaxUint16 { // in the year 2079
		return "", errNoDate
	}
	t := epoch.AddDate(0, 0, n)
	if t.Year() < firstYear {
		return "", errNoDate
	}
	return DateOf(t), nil
}
