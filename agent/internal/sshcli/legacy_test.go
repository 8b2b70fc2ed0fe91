package sshcli

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"rollcall/pkg/inventory"
)

// rsaKey makes a host key of so many bits, of which Go makes short ones under
// rsa1024min=0 alone. Without algorithms it signs with all that it can.
func rsaKey(t *testing.T, bits int, algorithms ...string) ssh.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if len(algorithms) == 0 {
		return signer
	}
	limited, err := ssh.NewSignerWithAlgorithms(signer.(ssh.AlgorithmSigner), algorithms)
	if err != nil {
		t.Fatal(err)
	}
	return limited
}

// only gives the device one host key.
func (d *device) only(key ssh.Signer) {
	d.config = &ssh.ServerConfig{PasswordCallback: d.config.PasswordCallback, ServerVersion: "SSH-2.0-Cisco-1.25"}
	d.config.AddHostKey(key)
}

func TestLegacyAlgorithms(t *testing.T) {
	t.Parallel()
	shell := func(term *terminal) { term.run("", "sw1#", ios()) }
	old := ssh.InsecureAlgorithms()
	for name, tc := range map[string]struct {
		tune func(*device)
		hint string // of the refusal
	}{
		"key exchange": {func(d *device) { d.config.KeyExchanges = []string{ssh.InsecureKeyExchangeDH1SHA1} }, "(key exchange diffie-hellman-group1-sha1)"},
		"group 14":     {func(d *device) { d.config.KeyExchanges = []string{ssh.InsecureKeyExchangeDH14SHA1} }, "(key exchange diffie-hellman-group14-sha1)"},
		"cipher":       {func(d *device) { d.config.Ciphers = []string{ssh.InsecureCipherTripleDESCBC} }, "(cipher 3des-cbc)"},
		"all ciphers":  {func(d *device) { d.config.Ciphers = old.Ciphers }, "aes128-cbc"},
		"ios 12": {func(d *device) {
			d.only(rsaKey(t, 768, ssh.KeyAlgoRSA)) // as `crypto key generate rsa` made them by default
			d.config.KeyExchanges = []string{ssh.InsecureKeyExchangeDH1SHA1}
			d.config.Ciphers = []string{ssh.InsecureCipherTripleDESCBC}
			d.config.MACs = []string{ssh.HMACSHA1}
		}, "(key exchange diffie-hellman-group1-sha1; host key ssh-rsa; cipher 3des-cbc)"},
		"host key of 512 bits":                       {func(d *device) { d.only(rsaKey(t, 512, ssh.KeyAlgoRSA)) }, "(host key ssh-rsa)"},
		"host key of 768 bits":                       {func(d *device) { d.only(rsaKey(t, 768, ssh.KeyAlgoRSA)) }, "(host key ssh-rsa)"},
		"host key of 768 bits and modern algorithms": {func(d *device) { d.only(rsaKey(t, 768)) }, "RSA of 768 bits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDevice(t, shell, tc.tune)
			message := dialFails(t, d.target(t), inventory.ProblemLegacyCrypto)
			if d.passwords != 0 || !strings.Contains(message, "set legacy on this credential") || !strings.Contains(message, tc.hint) {
				t.Errorf("%d passwords sent, message %q, want one with %q", d.passwords, message, tc.hint)
			}
			for _, pseudo := range []string{"kex-strict", "ext-info"} {
				if strings.Contains(message, pseudo) {
					t.Errorf("%s is no algorithm: %q", pseudo, message)
				}
			}
			s := dial(t, d.target(t, func(tg *Target) { tg.Credential.Legacy = true }))
			if out := run(t, s, "show inventory"); !strings.Contains(out, "FOC2001X0AB") {
				t.Errorf("got %q", out)
			}
			if len(s.Problems()) == 0 {
				t.Error("nothing was said of weak access")
			}
			for _, p := range s.Problems() {
				if p.Kind != inventory.ProblemWeakAccess {
					t.Errorf("problem %v, want weak_access", p)
				}
			}
		})
	}
	t.Run("consent changes nothing for modern devices", func(t *testing.T) {
		s := dial(t, startDevice(t, shell).target(t, func(tg *Target) { tg.Credential.Legacy = true }))
		if len(s.Problems()) != 0 || s.legacy {
			t.Errorf("problems %v", s.Problems())
		}
	})
	t.Run("a key of 1024 bits is no reason to refuse", func(t *testing.T) {
		s := dial(t, startDevice(t, shell, func(d *device) { d.only(rsaKey(t, 1024)) }).target(t))
		if len(s.Problems()) != 0 {
			t.Errorf("problems %v", s.Problems())
		}
	})
}

