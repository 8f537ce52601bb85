package scopes

import (
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// Shape is a pipeline as the state machine of its runs sees it: what a journal is folded with.
func Shape(p *pipeline.Pipeline) run.Shape {
	s := run.Shape{Timeout: p.Timeout, Nodes: make([]run.NodeShape, len(p.Nodes))}
	for i, n := range p.Nodes {
		s.Nodes[i] = run.NodeShape{Name: n.ID, Type: n.Type.Name, Needs: n.Needs, Attempts: n.Retry.Attempts, Backoff: n.Retry.Backoff,
			Timeout: n.Timeout, OnFailure: n.OnFailure, Idempotent: n.Type.Idempotent, Ask: n.OnLost == pipeline.Ask,
			Repeats: n.Repeat != nil, Gate: n.Gate != nil}
		for _, rung := range n.Degrade {
			s.Nodes[i].Rungs = append(s.Nodes[i].Rungs, rung.On)
		}
		if n.Module != nil {
			inner := Shape(n.Module)
			s.Nodes[i].Module = &inner
		}
	}
	return s
}
