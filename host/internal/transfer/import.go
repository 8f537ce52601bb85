package transfer

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// ErrOther says that this host has a run of that id whose journal is another one.
var ErrOther = errors.New("this host has the run already, and its journal is another one: it was resumed at one of the two hosts")

// Look reads what an archive of a run says of itself. Nothing of it is verified.
func Look(r io.Reader) (archive.Manifest, error) {
	a, err := archive.NewReader(r)
	if err != nil {
		return archive.Manifest{}, err
	}
	return a.Manifest, ofRun(a.Manifest)
}

func ofRun(m archive.Manifest) error {
	if m.Of != archive.OfRun {
		return &archive.Error{Why: "it is a backup of a host, not a run: spinbot restore takes it, into a state directory of its own"}
	}
	return nil
}

// Import takes in a run from an archive that anybody may have made. Every error that is the archive's own fault is an *archive.Error.
// from is what the host that it is from is called here; empty: as the archive says. There: the host had the run already, and
// nothing has changed.
func (h *Host) Import(ctx context.Context, r io.Reader, from string) (m archive.Manifest, there bool, err error) {
	if err := os.MkdirAll(h.Staging, 0o700); err != nil {
		return m, false, err
	}
	dir, err := os.MkdirTemp(h.Staging, "run-*")
	if err != nil {
		return m, false, artifacts.DiskError("import", h.Staging, err)
	}
	defer os.RemoveAll(dir)
	a, err := archive.NewReader(until(ctx, r))
	if err != nil {
		return m, false, err
	}
	s := &staged{h: h, dir: dir, Manifest: a.Manifest, listed: map[string]bool{}, sum: sha256.New()}
	if err := ofRun(s.Manifest); err != nil {
		return m, false, err
	}
	if err := h.room(s.Manifest); err != nil {
		return m, false, err
	}
	for _, x := range s.Manifest.Run.Artifacts {
		s.listed[x.Digest] = true
	}
	if err := s.unpack(a); err != nil {
		return m, false, artifacts.DiskError("import", h.Staging, err)
	}
	h.placing.Lock()
	defer h.placing.Unlock()
	if err := s.verify(&run.Origin{Host: cmp.Or(from, s.Manifest.Host), At: h.Now().UTC()}); err != nil {
		return m, false, err
	}
	there, err = s.place(ctx)
	return s.Manifest, there, err
}

// reading is a reader as a function.
type reading func(p []byte) (int, error)

func (r reading) Read(p []byte) (int, error) { return r(p) }

// until reads until ctx ends.
func until(ctx context.Context, r io.Reader) io.Reader {
	return reading(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return r.Read(p)
	})
}

// room refuses before anything is written what cannot fit.
func (h *Host) room(m archive.Manifest) error {
	space, err := artifacts.SpaceOf(h.Staging)
	if need := m.Run.Bytes(); err == nil && uint64(need) > space.Free {
		return artifacts.DiskError(fmt.Sprintf("import %s, whose artifacts have %d bytes", m.Run.ID, need), h.Staging, syscall.ENOSPC)
	}
	return nil
}

// staged is an archive that was unpacked into a folder of its own, each entry under a name that is ours.
type staged struct {
	h        *Host
	dir      string
	Manifest archive.Manifest
	listed   map[string]bool // digests of the manifest

	state *progress.State
	files []store.File
	from  *run.Origin
	sum   hash.Hash // of the events, wherever they were imported from
}

func (s *staged) journal() string { return filepath.Join(s.dir, "journal") }

// artifact is where an artifact of the archive is, whose digest was checked to be one.
func (s *staged) artifact(digest string) string { return filepath.Join(s.dir, digest[len("sha256:"):]) }

func (s *staged) open(digest string) (io.ReadCloser, error) {
	if !s.listed[digest] { // it may be no digest at all
		return nil, refused("it lacks %.80q, which its journal cannot be read without", digest)
	}
	return os.Open(s.artifact(digest))
}

func refused(format string, args ...any) error {
	return &archive.Error{Why: fmt.Sprintf(format, args...)}
}

