package sshcli

import (
	"crypto/rsa"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// algorithms are what the agent offers in a key exchange.
type algorithms struct {
	ciphers, macs, keyExchanges, hostKeys []string
}

// modern is what has no known weakness.
func modern() algorithms {
	a := ssh.SupportedAlgorithms()
	return algorithms{
		ciphers: a.Ciphers, macs: a.MACs, keyExchanges: a.KeyExchanges,
		hostKeys: withoutCertificates(a.HostKeys),
	}
}

// legacy adds what old devices have, secure ones first. Group exchange comes
// last: old IOS answers it with a group of 1024 bits, which Go refuses, while
// the fixed groups work.
func legacy() algorithms {
	a, old := modern(), ssh.InsecureAlgorithms()
	a.ciphers = append(a.ciphers, old.Ciphers...)
	a.macs = append(a.macs, old.MACs...)
	a.keyExchanges = append(a.keyExchanges, old.KeyExchanges...)
	a.hostKeys = append(a.hostKeys, withoutCertificates(old.HostKeys)...)
	slices.SortStableFunc(a.keyExchanges, func(x, y string) int { return groupExchange(x) - groupExchange(y) })
	return a
}

func groupExchange(name string) int {
	if strings.Contains(name, "group-exchange") {
		return 1
	}
	return 0
}

// withoutCertificates drops host certificates, which no network device has.
func withoutCertificates(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return strings.Contains(name, "-cert-") })
}

// named lists what a device offers, for messages: without the markers that
// stand among the key exchanges and are none (RFC 8308 section 2.1, and
// OpenSSH's strict key exchange).
func named(offered []string) string {
	kept := slices.DeleteFunc(slices.Clone(offered), func(name string) bool {
		return strings.HasPrefix(name, "ext-info-") || strings.HasPrefix(name, "kex-strict-")
	})
	if len(kept) == 0 {
		return "nothing"
	}
	return shortened(strings.Join(kept, ", "), 400)
}

// strongRSA is the least length of an RSA key that is taken without consent, in
// bits. Keys of 512 and 768 bits, which `crypto key generate rsa` once made by
// default, have been factored.
const strongRSA = 1024

// weakKey is the length of an RSA key that is too short, 0 for other keys.
func weakKey(key ssh.PublicKey) int {
	wrapped, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return 0
	}
	if k, ok := wrapped.CryptoPublicKey().(*rsa.PublicKey); ok && k.N.BitLen() < strongRSA {
		return k.N.BitLen()
	}
	return 0
}
