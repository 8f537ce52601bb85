package engine

import (
	"context"
	"fmt"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// Explain says why a run, and what in it has not ended well, stands where it stands. node chooses what is explained;
// nil: the run and everything that is under way, waits or failed.
func (e *Engine) Explain(ctx context.Context, id run.ID, node func(sdk.Address) bool) ([]run.Explanation, error) {
	l, err := e.read(ctx, id)
	if err != nil {
		return nil, err
	}
	out := l.state.Explain(e.cfg.Now(), node, func(i *run.Instance) string {
		n := find(l.pipe, i.Node)
		if n == nil || n.Kind != pipeline.KindNode {
			return ""
		}
		if e.flights.waitsFor(l.state.ID, i) {
			return "another task with the same inputs is under way; its result will be taken"
		}
		if e.cfg.Placer != nil {
			at := l.state.Address(i)
			at.Attempt = i.Attempt + 1
			if why := e.cfg.Placer.Why(at.String()); why != "" {
				return why
			}
		}
		return e.slots.describe(e.classOf(n.Type))
	})
	if why := e.queue.describe(id); why != "" && node == nil {
		out[0].Why = why
		return out, nil
	}
	if e.find(id) == nil && !l.state.Status.Ended() && node == nil {
		out[0].Why, out[0].Next = "no process advances it", "spinbot resume "+string(id)+" goes on"
	}
	return out, nil
}

// find gives the declaration of a run's node.
func find(p *pipeline.Pipeline, n *run.Node) *pipeline.Node {
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

// describe says who is in the way of a task of the class; nothing when nobody is.
func (t *slotTable) describe(c class) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != "" {
		return "it waits: " + t.held
	}
	for _, p := range t.path(c) {
		if p.free > 0 {
			continue
		}
		waiting := 0
		for _, w := range p.ring {
			waiting += len(w.places)
		}
		what := "tasks"
		switch p {
		case t.control:
			what = "control nodes"
		case t.types[c]:
			what = "tasks of " + c.nodeType
		}
		return fmt.Sprintf("it waits for its turn: %d %s are under way, as many as may be at once, and %d wait", p.size, what, waiting)
	}
	return ""
}
