package provenance

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// PayloadType is what an envelope of ours has in it.
const PayloadType = "application/vnd.in-toto+json"

// MaxEnvelope is how big an envelope may be that is read, in bytes.
const MaxEnvelope = 8 << 20

// Envelope is a DSSE envelope: a statement and who signed it.
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // in base64
	Signatures  []Signature `json:"signatures"`
}

// Signature is one, in base64, and the KeyID of the key.
type Signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// What can be wrong with an envelope.
var (
	ErrDamaged    = errors.New("is no signed provenance")
	ErrUnknownKey = errors.New("is signed with a key that is not known")
	ErrAltered    = errors.New("was altered after it was signed")
)

// KeyID names a public key: the SHA-256 of its DER form.
func KeyID(k ed25519.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(k)
	if err != nil { // never of an Ed25519 key
		return ""
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// Sign puts a statement into an envelope.
func Sign(statement []byte, key ed25519.PrivateKey) Envelope {
	public, _ := key.Public().(ed25519.PublicKey)
	return Envelope{PayloadType: PayloadType, Payload: base64.StdEncoding.EncodeToString(statement),
		Signatures: []Signature{{KeyID(public), base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed(PayloadType, statement)))}}}
}

// signed is what a signature is of: DSSE's pre-authentication encoding.
func signed(kind string, payload []byte) []byte {
	return append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(kind), kind, len(payload)), payload...)
}

// Read reads an envelope, and the statement in it, which nobody has verified yet. The error is an ErrDamaged.
func Read(raw []byte) (e Envelope, s Statement, err error) {
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, s, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if e.PayloadType != PayloadType || len(e.Signatures) == 0 {
		return e, s, fmt.Errorf("%w: it is no DSSE envelope of %s", ErrDamaged, PayloadType)
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err == nil {
		s, err = Decode(payload)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return e, s, err
}

// Verify gives the key that signed an envelope. ErrUnknownKey: none of these has; ErrAltered: one is named, and its signature is of
// something else.
func (e Envelope) Verify(keys []ed25519.PublicKey) (ed25519.PublicKey, error) {
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	err = ErrUnknownKey
	for _, s := range e.Signatures {
		k := slices.IndexFunc(keys, func(k ed25519.PublicKey) bool { return KeyID(k) == s.KeyID })
		if k < 0 {
			continue
		}
		if sig, bad := base64.StdEncoding.DecodeString(s.Sig); bad == nil && ed25519.Verify(keys[k], signed(e.PayloadType, payload), sig) {
			return keys[k], nil
		}
		err = ErrAltered
	}
	return nil, err
}

const publicBlock = "PUBLIC KEY"

// EncodeKeys writes public keys as PEM.
func EncodeKeys(keys []ed25519.PublicKey) string {
	var b strings.Builder
	for _, k := range keys {
		if der, err := x509.MarshalPKIXPublicKey(k); err == nil {
			_ = pem.Encode(&b, &pem.Block{Type: publicBlock, Bytes: der}) // a Builder takes all
		}
	}
	return b.String()
}

// DecodeKeys reads the Ed25519 public keys of a PEM file. The error is for people.
func DecodeKeys(text []byte) (keys []ed25519.PublicKey, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != publicBlock {
			return nil, fmt.Errorf("it holds a %s; want public keys only, as spinbot verify --print-key prints them", block.Type)
		}
		k, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("a public key in it is damaged: %w", err)
		}
		public, ok := k.(ed25519.PublicKey)
		if !ok {
			return nil, errors.New("a public key in it is not of Ed25519")
		}
		keys = append(keys, public)
	}
	if len(keys) == 0 {
		return nil, errors.New("it holds no public key in PEM form; spinbot verify --print-key prints a host's")
	}
	return keys, nil
}
