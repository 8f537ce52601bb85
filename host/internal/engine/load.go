package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
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

// keep stores what the pipeline needs as an artifact, once, and gives its digest and the pipeline to use: an equal one
// when there is one in memory. The artifact's digest is the pipeline's.
func (e *Engine) keep(ctx context.Context, p *pipeline.Pipeline) (*pipeline.Pipeline, string, error) {
	if digest := e.pipes.digest(p); digest != "" {
		return p, digest, nil
	}
	b := p.Bundle()
	digest := b.Digest()
	if same := e.pipes.get(digest); same != nil {
		return same, digest, nil
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, "", fmt.Errorf("pipeline %s: bundle: %w", p.Name, err)
	}
	a, err := e.cfg.Artifacts.Put(ctx, bytes.NewReader(raw), sdk.Artifact{Name: p.Name + ".bundle.json", MediaType: "application/json"})
	if err != nil {
		return nil, "", fmt.Errorf("pipeline %s: store its bundle: %w", p.Name, err)
	}
	return e.pipes.put(p, a.Digest), a.Digest, nil
}

// Keep stores what a pipeline needs, as Submit does, and gives its digest.
func (e *Engine) Keep(ctx context.Context, p *pipeline.Pipeline) (string, error) {
	_, digest, err := e.keep(ctx, p)
	return digest, err
}

// Bundled gives the pipeline of a digest that Keep gave.
func (e *Engine) Bundled(ctx context.Context, digest string) (*pipeline.Pipeline, error) {
	return e.loadBundle(ctx, digest)
}

func (e *Engine) loadBundle(ctx context.Context, digest string) (*pipeline.Pipeline, error) {
	if p := e.pipes.get(digest); p != nil {
		return p, nil
	}
	var b pipeline.Bundle
	if err := e.Document(ctx, digest, &b); err != nil {
		return nil, fmt.Errorf("its pipeline: %w", err)
	}
	p, diags := pipeline.Load(b.FS(), b.File, b)
	if diags.HasErrors() {
		return nil, fmt.Errorf("its pipeline does not load any more: %w", diags)
	}
	return e.pipes.put(p, digest), nil
}

// Document reads what was too big for an event, as the event refers to it.
func (e *Engine) Document(ctx context.Context, digest string, into any) error {
	r, err := e.cfg.Artifacts.Open(ctx, digest)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// spill stores values that are too big for an event of the run and gives their artifact's digest; "" when they fit.
func (e *Engine) spill(l *live, name string, v sdk.Values) (string, error) {
	rough := roughSize(map[string]any(v))
	if rough <= run.LeastInline/6 || rough <= run.MaxInline/6 && l.room(rough) {
		return "", nil // certainly
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return e.aside(l, name, raw)
}

// aside is spill for what is JSON already.
func (e *Engine) aside(l *live, name string, raw []byte) (string, error) {
	if len(raw) <= run.LeastInline || len(raw) <= run.MaxInline && l.room(len(raw)) {
		return "", nil
	}
	a, err := e.cfg.Artifacts.Put(context.Background(), bytes.NewReader(raw), sdk.Artifact{Name: name + ".json", MediaType: "application/json"})
	if err != nil {
		return "", fmt.Errorf("store %s of %d bytes: %w", name, len(raw), err)
	}
	return a.Digest, nil
}

// room takes room in the run's events for n bytes, if there is any.
func (l *live) room(n int) bool {
	if l.inline.Add(int64(n)) <= run.MaxJournal {
		return true
	}
	l.inline.Add(-int64(n))
	return false
}

// roughSize estimates a value's size in JSON without encoding it: an escaped byte takes six, so the true size is at
// most six times as much.
func roughSize(x any) int {
	switch x := x.(type) {
	case string:
		return len(x) + 2
	case json.Number:
		return len(x)
	case sdk.Artifact:
		return 160 + len(x.Name)
	case sdk.Sealed:
		return 40 + len(x.Token) + 80*len(x.Artifacts)
	case []any:
		n := 2
		for _, y := range x {
			n += roughSize(y) + 1
		}
		return n
	case map[string]any:
		n := 2
		for k, y := range x {
			n += len(k) + 4 + roughSize(y)
		}
		return n
	}
	return 5
}

// load reads a run from the journal, ready to be advanced.
func (e *Engine) load(ctx context.Context, id run.ID) (*live, error) {
	l, err := e.read(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := e.fetchValues(ctx, l.state); err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	l.scopes.Begin(id, l.state.Owner, l.state.Inputs)
	if err := l.scopes.SettleAll(&l.state.Frame); err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	if s := l.state; s.Parent != "" && !s.Status.Ended() {
		if l.before, err = e.earlierRun(ctx, s.Parent, s.From); err != nil {
			e.cfg.Log.Warn("nothing is taken from the run that it repeats", "run", id, "error", err)
		}
	}
	return l, nil
}

// fetchValues brings in what was too big for events.
func (e *Engine) fetchValues(ctx context.Context, s *run.State) (err error) {
	if s.Inputs, err = e.Inputs(ctx, s); err != nil {
		return err
	}
	fetch := func(i *run.Instance, ref string, into *sdk.Values) {
		if ref == "" || err != nil {
			return
		}
		if failed := e.Document(ctx, ref, into); failed != nil {
			err = fmt.Errorf("values of %s%s: %w", i.Node.Name, i.Key, failed)
		}
	}
	s.Walk(func(n *run.Node) {
		for _, i := range n.Instances {
			fetch(i, i.OutputsRef, &i.Outputs)
			fetch(i, i.SelfRef, &i.Self)
			fetch(i, i.EditsRef, &i.Edits)
		}
	})
	return err
}

// Inputs gives the inputs of a run, also when they were too big for an event.
func (e *Engine) Inputs(ctx context.Context, s *run.State) (sdk.Values, error) {
	if s.InputsRef == "" {
		return s.Inputs, nil
	}
	var v sdk.Values
	if err := e.Document(ctx, s.InputsRef, &v); err != nil {
		return nil, fmt.Errorf("%s: its inputs: %w", s.ID, err)
	}
	return v, nil
}

// read folds a run's journal.
func (e *Engine) read(ctx context.Context, id run.ID) (*live, error) {
	stored, err := e.cfg.Journal.Read(ctx, string(id), 0, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: read journal: %w", id, err)
	}
	if len(stored) == 0 {
		return nil, fmt.Errorf("%s: %w", id, store.ErrNotFound)
	}
	var l *live
	for k, s := range stored {
		ev, err := run.Decode(s.Data)
		if err != nil {
			return nil, fmt.Errorf("%s: event %d: %w", id, s.Seq, err)
		}
		if k == 0 {
			p, err := e.loadBundle(ctx, ev.Bundle)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", id, err)
			}
			l = e.newLive(id, p)
		}
		if len(s.Data) > run.LeastInline {
			l.inline.Add(int64(len(s.Data)))
		}
		if _, err := l.state.Fold(ev); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
	}
	return l, nil
}
