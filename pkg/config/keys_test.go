package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/config"
)

func TestKeys(t *testing.T) {
	type inner struct {
		Name  string        `yaml:"name"`
		Token config.Secret `yaml:"token"`
	}
	type outer struct {
		Listen string          `yaml:"listen"`
		Every  config.Duration `yaml:"every"`
		Inner  inner           `yaml:"inner"`
		List   []inner         `yaml:"list"`
		Days   []int           `yaml:"days"`
		Hidden string          `yaml:"-"`
		Opt    *inner          `yaml:"opt,omitempty"`
		Base   inner           `yaml:",inline"`
	}
	want := []string{
		"listen", "every", "inner.name", "inner.token", "list[].name", "list[].token", "days",
		"opt.name", "opt.token", "name", "token",
	}
	if diff := cmp.Diff(want, config.Keys(outer{})); diff != "" {
		t.Errorf("Keys (-want +got):\n%s", diff)
	}
}
