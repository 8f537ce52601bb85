package replay

import (
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/sdk"
)

// Report is what verifying a tape found.
type Report struct {
	Events int `json:"events"`
	// Inputs, Expansions, Questions and Outputs are how many were evaluated anew, and came to what was recorded where
	// that was recorded.
	Inputs     int       `json:"inputs"`
	Expansions int       `json:"expansions"`
	Questions  int       `json:"questions"`
	Outputs    int       `json:"outputs"`
	Problems   []Problem `json:"problems"`
	// Unchecked is what could not be looked at, since a sensitive value cannot be opened here, or a secret may have been
	// renewed since.
	Unchecked []Problem `json:"unchecked,omitempty"`
}

// Problem is one thing that does not come out as it was recorded, or cannot be seen to.
type Problem struct {
	Seq uint64 `json:"seq"`
	At  string `json:"at,omitempty"`
	Why string `json:"why"`
}

// Verify folds a tape twice, the second time from events that were encoded anew, compares the states after every event,
// and evaluates again what the run evaluated: inputs of attempts and modules, for_each and when, questions, outputs.
func Verify(t *Tape, vault eval.Vault) (Report, error) {
	r := Report{Problems: []Problem{}}
	a, err := New(t, vault)
	if err != nil {
		return r, err
	}
	again, err := t.reencoded()
	if err != nil {
		return r, err
	}
	b, err := New(again, vault)
	if err != nil {
		return r, err
	}
	for {
		e, more := a.Peek()
		if more {
			r.before(a, e)
		}
		x, err := a.Step()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return r, err
		}
		y, err := b.Step()
		if err != nil {
			return r, err
		}
		r.Events++
		r.after(a, e, x)
		if !reflect.DeepEqual(x.Changes, y.Changes) || !reflect.DeepEqual(x.Next, y.Next) || x.Status != y.Status {
			r.add(x, "folded twice, it does not change the same")
		}
	}
	if !reflect.DeepEqual(a.state, b.state) {
		r.Problems = append(r.Problems, Problem{Seq: a.Seq(), Why: "folded twice, the run does not come to the same state"})
	}
	return r, nil
}

// reencoded is the tape with every event written and read again.
func (t *Tape) reencoded() (*Tape, error) {
	out := &Tape{Run: t.Run, documents: t.documents, broken: t.broken, raw: t.raw}
	for _, e := range t.events {
		raw, err := e.Encode()
		if err != nil {
			return nil, fmt.Errorf("%s: event %d: %w", t.Run, e.Seq, err)
		}
		back, err := run.Decode(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: event %d, written again: %w", t.Run, e.Seq, err)
		}
		out.events = append(out.events, back)
	}
	return out, nil
}

func (r *Report) add(s Step, why string) {
	r.Problems = append(r.Problems, Problem{Seq: s.Seq, At: s.At, Why: why})
}

// failed takes in that something cannot be evaluated: no problem of the run where it is for want of a sensitive value.
func (r *Report) failed(p *Player, x Problem) {
	if p.vault.refused {
		r.Unchecked = append(r.Unchecked, x)
	} else {
		r.Problems = append(r.Problems, x)
	}
}

// compare takes in what values come to now. Two sealed ones that differ tell nothing where they cannot be opened, or are
// made of secrets.
func (r *Report) compare(p *Player, now, then sdk.Values, x Problem) {
	switch {
	case sameValues(now, then):
	case (p.vault.refused || len(p.pipe.SecretsInUse()) > 0) && sameValues(covered(now), covered(then)):
		x.Why = "what is sensitive in it cannot be compared: it cannot be opened here, or a secret was renewed since"
		r.Unchecked = append(r.Unchecked, x)
	default:
		r.Problems = append(r.Problems, x)
	}
}

