package run

import (
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Shape is the pipeline as far as this package cares: who needs whom, and how failures are treated.
type Shape struct {
	Timeout time.Duration // of the run; 0: none
	Nodes   []NodeShape   // any order
}

// NodeShape is one node of a Shape.
type NodeShape struct {
	Name       string
	Type       string
	Needs      []string // nodes that must have ended
	Attempts   int      // at most, counting the first; 0 means 1
	Backoff    time.Duration
	Timeout    time.Duration // of one attempt; 0: none
	OnFailure  string        // "fail" (also ""), "skip", "continue"
	Idempotent bool          // a lost attempt may simply be repeated
}

// MaxLost is how often an attempt may be lost before its node fails as poison.
const MaxLost = 3

// State is a run as its events tell it. It has one owner and is changed in place by Fold.
type State struct {
	ID       ID
	Pipeline string
	Digest   string
	Bundle   string
	Owner    string
	Inputs   sdk.Values
	Seed     uint64

	Status  Status
	Error   *sdk.Error // why it failed
	Reason  string     // why it was cancelled
	Outputs sdk.Values
	// OutputsRef is set instead of Outputs when they were too big for an event.
	OutputsRef string
	Seq        uint64
	Created    time.Time
	Updated    time.Time // never decreases
	Ended      time.Time
	Deadline   time.Time

	CancelRequested bool
	Expired         bool
	Nodes           []*Node

	timeout time.Duration
	byName  map[string]*Node
	open    int // nodes that have not ended
	running int // attempts under way
	failing *sdk.Error
	// Work that the last events made due; Decide drains it.
	toExpand []*Node
	toSkip   []*Node
	due      []*Instance
	backoff  []*Instance
	toCancel []*Instance
	ending   bool // an end command is out
	expiring bool // an expire command is out
}

// Node is one node of a run.
type Node struct {
	NodeShape
	State     NodeState
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
}

// Instance is one node instance.
type Instance struct {
	Node    *Node
	Key     sdk.Key
	State   NodeState
	Attempt int // the number of the latest; 0 before the first
	Tries   int // attempts that consumed a retry
	Lost    int
	Seed    uint64
	// Deadline of the attempt under way.
	Deadline   time.Time
	RetryAt    time.Time
	Checkpoint []byte
	Outputs    sdk.Values
	OutputsRef string
	Error      *sdk.Error // of the latest attempt that ended badly
	Started    time.Time  // of the first attempt
	Ended      time.Time

	listed, waits bool // it stands in State.due, in State.backoff
}

// offer puts the instance on the list of what may be dispatched, once.
func (s *State) offer(i *Instance) {
	if !i.listed {
		i.listed = true
		s.due = append(s.due, i)
	}
}

// New gives the state of a run of which nothing has happened.
func New(shape Shape) *State {
	s := &State{Status: Created, timeout: shape.Timeout, byName: make(map[string]*Node, len(shape.Nodes)), open: len(shape.Nodes)}
	for _, n := range shape.Nodes {
		node := &Node{NodeShape: n, State: NodePending, unmet: len(n.Needs)}
		s.Nodes = append(s.Nodes, node)
		s.byName[n.Name] = node
	}
	for _, n := range s.Nodes {
		for _, need := range n.Needs {
			if p := s.byName[need]; p != nil {
				p.dependents = append(p.dependents, n)
			}
		}
	}
	return s
}

// Node gives the node of that name, or nil.
func (s *State) Node(name string) *Node { return s.byName[name] }

// Instance gives the node's instance with that key, or nil.
func (n *Node) Instance(key sdk.Key) *Instance {
	if !n.Each && len(n.Instances) == 1 && key.IsZero() {
		return n.Instances[0]
	}
	return n.byKey[key]
}

// Address names the instance's latest attempt.
func (s *State) Address(i *Instance) sdk.Address {
	return sdk.Address{Run: string(s.ID), Node: sdk.Step{Kind: "node", Name: i.Node.Name, Key: i.Key}, Attempt: i.Attempt}
}

// Running is how many attempts are under way.
func (s *State) Running() int { return s.running }

// Values gives the instance's outputs, nil when it was skipped or failed. An event cannot tell an empty object from nothing,
// so those of a success are never nil.
func (i *Instance) Values() sdk.Values {
	switch {
	case i.State != NodeSucceeded && i.State != NodeCached:
		return nil
	case i.Outputs == nil:
		return sdk.Values{}
	}
	return i.Outputs
}
