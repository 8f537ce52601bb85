package dir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// temp is a file on its way into the store, locked while its writer lives.
type temp struct {
	f    *os.File
	kept bool
}

func (s *Store) create() (*temp, error) {
	for {
		f, err := os.CreateTemp(s.tmp(), "put-*")
		if err != nil {
			return nil, err
		}
		if err := lock(f); err != nil {
			f.Close()
			os.Remove(f.Name())
			return nil, err
		}
		if _, err := os.Stat(f.Name()); err == nil {
			return &temp{f: f}, nil
		}
		f.Close() // another process swept it before it was locked
	}
}

func (t *temp) discard() {
	if !t.kept {
		os.Remove(t.f.Name())
	}
	t.f.Close()
}

// keep syncs the file and gives it its place. When the bytes are there already they stay, as new as these.
func (s *Store) keep(t *temp, path string) error {
	if info, err := os.Stat(path); err == nil && t.same(info) && s.touch(path) == nil {
		return nil
	}
	if err := t.f.Chmod(0o444); err != nil {
		return err
	}
	if err := t.f.Sync(); err != nil {
		return err
	}
	folder := filepath.Dir(path)
	if err := os.Mkdir(folder, 0o700); err == nil {
		if err := syncFolder(filepath.Dir(folder)); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := s.renew(t.f.Name(), func() error { return os.Rename(t.f.Name(), path) }); err != nil {
		return err
	}
	t.kept = true
	return syncFolder(folder)
}

// same says whether the stored file has the size of this one; another size means damage, which is overwritten.
func (t *temp) same(stored os.FileInfo) bool {
	info, err := t.f.Stat()
	return err == nil && info.Size() == stored.Size()
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// sweep removes temporary files that no living process has locked.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.tmp())
	if err != nil {
		return fmt.Errorf("artifacts %s: %w", s.root, err)
	}
	for _, e := range entries {
		f, err := os.Open(filepath.Join(s.tmp(), e.Name()))
		if err != nil {
			continue // it went by itself
		}
		if lock(f) == nil {
			os.Remove(f.Name())
		}
		f.Close()
	}
	return nil
}
