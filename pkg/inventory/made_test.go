package inventory

import (
	"fmt"
	"testing"
	"time"
)

func TestMade(t *testing.T) {
	today := time.Date(2026, time.November, 26, 0, 0, 0, 0, time.UTC)
	for serial, want := range map[string]string{
		"FCW1929B68S": "July 2015",
		"FOC0101A0AA": "January 1997",
		"FOC2005A0AA": "January 2016", "FOC2006A0AA": "February 2016",
		"FOC2009A0AA": "February 2016", "FOC2010A0AA": "March 2016",
		"FOC2014A0AA": "March 2016", "FOC2018A0AA": "April 2016", "FOC2022A0AA": "May 2016",
		"FOC2027A0AA": "June 2016", "FOC2031A0AA": "July 2016", "FOC2035A0AA": "August 2016",
		"FOC2040A0AA": "September 2016", "FOC2044A0AA": "October 2016", "FOC2048A0AA": "November 2016",
		"FOC2049A0AA": "December 2016", "FOC2053A0AA": "December 2016",
		"FOC3101A0AA": "January 2027", // next year's, where the maker's is ahead by one

		"FOC3201A0AA":    "", // in the future
		"FOC0001A0AA":    "", // in 1996
		"FOC2000A0AA":    "",
		"FOC2054A0AA":    "",
		"FOC2001A0A":     "", // a digit short
		"Q2AB-CDEF-GHIJ": "", // Meraki
		"11OD145130012":  "", // Viptela
		"14A10C95808734": "", // Linksys
		"10012345":       "",
		"":               "",
	} {
		got := ""
		if year, month, ok := Made(serial, today); ok {
			got = fmt.Sprintf("%s %d", month, year)
		}
		if got != want {
			t.Errorf("Made(%q) = %q, want %q", serial, got, want)
		}
	}
}
