package wire

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Where and how an agent gets its credential.
const (
	// JoinPath takes a Join by POST, and RenewPath a Renewal; both answer with
	// a Credential.
	JoinPath  = "/api/v1/agent/join"
	RenewPath = "/api/v1/agent/renew"
	// CredentialType is the media type of all three bodies.
	CredentialType = "application/vnd.rollcall.credential+json"

	// JoinSchema, RenewSchema and CredentialSchema name the versions.
	JoinSchema       = "rollcall.join/1"
	RenewSchema      = "rollcall.renew/1"
	CredentialSchema = "rollcall.credential/1"

	// MaxJoin bounds the body of a Join, a Renewal or a Credential, in bytes.
	MaxJoin = 16 << 10
	// ProofAge is how far the time of a proof may be from the collector's
	// clock. A proof is taken once within it, and never after it.
	ProofAge = 5 * time.Minute
)

// Codes of a Fault: why the collector does not take an agent.
const (
	// CodeUnknown is of a credential that is none of the collector's: the
	// agent renews it with its key.
	CodeUnknown = "unknown"
	// CodeExpired is of a credential, or a join token, whose life is over.
	CodeExpired = "expired"
	// CodeUsed is of a join token that another agent's key has used.
	CodeUsed = "used"
	// CodeDisabled is of an agent that a person may enable again.
	CodeDisabled = "disabled"
	// CodeRevoked is of an agent that comes back with a new join token alone.
	CodeRevoked = "revoked"
	// CodeMustRejoin is of an agent whose key is not, or no longer, known.
	CodeMustRejoin = "must_rejoin"
	// CodeClock is of a proof whose time is too far from the collector's,
	// which Fault.Time tells: the agent makes another by that time.
	CodeClock = "clock"
	// CodeReplay is of a proof that was taken before.
	CodeReplay = "replay"
	// CodeCertificate is of a connection without the client certificate that
	// the collector asks for.
	CodeCertificate = "certificate"
)

const (
	joinPrefix = "rcj_"
	// secretLength is of 256 bits in base64 without padding (RFC 4648,
	// section 5), as are a join token's secret and a pin.
	secretLength = 43
)

// A JoinToken lets an agent join once. It is written as Secret and Pin without
// anything between them.
type JoinToken struct {
	Secret string // what the collector is shown: the prefix "rcj_" and 256 bits
	Pin    string // of the collector's certificate; "" for none
}

// NewJoinToken makes a token that nobody can guess.
func NewJoinToken(pin string) JoinToken {
	return JoinToken{Secret: joinPrefix + randomText(), Pin: pin}
}

// IsJoinToken says that the text begins as a join token does.
func IsJoinToken(text string) bool { return strings.HasPrefix(text, joinPrefix) }

// ParseJoinToken reads what String wrote. Its errors do not tell the token.
func ParseJoinToken(text string) (JoinToken, error) {
	if !IsJoinToken(text) {
		return JoinToken{}, fmt.Errorf("a join token begins with %s", joinPrefix)
	}
	switch n := len(text) - len(joinPrefix); n {
	case secretLength, 2 * secretLength:
	default:
		return JoinToken{}, fmt.Errorf("the join token has %d characters after %s, and not %d or %d: copy it whole, on one line", n, joinPrefix, secretLength, 2*secretLength)
	}
	t := JoinToken{Secret: text[:len(joinPrefix)+secretLength], Pin: text[len(joinPrefix)+secretLength:]}
	if !is256Bits(strings.TrimPrefix(t.Secret, joinPrefix)) || t.Pin != "" && !is256Bits(t.Pin) {
		return JoinToken{}, errors.New("the join token has a character that none has: copy it again")
	}
	return t, nil
}

func (t JoinToken) String() string { return t.Secret + t.Pin }

func is256Bits(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == 32
}

func randomText() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails: the program ends instead
	return base64.RawURLEncoding.EncodeToString(raw)
}

