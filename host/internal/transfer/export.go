package transfer

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// ErrGoesOn says that a run has not ended, and so is in no state to be taken elsewhere.
var ErrGoesOn = errors.New("it has not ended; only what has ended is exported")

// Export is a run that was looked at and is about to be written.
type Export struct {
	Manifest archive.Manifest

	h       *Host
	last    uint64
	journal int64 // bytes
}

// Export looks at a run, its id whole, and at everything that belongs to it.
func (h *Host) Export(ctx context.Context, id string) (*Export, error) {
	head, err := h.Index.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	if !head.Ended() {
		return nil, fmt.Errorf("%s: %w", head.Run, ErrGoesOn)
	}
	about := &archive.Run{ID: head.Run, Pipeline: head.Pipeline, State: head.State, Created: head.Created, Ended: head.Updated, Events: head.Seq}
	e := &Export{h: h, last: head.Seq, Manifest: archive.Manifest{Of: archive.OfRun, Program: h.Program, Host: h.Name, Made: h.Now().UTC(), Run: about}}
	found := newNamed()
	open := func(digest string) (io.ReadCloser, error) { return h.Artifacts.Open(ctx, digest) }
	err = h.each(ctx, head.Run, head.Seq, func(s store.Event) error {
		ev, err := run.Decode(s.Data)
		if err != nil {
			return err
		}
		e.journal += int64(len(line(s.Data)))
		about.EventVersion = max(about.EventVersion, ev.V)
		if ev.Kind == run.RunEnded {
			about.Ended = ev.Time // of the last one
		}
		return found.event(ev, s.Data, open)
	})
	if err != nil {
		return nil, err
	}
	return e, e.list(ctx, found)
}

// list sees which artifacts there are. Those within sensitive values stay here, wherever else they are named.
func (e *Export) list(ctx context.Context, found *named) error {
	about := e.Manifest.Run
	for digest := range found.documents {
		if _, named := found.artifacts[digest]; !named {
			found.artifacts[digest] = sdk.Artifact{Digest: digest, MediaType: "application/json"}
		}
	}
	for digest, a := range found.artifacts {
		if found.sealed[digest] && !found.documents[digest] {
			continue
		}
		size, err := e.h.size(ctx, digest)
		switch {
		case errors.Is(err, artifacts.ErrNotFound) && !found.documents[digest]:
			found.sealed[digest] = true
		case err != nil:
			return fmt.Errorf("%s: artifact %s: %w", about.ID, digest, err)
		default:
			delete(found.sealed, digest)
			about.Artifacts = append(about.Artifacts, archive.Artifact{Digest: digest, Size: size, MediaType: a.MediaType, Name: a.Name})
		}
	}
	for digest := range found.sealed {
		about.Withheld = append(about.Withheld, digest)
	}
	slices.Sort(about.Withheld)
	slices.SortFunc(about.Artifacts, func(a, b archive.Artifact) int { return cmp.Compare(a.Digest, b.Digest) })
	return e.Manifest.Run.Check()
}

// size opens the artifact, so that it stays for a while.
func (h *Host) size(ctx context.Context, digest string) (int64, error) {
	f, err := h.Artifacts.Open(ctx, digest)
	if err != nil {
		return 0, err
	}
	n, err := f.Seek(0, io.SeekEnd)
	return n, errors.Join(err, f.Close())
}

// line is an event as the archive has it.
func line(event []byte) []byte {
	return append(bytes.ReplaceAll(event, []byte{'\n'}, []byte{' '}), '\n')
}

// Write writes the archive. What ends it early is in it, where that can be said, and is returned.
func (e *Export) Write(ctx context.Context, to io.Writer) error {
	w, err := archive.NewWriter(to, e.Manifest)
	if err != nil {
		return err
	}
	if err := e.write(ctx, w); err != nil {
		return errors.Join(err, w.Fail(err))
	}
	return w.Close()
}

func (e *Export) write(ctx context.Context, w *archive.Writer) error {
	in, out := io.Pipe()
	go func() {
		_ = out.CloseWithError(e.h.each(ctx, e.Manifest.Run.ID, e.last, func(s store.Event) error {
			_, err := out.Write(line(s.Data))
			return err
		}))
	}()
	err := w.Add(archive.JournalName, e.journal, in)
	if err = errors.Join(err, in.Close()); err != nil {
		return err
	}
	for _, a := range e.Manifest.Run.Artifacts {
		f, err := e.h.Artifacts.Open(ctx, a.Digest)
		if err != nil {
			return err
		}
		err = w.Add(archive.ArtifactName(a.Digest), a.Size, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}
