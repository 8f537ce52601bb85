package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
)

// errMismatch says that bytes are whole and not what their digest says.
var errMismatch = errors.New("the bytes are not what the digest says")

// stale is how long a partial file waits for its transfer to continue.
const stale = 24 * time.Hour

// partial is the beginning of an artifact, in a file named by its digest. It has one user at a time.
type partial struct {
	f      *os.File
	digest string
	size   int64     // grows with each Write
	sum    hash.Hash // of the first hashed bytes
	hashed int64     // size, unless the beginning is an earlier transfer's
	disk   *disk     // which has room set aside; nil: none has
}

func openPartial(folder, digest string) (*partial, error) {
	name, err := hexOf(digest)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, name)
	_ = os.Chmod(path, 0o600) // it may have been read-only already when the process died
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, artifacts.DiskError("artifact "+digest, folder, err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("artifact %s: %w", digest, err)
	}
	return &partial{f: f, digest: digest, size: size, sum: sha256.New()}, nil
}

// Write appends.
func (p *partial) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	if p.hashed == p.size {
		p.sum.Write(b[:n])
		p.hashed += int64(n)
	}
	p.size += int64(n)
	if p.disk != nil {
		p.disk.wrote(p, int64(n))
	}
	return n, err
}

// drop forgets the bytes.
func (p *partial) drop() error {
	p.release()
	p.size, p.hashed = 0, 0
	p.sum.Reset()
	_, err := p.f.Seek(0, io.SeekStart)
	return errors.Join(err, p.f.Truncate(0))
}

// release gives back the room that was set aside.
func (p *partial) release() {
	if p.disk != nil {
		p.disk.release(p)
	}
}

// close leaves the file for a later transfer, if there is anything in it.
func (p *partial) close() {
	p.release()
	if p.size == 0 {
		os.Remove(p.f.Name())
	}
	p.f.Close()
}

// verify hashes what was not hashed when it came.
func (p *partial) verify(ctx context.Context) error {
	buf := make([]byte, block)
	for p.hashed < p.size {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := p.f.ReadAt(buf[:min(block, p.size-p.hashed)], p.hashed)
		p.sum.Write(buf[:n])
		p.hashed += int64(n)
		if err != nil {
			return fmt.Errorf("artifact %s: read %s: %w", p.digest, p.f.Name(), err)
		}
	}
	if got := "sha256:" + hex.EncodeToString(p.sum.Sum(nil)); got != p.digest {
		return fmt.Errorf("artifact %s: %w: they are %s, %s", p.digest, errMismatch, got, mib(p.size))
	}
	return nil
}

// keep verifies the whole artifact and gives it to the store. What does not match is forgotten; what the store cannot
// take now stays.
func (p *partial) keep(ctx context.Context, st artifacts.Store) error {
	if err := p.verify(ctx); err != nil {
		if errors.Is(err, errMismatch) {
			err = errors.Join(err, p.drop())
		}
		return err
	}
	if a, ok := st.(artifacts.Adopter); ok {
		if err := a.Adopt(p.f.Name(), p.digest); !errors.Is(err, syscall.EXDEV) {
			return err
		}
	}
	if _, err := p.f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("artifact %s: %w", p.digest, err)
	}
	if _, err := st.Put(ctx, p.f, sdk.Artifact{Name: p.digest}); err != nil {
		return err
	}
	return p.drop()
}

// sweep makes the folder when there is none, and removes the partial files that nobody continued.
func sweep(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("partial artifacts: %w", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("partial artifacts: %w", err)
	}
	for _, e := range entries {
		if _, err := hexOf("sha256:" + e.Name()); err != nil {
			continue // not ours
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > stale {
			os.Remove(filepath.Join(folder, e.Name()))
		}
	}
	return nil
}
