package engine

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// commit makes the pass's events durable.
func (p *pass) commit() error {
	a, err := p.pack()
	if err != nil {
		return err
	}
	return p.append(a)
}

// pack gives the pass's events as the journal takes them.
func (p *pass) pack() (store.Append, error) {
	a := store.Append{Run: string(p.l.id), After: p.first, Events: make([][]byte, len(p.events))}
	for k := range p.events {
		b, err := p.events[k].Encode()
		if err != nil {
			return a, err
		}
		a.Events[k] = b
	}
	if p.head {
		a.Head = headOf(p.l.state)
	}
	return a, nil
}

func (p *pass) append(a store.Append) error {
	if err := p.e.cfg.Journal.Append(context.Background(), a); err != nil {
		return err
	}
	if p.e.cfg.Observe != nil {
		for _, ev := range p.events {
			p.e.cfg.Observe(p.l.id, ev)
		}
	}
	return nil
}

func headOf(s *run.State) *store.Head {
	h := &store.Head{Run: string(s.ID), Pipeline: s.Pipeline, Digest: s.Digest, State: string(s.Status), Owner: s.Owner,
		Created: s.Created, Updated: s.Updated, Seq: s.Seq}
	if s.Error != nil {
		h.Error = s.Error.Message
	}
	return h
}
