package snmp

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/config"
)

// A Credential is one way to read devices. Version is "1", "2c" or "3"; 1 and
// 2c use Community alone, 3 all the rest. An empty protocol means none.
type Credential struct {
	Name         string // for messages: people know it by this
	Version      string
	Community    config.Secret
	User         string
	AuthProtocol string // MD5 SHA SHA224 SHA256 SHA384 SHA512
	AuthPassword config.Secret
	PrivProtocol string // DES AES AES192 AES256 AES192C AES256C
	PrivPassword config.Secret
	Context      string // SNMPv3 context name
	// AnySource takes answers from other addresses than was asked. Those to a
	// version 3 user with authentication are taken in any case.
	AnySource bool
}

// maxCommunity is what gosnmp can encode: it writes the length in one byte of
// BER's short form.
const maxCommunity = 127

func authProtocols() map[string]gosnmp.SnmpV3AuthProtocol {
	return map[string]gosnmp.SnmpV3AuthProtocol{
		"": gosnmp.NoAuth, "MD5": gosnmp.MD5, "SHA": gosnmp.SHA, "SHA224": gosnmp.SHA224,
		"SHA256": gosnmp.SHA256, "SHA384": gosnmp.SHA384, "SHA512": gosnmp.SHA512,
	}
}

// privProtocols says which key extensions to try, in order. Cisco extends keys
// as Reeder's draft does, and calls the result AES 192 and AES 256 like
// everybody else; net-snmp and others follow Blumenthal's draft. A plain
// "AES256" may be either, so Cisco's comes first.
func privProtocols() map[string][]gosnmp.SnmpV3PrivProtocol {
	return map[string][]gosnmp.SnmpV3PrivProtocol{
		"": {gosnmp.NoPriv}, "DES": {gosnmp.DES}, "AES": {gosnmp.AES},
		"AES192": {gosnmp.AES192C, gosnmp.AES192}, "AES256": {gosnmp.AES256C, gosnmp.AES256},
		"AES192C": {gosnmp.AES192C}, "AES256C": {gosnmp.AES256C},
	}
}

// Validate says what is wrong with the credential, or nil. It reads no secret.
func (c Credential) Validate() error {
	switch c.Version {
	case "1", "2c":
		if !c.Community.IsSet() {
			return fmt.Errorf("SNMPv%s needs a community", c.Version)
		}
		if c.User != "" || c.AuthProtocol != "" || c.PrivProtocol != "" {
			return fmt.Errorf("user and protocols belong to SNMP version 3, not %s", c.Version)
		}
		return nil
	case "3":
		return c.validateV3()
	}
	return fmt.Errorf("SNMP version %q: write 1, 2c or 3", c.Version)
}

func (c Credential) validateV3() error {
	if _, ok := authProtocols()[c.AuthProtocol]; !ok {
		return fmt.Errorf("authentication protocol %q: write MD5, SHA, SHA224, SHA256, SHA384 or SHA512, or leave it empty", c.AuthProtocol)
	}
	if _, ok := privProtocols()[c.PrivProtocol]; !ok {
		return fmt.Errorf("privacy protocol %q: write DES, AES, AES192, AES256, AES192C or AES256C, or leave it empty", c.PrivProtocol)
	}
	switch {
	case c.User == "":
		return errors.New("SNMPv3 needs a user")
	case len(c.User) > 32:
		return errors.New("the SNMPv3 user has more than 32 bytes")
	case c.Community.IsSet():
		return errors.New("SNMPv3 has no community: remove it, or write version 2c")
	case c.PrivProtocol != "" && c.AuthProtocol == "":
		return errors.New("SNMPv3 has no privacy without authentication: name the authentication protocol")
	case c.AuthProtocol != "" && !c.AuthPassword.IsSet():
		return errors.New("the authentication password is missing")
	case c.PrivProtocol != "" && !c.PrivPassword.IsSet():
		return errors.New("the privacy password is missing")
	case len(c.Context) > 255:
		return errors.New("the SNMPv3 context has more than 255 bytes")
	}
	return nil
}

// weak says that the credential and all it reads cross the network readable.
func (c Credential) weak() bool { return c.Version != "3" }

// label names the credential in messages.
func (c Credential) label() string {
	if c.Name == "" {
		return "SNMPv" + c.Version
	}
	return fmt.Sprintf("SNMPv%s credential %q", c.Version, c.Name)
}

// variants is how many ways the credential can be meant.
func (c Credential) variants() int { return max(1, len(privProtocols()[c.PrivProtocol])) }

// apply sets the credential in g, in its nth variant.
func (c Credential) apply(g *gosnmp.GoSNMP, variant int) error {
	if c.Version != "3" {
		community, err := c.Community.Value()
		if err != nil {
			return err
		}
		if len(community) > maxCommunity {
			return fmt.Errorf("the community has more than %d bytes", maxCommunity)
		}
		g.Version, g.Community = gosnmp.Version2c, community
		if c.Version == "1" {
			g.Version = gosnmp.Version1
		}
		return nil
	}
	usm := &gosnmp.UsmSecurityParameters{
		UserName:               c.User,
		AuthenticationProtocol: authProtocols()[c.AuthProtocol],
		PrivacyProtocol:        privProtocols()[c.PrivProtocol][variant],
	}
	g.Version, g.SecurityModel, g.MsgFlags = gosnmp.Version3, gosnmp.UserSecurityModel, gosnmp.NoAuthNoPriv
	g.ContextName = c.Context
	if c.AuthProtocol != "" {
		password, err := c.AuthPassword.Value()
		if err != nil {
			return err
		}
		usm.AuthenticationPassphrase, g.MsgFlags = password, gosnmp.AuthNoPriv
	}
	if c.PrivProtocol != "" {
		password, err := c.PrivPassword.Value()
		if err != nil {
			return err
		}
		usm.PrivacyPassphrase, g.MsgFlags = password, gosnmp.AuthPriv
	}
	g.SecurityParameters = usm
	return nil
}

// AuthProtocols lists the authentication protocols that a Credential may name.
func AuthProtocols() []string { return names(authProtocols()) }

// PrivProtocols lists the privacy protocols that a Credential may name.
func PrivProtocols() []string { return names(privProtocols()) }

func names[V any](m map[string]V) []string {
	var list []string
	for name := range m {
		if name != "" {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// ForgetKeys drops the keys that gosnmp derived from passwords, which it keeps
// in memory together with the passwords. Call it when passwords have changed
// or the program ends, and only while no Read runs: the library would panic
// with its lock held.
func ForgetKeys() {
	gosnmp.PasswordCaching(false)
	gosnmp.PasswordCaching(true)
}
