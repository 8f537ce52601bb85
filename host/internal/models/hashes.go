package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/sdk/weights"
)

// block is how much is read, hashed and written at once.
const block = 256 << 10

// sum is a file's digest, as long as it has this size and time.
type sum struct {
	Size   int64     `json:"size"`
	Time   time.Time `json:"time"`
	Digest string    `json:"digest"`
}

// hashes are the digests of files, kept in a file.
type hashes struct {
	file string
	log  *slog.Logger
	busy chan struct{} // one file is hashed at a time: the disk is what it waits for

	mu sync.Mutex
	of map[string]sum // by path
}

func openHashes(file string, log *slog.Logger) *hashes {
	h := &hashes{file: file, log: log, busy: make(chan struct{}, 1), of: map[string]sum{}}
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &h.of)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the digests of models are worked out anew", "file", file, "error", err)
		h.of = map[string]sum{}
	}
	return h
}

// known gives the digest of a file; empty: it has to be worked out.
func (h *hashes) known(f found) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if x := h.of[f.path]; x.Size == f.Size && x.Time.Equal(f.time) {
		return x.Digest
	}
	return ""
}

// keep notes a digest. Files that are gone are forgotten.
func (h *hashes) keep(f found, digest string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for path := range h.of {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			delete(h.of, path)
		}
	}
	h.of[f.path] = sum{f.Size, f.time, digest}
	raw, err := json.Marshal(h.of)
	if err == nil {
		err = writeFile(h.file, raw)
	}
	if err != nil {
		h.log.Warn("the digest of a model is not kept, and is worked out anew at the next start", "file", h.file, "error", err)
	}
}

// writeFile puts a file in its place whole.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// Digest gives the digest of a file. It reads all of the file when nobody has asked before, or it has changed since.
func (l *Library) Digest(ctx context.Context, name string) (string, error) {
	f, ok := l.file(name)
	if !ok {
		return "", fmt.Errorf("model %s: %w", name, fs.ErrNotExist)
	}
	select {
	case l.hashes.busy <- struct{}{}:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { <-l.hashes.busy }()
	if digest := l.hashes.known(f); digest != "" {
		return digest, nil
	}
	in, err := os.Open(f.path)
	if err != nil {
		return "", fmt.Errorf("model %s: %w", name, err)
	}
	defer in.Close()
	sum := sha256.New()
	if err := copyAll(ctx, sum, in); err != nil {
		return "", fmt.Errorf("model %s: read %s: %w", name, f.path, err)
	}
	if info, err := in.Stat(); err != nil || info.Size() != f.Size || !info.ModTime().Equal(f.time) {
		return "", fmt.Errorf("model %s: %s has changed while it was read; try again once it is whole", name, f.path)
	}
	digest := "sha256:" + hex.EncodeToString(sum.Sum(nil))
	l.hashes.keep(f, digest)
	l.cfg.Changed(true)
	return digest, nil
}

// copyAll copies until the end, or until ctx ends.
func copyAll(ctx context.Context, w io.Writer, r io.Reader) error {
	buf := make([]byte, block)
	for {
		n, err := r.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil {
			return werr
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
	}
}

// Licence gives the licence that a file names; empty: it names none, or is not there.
func (l *Library) Licence(name string) string {
	if f, ok := l.file(name); ok {
		return weights.Licence(f.path)
	}
	return ""
}
