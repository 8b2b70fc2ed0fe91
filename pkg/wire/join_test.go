package wire_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/wire"
)

// key is the same in each run, so that what is signed with it is, too.
func key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)) }

// The JSON of version 1, and what is signed in it, are a promise to agents that
// are not updated with the collector: the files hold requests of the past, and
// their proofs stay valid.
func TestGoldenJoin(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	join := wire.NewJoin("rcj_"+strings.Repeat("A", 43), key(), "agent-1", "0.1.0", at)
	renewal := wire.NewRenewal("3f0c0de0-0000-4000-8000-000000000001", key(), "0.1.0", at)
	now := at
	for name, v := range map[string]any{
		"join-1": &join, "renew-1": &renewal,
		"credential-1": &wire.Credential{
			Schema: wire.CredentialSchema, AgentID: "3f0c0de0-0000-4000-8000-000000000001", Organization: "Riverside Food Bank", Site: "Main", Agent: "agent-1",
			Token: "rca_" + strings.Repeat("A", 43), ExpiresIn: 7776000, RenewIn: 5184000,
		},
		"fault-1": &wire.Fault{Error: "a sentence", Code: wire.CodeClock, Time: &now},
	} {
		path := filepath.Join("testdata", name+".json")
		if *update {
			raw, err := json.MarshalIndent(v, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, append(raw, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, v); err != nil {
			t.Fatal(err)
		}
		again, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(raw), string(again)+"\n"); diff != "" {
			t.Errorf("%s of version 1 changed (-want +got):\n%s", name, diff)
		}
	}
	if err := join.Verify(); err != nil {
		t.Errorf("join of the past: %v", err)
	}
	if err := renewal.Verify(key().Public().(ed25519.PublicKey)); err != nil {
		t.Errorf("renewal of the past: %v", err)
	}
}

// A proof holds for what it was made for, and for nothing else.
func TestProof(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("", 3600))
	j := wire.NewJoin(wire.NewJoinToken("").Secret, key(), "agent-1", "0.1.0", at)
	r := wire.NewRenewal("agent", key(), "0.1.0", at)
	public := key().Public().(ed25519.PublicKey)
	if err := j.Verify(); err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(public); err != nil {
		t.Fatal(err)
	}
	other := wire.NewRenewal("agent", key(), "0.1.0", at)
	joins := map[string]func(*wire.Join){
		"schema":    func(j *wire.Join) { j.Schema = "rollcall.join/2" },
		"token":     func(j *wire.Join) { j.Token = wire.NewJoinToken("").Secret },
		"key":       func(j *wire.Join) { j.PublicKey = append(ed25519.PublicKey{1}, j.PublicKey[1:]...) },
		"short key": func(j *wire.Join) { j.PublicKey = j.PublicKey[:31] },
		"no key":    func(j *wire.Join) { j.PublicKey = nil },
		"time":      func(j *wire.Join) { j.Proof.At = j.Proof.At.Add(time.Second) },
		"nonce":     func(j *wire.Join) { j.Proof.Nonce = other.Proof.Nonce },
		"no nonce":  func(j *wire.Join) { j.Proof.Nonce = "" },
		"signature": func(j *wire.Join) { j.Proof.Signature = other.Proof.Signature },
		"none":      func(j *wire.Join) { j.Proof = wire.Proof{} },
	}
	for name, edit := range joins {
		changed := j
		if edit(&changed); changed.Verify() == nil {
			t.Errorf("a join with another %s is taken", name)
		}
	}
	renewals := map[string]func(*wire.Renewal){
		"schema":    func(r *wire.Renewal) { r.Schema = wire.JoinSchema },
		"agent":     func(r *wire.Renewal) { r.AgentID = "agent\"" },
		"proof":     func(r *wire.Renewal) { r.Proof = j.Proof },
		"nonce":     func(r *wire.Renewal) { r.Proof.Nonce = other.Proof.Nonce },
		"signature": func(r *wire.Renewal) { r.Proof.Signature = nil },
	}
	for name, edit := range renewals {
		changed := r
		if edit(&changed); changed.Verify(public) == nil {
			t.Errorf("a renewal with another %s is taken", name)
		}
	}
	if r.Verify(nil) == nil {
		t.Error("a renewal is taken without a key")
	}
}

func TestJoinToken(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, pin := range []string{"", wire.PinOf(cert)} {
		want := wire.NewJoinToken(pin)
		got, err := wire.ParseJoinToken(want.String())
		if err != nil || got != want {
			t.Errorf("read %v, %v; want %v", got, err, want)
		}
	}
	good := wire.NewJoinToken(wire.PinOf(cert)).String()
	for _, bad := range []string{
		"", "rcj_", "rca_" + good[4:], good[:len(good)-1], good + "A", good[:46], good[:46] + "\n", good[:50] + "+" + good[51:],
		" " + good, "rcj_" + strings.Repeat("A", 42) + "B", // bits that a secret of 256 does not have
	} {
		if token, err := wire.ParseJoinToken(bad); err == nil {
			t.Errorf("%q is read as %v", bad, token)
		} else if len(bad) > 40 && strings.Contains(err.Error(), bad[10:40]) {
			t.Errorf("the error tells the token: %v", err)
		}
	}
}

func FuzzJoinToken(f *testing.F) {
	f.Add(wire.NewJoinToken(strings.Repeat("A", 43)).String())
	f.Add("rcj_")
	f.Fuzz(func(t *testing.T, text string) {
		if token, err := wire.ParseJoinToken(text); err == nil && token.String() != text {
			t.Errorf("%q is read as %q", text, token)
		}
	})
}

func FuzzJoin(f *testing.F) {
	raw, err := json.Marshal(wire.NewJoin(wire.NewJoinToken("").Secret, key(), "agent-1", "0.1.0", time.Unix(0, 0)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(_ *testing.T, raw []byte) {
		var j wire.Join
		var r wire.Renewal
		if json.Unmarshal(raw, &j) == nil {
			_ = j.Verify()
		}
		if json.Unmarshal(raw, &r) == nil {
			_ = r.Verify(r.Proof.Signature)
		}
	})
}
