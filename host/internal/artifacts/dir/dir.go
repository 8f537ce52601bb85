// Package dir keeps artifacts in a folder, one read-only file each, named by its SHA-256: sha256/ab/cdef….
//
// A file appears there by rename once it is whole and synced, so what is there is complete. Temporary files lie
// in tmp/ beside it; each is locked by the process that writes it, and what a dead process left is swept at the
// next Open. Names that users give are data, and never become part of a path.
//
// A file's time is when it was put or touched last. One that is removed first moves to going/, where its time is looked
// at once more, since it may have been put again in between; whoever needs it there takes it back. So nothing locks.
package dir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
)

// Store is an artifacts.Store in a folder. Several processes may share the folder, as long as one of them removes.
type Store struct {
	root string

	removing sync.Mutex // one at a time, or each could take what the other had put back
	renewing sync.Mutex
}

// Open makes the folder when there is none, and sweeps what crashed writers left in it.
func Open(root string) (*Store, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("artifacts %s: %w", root, err)
	}
	s := &Store{root: abs}
	for _, d := range []string{s.blobs(), s.tmp(), s.going()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("artifacts %s: %w", abs, err)
		}
	}
	return s, errors.Join(s.sweep(), s.takeBack())
}

func (s *Store) blobs() string { return filepath.Join(s.root, "sha256") }
func (s *Store) tmp() string   { return filepath.Join(s.root, "tmp") }
func (s *Store) going() string { return filepath.Join(s.root, "going") }

// file gives where the bytes of the digest are kept.
func (s *Store) file(digest string) (string, error) {
	hexa, ok := strings.CutPrefix(digest, "sha256:")
	if raw, err := hex.DecodeString(hexa); !ok || err != nil || len(raw) != sha256.Size || hexa != strings.ToLower(hexa) {
		return "", fmt.Errorf("artifact %q: %w", digest, artifacts.ErrDigest)
	}
	return filepath.Join(s.blobs(), hexa[:2], hexa[2:]), nil
}

// Put implements artifacts.Store.
func (s *Store) Put(ctx context.Context, r io.Reader, hint sdk.Artifact) (sdk.Artifact, error) {
	tmp, err := s.create()
	if err != nil {
		return sdk.Artifact{}, artifacts.DiskError(fmt.Sprintf("store %q", hint.Name), s.root, err)
	}
	defer tmp.discard()
	sum, size, head, err := copyIn(ctx, tmp.f, r)
	if err != nil {
		return sdk.Artifact{}, artifacts.DiskError(fmt.Sprintf("store %q", hint.Name), s.root, err)
	}
	a := sdk.Artifact{Digest: "sha256:" + hex.EncodeToString(sum), Size: size, Name: hint.Name,
		MediaType: artifacts.Sniff(head, hint)}
	path, err := s.file(a.Digest)
	if err == nil {
		err = s.keep(tmp, path)
	}
	if err != nil {
		return sdk.Artifact{}, artifacts.DiskError(fmt.Sprintf("store %q", hint.Name), s.root, err)
	}
	return a, nil
}

// copyIn gives the digest, the size and the first bytes of what it copied.
func copyIn(ctx context.Context, w io.Writer, r io.Reader) (sum []byte, size int64, head []byte, err error) {
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		if ctx.Err() != nil {
			return nil, size, nil, context.Cause(ctx)
		}
		n, rerr := r.Read(buf)
		if len(head) < artifacts.SniffLen {
			head = append(head, buf[:min(n, artifacts.SniffLen-len(head))]...)
		}
		h.Write(buf[:n])
		if _, err := w.Write(buf[:n]); err != nil {
			return nil, size, nil, err
		}
		size += int64(n)
		if errors.Is(rerr, io.EOF) {
			return h.Sum(nil), size, head, nil
		}
		if rerr != nil {
			return nil, size, nil, fmt.Errorf("read: %w", rerr)
		}
	}
}

// Open implements artifacts.Store.
func (s *Store) Open(ctx context.Context, digest string) (io.ReadSeekCloser, error) {
	return s.renewed(ctx, digest)
}

// renewed opens a file and makes it new, unless it is.
func (s *Store) renewed(ctx context.Context, digest string) (*os.File, error) {
	f, err := s.open(digest)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && time.Since(info.ModTime()) < artifacts.Renewed {
		return f, nil
	}
	if err = s.Touch(ctx, digest); err != nil {
		f.Close() // it could be read, but it will not stay
		return nil, err
	}
	return f, nil
}

func (s *Store) open(digest string) (*os.File, error) {
	path, err := s.file(digest)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		s.rescue(path)
		f, err = os.Open(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("artifact %s: %w", digest, artifacts.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("artifact %s: %w", digest, err)
	}
	return f, nil
}

// Fetch implements artifacts.Store. The copy shares no inode with the store: whoever may write to it, or make
// it writable, cannot reach the stored bytes.
func (s *Store) Fetch(ctx context.Context, digest, path string) error {
	from, err := s.renewed(ctx, digest)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return fmt.Errorf("artifact %s: %w", digest, err)
	}
	err = clone(to, from)
	if err != nil {
		err = copyFile(ctx, to, from)
	}
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(path)
		return artifacts.DiskError("fetch artifact "+digest, filepath.Dir(path), err)
	}
	return nil
}

// Verify reads the bytes and says whether they still are what the digest says.
func (s *Store) Verify(ctx context.Context, digest string) error {
	f, err := s.open(digest)
	if err != nil {
		return err
	}
	defer f.Close()
	sum, _, _, err := copyIn(ctx, io.Discard, f)
	if err != nil {
		return fmt.Errorf("artifact %s: %w", digest, err)
	}
	if got := "sha256:" + hex.EncodeToString(sum); got != digest {
		return fmt.Errorf("artifact %s: damaged on disk (its bytes are %s): delete %s and make it again", digest, got, f.Name())
	}
	return nil
}
