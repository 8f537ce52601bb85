// Package transfer takes runs out of a host as archives, and takes in what another host wrote; and it backs a host's state up. It reads
// and writes stores through their contracts. Of what comes in nothing is believed and nothing is seen until all of it is verified.
package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Host is what runs are taken out of, and brought to. Every part has to be there.
type Host struct {
	Journal   store.Journal
	Index     store.Index
	Runs      store.Keeper
	Artifacts artifacts.Store
	// Staging is a folder for what comes in, best on the artifacts' disk. What lies in it is of imports that broke off.
	Staging string
	Name    string // of this host, for people
	Program string // the version of spinbot
	Now     func() time.Time

	placing sync.Mutex // held while a run is verified and written: one at a time is in memory, and nobody clears what another is writing
}

// pageSize is how many events are read at a time.
const pageSize = 1000

// each calls fn with a run's events up to a sequence number.
func (h *Host) each(ctx context.Context, id string, last uint64, fn func(store.Event) error) error {
	for after := uint64(0); after < last; {
		page, err := h.Journal.Read(ctx, id, after, int(min(pageSize, last-after)))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return fmt.Errorf("%s: %w", id, store.ErrNotFound) // it was removed meanwhile
		}
		for _, e := range page {
			if err := fn(e); err != nil {
				return fmt.Errorf("%s: event %d: %w", id, e.Seq, err)
			}
			after = e.Seq
		}
	}
	return nil
}

// refs are the documents that an event refers to since they are too big for it. All but the bundle are values.
func refs(e run.Event) (out []string) {
	for _, digest := range []string{e.Bundle, e.InputsRef, e.OutputsRef, e.AskRef} {
		if digest != "" {
			out = append(out, digest)
		}
	}
	return out
}

// named is what events and documents name.
type named struct {
	artifacts map[string]sdk.Artifact // by digest
	documents map[string]bool         // by digest: of artifacts, those that are read with the journal
	sealed    map[string]bool         // artifacts within sensitive values
}

func newNamed() *named {
	return &named{artifacts: map[string]sdk.Artifact{}, documents: map[string]bool{}, sealed: map[string]bool{}}
}

// values takes in what JSON names: an event's, or a document's.
func (n *named) values(raw []byte) error {
	var v sdk.Values
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	return n.walk(map[string]any(v))
}

var errPath = errors.New("it names a file of another machine by its path")

func (n *named) walk(x any) (err error) {
	switch x := x.(type) {
	case sdk.Artifact:
		if x.Path != "" {
			return errPath
		}
		n.artifacts[x.Digest] = x
	case sdk.Sealed:
		for _, digest := range x.Artifacts {
			n.sealed[digest] = true
		}
	case []any:
		for _, y := range x {
			err = errors.Join(err, n.walk(y))
		}
	case map[string]any:
		for _, y := range x {
			err = errors.Join(err, n.walk(y))
		}
	}
	return err
}

// event takes in an event and what it refers to, which open opens.
func (n *named) event(e run.Event, raw []byte, open func(digest string) (io.ReadCloser, error)) error {
	if err := n.values(raw); err != nil {
		return err
	}
	for _, digest := range refs(e) {
		if n.documents[digest] {
			continue
		}
		n.documents[digest] = true
		doc, err := document(digest, open)
		if err != nil {
			return err
		}
		if digest != e.Bundle {
			err = n.values(doc)
		} else {
			err = n.bundle(doc)
		}
		if err != nil {
			return fmt.Errorf("document %s: %w", digest, err)
		}
	}
	return nil
}

func (n *named) bundle(raw []byte) error {
	var b pipeline.Bundle
	if err := json.Unmarshal(raw, &b); err != nil {
		return err
	}
	for _, a := range b.Assets {
		for _, v := range a.Versions {
			n.artifacts[v.Artifact.Digest] = v.Artifact
		}
	}
	return nil
}

// maxDocument is how many bytes a document may have: values that are too big for an event, or a pipeline with its files.
const maxDocument = 64 << 20

func document(digest string, open func(digest string) (io.ReadCloser, error)) ([]byte, error) {
	r, err := open(digest)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err = errors.Join(err, r.Close()); err == nil && len(raw) > maxDocument {
		err = fmt.Errorf("document %s is larger than %d bytes", digest, maxDocument)
	}
	return raw, err
}
