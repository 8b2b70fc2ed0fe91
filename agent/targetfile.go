package agent

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"rollcall/agent/internal/nodelist"
)

// ReadTargets is ParseTarget that also takes "@FILE": one target a line, where
// "#" begins a comment, or a list of devices of another tool: CSV with a header,
// RANCID's or Oxidized's router.db, an Ansible inventory, NetBox's CSV or JSON.
// A line that cannot be used is refused by itself; an error means that nothing
// can be.
func ReadTargets(written string) (TargetList, error) {
	path, isFile := strings.CutPrefix(strings.TrimSpace(written), "@")
	if !isFile {
		a, err := ParseTarget(written)
		if err != nil {
			return TargetList{}, err
		}
		return TargetList{Groups: []Addresses{a}}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return TargetList{}, fmt.Errorf("cannot read targets: %w", err)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, nodelist.MaxFile+1))
	if err != nil {
		return TargetList{}, fmt.Errorf("cannot read targets %s: %w", path, err)
	}
	return parseTargetFile(path, raw)
}

func parseTargetFile(path string, raw []byte) (TargetList, error) {
	list, err := nodelist.Parse(path, raw, nodelist.Auto)
	if err != nil {
		return TargetList{}, err
	}
	targets := targetsOf("@"+path, list)
	if list.Format == nodelist.Plain && utf8.Valid(raw) && !bytes.ContainsRune(raw, 0) {
		targets = parseTargetLines(path, string(raw))
	}
	if n := targets.Count(); n > maxTargets {
		return TargetList{}, fmt.Errorf("%s names %d addresses in all, more than %d: split it", path, n, maxTargets)
	}
	return targets, nil
}

// targetsOf makes targets of a list of devices.
func targetsOf(written string, list nodelist.List) TargetList {
	var t TargetList
	var addresses []string
	for _, e := range list.Ask() {
		addresses = append(addresses, e.Address)
	}
	if len(addresses) > 0 {
		t.Groups = []Addresses{{Written: written, List: addresses}}
	}
	for _, r := range list.Refused {
		t.refuse(r.Error())
	}
	if list.MoreRefused > 0 {
		t.Refused = append(t.Refused, fmt.Sprintf("%s: %d more lines cannot be used", strings.TrimPrefix(written, "@"), list.MoreRefused))
	}
	skipped := map[string]int{}
	for _, e := range list.Entries {
		if e.Skip != "" {
			reason, _, _ := strings.Cut(e.Skip, " as in line ")
			skipped[reason]++
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		t.Skipped = append(t.Skipped, fmt.Sprintf("%s: %d not asked: %s", strings.TrimPrefix(written, "@"), skipped[reason], reason))
	}
	return t
}

func (t *TargetList) refuse(reason string) {
	if len(t.Refused) < maxRefused {
		t.Refused = append(t.Refused, reason)
	}
}

// parseTargetLines reads one target a line. A name may stand behind an address,
// as in a hosts file.
func parseTargetLines(path, text string) TargetList {
	var t TargetList
	n, total := 0, 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		a, err := ParseTarget(line)
		if words := strings.Fields(line); err != nil && len(words) > 1 && words[1] != "-" {
			if first, ferr := ParseTarget(words[0]); ferr == nil && !first.Sweep {
				a, err = first, nil
			}
		}
		switch {
		case err != nil:
			t.refuse(fmt.Sprintf("%s:%d: %v", path, n, err))
		case total+len(a.List) > maxTargets:
			t.refuse(fmt.Sprintf("%s:%d: more than %d addresses in all", path, n, maxTargets))
		default:
			total += len(a.List)
			t.Groups = append(t.Groups, a)
		}
	}
	return t
}
