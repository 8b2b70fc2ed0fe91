package simdevice

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// An authProtocol is one of RFC 3414 and RFC 7860: its hash, and how many
// octets of the HMAC stand in the message.
type authProtocol struct {
	newHash  func() hash.Hash
	truncate int
}

func authProtocolByName(name string) (authProtocol, error) {
	switch protocolName(name) {
	case "MD5":
		return authProtocol{md5.New, 12}, nil
	case "SHA", "SHA1":
		return authProtocol{sha1.New, 12}, nil
	case "SHA224":
		return authProtocol{sha256.New224, 16}, nil
	case "SHA256":
		return authProtocol{sha256.New, 24}, nil
	case "SHA384":
		return authProtocol{sha512.New384, 32}, nil
	case "SHA512":
		return authProtocol{sha512.New, 48}, nil
	}
	return authProtocol{}, fmt.Errorf("unknown authentication protocol %q: use MD5, SHA, SHA224, SHA256, SHA384 or SHA512", name)
}

// protocolName makes "sha-256", "SHA256" and "aes128" one spelling.
func protocolName(s string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(s))
}

// passwordKey is the password-to-key algorithm of RFC 3414 section A.2: the
// digest of the password repeated to 1 MiB.
func (a authProtocol) passwordKey(password string) []byte {
	const size = 1 << 20
	h := a.newHash()
	if password == "" {
		return h.Sum(nil)
	}
	block := []byte(strings.Repeat(password, 4096/len(password)+1))
	for left := size; left > 0; left -= len(block) {
		h.Write(block[:min(left, len(block))])
	}
	return h.Sum(nil)
}

// localize binds a key to one engine: RFC 3414 section 2.6.
func (a authProtocol) localize(key []byte, engineID string) []byte {
	h := a.newHash()
	h.Write(key)
	h.Write([]byte(engineID))
	h.Write(key)
	return h.Sum(nil)
}

func (a authProtocol) digest(key, message []byte) []byte {
	mac := hmac.New(a.newHash, key)
	mac.Write(message)
	return mac.Sum(nil)[:a.truncate]
}

// A privProtocol is CBC-DES (RFC 3414), CFB-AES-128 (RFC 3826) or one of the
// longer AES keys that no RFC has.
type privProtocol struct {
	des     bool
	keySize int
	// reeder extends the key as draft-reeder-snmpv3-usm-3desede does, which is
	// Cisco's way; otherwise draft-blumenthal-aes-usm.
	reeder bool
}

func privProtocolByName(name string) (privProtocol, error) {
	switch protocolName(name) {
	case "DES":
		return privProtocol{des: true, keySize: 16}, nil
	case "AES", "AES128":
		return privProtocol{keySize: 16}, nil
	case "AES192":
		return privProtocol{keySize: 24}, nil
	case "AES256":
		return privProtocol{keySize: 32}, nil
	case "AES192C":
		return privProtocol{keySize: 24, reeder: true}, nil
	case "AES256C":
		return privProtocol{keySize: 32, reeder: true}, nil
	}
	return privProtocol{}, fmt.Errorf("unknown privacy protocol %q: use DES, AES, AES192, AES256, AES192C or AES256C", name)
}

// key derives the localized privacy key from the password.
func (p privProtocol) key(a authProtocol, password, engineID string) []byte {
	key := a.localize(a.passwordKey(password), engineID)
	for last := key; len(key) < p.keySize; key = append(key, last...) {
		if p.reeder {
			last = a.localize(a.passwordKey(string(last)), engineID)
			continue
		}
		h := a.newHash()
		h.Write(key)
		last = h.Sum(nil)
	}
	return key[:p.keySize]
}

var errCipher = errors.New("cannot decrypt")

// encrypt returns the ciphertext; salt is the eight octets that also stand in
// msgPrivacyParameters.
func (p privProtocol) encrypt(key, plain, salt []byte, boots, engineTime uint32) ([]byte, error) {
	if p.des {
		block, err := des.NewCipher(key[:8])
		if err != nil {
			return nil, err
		}
		out := append(slices.Clone(plain), make([]byte, (8-len(plain)%8)%8)...)
		cipher.NewCBCEncrypter(block, desIV(key, salt)).CryptBlocks(out, out)
		return out, nil
	}
	return p.cfb(key, plain, aesIV(salt, boots, engineTime), false)
}

func (p privProtocol) decrypt(key, secret, salt []byte, boots, engineTime uint32) ([]byte, error) {
	if len(salt) != 8 || len(secret) == 0 {
		return nil, errCipher
	}
	if p.des {
		if len(secret)%8 != 0 {
			return nil, errCipher
		}
		block, err := des.NewCipher(key[:8])
		if err != nil {
			return nil, err
		}
		out := make([]byte, len(secret))
		cipher.NewCBCDecrypter(block, desIV(key, salt)).CryptBlocks(out, secret)
		return out, nil
	}
	return p.cfb(key, secret, aesIV(salt, boots, engineTime), true)
}

// desIV is the pre-IV of the key's second half XOR the salt: RFC 3414 section
// 8.1.1.1.
func desIV(key, salt []byte) []byte {
	iv := slices.Clone(key[8:16])
	for i := range iv {
		iv[i] ^= salt[i]
	}
	return iv
}

// aesIV is boots, time and salt: RFC 3826 section 3.1.2.1.
func aesIV(salt []byte, boots, engineTime uint32) []byte {
	iv := binary.BigEndian.AppendUint32(nil, boots)
	iv = binary.BigEndian.AppendUint32(iv, engineTime)
	return append(iv, salt...)
}

// cfb is CFB-128, which the standard library no longer offers without a
// deprecation mark and RFC 3826 demands.
func (p privProtocol) cfb(key, in, iv []byte, decrypting bool) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(in))
	feed, stream := slices.Clone(iv), make([]byte, aes.BlockSize)
	for at := 0; at < len(in); at += aes.BlockSize {
		block.Encrypt(stream, feed)
		end := min(at+aes.BlockSize, len(in))
		for i := at; i < end; i++ {
			out[i] = in[i] ^ stream[i-at]
		}
		if decrypting {
			copy(feed, in[at:end])
		} else {
			copy(feed, out[at:end])
		}
	}
	return out, nil
}
