package engine

import (
	"context"
	"maps"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
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
	a := store.Append{Run: string(p.l.id), After: p.first, Events: make([][]byte, len(p.events)), Files: p.files}
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

// filesOf lists the artifacts in what a run was given, or something in it has made. Of what is sealed nothing is told.
func filesOf(id run.ID, ev run.Event) (out []store.File) {
	at := ""
	for _, v := range []sdk.Values{ev.Inputs, ev.Outputs} {
		eachFile(v, func(x sdk.Artifact) {
			if at == "" {
				at = ev.At(id).String()
			}
			out = append(out, store.File{Digest: x.Digest, MediaType: x.MediaType, Name: x.Name, Size: x.Size, At: at, Created: ev.Time})
		})
	}
	return out
}

func eachFile(x any, fn func(sdk.Artifact)) {
	switch x := x.(type) {
	case sdk.Artifact:
		fn(x)
	case []any:
		for _, y := range x {
			eachFile(y, fn)
		}
	case sdk.Values:
		eachFile(map[string]any(x), fn)
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(x)) {
			eachFile(x[name], fn)
		}
	}
}

func headOf(s *run.State) *store.Head {
	h := &store.Head{Run: string(s.ID), Pipeline: s.Pipeline, Digest: s.Digest, State: string(s.Status), Owner: s.Owner,
		Created: s.Created, Updated: s.Updated, Seq: s.Seq}
	if s.Error != nil {
		h.Error = s.Error.Message
	}
	return h
}
