package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Limits on passwords. There are no rules of what they have to be made of: those
// make people write them down.
const (
	MinPassword = 12  // characters
	MaxPassword = 200 // characters
)

// Cost of a hash: what OWASP's password storage cheat sheet gives for argon2id.
const (
	hashMemory  = 19 * 1024 // KiB
	hashTime    = 2
	hashThreads = 1
	saltBytes   = 16
	keyBytes    = 32
	// hashesAtOnce bounds the memory that passwords being tried may take.
	hashesAtOnce = 3
)

// ErrPassword is the kind of errors that say why a password will not do.
var ErrPassword = errors.New("this password will not do")

// common are passwords of the length wanted that everybody tries first.
const common = " 123456789012 1234567890123 12345678901234 123123123123 111111111111 qwertyuiop12 qwertyuiopas qwertyuiopasdf 1q2w3e4r5t6y " +
	"1qaz2wsx3edc password1234 password12345 passwordpassword passw0rd1234 password123! password1234! p@ssword1234 iloveyou1234 " +
	"administrator admin1234567 adminadminadmin adminadmin12 letmeinletmein letmein12345 welcome12345 welcome1234! changeme1234 changemechangeme " +
	"changemenow! ciscocisco12 ciscociscocisco cisco1234567 rollcall1234 rollcallrollcall correcthorsebatterystaple abcdefghijkl abcdefghijklm abcd12345678 "

// CheckPassword says why the password of that account will not do; nil when it
// will.
func CheckPassword(account, password string) error {
	lower := strings.ToLower(password)
	name, _, _ := strings.Cut(strings.ToLower(account), "@")
	distinct := map[rune]bool{}
	for _, r := range lower {
		distinct[r] = true
	}
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return fmt.Errorf("%w: it is not text", ErrPassword)
	case n < MinPassword:
		return fmt.Errorf("%w: it has %d characters, and at least %d are needed; some words in a row are easy to remember", ErrPassword, n, MinPassword)
	case n > MaxPassword:
		return fmt.Errorf("%w: it is longer than %d characters", ErrPassword, MaxPassword)
	case len(distinct) < 5 || strings.Contains(common, " "+lower+" "):
		return fmt.Errorf("%w: it is one of those that are tried first", ErrPassword)
	case strings.TrimSpace(lower) == strings.ToLower(account) || len(name) > 3 && strings.Trim(strings.ReplaceAll(lower, name, ""), "0123456789!.-_@ ") == "":
		return fmt.Errorf("%w: it is made of the name of the account", ErrPassword)
	}
	return nil
}

// A Hasher makes and compares hashes of passwords, a few at once.
type Hasher struct {
	slots chan struct{}
	dummy string // of a password that nobody has
}

// NewHasher returns one; a program has one of them.
func NewHasher() *Hasher {
	h := &Hasher{slots: make(chan struct{}, hashesAtOnce)}
	h.dummy = hash(NewSecret(""))
	return h
}

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cannot hash a password: %w", ctx.Err())
	}
}

// Hash returns what is kept of a password: argon2id, in the PHC string format.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer func() { <-h.slots }()
	return hash(password), nil
}

func hash(password string) string {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails: the program ends instead
	key := argon2.IDKey([]byte(password), salt, hashTime, hashMemory, hashThreads, keyBytes)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashThreads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// Verify says that the password is the one of the hash. For "", the hash of an
// account that is not there or has no password, it is as much work, so that
// the time does not tell whether there is one.
func (h *Hasher) Verify(ctx context.Context, kept, password string) (bool, error) {
	if utf8.RuneCountInString(password) > MaxPassword {
		password = "" // no account has that
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer func() { <-h.slots }()
	real := kept != ""
	if !real {
		kept = h.dummy
	}
	same, err := compare(kept, password)
	return same && real, err
}

func compare(kept, password string) (bool, error) {
	var version, memory, time uint32
	var threads uint8
	parts := strings.Split(kept, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errors.New("the hash of a password is not argon2id")
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &threads); err != nil ||
		version != argon2.Version || memory > 1<<20 || time == 0 || time > 20 || threads == 0 {
		return false, errors.New("the hash of a password has parameters that this program does not know")
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(parts[4])
	key, errKey := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(errSalt, errKey); err != nil || len(key) < 16 || len(key) > 128 {
		return false, errors.New("the hash of a password is damaged")
	}
	return subtle.ConstantTimeCompare(key, argon2.IDKey([]byte(password), salt, time, memory, threads, uint32(len(key)))) == 1, nil //nolint:gosec // bounded above
}