// bareRSA signs with SHA-1 as old devices do, by hand: the library refuses keys
// this short where the program was started without rsa1024min=0.
type bareRSA struct{ *rsa.PrivateKey }

// Sign implements crypto.Signer: RFC 8017 section 8.2.1, with the DigestInfo of
// SHA-1 from section 9.2.
func (k bareRSA) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	info := append([]byte{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14}, digest...)
	em := make([]byte, k.Size())
	em[1] = 1
	for i := 2; i < len(em)-len(info)-1; i++ {
		em[i] = 0xff
	}
	copy(em[len(em)-len(info):], info)
	return new(big.Int).Exp(new(big.Int).SetBytes(em), k.D, k.N).FillBytes(make([]byte, k.Size())), nil
}

// TestShortKeysForbidden is a program that was started without rsa1024min=0:
// crypto/rsa then refuses the signature, and the message must say why.
func TestShortKeysForbidden(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 768)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := ssh.NewSignerFromSigner(bareRSA{private})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerWithAlgorithms(bare.(ssh.AlgorithmSigner), []string{ssh.KeyAlgoRSA})
	if err != nil {
		t.Fatal(err)
	}
	d := startDevice(t, func(term *terminal) { term.run("", "sw1#", ios()) }, func(d *device) { d.only(key) })
	tg := d.target(t, func(tg *Target) { tg.Credential.Legacy = true })
	_ = dial(t, tg).Close()
	t.Setenv("GODEBUG", "rsa1024min=1")
	if message := dialFails(t, tg, inventory.ProblemLegacyCrypto); !strings.Contains(message, "rsa1024min") {
		t.Errorf("the message does not name the setting: %s", message)
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	for want, offered := range map[string][]string{
		"aes128-cbc, 3des-cbc":       {"aes128-cbc", "3des-cbc"},
		"diffie-hellman-group1-sha1": {"diffie-hellman-group1-sha1", "ext-info-s", "kex-strict-s-v00@openssh.com"},
		"nothing":                    {"kex-strict-s-v00@openssh.com"},
		"a[31m":                      {"a\x1b[31m"},
	} {
		if got := named(offered); got != want {
			t.Errorf("named(%q) = %q, want %q", offered, got, want)
		}
	}
	if got := named([]string{strings.Repeat("x", 30000)}); len(got) > 500 {
		t.Errorf("%d bytes of a device's list are in the message", len(got))
	}
}

// TestReadOffers reads the first bytes of connections, whole, cut and forged.
func TestReadOffers(t *testing.T) {
	t.Parallel()
	packet := ssh.Marshal(struct {
		Cookie                               [16]byte `sshtype:"20"`
		Kex, HostKey, In, Out, MACIn, MACOut []string
		Rest                                 []byte `ssh:"rest"`
	}{
		Kex: []string{"diffie-hellman-group1-sha1", "kex-strict-s-v00@openssh.com"}, HostKey: []string{"ssh-rsa"},
		In: []string{"3des-cbc"}, Out: []string{"aes128-cbc", "3des-cbc"}, MACIn: []string{"hmac-sha1"}, MACOut: []string{"hmac-md5"},
	})
	whole := "hello\r\nSSH-1.99-Cisco-1.25\r\n" + string([]byte{0, 0, byte(len(packet) >> 8), byte(len(packet) + 1), 0}) + string(packet)
	const all = "key exchange diffie-hellman-group1-sha1; host key ssh-rsa; cipher aes128-cbc, 3des-cbc; MAC hmac-md5"
	for name, tc := range map[string]struct{ sent, want string }{
		"whole":             {whole, all},
		"with more after":   {whole + "\x00\x00\x00\x0c", all},
		"cut in the lists":  {whole[:len(whole)-20], "key exchange diffie-hellman-group1-sha1; host key ssh-rsa; cipher aes128-cbc, 3des-cbc"},
		"cut in the cookie": {whole[:40], ""},
		"no version":        {"HTTP/1.0 400\r\n\r\n", ""},
		"nothing":           {"", ""},
		"another message":   {strings.Replace(whole, "\x14", "\x01", 1), ""},
	} {
		if got := readOffers([]byte(tc.sent)).beyond(modern()); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
	if got := readOffers([]byte(whole)).beyond(legacy()); got != "MAC hmac-md5" {
		t.Errorf("beyond legacy: %q", got)
	}
}
