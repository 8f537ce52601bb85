package stored

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// pipeCache shares parsed pipelines between runs of the same digest.
type pipeCache struct {
	mu       sync.Mutex
	byDigest map[string]*pipeline.Pipeline
	digests  map[*pipeline.Pipeline]string
	order    []string
}

// maxPipes is how many parsed pipelines are kept.
const maxPipes = 64

func (c *pipeCache) get(digest string) *pipeline.Pipeline {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byDigest[digest]
}

func (c *pipeCache) digest(p *pipeline.Pipeline) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.digests[p]
}

// put keeps the pipeline, unless there is an equal one: it gives the one that is kept.
func (c *pipeCache) put(p *pipeline.Pipeline, digest string) *pipeline.Pipeline {
	c.mu.Lock()
	defer c.mu.Unlock()
	if same := c.byDigest[digest]; same != nil {
		return same
	}
	if c.byDigest == nil {
		c.byDigest, c.digests = make(map[string]*pipeline.Pipeline), make(map[*pipeline.Pipeline]string)
	}
	c.byDigest[digest], c.digests[p] = p, digest
	if c.order = append(c.order, digest); len(c.order) > maxPipes {
		old := c.order[0]
		c.order = c.order[1:]
		delete(c.digests, c.byDigest[old])
		delete(c.byDigest, old)
	}
	return p
}

// Keep stores what the pipeline needs as an artifact, once, and gives its digest and the pipeline to use: an equal one
// when there is one in memory. The artifact's digest is the pipeline's.
func (r *Runs) Keep(ctx context.Context, p *pipeline.Pipeline) (*pipeline.Pipeline, string, error) {
	if digest := r.pipes.digest(p); digest != "" {
		return p, digest, nil
	}
	b := p.Bundle()
	digest := b.Digest()
	if same := r.pipes.get(digest); same != nil {
		return same, digest, nil
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, "", fmt.Errorf("pipeline %s: bundle: %w", p.Name, err)
	}
	a, err := r.artifacts.Put(ctx, bytes.NewReader(raw), sdk.Artifact{Name: p.Name + ".bundle.json", MediaType: "application/json"})
	if err != nil {
		return nil, "", fmt.Errorf("pipeline %s: store its bundle: %w", p.Name, err)
	}
	return r.pipes.put(p, a.Digest), a.Digest, nil
}

// Bundled gives the pipeline of a digest that Keep gave.
func (r *Runs) Bundled(ctx context.Context, digest string) (*pipeline.Pipeline, error) {
	if p := r.pipes.get(digest); p != nil {
		return p, nil
	}
	var b pipeline.Bundle
	if err := r.Document(ctx, digest, &b); err != nil {
		return nil, fmt.Errorf("its pipeline: %w", err)
	}
	p, diags := load.Load(b.FS(), b.File, b)
	if diags.HasErrors() {
		return nil, fmt.Errorf("its pipeline does not load any more: %w", diags)
	}
	return r.pipes.put(p, digest), nil
}

// Pipeline gives the pipeline of a run as it was when the run was made.
func (r *Runs) Pipeline(ctx context.Context, id run.ID) (*pipeline.Pipeline, error) {
	stored, err := r.journal.Read(ctx, string(id), 0, 1)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: read journal: %w", id, err)
	case len(stored) == 0:
		return nil, fmt.Errorf("%s: %w", id, store.ErrNotFound)
	}
	ev, err := run.Decode(stored[0].Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	return r.Bundled(ctx, ev.Bundle)
}