// covered puts the same in the place of everything that is sealed.
func covered(v sdk.Values) sdk.Values {
	var cover func(x any) any
	cover = func(x any) any {
		switch x := x.(type) {
		case sdk.Sealed:
			return sdk.Sealed{}
		case []any:
			out := make([]any, len(x))
			for i := range x {
				out[i] = cover(x[i])
			}
			return out
		case map[string]any:
			out := make(map[string]any, len(x))
			for k := range x {
				out[k] = cover(x[k])
			}
			return out
		}
		return x
	}
	out, _ := cover(map[string]any(v)).(map[string]any)
	return out
}

// before evaluates what the engine evaluated before it wrote the event.
func (r *Report) before(p *Player, e run.Event) {
	n := p.state.Find(e.In, e.Node)
	if n == nil || p.at == 0 || p.state.Status.Ended() {
		return
	}
	scope := p.scopes.Of(n.Frame)
	if scope == nil {
		return
	}
	say := func(why string) Problem {
		return Problem{Seq: e.Seq, At: within(e.In, run.StepOf(e.Node, e.Key, e.Iter)), Why: why}
	}
	switch {
	case e.Kind == run.NodeExpanded && !needSkipped(n):
		x, diags := scope.Expand(n.Name)
		if r.Expansions++; diags.HasErrors() {
			r.failed(p, say("its for_each or when cannot be evaluated again: "+diags.Error()))
		} else if !sameExpansion(x, e) {
			r.Problems = append(r.Problems, say("its for_each or when now comes to something else"))
		}
	case e.Kind == run.GateOpened:
		want, err := p.question(e)
		q, diags := scope.Question(n.Name, e.Key)
		if r.Questions++; err != nil {
			r.Problems = append(r.Problems, say("its question: "+err.Error()))
		} else if diags.HasErrors() {
			r.failed(p, say("its question cannot be evaluated again: "+diags.Error()))
		} else if q.Message != want.Message {
			r.Problems = append(r.Problems, say("its question is another one now"))
		} else {
			r.compare(p, q.Show, want.Show, say("its question is another one now"))
		}
	}
}

// after looks at what the step evaluated.
func (r *Report) after(p *Player, e run.Event, s Step) {
	say := func(why string) Problem { return Problem{Seq: s.Seq, At: s.At, Why: why} }
	switch {
	case s.Stale, e.Kind == run.GateOpened: // before has looked at its question
	case e.Kind == run.AttemptStarted, e.Kind == run.ModuleOpened:
		if r.Inputs++; s.Problem != "" {
			r.failed(p, say("its inputs cannot be rebuilt: "+s.Problem))
		}
	case e.Kind == run.RunEnded && e.Status == run.Succeeded:
		outputs, diags := p.scopes.Of(&p.state.Frame).Outputs()
		if r.Outputs++; diags.HasErrors() {
			r.failed(p, say("its outputs cannot be evaluated again: "+diags.Error()))
		} else {
			r.compare(p, outputs, s.Outputs, say("its outputs now come to something else"))
		}
	case s.Problem != "":
		r.failed(p, say(s.Problem))
	}
}

func needSkipped(n *progress.Node) bool {
	for _, need := range n.Needs {
		if o := n.Frame.Node(need); o != nil && o.State == run.NodeSkipped {
			return true
		}
	}
	return false
}

func sameExpansion(x eval.Expansion, e run.Event) bool {
	if x.Skip || e.Skip {
		return x.Skip == e.Skip
	}
	if x.Each != e.Each || x.Map != e.Map {
		return false
	}
	if !x.Each {
		return true
	}
	if len(x.Keys) != len(e.Keys) {
		return false
	}
	for i := range x.Keys {
		if x.Keys[i].String() != e.Keys[i].String() {
			return false
		}
	}
	return true
}

// sameValues compares as JSON does: a null and nothing are the same, and so are an empty object and nothing.
func sameValues(a, b sdk.Values) bool {
	if len(a) == 0 && len(b) == 0 {
		return true
	}
	x, errA := a.MarshalJSON()
	y, errB := b.MarshalJSON()
	return errA == nil && errB == nil && string(x) == string(y)
}
