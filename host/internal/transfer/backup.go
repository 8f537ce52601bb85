package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// State is what a backup is made of.
type State struct {
	Dir string // the state directory
	// Snapshot copies the databases into a folder, under their names in Dir, and verifies them.
	Snapshot func(ctx context.Context, dir string) (archive.State, error)
	// Keep are files and folders of Dir that are copied as they are, where they are there; Made are files as they are to be.
	Keep []string
	Made map[string][]byte
	// Artifacts are copied whole; nil: they are elsewhere.
	Artifacts artifacts.Keeper
	// Still has nothing removed until release.
	Still func() (release func(), err error)
}

// Backup is a state that stands still in a folder of its own, and is about to be written.
type Backup struct {
	Manifest archive.Manifest

	state   State
	dir     string
	release func()
}

// Backup copies what changes, while runs go on. Whoever gets it calls Write.
func (h *Host) Backup(ctx context.Context, s State) (*Backup, error) {
	release, err := s.Still()
	if err != nil {
		return nil, err
	}
	b := &Backup{state: s, release: release}
	if err = os.MkdirAll(h.Staging, 0o700); err == nil {
		b.dir, err = os.MkdirTemp(h.Staging, "backup-*")
	}
	if err != nil {
		release()
		return nil, artifacts.DiskError("backup", h.Staging, err)
	}
	about, err := s.Snapshot(ctx, b.dir)
	if err != nil {
		b.close()
		return nil, artifacts.DiskError("backup", h.Staging, err)
	}
	b.Manifest = archive.Manifest{Of: archive.OfState, Program: h.Program, Host: h.Name, Made: h.Now().UTC(), State: &about}
	return b, nil
}

func (b *Backup) close() {
	os.RemoveAll(b.dir)
	b.release()
}

// Write writes the backup, and lets go of the state. What ends it early is in it, where that can be said, and is returned.
func (b *Backup) Write(ctx context.Context, to io.Writer) error {
	defer b.close()
	w, err := archive.NewWriter(to, b.Manifest)
	if err != nil {
		return err
	}
	if err := b.write(ctx, w); err != nil {
		return errors.Join(err, w.Fail(err))
	}
	return w.Close()
}

func (b *Backup) write(ctx context.Context, w *archive.Writer) error {
	if err := copyTree(ctx, w, b.dir, "."); err != nil {
		return err
	}
	for _, name := range b.state.Keep {
		if err := copyTree(ctx, w, b.state.Dir, name); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.state.Made)) {
		raw := b.state.Made[name]
		if err := w.Add(archive.StatePrefix+name, int64(len(raw)), bytes.NewReader(raw)); err != nil {
			return err
		}
	}
	if b.state.Artifacts == nil {
		return nil
	}
	for held, err := range b.state.Artifacts.All(ctx) {
		if err != nil {
			return err
		}
		r, err := b.state.Artifacts.Peek(ctx, held.Digest)
		if err != nil {
			return err
		}
		err = w.Add(archive.ArtifactName(held.Digest), held.Size, r)
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies a file, or the files of a folder. What is begun and not named yet is left out, and so is what goes meanwhile.
func copyTree(ctx context.Context, w *archive.Writer, root, name string) error {
	return filepath.WalkDir(filepath.Join(root, name), func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !d.Type().IsRegular() || strings.HasPrefix(d.Name(), "."):
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return copyFile(w, archive.StatePrefix+filepath.ToSlash(rel), path)
	})
}

func copyFile(w *archive.Writer, name, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return w.Add(name, info.Size(), f) // what is written to it from now on is not in it
}

// CheckRuns reads every event of a store as a host would, and counts them.
func CheckRuns(ctx context.Context, s interface {
	store.Keeper
	store.Index
}) (archive.State, error) {
	last := map[string]uint64{}
	about := archive.State{}
	err := s.Each(ctx, func(e store.Event) error {
		if _, err := run.Decode(e.Data); err != nil {
			return fmt.Errorf("%s: event %d: %w", e.Run, e.Seq, err)
		}
		if e.Seq != last[e.Run]+1 {
			return fmt.Errorf("%s: event %d follows event %d: %w", e.Run, e.Seq, last[e.Run], store.ErrDamaged)
		}
		last[e.Run] = e.Seq
		about.Events++
		return nil
	})
	if err != nil {
		return about, err
	}
	heads, err := s.List(ctx, store.Query{})
	for _, h := range heads {
		if h.Seq > last[h.Run] {
			return about, fmt.Errorf("%s: its row says %d events, and there are %d: %w", h.Run, h.Seq, last[h.Run], store.ErrDamaged)
		}
	}
	about.Runs = len(heads)
	return about, err
}
