package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"
)

// ErrSealed says that a value cannot be opened with the keys there are.
var ErrSealed = errors.New("value is sealed")

// sealPrefix begins every value that is sealed, by whichever provider.
const sealPrefix = "k8s:enc:"

// A Provider seals and opens values. It is safe for concurrent use.
type Provider interface {
	// Prefix begins every value that the provider has sealed; no two providers
	// of a rule have the same.
	Prefix() string
	// Seal returns a value without the prefix. The key is where it is kept.
	Seal(key string, value []byte) ([]byte, error)
	// Open is the reverse of Seal.
	Open(key string, sealed []byte) ([]byte, error)
}

// AESGCM seals with AES in Galois/Counter Mode. The secret has 16, 24 or 32 bytes. Its
// nonces are random, so after 2^32 writes, about four thousand million, a new key is
// due (NIST SP 800-38D, section 8.3).
func AESGCM(name string, secret []byte) (Provider, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	return aesGCM{sealPrefix + "aesgcm:v1:" + name + ":", aead}, nil
}

type aesGCM struct {
	prefix string
	aead   cipher.AEAD
}

func (p aesGCM) Prefix() string { return p.prefix }

func (p aesGCM) Seal(key string, value []byte) ([]byte, error) {
	nonce := make([]byte, p.aead.NonceSize(), p.aead.NonceSize()+len(value)+p.aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return p.aead.Seal(nonce, nonce, value, []byte(key)), nil
}

func (p aesGCM) Open(key string, sealed []byte) ([]byte, error) {
	if len(sealed) < p.aead.NonceSize() {
		return nil, errors.New("it is too short")
	}
	nonce, text := sealed[:p.aead.NonceSize()], sealed[p.aead.NonceSize():]
	value, err := p.aead.Open(nil, nonce, text, []byte(key))
	if err != nil {
		return nil, errors.New("the key is another one, or the value was changed or moved")
	}
	return value, nil
}

// Secretbox seals with XSalsa20 and Poly1305. The secret has 32 bytes.
func Secretbox(name string, secret []byte) (Provider, error) {
	p := box{prefix: sealPrefix + "secretbox:v1:" + name + ":"}
	if len(secret) != len(p.secret) {
		return nil, fmt.Errorf("key %s: a secretbox has a secret of %d bytes, not %d", name, len(p.secret), len(secret))
	}
	copy(p.secret[:], secret)
	return p, nil
}

type box struct {
	prefix string
	secret [32]byte
}

func (p box) Prefix() string { return p.prefix }

func (p box) Seal(_ string, value []byte) ([]byte, error) {
	var nonce [24]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, err
	}
	return secretbox.Seal(nonce[:], value, &nonce, &p.secret), nil
}

func (p box) Open(_ string, sealed []byte) ([]byte, error) {
	var nonce [24]byte
	if len(sealed) < len(nonce) {
		return nil, errors.New("it is too short")
	}
	copy(nonce[:], sealed)
	value, ok := secretbox.Open(nil, sealed[len(nonce):], &nonce, &p.secret)
	if !ok {
		return nil, errors.New("the key is another one, or the value was changed")
	}
	return value, nil
}

// Identity leaves values as they are. As the last provider of a rule it lets values
// be read that were written before the rule; as the first it undoes the rule.
func Identity() Provider { return identity{} }

type identity struct{}

func (identity) Prefix() string                              { return "" }
func (identity) Seal(_ string, value []byte) ([]byte, error) { return value, nil }

func (identity) Open(_ string, value []byte) ([]byte, error) {
	if bytes.HasPrefix(value, []byte(sealPrefix)) {
		return nil, errors.New("no provider has its key")
	}
	return value, nil
}
