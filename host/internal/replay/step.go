package replay

import (
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/sdk"
)

// Step is one event of a run and what it changed. Values are whole; whoever shows them shortens them.
type Step struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Kind run.Kind  `json:"kind"`
	// At is the address of the node instance within the run, without the attempt; empty: the run.
	At    string `json:"at,omitempty"`
	Level string `json:"level"` // "info" or "error"
	Text  string `json:"text"`  // the event in words
	// Stale: it came too late and changed nothing.
	Stale   bool       `json:"stale,omitempty"`
	Status  run.Status `json:"status"` // of the run after it
	Changes []Change   `json:"changes,omitempty"`

	// When is what a node's when came to; nil when it has none, or was not asked.
	When *bool `json:"when,omitempty"`
	// Keys are those of a for_each; nil without one.
	Keys []string `json:"keys,omitempty"`
	// Inputs are what an attempt or a module began with, or what a result was known for, the variables of a run, or what a person has set.
	Inputs   sdk.Values     `json:"inputs,omitempty"`
	Outputs  sdk.Values     `json:"outputs,omitempty"`
	Question *eval.Question `json:"question,omitempty"`
	Error    *sdk.Error     `json:"error,omitempty"`
	Deadline *time.Time     `json:"deadline,omitempty"`
	// Problem says why the inputs cannot be rebuilt, or what the event gave cannot be taken in; empty when they can.
	Problem string `json:"problem,omitempty"`

	Next Next `json:"next"`

	address sdk.Address
}

// Concerns says whether the step is about a node: by its name, or its address within the run.
func (s Step) Concerns(node string) bool { return run.Concerns(s.address, node) }

// tell makes a step of an event that has been folded.
func (p *Player) tell(e run.Event, stale bool) Step {
	at := e.At(p.state.ID)
	at.Attempt = 0
	s := Step{Seq: e.Seq, Time: e.Time.UTC(), Kind: e.Kind, Stale: stale, Status: p.state.Status, Error: e.Error, address: at}
	if at.Node.Kind != "" {
		s.At = within(at.Modules, at.Node)
	}
	s.Level, s.Text = e.Tell()
	if s.Text == "" {
		s.Text = plainWords[e.Kind]
	}
	if stale {
		s.Text += " (too late: it changes nothing)"
	}
	if !e.Deadline.IsZero() {
		d := e.Deadline.UTC()
		s.Deadline = &d
	}
	s.Changes = p.changes(e)
	if !stale {
		p.values(&s, e)
	}
	if s.Problem == "" && p.unset != nil {
		s.Problem = p.unset.Error()
	}
	s.Next = p.next()
	return s
}

// plainWords are for kinds of which Tell says nothing.
var plainWords = map[run.Kind]string{run.NodeExpanded: "ready", run.AttemptSaved: "checkpoint saved"}

func within(in run.Path, step sdk.Step) string {
	if len(in) == 0 {
		return step.String()
	}
	return in.String() + "/" + step.String()
}

// values fills in what the event carries, and what its expressions came to.
func (p *Player) values(s *Step, e run.Event) {
	s.Outputs = e.Outputs
	switch e.Kind {
	case run.RunCreated:
		s.Inputs = e.Inputs
	case run.NodeExpanded:
		p.expanded(s, e)
	case run.NodeDecided:
		s.Inputs = e.Inputs
	case run.AttemptStarted, run.ModuleOpened:
		var err error
		if s.Inputs, err = p.inputs(e); err != nil {
			s.Problem = err.Error()
		}
	case run.NodeCachedEvent:
		if !e.Again { // else its inputs are those of the next round by now
			s.Inputs, _ = p.inputs(e) // its result is not made of them anyway
		}
	case run.GateOpened:
		q, err := p.question(e)
		if err != nil {
			s.Problem = "its question: " + err.Error()
			return
		}
		s.Question = &q
	default: // its outputs are all there is
	}
}

// inputs evaluates what an attempt or a module instance begins with.
func (p *Player) inputs(e run.Event) (sdk.Values, error) {
	n := p.state.Find(e.In, e.Node)
	scope, err := p.scope(n.Frame)
	if err != nil {
		return nil, err
	}
	inputs, diags := scope.Inputs(n.Name, e.Key, scopes.Turn(n.Instance(e.Key)))
	if diags.HasErrors() {
		return nil, diags
	}
	return inputs, nil
}

func (p *Player) expanded(s *Step, e run.Event) {
	n := p.state.Find(e.In, e.Node)
	if e.Each && !e.Skip {
		s.Keys = []string{}
		for _, k := range e.Keys {
			s.Keys = append(s.Keys, k.String())
		}
	}
	if p.asksWhen(n) {
		when := !e.Skip
		s.When = &when
	}
}

// asksWhen says that the node's when was evaluated: it has one, and no node that it needs was skipped.
func (p *Player) asksWhen(n *progress.Node) bool {
	scope := p.scopes.Of(n.Frame)
	if scope == nil {
		return false
	}
	declared, _ := scope.Pipeline().Node(n.Name)
	if declared == nil || !declared.When {
		return false
	}
	for _, need := range n.Needs {
		if o := n.Frame.Node(need); o != nil && o.State == run.NodeSkipped {
			return false
		}
	}
	return true
}
