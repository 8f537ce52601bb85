// Package replay steps through a recorded run, event by event, without a host and without doing anything again: it
// folds the journal and rebuilds what the run's expressions saw, so that the inputs of every attempt can be looked at.
// A Tape is all that is needed for it, also as a file; a Player stands at one event of it. It writes nothing but the
// file that it is asked for.
package replay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Host is what a Tape is fetched from; *client.Client is one.
type Host interface {
	Events(ctx context.Context, id string, after uint64, limit int) (client.EventList, error)
	Download(ctx context.Context, digest string) (io.ReadCloser, error)
}

// FileVersion is the version of a tape's file.
const FileVersion = 1

// Tape is a recorded run: its events as the journal has them, and what they refer to that is too big for events: the
// bundle of its pipeline, big outputs and questions. The artifacts that its nodes made are not on it.
type Tape struct {
	Run string

	raw       []client.Event
	events    []run.Event       // of raw, those that can be read
	broken    error             // why the next one cannot
	documents map[string][]byte // by digest
}

// file is a tape as JSON.
type file struct {
	Version   int               `json:"version"`
	Run       string            `json:"run"`
	Events    []client.Event    `json:"events"`
	Documents map[string][]byte `json:"documents"`
}

// Fetch reads a run from a host. The id may be short, or "last". An event that cannot be read is no error here: a
// Player stops at it.
func Fetch(ctx context.Context, h Host, id string) (*Tape, error) {
	t := &Tape{Run: id, documents: map[string][]byte{}}
	for after := uint64(0); ; {
		page, err := h.Events(ctx, t.Run, after, 0)
		if err != nil {
			return nil, err
		}
		t.add(page.Events)
		if len(page.Events) == 0 || page.Next <= after {
			break
		}
		after = page.Next
	}
	for _, e := range t.events {
		for _, digest := range refs(e) {
			if t.documents[digest] != nil {
				continue
			}
			raw, err := download(ctx, h, digest)
			if err != nil {
				return nil, fmt.Errorf("%s: event %d: %s: %w", t.Run, e.Seq, what(e, digest), err)
			}
			t.documents[digest] = raw
		}
	}
	return t, nil
}

func download(ctx context.Context, h Host, digest string) ([]byte, error) {
	r, err := h.Download(ctx, digest)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(r)
	return raw, errors.Join(err, r.Close())
}

// add decodes events up to the first that cannot be read.
func (t *Tape) add(events []client.Event) {
	for _, raw := range events {
		t.raw = append(t.raw, raw)
		if t.broken != nil {
			continue
		}
		e, err := run.Decode(raw.Data)
		if err != nil {
			t.broken = fmt.Errorf("event %d: %w", raw.Seq, err)
			continue
		}
		if e.Kind == run.RunCreated && len(t.events) == 0 {
			t.Run = string(e.Run)
		}
		t.events = append(t.events, e)
	}
}

// refs lists the documents that an event refers to.
func refs(e run.Event) (out []string) {
	for _, digest := range []string{e.Bundle, e.InputsRef, e.OutputsRef, e.AskRef} {
		if digest != "" {
			out = append(out, digest)
		}
	}
	return out
}

// what says what an event refers to by a digest.
func what(e run.Event, digest string) string {
	switch digest {
	case e.Bundle:
		return "its pipeline"
	case e.AskRef:
		return "its question"
	case e.InputsRef:
		return "its inputs"
	}
	return "its outputs"
}

// Len is how many events the tape holds.
func (t *Tape) Len() int { return len(t.raw) }

// Write writes the tape as a file, one JSON object.
func (t *Tape) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(file{FileVersion, t.Run, t.raw, t.documents})
}

// Read reads what Write wrote, and refuses what was changed since.
func Read(r io.Reader) (*Tape, error) {
	var f file
	d := json.NewDecoder(r)
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("it is no file that spinbot replay --export wrote, or it is damaged: %w", err)
	}
	switch {
	case f.Version == 0 || f.Run == "":
		return nil, errors.New("it is no file that spinbot replay --export wrote")
	case f.Version != FileVersion:
		return nil, fmt.Errorf("it was written by a later version of spinbot (file version %d); upgrade to read it", f.Version)
	}
	t := &Tape{Run: f.Run, documents: f.Documents}
	for digest, raw := range f.Documents {
		sum := sha256.Sum256(raw)
		if digest != "sha256:"+hex.EncodeToString(sum[:]) {
			return nil, fmt.Errorf("it is damaged: the document %s is not what its digest says", digest)
		}
	}
	t.add(f.Events)
	return t, nil
}

// document reads a document of the tape into a value.
func (t *Tape) document(digest string, into any) error {
	raw, there := t.documents[digest]
	if !there {
		return fmt.Errorf("%s is not on the tape", digest)
	}
	return json.Unmarshal(raw, into)
}
