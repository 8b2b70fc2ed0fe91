package nodelist

import (
	"fmt"
	"regexp"
	"strings"
)

var iniSection = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:[#;].*)?$`)

// An iniReader reads an inventory line by line, as Ansible's ini plugin does.
type iniReader struct {
	a       *ansible
	current *group // of the section
	kind    string // hosts, children, vars; "" for a section that is left out
}

// ansibleINI reads an inventory in INI.
func (b *builder) ansibleINI(text string) error {
	a := newAnsible(b)
	ungrouped, err := a.group("ungrouped")
	if err != nil {
		return err
	}
	r := iniReader{a: a, current: ungrouped, kind: "hosts"}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if err := r.line(n, line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return a.entries()
}

func (r *iniReader) line(n int, line string) (err error) {
	if m := iniSection.FindStringSubmatch(line); m != nil && !isIP(m[1]) {
		return r.section(n, m[1], m[2])
	}
	switch {
	case line[0] == '[' && line[len(line)-1] == ']' && !isIP(strings.Trim(line, "[]")):
		r.kind = ""
		r.a.b.refuse(n, "", line, "not the name of a group: what follows up to the next one is left out")
	case r.kind == "hosts":
		return r.host(n, line)
	case r.kind == "vars":
		key, value, found := strings.Cut(line, "=")
		if !found {
			r.a.b.refuse(n, "", "", "not a variable: write it as name=value")
			break
		}
		value, _, _ = strings.Cut(value, " #")
		r.current.vars.set(strings.TrimSpace(key), unquote(strings.TrimSpace(value)))
	case r.kind == "children":
		name, _, _ := strings.Cut(strings.Fields(line)[0], "#")
		child, err := r.a.group(name)
		if err != nil {
			return err
		}
		child.parents = append(child.parents, r.current)
	}
	return nil
}

func (r *iniReader) section(n int, name, kind string) (err error) {
	r.kind = kind
	switch kind {
	case "":
		r.kind = "hosts"
	case "hosts", "children", "vars":
	default:
		r.kind = ""
		r.a.b.refuse(n, "", kind, "a section is [group], [group:children] or [group:vars]: what follows up to the next one is left out")
		return nil
	}
	r.current, err = r.a.group(name)
	return err
}

// host takes a line "name key=value key=value # comment".
func (r *iniReader) host(n int, line string) error {
	words := splitWords(line)
	if len(words) == 0 {
		return nil
	}
	var vars variables
	for _, w := range words[1:] {
		key, value, found := strings.Cut(w, "=")
		if !found {
			r.a.b.refuse(n, "", "", "a host's line is name key=value: one word has no value")
			return nil
		}
		vars.set(key, unquote(value))
	}
	return r.a.addHosts(words[0], n, r.current, vars)
}

// splitWords parts a line as a shell does: quotes hold words together, and "#"
// at the beginning of a word begins a comment.
func splitWords(line string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	inside := false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '"' || c == '\'':
			quote, inside = c, true
		case c == ' ' || c == '\t':
			if inside {
				words = append(words, word.String())
				word.Reset()
				inside = false
			}
		case c == '#' && !inside:
			return words
		default:
			word.WriteRune(c)
			inside = true
		}
		if len(words) > maxVariables {
			return words
		}
	}
	if inside {
		words = append(words, word.String())
	}
	return words
}

// unquote takes away a pair of quotes that the value itself has.
func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