// PinOf is the SHA-256 of the certificate's public key (SubjectPublicKeyInfo),
// which stays as it is when the certificate is renewed with its key.
func PinOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// A Proof shows that its sender has a key, once.
type Proof struct {
	At        time.Time `json:"at"`        // by the collector's clock, as far as the sender knows it
	Nonce     string    `json:"nonce"`     // 256 bits at random
	Signature []byte    `json:"signature"` // Ed25519
}

// prove signs what is said at a time with a new nonce.
func prove(key ed25519.PrivateKey, at time.Time, said ...string) Proof {
	p := Proof{At: at.UTC().Truncate(time.Second), Nonce: randomText()}
	p.Signature = ed25519.Sign(key, p.message(said))
	return p
}

// message is what is signed: lines that no field can break.
func (p Proof) message(said []string) []byte {
	var b strings.Builder
	for _, s := range append(said, p.At.UTC().Format(time.RFC3339), p.Nonce) {
		fmt.Fprintf(&b, "%q\n", s)
	}
	return []byte(b.String())
}

func (p Proof) verify(key ed25519.PublicKey, said ...string) error {
	switch {
	case !is256Bits(p.Nonce):
		return errors.New("proof.nonce is not 256 bits in base64")
	case len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, p.message(said), p.Signature):
		return errors.New("proof.signature is not of the key")
	}
	return nil
}

// A Join asks for an agent's first credential.
type Join struct {
	Schema    string            `json:"schema"`
	Token     string            `json:"token"`      // JoinToken.Secret
	PublicKey ed25519.PublicKey `json:"public_key"` // whose private half never leaves the agent
	Agent     string            `json:"agent"`      // the agent's own name for itself, for people
	Version   string            `json:"version"`    // of the agent program
	Proof     Proof             `json:"proof"`
}

// NewJoin asks for a credential for the key.
func NewJoin(secret string, key ed25519.PrivateKey, agent, version string, at time.Time) Join {
	j := Join{Schema: JoinSchema, Token: secret, PublicKey: key.Public().(ed25519.PublicKey), Agent: agent, Version: version}
	j.Proof = prove(key, at, j.said()...)
	return j
}

func (j Join) said() []string {
	return []string{j.Schema, j.Token, base64.RawURLEncoding.EncodeToString(j.PublicKey)}
}

// Verify says what is wrong with the request or its proof, or nil.
func (j Join) Verify() error {
	if j.Schema != JoinSchema {
		return fmt.Errorf("schema %.40q is not %s", j.Schema, JoinSchema)
	}
	return j.Proof.verify(j.PublicKey, j.said()...)
}

// A Renewal asks for another credential. It needs none that is valid: the key
// is what the agent is known by.
type Renewal struct {
	Schema  string `json:"schema"`
	AgentID string `json:"agent_id"` // Credential.AgentID
	Version string `json:"version"`  // of the agent program
	Proof   Proof  `json:"proof"`
}

// NewRenewal asks for another credential of the agent that has the key.
func NewRenewal(agentID string, key ed25519.PrivateKey, version string, at time.Time) Renewal {
	r := Renewal{Schema: RenewSchema, AgentID: agentID, Version: version}
	r.Proof = prove(key, at, r.said()...)
	return r
}

func (r Renewal) said() []string { return []string{r.Schema, r.AgentID} }

// Verify says what is wrong with the request, or with its proof for the key,
// or nil.
func (r Renewal) Verify(key ed25519.PublicKey) error {
	if r.Schema != RenewSchema {
		return fmt.Errorf("schema %.40q is not %s", r.Schema, RenewSchema)
	}
	return r.Proof.verify(key, r.said()...)
}

// A Credential is what an agent shows with each batch, and what it is of.
type Credential struct {
	Schema       string `json:"schema"`
	AgentID      string `json:"agent_id"`
	Organization string `json:"organization"` // its name, for people
	Site         string `json:"site"`
	Agent        string `json:"agent"` // its name at the collector
	Token        string `json:"token"`
	// ExpiresIn and RenewIn are counted from the answer, in seconds, as the
	// agent's clock may be wrong.
	ExpiresIn int64 `json:"expires_in_seconds"`
	RenewIn   int64 `json:"renew_in_seconds"`
}
