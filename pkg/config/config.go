// Package config reads the YAML files of both programs: strictly, over
// defaults, with errors that name the file and the line. It also has the types
// that their settings share: Secret and Duration. What the settings mean and
// which values are allowed is decided by the program's own Validate.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// MaxFile bounds a configuration file, in bytes.
const MaxFile = 1 << 20

// Load decodes the YAML file at path over what into already holds. Unknown and
// repeated keys, a wrong type and a second document are errors; an empty file
// leaves the defaults.
func Load(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cannot open configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return fmt.Errorf("cannot read configuration %s: %w", path, err)
	}
	if len(raw) > MaxFile {
		return fmt.Errorf("cannot read configuration %s: larger than %d bytes", path, MaxFile)
	}
	if err := Decode(raw, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Decode is Load for bytes at hand.
func Decode(raw []byte, into any) error {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return readable(err, into)
	}
	var second yaml.Node
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return errors.New("more than one YAML document: put all settings in the first")
	}
	return nil
}

// unknownField is what the library says of a key that no setting has: its
// line, its name, and the type that it stands in.
var unknownField = regexp.MustCompile(`^(line \d+): field (.*) not found in type (\S+)$`)

// maxNamed is how many settings are named to one who has missed them all.
const maxNamed = 10

// readable words the library's errors for people who have not seen the code.
func readable(err error, into any) error {
	several, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return err
	}
	said := make([]string, len(several.Errors))
	for i, e := range several.Errors {
		said[i] = e
		if m := unknownField.FindStringSubmatch(e); m != nil {
			here := "configs/README.md lists what can stand where"
			if names := settings(into, m[3]); len(names) > 0 && len(names) <= maxNamed {
				here = "here can stand " + strings.Join(names, ", ")
			}
			said[i] = fmt.Sprintf("%s: there is no setting %q: %s", m[1], m[2], here)
		}
	}
	return errors.New(strings.Join(said, "\n  "))
}

// Duration is a time.Duration written as "90s", "15m", "24h" or "7d".
type Duration time.Duration

// UnmarshalYAML reads the written form.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	v, err := ParseDuration(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", node.Line, err)
	}
	*d = Duration(v)
	return nil
}

// ParseDuration is time.ParseDuration with a single "d" for days of 24 hours.
func ParseDuration(s string) (time.Duration, error) {
	var days int64
	var unit string
	if n, err := fmt.Sscanf(s, "%d%s", &days, &unit); n == 2 && err == nil && unit == "d" && days >= 0 && days < 36500 {
		return time.Duration(days) * 24 * time.Hour, nil
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("cannot read duration %q: write it as 90s, 15m, 24h or 7d", s)
	}
	return v, nil
}

// D returns the duration as the standard library's type.
func (d Duration) D() time.Duration { return time.Duration(d) }
