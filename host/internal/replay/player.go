package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/sdk"
)

// Player stands at one event of a Tape: before the first when it is new. It belongs to one goroutine.
type Player struct {
	tape   *Tape
	pipe   *pipeline.Pipeline
	vault  *witness
	state  *progress.State
	scopes *scopes.Scopes // of the run, and of every round of a module instance that was opened
	unset  error          // why the last event could not be told to them; nil when it could
	at     int            // events folded
	seen   seen
}

// witness is a vault that remembers whether it did not give what was asked for.
type witness struct {
	eval.Vault
	refused bool
}

func (w *witness) Open(s sdk.Sealed) (x any, mask bool, err error) {
	x, mask, err = w.Vault.Open(s)
	w.refused = w.refused || err != nil
	return x, mask, err
}

func (w *witness) Secret(name string) (string, error) {
	x, err := w.Vault.Secret(name)
	w.refused = w.refused || err != nil
	return x, err
}

// New loads the pipeline of a tape as it was when the run was made. The vault opens what is sealed on it, and gives the
// secrets; what it does not give is not known, and neither is what was made of it.
func New(t *Tape, vault eval.Vault) (*Player, error) {
	if len(t.events) == 0 && t.broken != nil {
		return nil, fmt.Errorf("%s: %w", t.Run, t.broken)
	}
	if len(t.events) == 0 {
		return nil, fmt.Errorf("%s has no events", t.Run)
	}
	if first := t.events[0]; first.Kind != run.RunCreated {
		return nil, fmt.Errorf("%s: its journal is damaged: it begins with %q instead of %q", t.Run, first.Kind, run.RunCreated)
	}
	var b pipeline.Bundle
	if err := t.document(t.events[0].Bundle, &b); err != nil {
		return nil, fmt.Errorf("%s: its pipeline: %w", t.Run, err)
	}
	pipe, diags := load.Load(b.FS(), b.File, b)
	if diags.HasErrors() {
		return nil, fmt.Errorf("%s: its pipeline does not load any more: %w", t.Run, diags)
	}
	p := &Player{tape: t, pipe: pipe, vault: &witness{Vault: vault}}
	p.Rewind()
	return p, nil
}

// Rewind goes back before the first event.
func (p *Player) Rewind() {
	p.state, p.at = progress.New(scopes.Shape(p.pipe)), 0
	p.scopes = scopes.New(p.pipe, p.state, p.vault)
	p.seen = newSeen(p.state)
}

// State is the run as the events so far tell it: read it only, and until the next step.
func (p *Player) State() *progress.State { return p.state }

// Pipeline is the run's pipeline as it was when the run was made.
func (p *Player) Pipeline() *pipeline.Pipeline { return p.pipe }

// Seq is the number of the event at which the player stands; 0: before the first.
func (p *Player) Seq() uint64 { return p.state.Seq }

// Last is the number of the tape's last event that can be read.
func (p *Player) Last() uint64 { return p.tape.events[len(p.tape.events)-1].Seq }

// Peek gives the next event without going on to it; false at the end, and at one that cannot be read.
func (p *Player) Peek() (run.Event, bool) {
	if p.at == len(p.tape.events) {
		return run.Event{}, false
	}
	return p.tape.events[p.at], true
}

// Step goes on to the next event and tells what it changed; io.EOF after the last. After any other error the player stays
// where it is.
func (p *Player) Step() (Step, error) {
	e, stale, err := p.fold()
	if err != nil {
		return Step{}, err
	}
	return p.tell(e, stale), nil
}

// Go goes to an event, forwards or back, and tells what it changed. Number 0 goes before the first.
func (p *Player) Go(seq uint64) (Step, error) {
	if seq <= p.Seq() {
		p.Rewind()
	}
	for p.Seq()+1 < seq {
		if _, _, err := p.fold(); err != nil {
			return Step{}, err
		}
	}
	if seq == 0 {
		return Step{}, nil
	}
	p.seen = newSeen(p.state)
	return p.Step()
}

