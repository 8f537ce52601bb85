package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// Restored is what Restore writes into.
type Restored struct {
	// Dir is the state directory that is to be: absent, or an empty folder.
	Dir string
	// Files are the files and folders that a backup may have.
	Files []string
	// Artifacts opens the store in a folder, under which the state directory is made.
	Artifacts func(dir string) (artifacts.Adopter, error)
	// Verify looks at the state directory in a folder before it is put in place.
	Verify func(ctx context.Context, dir string) (archive.State, error)
}

// Restore makes a state directory of a backup. It is made beside its place, verified, and moved there whole. Every error that is the
// backup's own fault is an *archive.Error.
func Restore(ctx context.Context, r io.Reader, to Restored) (m archive.Manifest, err error) {
	if err := vacant(to.Dir); err != nil {
		return m, err
	}
	a, err := archive.NewReader(until(ctx, r))
	if err != nil {
		return m, err
	}
	if a.Manifest.Of != archive.OfState {
		return m, &archive.Error{Why: "it is an archive of a run: spinbot import takes it into a host"}
	}
	if err := os.MkdirAll(filepath.Dir(to.Dir), 0o700); err != nil {
		return m, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(to.Dir), filepath.Base(to.Dir)+".restoring-*")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(dir)
	if err := unpackState(a, dir, to); err != nil {
		return m, artifacts.DiskError("restore", dir, err)
	}
	found, err := to.Verify(ctx, dir)
	if err != nil {
		return m, &archive.Error{Why: "its database is not whole: " + err.Error()}
	}
	if said := a.Manifest.State; found.Runs != said.Runs || found.Events != said.Events {
		return m, &archive.Error{Why: fmt.Sprintf("it has %d runs with %d events, and its manifest says %d and %d", found.Runs, found.Events, said.Runs, said.Events)}
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = syncFolder(path)
		}
		return err
	})
	if err != nil {
		return m, err
	}
	if err := os.Remove(to.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // it is empty, or was
		return m, err
	}
	if err := os.Rename(dir, to.Dir); err != nil {
		return m, err
	}
	return a.Manifest, syncFolder(filepath.Dir(to.Dir))
}

// vacant says whether a state directory can be made there.
func vacant(dir string) error {
	list, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(list) > 0:
		return fmt.Errorf("%s is not empty (it has %s): a backup is restored into a folder of its own; name another one with --state-dir, or move this one away", dir, list[0].Name())
	}
	return nil
}

func unpackState(a *archive.Reader, dir string, to Restored) error {
	root, err := os.OpenRoot(dir) // no name leads out of it
	if err != nil {
		return err
	}
	defer root.Close()
	files, err := to.Artifacts(dir)
	if err != nil {
		return err
	}
	for {
		e, err := a.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := ".artifact"
		if e.Digest == "" {
			name = strings.TrimPrefix(e.Name, archive.StatePrefix)
			if !to.may(name) {
				return &archive.Error{Why: fmt.Sprintf("it has a file %q, which is none of a backup's", name)}
			}
		}
		if err := unpackFile(a, e, root, name); err != nil {
			return err
		}
		if e.Digest != "" {
			if err := files.Adopt(filepath.Join(dir, name), e.Digest); err != nil {
				return err
			}
		}
	}
}

// may says whether a file belongs into a backup: what could run here does not.
func (r *Restored) may(name string) bool {
	return slices.ContainsFunc(r.Files, func(file string) bool { return name == file || strings.HasPrefix(name, file+"/") })
}

func unpackFile(a *archive.Reader, e *archive.Entry, root *os.Root, name string) error {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = a.CopyTo(f, e)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes a rename in it last.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