func (s *staged) unpack(a *archive.Reader) error {
	for {
		e, err := a.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := s.journal()
		if e.Digest != "" {
			path = s.artifact(e.Digest)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		err = a.CopyTo(f, e)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
}

var runID = regexp.MustCompile(`^run_[0-9A-HJKMNP-TV-Z]{26}$`)

// verify reads the journal as the host would: every event decodes, follows from those before it, and what it refers to is there.
func (s *staged) verify(from *run.Origin) error {
	about := s.Manifest.Run
	if !runID.MatchString(about.ID) || about.ID > string(engine.FirstID(s.h.Now().Add(24*time.Hour))) {
		return refused("%.80q is no id of a run that was made by now", about.ID)
	}
	s.from = from
	found := newNamed()
	err := s.each(func(e run.Event, raw []byte) error {
		err := errors.Join(found.event(e, raw, s.open), sumUp(s.sum, e))
		if err != nil {
			return err
		}
		if s.state == nil {
			if err := s.begin(e); err != nil {
				return err
			}
		}
		stale, err := s.state.Fold(e)
		if err != nil || stale {
			return err
		}
		if e.Inputs, err = s.values(e.InputsRef, e.Inputs); err != nil {
			return err
		}
		if e.Outputs, err = s.values(e.OutputsRef, e.Outputs); err != nil {
			return err
		}
		s.files = append(s.files, draft.Files(run.ID(about.ID), e)...)
		return nil
	})
	switch {
	case err != nil:
		return err
	case s.state == nil:
		return refused("its journal has no events")
	case !s.state.Status.Ended():
		return refused("its run has not ended")
	case s.state.Seq != about.Events, string(s.state.Status) != about.State, s.state.Pipeline != about.Pipeline:
		return refused("its journal is not what its manifest says")
	}
	for _, a := range about.Artifacts {
		if _, named := found.artifacts[a.Digest]; !named && !found.documents[a.Digest] {
			return refused("it brings %s, which its run does not name", a.Digest)
		}
	}
	return nil
}

// begin makes the state that the journal is folded into, of the pipeline that is in the archive.
func (s *staged) begin(first run.Event) error {
	if first.Kind != run.RunCreated || string(first.Run) != s.Manifest.Run.ID {
		return refused("its journal is not that of %s", s.Manifest.Run.ID)
	}
	raw, err := document(first.Bundle, s.open)
	if err != nil {
		return err
	}
	var b pipeline.Bundle
	if err := json.Unmarshal(raw, &b); err != nil {
		return refused("its pipeline is damaged: %v", err)
	}
	p, diags := load.Load(b.FS(), b.File, b)
	if diags.HasErrors() {
		return refused("its pipeline does not load here: %v", diags)
	}
	s.state = progress.New(scopes.Shape(p))
	return nil
}

func (s *staged) values(ref string, v sdk.Values) (sdk.Values, error) {
	if ref == "" {
		return v, nil
	}
	raw, err := document(ref, s.open)
	if err != nil {
		return nil, err
	}
	var out sdk.Values
	return out, json.Unmarshal(raw, &out)
}

// each reads the journal. The first event says where the run is from.
func (s *staged) each(fn func(e run.Event, raw []byte) error) error {
	f, err := os.Open(s.journal())
	if errors.Is(err, os.ErrNotExist) {
		return refused("it has no journal")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, store.MaxAppend)
	for n := 1; lines.Scan(); n++ {
		e, err := run.Decode(lines.Bytes())
		if n == 1 {
			e.Imported = s.from
		}
		if err == nil {
			err = fn(e, lines.Bytes())
		}
		if err != nil {
			return refuse(n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return refused("its journal cannot be read: %v", err)
	}
	return nil
}

// refuse makes what is wrong with an event the archive's fault, unless the disk's or this host's.
func refuse(event int, err error) error {
	var path *os.PathError
	var known *archive.Error
	switch {
	case errors.As(err, &path), errors.Is(err, errStore):
		return err
	case errors.As(err, &known):
		return err
	}
	return refused("event %d of its journal: %v", event, err)
}