// fold takes in the next event.
func (p *Player) fold() (e run.Event, stale bool, err error) {
	if p.at == len(p.tape.events) {
		if p.tape.broken != nil {
			return e, false, fmt.Errorf("%s: %w", p.tape.Run, p.tape.broken)
		}
		return e, false, io.EOF
	}
	e = p.tape.events[p.at]
	if e.OutputsRef != "" {
		if err := p.tape.document(e.OutputsRef, &e.Outputs); err != nil {
			return e, false, fmt.Errorf("%s: event %d: its outputs: %w", p.tape.Run, e.Seq, err)
		}
	}
	if e.InputsRef != "" {
		if err := p.tape.document(e.InputsRef, &e.Inputs); err != nil {
			return e, false, fmt.Errorf("%s: event %d: its inputs: %w", p.tape.Run, e.Seq, err)
		}
	}
	if stale, err = p.state.Fold(e); err != nil {
		var illegal *run.IllegalEventError
		if errors.As(err, &illegal) {
			return e, false, fmt.Errorf("%s: its journal is damaged: %w", p.tape.Run, err)
		}
		return e, false, fmt.Errorf("%s: %w", p.tape.Run, err)
	}
	p.at++
	p.unset = p.settle(e)
	return e, stale, nil
}

// settle tells the scopes what an event ended or began, as the engine does.
func (p *Player) settle(e run.Event) error {
	switch e.Kind {
	case run.RunCreated:
		p.scopes.Begin(p.state.ID, p.state.Owner, p.state.Inputs)
	case run.ModuleOpened:
		if i := p.state.Find(e.In, e.Node).Instance(e.Key); i != nil && i.Inside() != nil {
			return p.scopes.Enter(i)
		}
	default:
		return p.scopes.Settle(e)
	}
	return nil
}

// scope gives what the expressions of a frame see, or says why that is not to be had.
func (p *Player) scope(f *progress.Frame) (*eval.Scope, error) {
	if scope := p.scopes.Of(f); scope != nil {
		return scope, nil
	}
	if err := p.scopes.Lost(f); err != nil {
		return nil, err
	}
	return nil, errors.New("nothing has happened yet")
}

// question reads what a gate asks.
func (p *Player) question(e run.Event) (q eval.Question, err error) {
	if e.AskRef != "" {
		return q, p.tape.document(e.AskRef, &q)
	}
	return q, json.Unmarshal(e.Ask, &q)
}

// pathOf reads the path of a module instance; a bare name is that of a module.
func pathOf(in string) (run.Path, error) {
	if in == "" {
		return nil, nil
	}
	text := in
	if !strings.HasPrefix(in, "module.") && !strings.HasPrefix(in, "node.") && !strings.HasPrefix(in, "gate.") {
		text = "module." + in
	}
	at, err := sdk.ParseAddress("run_0/" + text)
	if err != nil || at.Node.Kind != "" {
		return nil, fmt.Errorf("%q is no module instance; write it like module.finish or module.finish~2/module.mix[0]", in)
	}
	return at.Modules, nil
}

// Frame gives the run's own nodes, or those of a module instance that was opened, which is named as in an address:
// module.finish~2/module.mix[0]. Without a round its last one is meant.
func (p *Player) Frame(in string) (*progress.Frame, error) {
	path, err := pathOf(in)
	if err != nil {
		return nil, err
	}
	f := &p.state.Frame
	for k, step := range path {
		if step.Iter == 0 {
			if i := f.Node(run.IDOf(step)).Instance(step.Key); i != nil {
				path[k].Iter = i.Iter
			}
		}
		if f = p.state.Under(path[:k+1]); f == nil {
			return nil, fmt.Errorf("%s was not opened before event %d", path[:k+1], p.Seq()+1)
		}
	}
	return f, nil
}

// Scope gives what expressions see in a Frame, at the event where the player stands.
func (p *Player) Scope(in string) (*eval.Scope, error) {
	f, err := p.Frame(in)
	if err != nil {
		return nil, err
	}
	return p.scope(f)
}
