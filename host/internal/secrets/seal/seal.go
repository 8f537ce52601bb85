// Package seal owns what one machine encrypts for another: bytes are sealed for the public key of the machine that may
// read them, and bound to a context, such as the address of the task that they belong to, so that they cannot be moved into
// another one. It is HPKE (RFC 9180) as the standard library has it, and seals for one key only: the one who sealed cannot
// open. Who sealed is not proven. It refuses what was sealed for another key, in another context, or was altered.
package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Sealed bytes are: version, key id (4 bytes), HPKE's encapsulated key (32), and the cipher text, 16 bytes longer than the
// plain one. Version and id are bound to it together with the context.
const (
	version  = 1
	idLen    = 4
	encapLen = 32
	headLen  = 1 + idLen
	keyLen   = 32
	// Overhead is how much longer sealed bytes are.
	Overhead = headLen + encapLen + 16
)

// prefix begins the text of a public key: its kind, and the version of what is sealed for it.
const prefix = "x25519-1:"

var (
	kem  = hpke.DHKEM(ecdh.X25519())
	kdf  = hpke.HKDFSHA256()
	aead = hpke.ChaCha20Poly1305() // needs no AES in hardware to be fast and without leaks through time
)

// What is wrong with sealed bytes; errors.Is tells them apart.
var (
	ErrDamaged  = errors.New("the sealed bytes are damaged, or belong to something else; they have to be sealed and sent again")
	ErrOtherKey = errors.New("they were sealed for another key than this machine has now; they have to be sealed for the new one and sent again")
	ErrVersion  = errors.New("they were sealed by a later version of spinbot; upgrade this machine to go on")
)

// Key opens what was sealed for its public half. Its text, as fmt and logs show it, is the public half.
type Key struct{ private hpke.PrivateKey }

// NewKey makes a key.
func NewKey() Key {
	private, err := kem.GenerateKey()
	if err != nil {
		panic(err) // the system's randomness never fails
	}
	return Key{private}
}

// ParseKey takes a key from what Bytes gave.
func ParseKey(raw []byte) (Key, error) {
	private, err := kem.NewPrivateKey(raw)
	if err != nil {
		return Key{}, fmt.Errorf("the key is damaged: it has %d bytes, not %d; put it back from a backup, or remove it to have a new one made", len(raw), keyLen)
	}
	return Key{private}, nil
}

// Bytes gives the key itself, to be kept where its owner alone can read it.
func (k Key) Bytes() []byte {
	raw, err := k.private.Bytes()
	if err != nil {
		panic(err) // keys of this kind always can
	}
	return raw
}

// Public gives the public half as text of letters, digits, -, _ and a colon.
func (k Key) Public() string {
	return prefix + base64.RawURLEncoding.EncodeToString(k.private.PublicKey().Bytes())
}

// String is Public.
func (k Key) String() string { return k.Public() }

// GoString is Public.
func (k Key) GoString() string { return k.Public() }

// parsePublic takes the text of a public half.
func parsePublic(text string) (hpke.PublicKey, error) {
	encoded, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return nil, fmt.Errorf("public key: it begins with %q, not %.20q: the machine that gave it runs another version of spinbot, or it is something else", prefix, text)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err == nil {
		var public hpke.PublicKey
		if public, err = kem.NewPublicKey(raw); err == nil {
			return public, nil
		}
	}
	return nil, errors.New("public key: it is damaged; copy all of it")
}

// head gives the bytes that sealed ones begin with: the version, and which key they are for.
func head(public hpke.PublicKey) []byte {
	sum := sha256.Sum256(public.Bytes())
	return append([]byte{version}, sum[:idLen]...)
}

// info binds the head and the context to the sealed bytes.
func info(head, context []byte) []byte {
	return slices.Concat([]byte("spinbot seal\x00"), head, context)
}

// Seal encrypts bytes for a public key. Only the context that they are sealed with opens them.
func Seal(public string, context, plain []byte) ([]byte, error) {
	key, err := parsePublic(public)
	if err != nil {
		return nil, err
	}
	h := head(key)
	sealed, err := hpke.Seal(key, kdf, aead, info(h, context), plain)
	if err != nil {
		return nil, fmt.Errorf("public key: nothing can be sealed for it: %w", err)
	}
	return append(h, sealed...), nil
}

// Open decrypts what Seal gave for this key's public half and the same context.
func (k Key) Open(context, sealed []byte) ([]byte, error) {
	switch {
	case len(sealed) < Overhead:
		return nil, ErrDamaged
	case sealed[0] > version:
		return nil, ErrVersion
	case sealed[0] != version:
		return nil, ErrDamaged
	}
	h := head(k.private.PublicKey())
	if !bytes.Equal(h, sealed[:headLen]) {
		return nil, ErrOtherKey
	}
	plain, err := hpke.Open(k.private, kdf, aead, info(h, context), sealed[headLen:])
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}
