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

type bag struct {
	Name  string   `yaml:"name"`
	Inner []pocket `yaml:"inner"`
}

type pocket struct {
	Size int `yaml:"size"`
	Hole struct {
		Wide bool `yaml:"wide"`
	} `yaml:"hole"`
}

// A setting that is not there is told with those that are.
func TestUnknownSetting(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"at the margin": {"nane: x\n", `line 1: there is no setting "nane": configs/README.md lists what can stand where`},
		"further in":    {"inner:\n  - siez: 1\n", `line 2: there is no setting "siez": here can stand size, hole`},
		"two":           {"nane: x\ninner: [{name: y}]\n", "line 1: there is no setting \"nane\": configs/README.md lists what can stand where\n  line 2: there is no setting \"name\": here can stand size, hole"},
	} {
		t.Run(name, func(t *testing.T) {
			var b bag
			if err := config.Decode([]byte(tc.text), &b); err == nil || err.Error() != tc.want {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
}
