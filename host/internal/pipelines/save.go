package pipelines

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// MaxText is the size of a pipeline file in bytes, at most.
const MaxText = 4 << 20

// The refusals of Save and Remove.
var (
	// ErrStale: the file is another one than who changes it has seen.
	ErrStale = errors.New("the pipeline has changed since")
	// ErrName: that is no name for a file.
	ErrName = errors.New("a pipeline's file has a name of letters, digits, - and _, at most 64")
)

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

// Save replaces a pipeline's file whose version is this one; an empty version makes a new file, in the last of the folders. The
// file is replaced whole. It may be broken: then the entry says so. ErrStale, ErrName.
func (f *Folders) Save(ctx context.Context, name string, text []byte, version string) (Entry, error) {
	f.saving.Lock()
	defer f.saving.Unlock()
	path, err := f.place(ctx, name, version)
	if err != nil {
		return Entry{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return Entry{}, err
	}
	t, err := os.CreateTemp(filepath.Dir(path), ".saving-*")
	if err != nil {
		return Entry{}, err
	}
	defer os.Remove(t.Name())
	_, err = t.Write(text)
	if err = errors.Join(err, t.Chmod(0o644), t.Sync(), t.Close()); err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
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
