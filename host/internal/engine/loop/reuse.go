package loop

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/sdk"
)

func (e *Loop) landed(key string) {
	for _, w := range e.flights.Land(key) {
		e.Post(w.Of, w)
	}
}

// known gives the result of an instance when there is one: from the run that this one repeats, or from the cache.
// key is under which its result is kept; empty: it is not kept. why says what became of the repeated run's result.
func (p *Pass) known(i *progress.Instance, n *pipeline.Node, inputs sdk.Values) (found *cache.Entry, key, why string) {
	caching := p.e.cfg.Results.Keeps(n)
	if !caching && p.Before == nil {
		return nil, "", ""
	}
	key, err := pipeline.ResultKey(n.Type, inputs)
	if err != nil {
		p.e.cfg.Drafts.Log.Warn("its result is not kept", "task", p.State.Address(i).String(), "error", err)
		return nil, "", ""
	}
	if p.Before != nil {
		if found, why = p.Before.Result(p.State, i, key, inputs); found != nil {
			return found, key, ""
		}
	}
	if !caching {
		return nil, "", why
	}
	if e, ok := p.e.cfg.Results.Find(context.Background(), n, key); ok {
		return &e, key, ""
	}
	return nil, key, why
}

// wanted dispatches an instance that waited for another's result.
func (p *Pass) wanted(i *progress.Instance) {
	switch {
	case !i.Due(p.Now) || p.State.Stopping() || i.Node.Frame.Halted():
	case p.State.Status == run.Paused:
		p.State.Offer(i)
	default:
		p.dispatch(i)
	}
}

// reuse records that an instance's result was known.
func (p *Pass) reuse(i *progress.Instance, e cache.Entry) {
	ev := draft.About(run.NodeCachedEvent, i)
	ev.Source, ev.Usage = e.Source, e.Usage
	ref, err := p.e.cfg.Drafts.Runs.Spill(p.Run, "outputs", e.Outputs)
	if err != nil {
		p.Failed(i, sdk.AsError(err))
		return
	}
	ev.Outputs, ev.OutputsRef = e.Outputs, ref
	p.Judge(i, &ev)
	if ev.Error != nil {
		p.Failed(i, ev.Error)
		return
	}
	p.Add(ev)
}

// keep puts the results of attempts that ended well into the cache, now that they are durable, and lets go of who
// waited for them.
func (p *Pass) keep() {
	for _, k := range p.kept {
		if k.entry != nil {
			p.e.cfg.Results.Put(context.Background(), *k.entry)
		}
		p.e.landed(k.key)
	}
}

// kept is a flight that has ended, with its result when there is one.
type kept struct {
	key   string
	entry *cache.Entry
}
