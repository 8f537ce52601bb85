package pipelines

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// MaxText is the size of a pipeline file in bytes, at most.
const MaxText = 4 << 20

// The refusals of Save and Remove.
var (
	// ErrStale: the file is another one than who changes it has seen.
	ErrStale = errors.New("the pipeline has changed since")
	// ErrName: that is no name for a file.
	ErrName = errors.New("a pipeline's file has a name of letters, digits, - and _, at most 64")
	// ErrTaken: a file that is to stand beside it is there, with other content.
	ErrTaken = errors.New("a file of that name is there, with other content")
)

// Change is what Save makes of a pipeline's file.
type Change struct {
	Text []byte
	// Version is that of the file as it is; empty: it is new.
	Version string
	// Files are put beside it, by relative slash path. None is replaced.
	Files map[string][]byte
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// VersionOf names a text: another text has another version.
func VersionOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Source gives the text of a pipeline's own file, as it is now. ErrUnknown.
func (f *Folders) Source(ctx context.Context, name string) (Entry, []byte, error) {
	e, err := f.Find(ctx, name)
	if err != nil {
		return e, nil, err
	}
	raw, err := os.ReadFile(e.File)
	return e, raw, err
}

// Save replaces a pipeline's file; a new one is made in the last of the folders. The file is replaced whole, when all that is to
// stand beside it does. It may be broken: then the entry says so. ErrStale, ErrName, ErrTaken.
func (f *Folders) Save(ctx context.Context, name string, c Change) (Entry, error) {
	f.saving.Lock()
	defer f.saving.Unlock()
	path, err := f.place(ctx, name, c.Version)
	if err != nil {
		return Entry{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return Entry{}, err
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return Entry{}, err
	}
	defer root.Close()
	if err := beside(root, c.Files); err != nil {
		return Entry{}, err
	}
	if err := replace(root, filepath.Base(path), c.Text); err != nil {
		return Entry{}, fmt.Errorf("save %s: %w", name, err)
	}
	all, err := f.View(ctx)
	if err != nil {
		return Entry{}, err
	}
	for _, e := range all {
		if file, err := filepath.EvalSymlinks(e.File); err == nil && file == path {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("%w: %s, which was just saved", ErrUnknown, name)
}

// beside puts files into a pipeline's folder; all of them, or none where one may not stand there.
func beside(root *os.Root, files map[string][]byte) error {
	names := slices.Sorted(maps.Keys(files))
	names = slices.DeleteFunc(names, func(name string) bool {
		there, err := root.ReadFile(filepath.FromSlash(name))
		return err == nil && bytes.Equal(there, files[name])
	})
	for _, name := range names {
		hidden := func(part string) bool { return strings.HasPrefix(part, ".") }
		if !fs.ValidPath(name) || name == "." || slices.ContainsFunc(strings.Split(name, "/"), hidden) || strings.HasSuffix(name, ".hcl") {
			return fmt.Errorf("%w; beside it may stand what is no pipeline, below its folder and not hidden, not %.80q", ErrName, name)
		}
		if _, err := root.Lstat(filepath.FromSlash(name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s", ErrTaken, name)
		}
	}
	for _, name := range names {
		path := filepath.FromSlash(name)
		if err := root.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("save %s: %w", name, err)
		}
		if err := replace(root, path, files[name]); err != nil {
			return fmt.Errorf("save %s: %w", name, err)
		}
	}
	return nil
}

// replace has a file be this one, whole.
func replace(root *os.Root, name string, text []byte) error {
	temporary := filepath.Join(filepath.Dir(name), ".saving-"+rand.Text())
	t, err := root.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = t.Write(text)
	if err = errors.Join(err, t.Chmod(0o644), t.Sync(), t.Close()); err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		err = errors.Join(err, root.Remove(temporary))
	}
	return err
}

// Remove removes a pipeline's file whose version is this one. ErrUnknown, ErrStale.
func (f *Folders) Remove(ctx context.Context, name, version string) error {
	f.saving.Lock()
	defer f.saving.Unlock()
	e, text, err := f.Source(ctx, name)
	if err != nil {
		return err
	}
	if VersionOf(text) != version {
		return fmt.Errorf("%w: it is %s", ErrStale, VersionOf(text))
	}
	return os.Remove(e.File)
}

// place says where a pipeline is saved, its links followed. saving is held.
func (f *Folders) place(ctx context.Context, name, version string) (string, error) {
	e, text, err := f.Source(ctx, name)
	switch {
	case err == nil && VersionOf(text) != version:
		return "", fmt.Errorf("%w: it is %s", ErrStale, VersionOf(text))
	case err == nil:
		return filepath.EvalSymlinks(e.File)
	case !errors.Is(err, ErrUnknown) && !errors.Is(err, fs.ErrNotExist):
		return "", err
	case version != "":
		return "", fmt.Errorf("%w: it is gone", ErrStale)
	case !fileName.MatchString(name):
		return "", fmt.Errorf("%w: %.80q", ErrName, name)
	}
	dir := f.cfg.Dirs[len(f.cfg.Dirs)-1]
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name+".hcl")
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) { // a pipeline by another name
		return "", fmt.Errorf("%w: there is a file %s", ErrStale, path)
	}
	return path, nil
}
