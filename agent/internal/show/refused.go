package show

import (
	"regexp"
	"strings"
)

// Refusal says whether a device ran a command.
type Refusal int

// The answers of a device to a command.
const (
	Accepted     Refusal = iota // output, or nothing at all
	Unsupported                 // the platform does not know the command
	Unauthorized                // the account may not run it
)

var (
	unauthorized = regexp.MustCompile(`(?im)^\s*(?:%|error:)?\s*(?:.*authorization (?:failed|denied)|.*permission denied|.*not authorized|.*insufficient privilege|.*access denied|.*privilege level.*required|this command is not authorized|.*do(?:es)? not have (?:the )?(?:permission|privilege)|.*no sufficient privilege|%.*not (?:permitted|allowed)).*$`)
	unsupported  = regexp.MustCompile(`(?im)^\s*(?:` + strings.Join([]string{
		`%+ ?(?:ambiguous|incomplete|invalid|unknown|unrecognized|unavailable|missing|bad parameter|wrong|command not).*`,
		`error: ?%? ?(?:invalid|incomplete|ambiguous|unknown|command).*`,
		`incorrect (?:usage|input).*`,
		`syntax error.*`,
		`invalid (?:command|input|parameter).*`,
		`unknown command.*`,
		`command not (?:found|valid).*`, // "… in current execution space" in a context of an ASA
		`cisco ap name is invalid.*`,
		`% ?(?:type "show \?"|bad ip address|no such command).*`,
		`illegal command.*`,
		`no such command.*`,
		`-?(?:\w{0,3}sh|bash): .*`,
	}, "|") + `)$`)
)

// Refused tells from a command's output whether the device ran it. Only the
// first lines count, for an error stands there and descriptions may hold any
// words.
func Refused(output string) Refusal {
	head := firstLines(output, 8)
	switch {
	case nameLine.MatchString(head):
		return Accepted
	case unauthorized.MatchString(head):
		return Unauthorized
	case unsupported.MatchString(head):
		return Unsupported
	}
	return Accepted
}

// Mode is what an ASA says of its contexts in `show mode`: "single",
// "multiple", or "" when it says nothing.
func Mode(output string) string {
	if m := contextMode.FindStringSubmatch(firstLines(output, 8)); m != nil {
		return strings.ToLower(m[1])
	}
	return ""
}

var contextMode = regexp.MustCompile(`(?im)^security context mode: (single|multiple)\b`)

func firstLines(text string, n int) string {
	var w warnings
	lines := splitLines(text[:min(len(text), 4<<10)], &w)
	var kept []string
	for _, line := range lines {
		if strings.TrimSpace(line) != "" && len(kept) < n {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
