package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"

	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// errStore is around errors of this host's own store.
var errStore = errors.New("the run could not be stored")

// place makes the run visible, unless it is there already: artifacts first, and the row of the index with the last events.
func (s *staged) place(ctx context.Context) (there bool, err error) {
	id := s.Manifest.Run.ID
	switch head, err := s.h.Index.Find(ctx, id); {
	case err == nil && head.Run == id:
		return true, s.compare(ctx, head.Seq)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return false, err
	}
	if err := s.clear(ctx); err != nil {
		return false, err
	}
	for _, a := range s.Manifest.Run.Artifacts {
		if err := s.keep(ctx, a); err != nil {
			return false, err
		}
	}
	err = s.append(ctx)
	if errors.Is(err, store.ErrConflict) { // somebody brought the same archive at the same time
		return true, s.compare(ctx, s.state.Seq)
	}
	if err != nil {
		return false, errors.Join(err, s.clear(context.WithoutCancel(ctx)))
	}
	return false, s.h.Runs.Pin(ctx, id, true)
}

// clear removes what an import that broke off has left in the journal.
func (s *staged) clear(ctx context.Context) error {
	id, last := s.Manifest.Run.ID, uint64(0)
	for {
		page, err := s.h.Journal.Read(ctx, id, last, pageSize)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		last = page[len(page)-1].Seq
	}
	if last == 0 {
		return nil
	}
	return s.h.Runs.Remove(ctx, id, last)
}

// keep moves an artifact into the store, or copies it where that is elsewhere.
func (s *staged) keep(ctx context.Context, a archive.Artifact) error {
	if store, ok := s.h.Artifacts.(artifacts.Adopter); ok {
		if err := store.Adopt(s.artifact(a.Digest), a.Digest); err == nil {
			return nil
		}
	}
	f, err := os.Open(s.artifact(a.Digest))
	if err != nil {
		return err
	}
	kept, err := s.h.Artifacts.Put(ctx, f, sdk.Artifact{Name: a.Name, MediaType: a.MediaType})
	if err = errors.Join(err, f.Close()); err == nil && kept.Digest != a.Digest {
		err = fmt.Errorf("artifact %s was damaged on its way into the store", a.Digest)
	}
	return err
}

// maxPart is how many bytes of events are appended at once.
const maxPart = 4 << 20

// append writes the journal. Nobody sees the run before its last part.
func (s *staged) append(ctx context.Context) error {
	part := store.Append{Run: s.Manifest.Run.ID}
	size := 0
	write := func() error {
		if err := s.h.Journal.Append(ctx, part); err != nil {
			return fmt.Errorf("%w: %w", errStore, err)
		}
		part.After, part.Events, size = part.After+uint64(len(part.Events)), nil, 0
		return nil
	}
	err := s.each(func(e run.Event, _ []byte) error {
		raw, err := e.Encode() // as this host writes it: nothing else gets into its journal
		if err != nil {
			return err
		}
		part.Events = append(part.Events, raw)
		if size += len(raw); size >= maxPart && e.Seq < s.state.Seq {
			return write()
		}
		return nil
	})
	if err != nil {
		return err
	}
	part.Head, part.Files = draft.Head(s.state), s.files
	return write()
}

// compare says whether this host's journal of the run, which has so many events, begins with the archive's.
func (s *staged) compare(ctx context.Context, have uint64) error {
	if have < s.state.Seq {
		return fmt.Errorf("%s: %w", s.state.ID, ErrOther)
	}
	ours := sha256.New()
	err := s.h.each(ctx, string(s.state.ID), s.state.Seq, func(stored store.Event) error {
		e, err := run.Decode(stored.Data)
		if err != nil {
			return err
		}
		return sumUp(ours, e)
	})
	if err == nil && !bytes.Equal(ours.Sum(nil), s.sum.Sum(nil)) {
		err = fmt.Errorf("%s: %w", s.state.ID, ErrOther)
	}
	return err
}

// sumUp adds an event to a digest of a run's events. Where the run was imported from does not count.
func sumUp(sum hash.Hash, e run.Event) error {
	e.Imported = nil
	raw, err := e.Encode()
	sum.Write(raw)
	return err
}
