// Package signing keeps what a host signs with: a private key in a file that only its user reads, and the public keys of all that it, and
// the hosts that it shares runs with, have ever signed with. Removing the file has a new key made; the public one of the old stays.
package signing

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/provenance"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// Signer is safe for concurrent use.
type Signer struct {
	file    string
	records store.Records

	mu  sync.Mutex
	key ed25519.PrivateKey // nil: nobody has asked for it
}

// New makes a signer of a key file, which is made when it is first needed, and of what keeps the public keys.
func New(file string, public store.Records) *Signer { return &Signer{file: file, records: public} }

const (
	record       = "provenance-keys"
	privateBlock = "PRIVATE KEY"
)

// document is the record of the public keys, the newest last.
type document struct {
	Version int    `json:"version"`
	Keys    string `json:"keys"` // as PEM
}

// Sign signs a statement.
func (s *Signer) Sign(ctx context.Context, statement []byte) (provenance.Envelope, error) {
	key, err := s.open(ctx)
	if err != nil {
		return provenance.Envelope{}, err
	}
	return provenance.Sign(statement, key), nil
}

// Keys gives the public keys, the newest last.
func (s *Signer) Keys(ctx context.Context) ([]ed25519.PublicKey, error) {
	if _, err := s.open(ctx); err != nil {
		return nil, err
	}
	keys, _, err := s.public(ctx)
	return keys, err
}

// open reads the key, or makes it. Its public key is known before anything is signed with it.
func (s *Signer) open(ctx context.Context) (ed25519.PrivateKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		return s.key, nil
	}
	key, err := s.read()
	if errors.Is(err, fs.ErrNotExist) {
		key, err = s.make()
	}
	if err != nil {
		return nil, err
	}
	public, _ := key.Public().(ed25519.PublicKey)
	if err := s.publish(ctx, public); err != nil {
		return nil, err
	}
	s.key = key
	return key, nil
}

func (s *Signer) read() (ed25519.PrivateKey, error) {
	raw, err := os.ReadFile(s.file)
	if err != nil {
		return nil, fmt.Errorf("the key that provenance is signed with: %w", err)
	}
	if block, _ := pem.Decode(raw); block != nil && block.Type == privateBlock {
		if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if key, ok := k.(ed25519.PrivateKey); ok {
				return key, nil
			}
		}
	}
	return nil, fmt.Errorf("the key that provenance is signed with is damaged: put %s back from a backup, or remove it to have a new one made", s.file)
}

func (s *Signer) make() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(s.file), ".new-*") // 0600
	if err != nil {
		return nil, fmt.Errorf("the key that provenance is signed with: %w", err)
	}
	_, err = f.Write(pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), s.file)
	}
	if err != nil {
		os.Remove(f.Name())
		return nil, fmt.Errorf("the key that provenance is signed with: %w", err)
	}
	return key, nil
}

func (s *Signer) public(ctx context.Context) ([]ed25519.PublicKey, int64, error) {
	raw, revision, err := s.records.Record(ctx, record)
	if err != nil || len(raw) == 0 {
		return nil, revision, err
	}
	var d document
	err = json.Unmarshal(raw, &d)
	var keys []ed25519.PublicKey
	if err == nil {
		keys, err = provenance.DecodeKeys([]byte(d.Keys))
	}
	if err != nil {
		err = fmt.Errorf("the public keys of provenance are damaged: put them back from a backup: %w", err)
	}
	return keys, revision, err
}

// publish notes a public key, unless it is.
func (s *Signer) publish(ctx context.Context, key ed25519.PublicKey) error {
	for {
		keys, revision, err := s.public(ctx)
		if err != nil || slices.ContainsFunc(keys, func(k ed25519.PublicKey) bool { return bytes.Equal(k, key) }) {
			return err
		}
		raw, err := json.Marshal(document{1, provenance.EncodeKeys(append(keys, key))})
		if err != nil {
			return err
		}
		if err = s.records.Keep(ctx, record, raw, revision); !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
}
