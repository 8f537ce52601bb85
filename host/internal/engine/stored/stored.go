// Package stored gives runs as they are stored: their journals folded, their pipelines by digest, and apart from the journal
// what is too big for an event. It advances nothing and appends nothing.
package stored

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Runs reads runs. It is safe for concurrent use.
type Runs struct {
	journal   store.Journal
	artifacts artifacts.Store
	vault     eval.Vault
	pipes     pipeCache
}

// New reads from a journal and from the artifacts that its events refer to. The vault may be nil: see pipeline.NewScope.
func New(j store.Journal, a artifacts.Store, vault eval.Vault) *Runs {
	return &Runs{journal: j, artifacts: a, vault: vault}
}

// Run is a run in memory. It belongs to whoever advances it.
type Run struct {
	ID     run.ID
	Pipe   *pipeline.Pipeline
	State  *progress.State
	Scopes *scopes.Scopes // what expressions see; none has begun where nothing is evaluated

	inline atomic.Int64 // bytes of the larger values in its events
}

// New makes a run that no event has told of.
func (r *Runs) New(id run.ID, p *pipeline.Pipeline) *Run {
	s := progress.New(scopes.Shape(p))
	return &Run{ID: id, Pipe: p, State: s, Scopes: scopes.New(p, s, r.vault)}
}

// Scope gives what the expressions around a node see.
func (l *Run) Scope(n *progress.Node) *eval.Scope { return l.Scopes.Of(n.Frame) }

// Node gives the node as its pipeline declares it. Its scope has begun.
func (l *Run) Node(n *progress.Node) *pipeline.Node {
	node, _ := l.Scope(n).Pipeline().Node(n.Name)
	return node
}

// Declared gives the node as its pipeline declares it, also where no scope has begun; nil when it declares none.
func (l *Run) Declared(n *progress.Node) *pipeline.Node {
	p := l.Pipe
	for _, step := range n.Frame.Path {
		module, _ := p.Node(run.IDOf(step))
		if module == nil || module.Module == nil {
			return nil
		}
		p = module.Module
	}
	node, _ := p.Node(n.Name)
	return node
}

// Load reads a run from the journal, ready to be advanced.
func (r *Runs) Load(ctx context.Context, id run.ID) (*Run, error) {
	l, err := r.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := r.fetchValues(ctx, l.State); err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	l.Scopes.Begin(id, l.State.Owner, l.State.Inputs)
	if err := l.Scopes.SettleAll(&l.State.Frame); err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	return l, nil
}

// fetchValues brings in what was too big for events.
func (r *Runs) fetchValues(ctx context.Context, s *progress.State) (err error) {
	if s.Inputs, err = r.Inputs(ctx, s); err != nil {
		return err
	}
	fetch := func(i *progress.Instance, ref string, into *sdk.Values) {
		if ref == "" || err != nil {
			return
		}
		if failed := r.Document(ctx, ref, into); failed != nil {
			err = fmt.Errorf("values of %s%s: %w", i.Node.Name, i.Key, failed)
		}
	}
	s.Walk(func(n *progress.Node) {
		for _, i := range n.Instances {
			fetch(i, i.OutputsRef, &i.Outputs)
			fetch(i, i.SelfRef, &i.Self)
			fetch(i, i.EditsRef, &i.Edits)
		}
	})
	return err
}

// Inputs gives the inputs of a run, also when they were too big for an event.
func (r *Runs) Inputs(ctx context.Context, s *progress.State) (sdk.Values, error) {
	if s.InputsRef == "" {
		return s.Inputs, nil
	}
	var v sdk.Values
	if err := r.Document(ctx, s.InputsRef, &v); err != nil {
		return nil, fmt.Errorf("%s: its inputs: %w", s.ID, err)
	}
	return v, nil
}

// Read folds a run's journal. No scope of the run has begun.
func (r *Runs) Read(ctx context.Context, id run.ID) (*Run, error) {
	stored, err := r.journal.Read(ctx, string(id), 0, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: read journal: %w", id, err)
	}
	if len(stored) == 0 {
		return nil, fmt.Errorf("%s: %w", id, store.ErrNotFound)
	}
	var l *Run
	for k, s := range stored {
		ev, err := run.Decode(s.Data)
		if err != nil {
			return nil, fmt.Errorf("%s: event %d: %w", id, s.Seq, err)
		}
		if k == 0 {
			p, err := r.Bundled(ctx, ev.Bundle)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", id, err)
			}
			l = r.New(id, p)
		}
		if len(s.Data) > run.LeastInline {
			l.inline.Add(int64(len(s.Data)))
		}
		if _, err := l.State.Fold(ev); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
	}
	return l, nil
}
