// Package progress is how far a run is, as a state machine. Fold applies an event to a State, Decide says which commands are due.
// It is pure: no I/O, no clock, no goroutine, no expression is evaluated here. A State has one owner and is changed in place;
// Decide visits only what the last events touched.
//
// The order of writes belongs to the engine: decide, append the intent, execute, append the result.
package progress

import (
	"encoding/json"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// State is a run as its events tell it. It has one owner and is changed in place by Fold.
type State struct {
	Frame    // the run's own nodes
	ID       run.ID
	Pipeline string
	Digest   string
	Bundle   string
	Owner    string
	Priority int    // higher goes first
	Place    string // among those of its priority, in place of its id, while it waits: lower goes first; empty: its id
	// Concurrency is what runs share of which at most Limit may go on at once; empty: nothing.
	Concurrency string
	Limit       int
	Parent      run.ID      // the run that it repeats
	Imported    *run.Origin // where it is from; nil: it was made here
	From        []string    // addresses of what is done again all the same
	Inputs      sdk.Values
	InputsRef   string // is set instead of Inputs when they were too big for an event
	Seed        uint64

	Status  run.Status
	Error   *sdk.Error // why it failed
	Reason  string     // why it was cancelled or is paused
	Outputs sdk.Values
	// OutputsRef is set instead of Outputs when they were too big for an event.
	OutputsRef string
	Seq        uint64
	Created    time.Time
	Updated    time.Time // never decreases
	Ended      time.Time

	CancelRequested bool
	// Held is whether a person has paused the run; it is paused as well while an instance waits that failed.
	Held bool

	failed int // instances that wait because they failed
	// Work that the last events made due; Decide drains it.
	toExpand []*Node
	due      []*Instance
	backoff  []*Instance
	toCancel []*Instance
	touched  []*Frame
	timed    []timed   // deadlines of gates and modules
	soonest  time.Time // of timed; zero when there is none
	ending   bool      // an end command is out
	expiring bool      // an expire command is out
}

// Frame is one opening of a pipeline: the run's own, or that of one round of a module instance.
type Frame struct {
	Path  run.Path  // of a module instance; empty: the run
	Owner *Instance // the module instance; nil: the run
	Nodes []*Node
	// Deadline and Expired are of the whole; a zero Deadline is none.
	Deadline time.Time
	Expired  bool

	shape   *run.Shape
	byName  map[string]*Node
	open    int        // nodes that have not ended
	running int        // attempts under way, in modules too
	failing *sdk.Error // why it is to end
	listed  bool       // it stands in State.touched
	closing bool       // a close command is out
}

// Node is one node of a run.
type Node struct {
	run.NodeShape
	Frame     *Frame
	State     run.NodeState
	Reason    string     // why it was skipped
	Error     *sdk.Error // of the node itself, or of its first failed instance
	Each, Map bool
	Keys      []sdk.Key
	Instances []*Instance // aligned with Keys; exactly one when !Each
	Started   time.Time
	Ended     time.Time

	unmet      int
	openInst   int
	byKey      map[sdk.Key]*Instance
	dependents []*Node
	asked      bool // an expand command is out
}

// Instance is one node instance.
type Instance struct {
	Node    *Node
	Key     sdk.Key
	State   run.NodeState
	Iter    int // round of a repeat, from 1; 0 without
	Attempt int // the number of the latest in this round; 0 before the first
	Tries   int // attempts that consumed a retry
	Lost    int
	Rung    int // how far down the ladder of degrade
	Seed    uint64
	// Devices are what the latest attempt was given of the agent's, each with Memory bytes; nil: it asked for none.
	Devices []string
	Agent   string
	Session string // of its agent's process, where it is another machine's
	Memory  int64
	// Began is when the latest attempt did: the time of its task.
	Began time.Time
	// Deadline of the attempt under way, or of the gate that is open.
	Deadline   time.Time
	RetryAt    time.Time
	Checkpoint []byte
	// Self are the outputs of the round before; nil in the first. SelfRef is set when they were too big for an event.
	Self    sdk.Values
	SelfRef string
	// Edits are inputs that a person has set. EditsRef is set when they were too big for an event.
	Edits    sdk.Values
	EditsRef string
	// Ask is what an open gate asks; AskRef is set when that was too big for an event.
	Ask        json.RawMessage
	AskRef     string
	Outputs    sdk.Values
	OutputsRef string
	Source     string     // address of the attempt whose result it is, when it is cached
	Error      *sdk.Error // of the latest attempt that ended badly
	Usage      *sdk.Usage // of the latest attempt, or of the one whose result it is, as far as it was measured
	Doubt      bool       // waits because nobody knows how its attempt ended
	Cancel     bool       // a person has cancelled it alone
	Started    time.Time  // of the first attempt
	Ended      time.Time
	// Frames are the openings of a module instance, one for each round that was opened; the last may be under way.
	Frames []*Frame

	listed bool // it stands in State.due
	asked  bool // its time has come, and a command is out
	told   bool // its attempt is to stop, and the command is out
}

// timed is something that ends at a time.
type timed struct {
	at    time.Time
	frame *Frame    // of a module instance, or
	gate  *Instance // a gate
}

// Offer has Decide dispatch an instance, be it again because it could not begin.
func (s *State) Offer(i *Instance) {
	if !i.listed {
		i.listed = true
		s.due = append(s.due, i)
	}
}

// touch has Decide look at whether the frame is to end.
func (s *State) touch(f *Frame) {
	if !f.listed {
		f.listed = true
		s.touched = append(s.touched, f)
	}
}

// New gives the state of a run of which nothing has happened.
func New(shape run.Shape) *State {
	s := &State{Status: run.Created}
	s.build(&shape)
	return s
}

// build lays out the nodes of a frame.
func (f *Frame) build(shape *run.Shape) {
	f.shape, f.open, f.byName = shape, len(shape.Nodes), make(map[string]*Node, len(shape.Nodes))
	f.Nodes = make([]*Node, len(shape.Nodes))
	for k, n := range shape.Nodes {
		node := &Node{NodeShape: n, Frame: f, State: run.NodePending, unmet: len(n.Needs)}
		f.Nodes[k], f.byName[n.Name] = node, node
	}
	for _, n := range f.Nodes {
		for _, need := range n.Needs {
			if p := f.byName[need]; p != nil {
				p.dependents = append(p.dependents, n)
			}
		}
	}
}

// Node gives the node of that name, or nil.
func (f *Frame) Node(name string) *Node { return f.byName[name] }

// Left is how many nodes of the frame have not ended.
func (f *Frame) Left() int { return f.open }

// Left is how many instances of the node have not ended.
func (n *Node) Left() int { return n.openInst }

// parent is the frame around the frame; nil for the run's own.
func (f *Frame) parent() *Frame {
	if f.Owner == nil {
		return nil
	}
	return f.Owner.Node.Frame
}

// Halted says that nothing new may begin in the frame: it is to end, or one around it is.
func (f *Frame) Halted() bool {
	for ; f != nil; f = f.parent() {
		if f.failing != nil {
			return true
		}
	}
	return false
}

// Under gives the frame of a path, or nil.
func (s *State) Under(p run.Path) *Frame {
	f := &s.Frame
	for _, step := range p {
		n := f.byName[run.IDOf(step)]
		if n == nil {
			return nil
		}
		i := n.Instance(step.Key)
		if i == nil {
			return nil
		}
		if f = i.round(step.Iter); f == nil {
			return nil
		}
	}
	return f
}

// Find gives the node that an event's In and Node name, or nil.
func (s *State) Find(in run.Path, node string) *Node {
	f := s.Under(in)
	if f == nil {
		return nil
	}
	return f.byName[node]
}

// Instance gives the node's instance with that key, or nil.
func (n *Node) Instance(key sdk.Key) *Instance {
	if n == nil {
		return nil
	}
	if !n.Each && len(n.Instances) == 1 && key.IsZero() {
		return n.Instances[0]
	}
	return n.byKey[key]
}

// Inside is the frame of a module instance's present round, nil when it has none.
func (i *Instance) Inside() *Frame { return i.round(i.Iter) }

// round is the frame of one round, nil when that was never opened: a person may have settled it before.
func (i *Instance) round(iter int) *Frame {
	for k := len(i.Frames) - 1; k >= 0; k-- {
		if f := i.Frames[k]; f.Path[len(f.Path)-1].Iter == iter {
			return f
		}
	}
	return nil
}

// Step is the instance's segment of an address.
func (i *Instance) Step() sdk.Step { return run.StepOf(i.Node.Name, i.Key, i.Iter) }

// Address names the instance's latest attempt.
func (s *State) Address(i *Instance) sdk.Address {
	return sdk.Address{Run: string(s.ID), Modules: i.Node.Frame.Path, Node: i.Step(), Attempt: i.Attempt}
}

// Running is how many attempts are under way.
func (s *State) Running() int { return s.running }

// Walk calls fn for every node of the frame and of the modules in it, parents before what is inside them.
func (f *Frame) Walk(fn func(*Node)) {
	for _, n := range f.Nodes {
		fn(n)
		for _, i := range n.Instances {
			for _, inner := range i.Frames {
				inner.Walk(fn)
			}
		}
	}
}

// Values gives the instance's outputs, nil when it was skipped or failed. An event cannot tell an empty object from nothing,
// so those of a success are never nil.
func (i *Instance) Values() sdk.Values {
	switch {
	case i.State != run.NodeSucceeded && i.State != run.NodeCached:
		return nil
	case i.Outputs == nil:
		return sdk.Values{}
	}
	return i.Outputs
}
