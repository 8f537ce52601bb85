package lineage

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/sdk"
)

// replay tells what the attempts of a run did. heard, when it is set, is called with what each attempt was given and what it gave.
func (l *Lineage) replay(ctx context.Context, id string, heard func(attempt int, v sdk.Values)) (*history, error) {
	h := &history{}
	if heard == nil {
		heard = func(int, sdk.Values) {}
	}
	tape, err := replay.Fetch(ctx, l, id)
	var p *replay.Player
	if err == nil {
		p, err = replay.New(tape, l.Vault)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		h.cut = true
		if seen := l.seen[id]; seen != nil {
			h.seq = seen.seq
		}
		return h, nil
	}
	places := map[string]int{} // in h.attempts
	for {
		e, _ := p.Peek()
		s, err := p.Step()
		if err != nil {
			h.cut = h.cut || !errors.Is(err, io.EOF)
			return h, nil
		}
		h.seq = s.Seq
		if s.Stale {
			continue
		}
		if e.Kind == run.RunCreated {
			h.run = made{pipeline: p.Pipeline(), digest: e.Digest, owner: e.Owner}
		}
		at := e.At(run.ID(tape.Run))
		switch e.Kind {
		case run.AttemptStarted:
			h.cut = h.cut || s.Problem != ""
			places[at.String()] = len(h.attempts)
			h.attempts = append(h.attempts, Attempt{At: at, Type: typeOf(p, e), Pipeline: p.Pipeline().Name, Uses: files(s.Inputs), work: begun(e, s.Inputs)})
			heard(places[at.String()], s.Inputs)
		case run.NodeCachedEvent:
			h.attempts = append(h.attempts, Attempt{At: at, Type: typeOf(p, e), Pipeline: p.Pipeline().Name, Ended: e.Time.UTC(), Source: e.Source, Makes: files(s.Outputs)})
			heard(len(h.attempts)-1, s.Inputs)
			heard(len(h.attempts)-1, s.Outputs)
		case run.AttemptEnded:
			if k, ok := places[at.String()]; ok {
				a := &h.attempts[k]
				a.Ended, a.Failed, a.Makes = e.Time.UTC(), e.Error != nil, fresh(a.Uses, files(s.Outputs))
				a.work.end(e, s.Outputs)
				heard(k, s.Outputs)
			}
		default: // nobody made anything
		}
	}
}

func typeOf(p *replay.Player, e run.Event) string {
	if n := p.State().Find(e.In, e.Node); n != nil {
		return n.Type
	}
	return ""
}

// files lists the artifacts in values, each once.
func files(v sdk.Values) (out []sdk.Artifact) {
	_ = v.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) { // gives no errors
		if !slices.ContainsFunc(out, func(x sdk.Artifact) bool { return x.Digest == a.Digest }) {
			out = append(out, a)
		}
		return a, nil
	})
	return out
}

// fresh leaves out what an attempt only passed on.
func fresh(uses, gives []sdk.Artifact) []sdk.Artifact {
	return slices.DeleteFunc(gives, func(a sdk.Artifact) bool {
		return slices.ContainsFunc(uses, func(x sdk.Artifact) bool { return x.Digest == a.Digest })
	})
}
