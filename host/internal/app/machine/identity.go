package machine

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
)

// Identity gives this machine's name in the fleet, the same as long as its state directory lives: prefix and random letters.
func Identity(folder, prefix string) (string, error) {
	return kept(filepath.Join(folder, prefix+".id"), func() []byte { return []byte(prefix + "-" + random(5)) })
}

// Session gives a text that no other process has.
func Session() string { return random(10) }

// Secret gives a random text that stays the same.
func Secret(folder, name string) (string, error) {
	return kept(filepath.Join(folder, name), func() []byte { return []byte(random(32)) })
}

// SealKey gives the key that things are sealed for this machine with.
func SealKey(folder string) (seal.Key, error) {
	text, err := kept(filepath.Join(folder, "seal.key"), func() []byte { return []byte(hex.EncodeToString(seal.NewKey().Bytes())) })
	if err != nil {
		return seal.Key{}, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return seal.Key{}, fmt.Errorf("%s: %w", filepath.Join(folder, "seal.key"), err)
	}
	return seal.ParseKey(raw)
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// kept reads a small file, or makes it.
func kept(path string, fresh func() []byte) (string, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		raw = fresh()
		err = WriteFile(path, raw)
	}
	return strings.TrimSpace(string(raw)), err
}

// WriteFile puts a file of its owner's in its place whole.
func WriteFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// Outward is the address that this machine has in its network; empty: none is known. Nothing is sent to find it out.
func Outward() string {
	c, err := net.Dial("udp", "192.0.2.1:9") // of an example network: only the route counts
	if err != nil {
		return ""
	}
	host, _, _ := net.SplitHostPort(c.LocalAddr().String())
	_ = c.Close() // it has sent nothing
	return host
}
