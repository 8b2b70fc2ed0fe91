package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/pkg/config"
)

type testConfig struct {
	Listen   string          `yaml:"listen"`
	Interval config.Duration `yaml:"interval"`
	Token    config.Secret   `yaml:"token"`
	Count    int             `yaml:"count"`
}

func TestDecode(t *testing.T) {
	tests := []struct {
		name string
		yaml string
		want string // part of the error, "" for none
	}{
		{"empty keeps the defaults", "", ""},
		{"comment only", "# nothing\n", ""},
		{"known keys", "listen: :1\ninterval: 7d\n", ""},
		{"unknown key", "listen: :1\n\nlisten_port: 3\n", `line 3: there is no setting "listen_port"`},
		{"repeated key", "count: 1\ncount: 2\n", "already defined at line 1"},
		{"wrong type", "count: many\n", "line 1: cannot unmarshal"},
		{"second document", "count: 1\n---\ncount: 2\n", "more than one YAML document"},
		{"bad duration", "count: 1\ninterval: soon\n", `line 2: cannot read duration "soon": write it as 90s, 15m, 24h or 7d`},
		{"secret as a map", "token: {a: b}\n", "line 1: a secret is file:PATH"},
		{"alias bomb", "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", `there is no setting "a"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig{Listen: "default", Interval: config.Duration(time.Hour)}
			err := config.Decode([]byte(tt.yaml), &cfg)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(path, []byte("lisen: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := config.Load(path, &testConfig{})
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("error %v, want one naming %s and line 1", err, path)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("#", config.MaxFile+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := config.Load(path, &testConfig{}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("error %v, want one about the size", err)
	}
}

func TestParseDuration(t *testing.T) {
	tests := map[string]time.Duration{"90s": 90 * time.Second, "15m": 15 * time.Minute, "7d": 7 * 24 * time.Hour, "0s": 0}
	for in, want := range tests {
		if got, err := config.ParseDuration(in); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "7", "1w", "-1d", "99999999d"} {
		if got, err := config.ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", in, got)
		}
	}
}

func TestSecretValue(t *testing.T) {
	dir := t.TempDir()
	write := func(name, value string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(value), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("ROLLCALL_TEST_SECRET", "from-env")
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	write("cred", "from-cred\n", 0o440)
	tests := []struct {
		name, written, want, wantErr string
	}{
		{"inline", "letmein", "letmein", ""},
		{"inline with a colon", "let:me", "let:me", ""},
		{"inline with another scheme", "plain:me", "plain:me", ""},
		{"file", "file:" + write("ok", "from-file\n", 0o600), "from-file", ""},
		{"file with spaces kept", "file:" + write("sp", " a b \r\n", 0o600), " a b ", ""},
		{"file open to others", "file:" + write("open", "x", 0o644), "", "run chmod 600"},
		{"empty file", "file:" + write("empty", "\n", 0o600), "", "is empty"},
		{"missing file", "file:" + filepath.Join(dir, "none"), "", "no such file"},
		{"environment", "env:ROLLCALL_TEST_SECRET", "from-env", ""},
		{"unset environment", "env:ROLLCALL_TEST_NONE", "", "not set"},
		{"systemd credential", "cred:cred", "from-cred", ""},
		{"credential outside its folder", "cred:../cred", "", "no slash"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := config.Reference(tt.written).Value()
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("error %v, want one with %q", err, tt.wantErr)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("Value() = %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestSecretNeverPrints(t *testing.T) {
	const canary = "canary-5f1d"
	s := config.Plain(canary)
	holder := struct{ S, unexported config.Secret }{s, s}
	raw, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("test", "secret", s, "holder", holder)
	for _, out := range []string{s.String(), fmt.Sprintf("%v %+v %#v %s %q", s, holder, holder, s, s), string(raw), log.String()} {
		if strings.Contains(out, canary) {
			t.Errorf("the secret shows in %q", out)
		}
	}
}

func TestCheckInline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := config.Plain("file:no-reference").Value(); err != nil || got != "file:no-reference" {
		t.Errorf("Plain: %q, %v; want the value itself", got, err)
	}
	inline, ref := config.Reference("plain:public"), config.Reference("env:X")
	if err := config.CheckInline(path, inline); err != nil {
		t.Errorf("private file: %v, want none", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := config.CheckInline(path, ref); err != nil {
		t.Errorf("reference: %v, want none", err)
	}
	if err := config.CheckInline(path, ref, inline); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("error %v, want one that says chmod 600", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("listen: :1\ninterval: 7d\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		var cfg testConfig
		_ = config.Decode(raw, &cfg)
	})
}

func TestSecretChanged(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	path := filepath.Join(dir, "password")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	for written, want := range map[string]time.Time{
		"file:" + path: at, "cred:password": at, "file:" + path + ".none": {}, "env:HOME": {}, "plain": {}, "": {},
	} {
		if got := config.Reference(written).Changed(); !got.Equal(want) {
			t.Errorf("%q changed at %s, want %s", written, got, want)
		}
	}
	if got := config.Plain("file:" + path).Changed(); !got.IsZero() {
		t.Errorf("a plain value changed at %s", got)
	}
}
