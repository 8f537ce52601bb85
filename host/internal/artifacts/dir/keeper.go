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
func touch(path string, now time.Time) error {
	if err := os.Chtimes(path, now, now); err != nil {
		return err
	}
	_, err := os.Stat(path)
	return err
}

// outside is where a file is while it is removed.
func (s *Store) outside(path string) string {
	return filepath.Join(s.going(), filepath.Base(filepath.Dir(path))+filepath.Base(path))
}

// rescue takes a file back that is being removed, if there is one.
func (s *Store) rescue(path string) { _ = os.Rename(s.outside(path), path) }

// takeBack undoes removals that a crash cut short: the next sweep finds those files again.
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
		if err = touch(path, time.Now()); !errors.Is(err, fs.ErrNotExist) {
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
	info, err := os.Stat(path)
	if err != nil || !info.ModTime().Before(before) {
		return false, err
	}
	outside := s.outside(path)
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
	err = os.Remove(outside)
	return err == nil, err
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
