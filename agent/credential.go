package agent

import (
	"fmt"
	"strings"

	"rollcall/agent/internal/snmp"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/config"
)

// A Credential opens devices, over SNMP or over SSH.
type Credential struct {
	Name string          `yaml:"name"`
	SNMP *SNMPCredential `yaml:"snmp"`
	SSH  *SSHCredential  `yaml:"ssh"`
}

// SNMPCredential is a community, or a user of SNMPv3.
type SNMPCredential struct {
	// Version is "1", "2c" or "3"; when empty, 3 with a user and else 2c.
	Version      string        `yaml:"version"`
	Community    config.Secret `yaml:"community"`
	User         string        `yaml:"user"`
	AuthProtocol string        `yaml:"auth_protocol"`
	AuthPassword config.Secret `yaml:"auth_password"`
	PrivProtocol string        `yaml:"priv_protocol"`
	PrivPassword config.Secret `yaml:"priv_password"`
	Context      string        `yaml:"context"`
	AnySource    bool          `yaml:"any_source"`
}

// SSHCredential is an account on devices.
type SSHCredential struct {
	User     string        `yaml:"user"`
	Password config.Secret `yaml:"password"`
	Enable   config.Secret `yaml:"enable"`
	Legacy   bool          `yaml:"legacy"`
}

// credentialFile is a list of credentials: by itself, or under the key that it
// has in agent.yaml.
type credentialFile struct {
	list []Credential
}

type credentialsKey struct {
	Credentials []Credential `yaml:"credentials"`
}

// UnmarshalYAML reads either form.
func (f *credentialFile) UnmarshalYAML(unmarshal func(any) error) error {
	var form any
	if err := unmarshal(&form); err != nil {
		return err
	}
	if _, isMap := form.(map[string]any); !isMap {
		return unmarshal(&f.list)
	}
	var whole credentialsKey
	err := unmarshal(&whole)
	f.list = whole.Credentials
	return err
}

// LoadCredentials reads a file that holds a list of credentials as agent.yaml
// does, and resolves their secrets.
func LoadCredentials(path string) ([]Credential, error) {
	var f credentialFile
	if err := config.Load(path, &f); err != nil {
		return nil, err
	}
	var m mistakes
	if len(f.list) == 0 {
		m.add("credentials", "there is none in the file")
	}
	validateCredentials(&m, "credentials", f.list)
	if len(m) > 0 {
		return nil, m.in(path)
	}
	var named []namedSecret
	var all []config.Secret
	for i, c := range f.list {
		for _, s := range c.secrets(fmt.Sprintf("credentials[%d]", i)) {
			named, all = append(named, s), append(all, s.secret)
		}
	}
	if err := config.CheckInline(path, all...); err != nil {
		return nil, err
	}
	if err := resolve(named); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f.list, nil
}

func validateCredentials(m *mistakes, path string, list []Credential) {
	seen := map[string]bool{}
	for i, c := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case c.Name == "":
			m.add(at+".name", "is missing")
		case seen[c.Name]:
			m.add(at+".name", "%q is there twice", c.Name)
		}
		seen[c.Name] = true
		switch {
		case c.SNMP != nil && c.SSH != nil:
			m.add(at, "has both snmp and ssh: make two credentials of it")
		case c.SNMP != nil:
			if err := c.snmp().Validate(); err != nil {
				m.add(at+".snmp", "%v", err)
			}
		case c.SSH != nil:
			if err := c.ssh().Validate(); err != nil {
				m.add(at+".ssh", "%v", err)
			}
		default:
			m.add(at, "has neither snmp nor ssh")
		}
	}
}

func (c Credential) secrets(path string) []namedSecret {
	if c.SNMP != nil {
		return []namedSecret{
			{path + ".snmp.community", c.SNMP.Community},
			{path + ".snmp.auth_password", c.SNMP.AuthPassword},
			{path + ".snmp.priv_password", c.SNMP.PrivPassword},
		}
	}
	if c.SSH != nil {
		return []namedSecret{{path + ".ssh.password", c.SSH.Password}, {path + ".ssh.enable", c.SSH.Enable}}
	}
	return nil
}

func (c Credential) snmp() snmp.Credential {
	s := c.SNMP
	version := strings.ToLower(s.Version)
	switch {
	case version == "" && s.User != "", version == "v3":
		version = "3"
	case version == "", version == "2", version == "v2c":
		version = "2c"
	}
	return snmp.Credential{
		Name: c.Name, Version: version, Community: s.Community, User: s.User,
		AuthProtocol: protocol(s.AuthProtocol), AuthPassword: s.AuthPassword,
		PrivProtocol: protocol(s.PrivProtocol), PrivPassword: s.PrivPassword, Context: s.Context,
		AnySource: s.AnySource,
	}
}

// protocol accepts the names as devices and other tools write them: "sha-256",
// "aes 128", "AES-256-C".
func protocol(s string) string {
	name := strings.ToUpper(strings.NewReplacer("-", "", "_", "", " ", "").Replace(s))
	switch name {
	case "SHA1":
		return "SHA"
	case "AES128":
		return "AES"
	}
	return name
}

func (c Credential) ssh() sshcli.Credential {
	s := c.SSH
	return sshcli.Credential{Name: c.Name, User: s.User, Password: s.Password, Enable: s.Enable, Legacy: s.Legacy}
}
