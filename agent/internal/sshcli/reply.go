package sshcli

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// reply gathers the output of one command until the prompt comes back.
//
// A line of output may look like the prompt: a description, a pasted log. So a
// prompt at the end of the output is confirmed by an empty line, which a real
// prompt answers with another prompt and nothing else. A device that prints more
// before each prompt, such as a notice to whoever is logged in, prints the same
// each time: two questions in a row that are answered alike end the output, too.
type reply struct {
	prompt string
	limits *limits
	out    bytes.Buffer
	line   int // bytes since the last line end
	// wanted is how many prompts must stand at the end for the output to be
	// over; 0 until the first question was put.
	wanted int
	// since is where the counting of prompts began when the question was put:
	// the prompts before it must not slip out of sight while it is answered.
	since int
	// loose takes a prompt that follows other text on its line: the output
	// had no line end.
	loose   bool
	pagedAt int // where the output stood when the pager was last answered
	pages   int

	askedAt  int           // where the output stood when the question was put
	former   string        // how the question before was answered, but for its numbers
	formerAt int           // where the output stood when that was put
	others   int           // questions that were answered by other text and the prompt
	silent   time.Duration // without a byte, over the last questions
	end      int           // where the output ends, when answers follow it; 0 until that is known
}

// maxOthers is how many answers with other text are waited through.
const maxOthers = 8

func newReply(prompt string, l *limits) *reply { return &reply{prompt: prompt, limits: l} }

func (r *reply) text() string {
	if r.end > 0 {
		return string(r.out.Bytes()[:r.end])
	}
	return r.out.String()
}

// add takes a piece of output, within the limits.
func (r *reply) add(chunk []byte) error {
	for rest := chunk; len(rest) > 0; {
		at := bytes.IndexByte(rest, '\n')
		if at < 0 {
			r.line += len(rest)
			break
		}
		r.line += at
		if r.line > r.limits.line {
			break
		}
		r.line = 0
		rest = rest[at+1:]
	}
	if r.line > r.limits.line {
		return fmt.Errorf("a line is longer than %d KiB", r.limits.line>>10)
	}
	if r.out.Len()+len(chunk) > r.limits.output {
		return fmt.Errorf("it is longer than %d MiB", r.limits.output>>20)
	}
	r.out.Write(chunk)
	r.silent = 0
	return nil
}

// prompts counts the prompts at the end of the output that have nothing but
// space between them.
func (r *reply) prompts() int {
	tail := r.out.Bytes()
	if r.wanted == 0 {
		tail = lastBytes(tail, r.window())
	} else {
		tail = lastBytes(tail[r.since:], 2*r.window())
	}
	n := 0
	for {
		s := strings.TrimRight(plain(string(tail)), " \r\n\t")
		rest, found := strings.CutSuffix(s, r.prompt)
		if !found || !r.opens(strings.TrimRight(rest, " ")) {
			return n
		}
		n++
		tail = []byte(rest)
		if strings.TrimSpace(rest) == "" {
			return n
		}
	}
}

// window is how much of the end of the output is searched for prompts.
func (r *reply) window() int { return 16 * (len(r.prompt) + 8) }

// opens says that a prompt may stand after the text: at the start of a line,
// where a pager was wiped, or right after another prompt, on devices that do
// not echo the empty line.
func (r *reply) opens(before string) bool {
	return r.loose || before == "" || strings.ContainsRune("\r\n\b", rune(before[len(before)-1])) || strings.HasSuffix(before, r.prompt)
}

func (r *reply) atPrompt() bool    { return r.prompts() > 0 }
func (r *reply) unconfirmed() bool { return r.wanted == 0 }
func (r *reply) done() bool {
	return r.end > 0 || r.wanted > 0 && r.prompts() >= r.wanted
}

// asked notes that an empty line was typed at the prompts that stand there.
func (r *reply) asked() {
	n := r.prompts()
	if r.wanted == 0 {
		r.since = max(r.out.Len()-r.window(), 0)
	}
	r.wanted, r.askedAt = n+1, r.out.Len()
}

// digits are what differs between two answers of a device that tells the time.
var digits = regexp.MustCompile(`[0-9]+`)

// again has the question put once more: the device dropped the first one, it
// was typed at something that only looked like a prompt, or the prompt does not
// stand on a line of its own. Where the device answers each question with the
// same text and its prompt, the output is over. It is called when the device
// was quiet for limits.confirm at a prompt.
func (r *reply) again() error {
	if r.silent += r.limits.confirm; r.silent >= r.limits.idle {
		return errQuiet
	}
	if r.wanted > 0 {
		answer := digits.ReplaceAllString(strings.TrimSpace(plain(string(r.out.Bytes()[r.askedAt:]))), "0")
		switch answer {
		case "": // not answered at all
		case r.former:
			r.end = r.formerAt
			return nil
		default:
			if r.others++; r.others > maxOthers {
				return errUnsettled
			}
			r.former, r.formerAt = answer, r.askedAt
		}
	}
	r.wanted, r.loose = 0, true
	return nil
}

// endsInPrompt says that the prompt stands at the end, on whatever line.
func (r *reply) endsInPrompt() bool {
	tail := plain(string(lastBytes(r.out.Bytes(), len(r.prompt)+64)))
	return strings.HasSuffix(strings.TrimRight(tail, " \r\n\t"), r.prompt)
}

// patience is how long to wait for more.
func (r *reply) patience() time.Duration {
	if r.endsInPrompt() {
		return r.limits.confirm
	}
	return r.limits.idle
}

// pagerAtEnd is a pager that waits for a key. Space shows the next page on all
// of them.
var pagerAtEnd = regexp.MustCompile(`(?i)(?:^|[\r\n])[ \t]*(?:<?-+ ?more ?-+>?(?: or \(q\)uit)?(?:\(\d+%\))?|-+more or \(q\)uit-+|more: <space>[^\r\n]{0,80}|press any key to continue[^\r\n]{0,40})[ \t]*$`)

func (r *reply) atPager() bool {
	if r.out.Len() <= r.pagedAt {
		return false
	}
	tail := lastBytes(r.out.Bytes()[r.pagedAt:], 256)
	s := plain(string(tail))
	// A pager after the key of the page before may follow its erasure.
	return pagerAtEnd.MatchString(strings.TrimLeft(s, "\b "))
}

func (r *reply) answered() {
	r.pagedAt = r.out.Len()
	r.pages++
}

// escapeSequence are the terminal controls that devices put into prompts. One
// that is not terminated ends with its line, or it would hide all that follows.
var escapeSequence = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_=>78]|[\x00\x07\x0e\x0f]`)

// plain is the text without escape sequences.
func plain(s string) string { return escapeSequence.ReplaceAllString(s, "") }
