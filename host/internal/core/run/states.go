package run

import "slices"

// NodeState is where a node or a node instance stands.
type NodeState string

// The states of a node and of a node instance.
const (
	NodePending    NodeState = "pending"    // its needs have not ended
	NodeReady      NodeState = "ready"      // may be dispatched
	NodeQueued     NodeState = "queued"     // waits for an executor
	NodePlaced     NodeState = "placed"     // has a device, not yet started
	NodeRunning    NodeState = "running"    // an attempt is under way
	NodeBackoff    NodeState = "backoff"    // waits before its next attempt
	NodeWaiting    NodeState = "waiting"    // a person decides: a gate, an attempt in doubt, a failure that pauses
	NodeCancelling NodeState = "cancelling" // told to stop
	NodeSucceeded  NodeState = "succeeded"
	NodeFailed     NodeState = "failed"
	NodeSkipped    NodeState = "skipped"
	NodeCancelled  NodeState = "cancelled"
	NodeCached     NodeState = "cached" // its result was known already
)

// Ended says whether the state is final.
func (s NodeState) Ended() bool {
	switch s {
	case NodeSucceeded, NodeFailed, NodeSkipped, NodeCancelled, NodeCached:
		return true
	default:
		return false
	}
}

// Status is where a run stands.
type Status string

// The states of a run.
const (
	Created   Status = "created"
	Running   Status = "running"
	Paused    Status = "paused"
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
	Cancelled Status = "cancelled"
)

// Ended says whether the status is final (a failed or cancelled run may be resumed).
func (s Status) Ended() bool { return s == Succeeded || s == Failed || s == Cancelled }

// Transitions says which state may follow which.
type Transitions struct {
	Node map[NodeState][]NodeState
	Run  map[Status][]Status
}

// Table is the one transition table: Fold takes nothing anywhere that it does not list, to which the simulator holds it.
// A node and its instances share it; a node goes from pending to what it ends as when it never has instances.
var Table = Transitions{
	Node: map[NodeState][]NodeState{
		NodePending:    {NodeReady, NodeSucceeded, NodeSkipped, NodeFailed, NodeCancelled},
		NodeReady:      {NodeQueued, NodePlaced, NodeRunning, NodeWaiting, NodeFailed, NodeSkipped, NodeCancelled, NodeCached, NodeSucceeded},
		NodeQueued:     {NodePlaced, NodeRunning, NodeReady, NodeFailed, NodeCancelled, NodeCached},
		NodePlaced:     {NodeRunning, NodeReady, NodeFailed, NodeCancelled},
		NodeRunning:    {NodeSucceeded, NodeFailed, NodeBackoff, NodeReady, NodeWaiting, NodeCancelling, NodeCancelled, NodeSkipped},
		NodeBackoff:    {NodeReady, NodeRunning, NodeWaiting, NodeFailed, NodeCancelled, NodeCached},
		NodeWaiting:    {NodeReady, NodeRunning, NodeSucceeded, NodeFailed, NodeSkipped, NodeCancelled},
		NodeCancelling: {NodeCancelled, NodeSucceeded, NodeReady}, // succeeded, or to another round, when its time had passed
		NodeFailed:     {NodePending, NodeReady, NodeRunning},     // tried again: the run, or the module around it
		NodeSkipped:    {NodePending, NodeReady, NodeRunning},     // tried again
		NodeCancelled:  {NodePending, NodeReady, NodeRunning},     // tried again
	},
	Run: map[Status][]Status{
		Created:   {Running, Cancelled}, // a queued run may be cancelled before its turn
		Running:   {Paused, Succeeded, Failed, Cancelled},
		Paused:    {Running, Failed},
		Failed:    {Running}, // resume
		Cancelled: {Running}, // resume
	},
}

// MayNode says whether a node may go from one state to another.
func (t Transitions) MayNode(from, to NodeState) bool {
	return from == to || slices.Contains(t.Node[from], to)
}

// MayRun says whether a run may go from one status to another.
func (t Transitions) MayRun(from, to Status) bool {
	return from == to || slices.Contains(t.Run[from], to)
}
