package recording

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Host is what recording asks of a host; *client.Client is one.
type Host interface {
	Run(ctx context.Context, id string) (client.Run, error)
	Events(ctx context.Context, id string, after uint64, limit int) (client.EventList, error)
	Download(ctx context.Context, digest string) (io.ReadCloser, error)
}

// Record reads a finished run's events.
func Record(ctx context.Context, h Host, id string) (*Recording, error) {
	r, err := h.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	if !r.Ended() {
		return nil, fmt.Errorf("%s is %s: only a run that has ended can be recorded", r.ID, r.State)
	}
	t := &tape{host: h, recording: &Recording{Pipeline: r.Pipeline, Run: r.ID}, at: map[string]int{}, done: map[string]bool{}}
	for after := uint64(0); after < r.Seq; {
		page, err := h.Events(ctx, r.ID, after, 0)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			ev, err := run.Decode(e.Data)
			if err == nil {
				err = t.take(ctx, ev)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: event %d: %w", r.ID, e.Seq, err)
			}
			after = e.Seq
		}
		if len(page.Events) == 0 {
			break
		}
	}
	return t.recording, nil
}

// tape takes in events.
type tape struct {
	host      Host
	recording *Recording
	at        map[string]int // of an instance's result
	done      map[string]bool
	pipeline  *pipeline.Pipeline
}

func (t *tape) take(ctx context.Context, e run.Event) error {
	switch e.Kind {
	case run.RunCreated:
		return t.created(ctx, e.Bundle)
	case run.RunResumed: // what failed before is not what the run came to
		for node, i := range t.at {
			if !t.done[node] {
				t.recording.Results[i].Attempts = nil
			}
		}
	case run.AttemptEnded, run.NodeCachedEvent:
		return t.attempt(ctx, e)
	case run.NodeDecided:
		if e.Decision == run.Accept { // what a person gave counts as what the node gave
			return t.attempt(ctx, e)
		}
	case run.RunEnded:
		t.drop()
	default: // nothing that a node gave
	}
	return nil
}

// created takes the node types from what the run's pipeline was kept as.
func (t *tape) created(ctx context.Context, digest string) error {
	var b pipeline.Bundle
	if err := t.fetch(ctx, digest, &b); err != nil {
		return fmt.Errorf("its pipeline: %w", err)
	}
	p, diags := load.Load(b.FS(), b.File, b)
	if diags.HasErrors() {
		return fmt.Errorf("its pipeline: %w", diags)
	}
	t.recording.NodeTypes, t.pipeline = b.Types, p
	return nil
}

// typeOf gives the type of the node that an event speaks of, in the module that it stands in; empty for what is none.
func (t *tape) typeOf(e run.Event) string {
	p := t.pipeline
	for _, step := range e.In {
		module, ok := p.Node(run.IDOf(step))
		if !ok || module.Module == nil {
			return ""
		}
		p = module.Module
	}
	if n, ok := p.Node(e.Node); ok && n.Kind == pipeline.KindNode {
		return n.Type.Name
	}
	return ""
}

func (t *tape) attempt(ctx context.Context, e run.Event) error {
	kind := t.typeOf(e)
	if kind == "" || e.Error != nil && !ofTheNode(e.Error.Cause) {
		return nil
	}
	if e.OutputsRef != "" {
		if err := t.fetch(ctx, e.OutputsRef, &e.Outputs); err != nil {
			return err
		}
	}
	at := e.At(run.ID(t.recording.Run))
	at.Attempt = 0
	node := strings.TrimPrefix(at.String(), at.Run+"/")
	i, known := t.at[node]
	if !known {
		i = len(t.recording.Results)
		t.at[node] = i
		t.recording.Results = append(t.recording.Results, Result{Node: node, Type: kind})
	}
	t.done[node] = e.Error == nil
	r := &t.recording.Results[i]
	r.Attempts = append(r.Attempts, attemptOf(e.Outputs, e.Error))
	return nil
}

// ofTheNode says whether an attempt ended by what the node did, and not by what happened to its host.
func ofTheNode(c sdk.Cause) bool {
	switch c {
	case sdk.CauseFailed, sdk.CauseHung, sdk.CauseOOM, sdk.CauseSpilling:
		return true
	default:
		return false
	}
}

// drop leaves out instances of which nothing is left.
func (t *tape) drop() {
	kept := t.recording.Results[:0]
	clear(t.at)
	for _, r := range t.recording.Results {
		if len(r.Attempts) > 0 {
			t.at[r.Node] = len(kept)
			kept = append(kept, r)
		}
	}
	t.recording.Results = kept
}

func (t *tape) fetch(ctx context.Context, digest string, into any) error {
	r, err := t.host.Download(ctx, digest)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// Written is what Write wrote.
type Written struct {
	// Copied and Left count the artifacts that lie beside the file, and those of which only the reference is kept.
	Copied, Left int
}

// Write writes the recording to a file, and artifacts of at most limit bytes beside it. The file comes last: once it is
// there, all is.
func (r *Recording) Write(ctx context.Context, h Host, path string, limit int64) (w Written, err error) {
	seen := map[string]bool{}
	for _, result := range r.Results {
		for _, a := range result.Attempts {
			err := a.Outputs.EachArtifact(func(x sdk.Artifact) (sdk.Artifact, error) {
				file := artifactFile(path, x)
				switch {
				case seen[file]:
					return x, nil
				case x.Size > limit:
					w.Left++
				default:
					w.Copied++
					if err := download(ctx, h, x.Digest, file); err != nil {
						return x, fmt.Errorf("%s: %w", result.Node, err)
					}
				}
				seen[file] = true
				return x, nil
			})
			if err != nil {
				return w, err
			}
		}
	}
	raw, err := r.encode()
	if err != nil {
		return w, err
	}
	if err := replace(path, func(f io.Writer) error { _, err := f.Write(raw); return err }); err != nil {
		return w, err
	}
	sweep(folder(path), seen)
	return w, nil
}

// sweep removes what an earlier recording left beside the file: what is called after a digest and was not kept again.
func sweep(dir string, kept map[string]bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // there is nothing
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		sum, err := hex.DecodeString(strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())))
		if err == nil && len(sum) == sha256.Size && !kept[path] {
			os.Remove(path)
		}
	}
}

func download(ctx context.Context, h Host, digest, path string) error {
	in, err := h.Download(ctx, digest)
	if err != nil {
		return err
	}
	defer in.Close()
	return replace(path, func(f io.Writer) error { _, err := io.Copy(f, in); return err })
}

// replace writes beside the file and renames, so that nobody sees half of it.
func replace(path string, write func(io.Writer) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".recording-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = errors.Join(write(f), f.Chmod(0o644), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
