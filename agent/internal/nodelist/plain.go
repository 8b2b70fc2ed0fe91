package nodelist

import (
	"regexp"
	"strings"
)

// addressRange is how targets write a range, which a list of devices has not.
var addressRange = regexp.MustCompile(`^[0-9.]+-[0-9.]+$|^[0-9a-fA-F:]+:[0-9a-fA-F:]*-[0-9a-fA-F:]+$`)

// plain reads one address or name a line, as in a hosts file: a name may stand
// behind the address, and "#" begins a comment.
func (b *builder) plain(text string) error {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			continue
		case addressRange.MatchString(words[0]):
			b.refuse(n, "", words[0], "a range, not a device: sweep it as a target of its own")
			continue
		}
		d := found{Entry: Entry{Address: words[0], Line: n}}
		if len(words) > 1 {
			d.Name = words[1]
		}
		if err := b.add(d); err != nil {
			return err
		}
	}
	return nil
}
