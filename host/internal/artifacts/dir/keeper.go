package dir

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// touch makes the file new. Where it still is afterwards, nobody who looks at it from now on finds it old; that it was
// there before says nothing, since it may have been on its way out.
func (s *Store) touch(path string) error {
	err := s.renew(path, nil)
	if err == nil {
		_, err = os.Stat(path)
	}
	return err
}

// renew sets the file's time to now, and then does what comes next, if anything. One at a time, so that nobody sets
// a time that is older than the one before.
func (s *Store) renew(path string, next func() error) error {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	now := time.Now()
	err := os.Chtimes(path, now, now)
	if err == nil && next != nil {
		err = next()
	}
	return err
}

// outside is where a file is while it is removed.
func (s *Store) outside(path string) string {
	return filepath.Join(s.going(), filepath.Base(filepath.Dir(path))+filepath.Base(path))
}

// rescue gives a file that is being removed its place back, unless another has taken it, which may be newer. The name
// outside stays: it is the remover's to take away, since by now it may stand for another file.
func (s *Store) rescue(path string) {
	err := os.Link(s.outside(path), path)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) { // a file system without links
		_ = os.Rename(s.outside(path), path)
	}
}

// takeBack undoes removals that a crash cut short: the next sweep finds those files again. A name that is left outside
// goes with the next removal.
func (s *Store) takeBack() error {
	entries, err := os.ReadDir(s.going())
	if err != nil {
		return fmt.Errorf("artifacts %s: %w", s.root, err)
	}
	for _, e := range entries {
		if path, err := s.file("sha256:" + e.Name()); err == nil {
			s.rescue(path)
		}
	}
	return nil
}

// Touch implements artifacts.Keeper.
func (s *Store) Touch(_ context.Context, digest string) error {
	path, err := s.file(digest)
	if err != nil {
		return err
	}
	for range 2 {
		if err = s.touch(path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		s.rescue(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = artifacts.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("artifact %s: %w", digest, err)
	}
	return nil
}

// Peek implements artifacts.Keeper.
func (s *Store) Peek(_ context.Context, digest string) (io.ReadCloser, error) {
	f, err := s.open(digest)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Remove implements artifacts.Keeper.
func (s *Store) Remove(_ context.Context, digest string, before time.Time) (bool, error) {
	path, err := s.file(digest)
	if err != nil {
		return false, err
	}
	s.removing.Lock()
	defer s.removing.Unlock()
	removed, err := s.remove(path, before)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it was not there, or somebody took it back
		return false, fmt.Errorf("artifact %s: %w", digest, err)
	}
	return removed, nil
}

func (s *Store) remove(path string, before time.Time) (bool, error) {
	outside := s.outside(path)
	if _, err := os.Lstat(outside); err == nil { // left by a rescue or a crash
		s.rescue(path)
		os.Remove(outside)
	}
	info, err := os.Stat(path)
	if err != nil || !info.ModTime().Before(before) {
		return false, err
	}
	if err := os.Rename(path, outside); err != nil {
		return false, err
	}
	info, err = os.Stat(outside)
	if err != nil {
		return false, err
	}
	if !info.ModTime().Before(before) {
		return false, os.Rename(outside, path)
	}
	if err := os.Remove(outside); err != nil {
		return false, err
	}
	_, err = os.Lstat(path) // it was rescued, or put again
	return errors.Is(err, fs.ErrNotExist), nil
}

// All implements artifacts.Keeper.
func (s *Store) All(ctx context.Context) iter.Seq2[artifacts.Held, error] {
	return func(yield func(artifacts.Held, error) bool) {
		folders, err := os.ReadDir(s.blobs())
		if err != nil {
			yield(artifacts.Held{}, fmt.Errorf("artifacts %s: %w", s.root, err))
			return
		}
		for _, f := range folders {
			if ctx.Err() != nil {
				yield(artifacts.Held{}, context.Cause(ctx))
				return
			}
			if !s.folder(f.Name(), yield) {
				return
			}
		}
	}
}

// folder gives what one folder holds; false: the receiver has had enough.
func (s *Store) folder(name string, yield func(artifacts.Held, error) bool) bool {
	files, err := os.ReadDir(filepath.Join(s.blobs(), name))
	if err != nil {
		yield(artifacts.Held{}, fmt.Errorf("artifacts %s: %w", s.root, err))
		return false
	}
	for _, e := range files {
		digest := "sha256:" + name + e.Name()
		if _, err := hex.DecodeString(name + e.Name()); err != nil || len(digest) != len("sha256:")+64 {
			continue // not ours
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has just gone
		}
		if err != nil {
			yield(artifacts.Held{}, fmt.Errorf("artifacts %s: %w", s.root, err))
			return false
		}
		if !yield(artifacts.Held{Digest: digest, Size: info.Size(), Put: info.ModTime()}, nil) {
			return false
		}
	}
	return true
}
