package progress

import (
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

func (s *State) expanded(n *Node, e *run.Event) string {
	switch {
	case n.State != run.NodePending:
		return "it is " + string(n.State)
	case n.unmet > 0:
		return "its needs have not ended"
	case e.Skip:
		n.Reason = e.Reason
		s.endNode(n, run.NodeSkipped, e.Time)
		return ""
	case !e.Each:
		s.lay(n, []sdk.Key{{}}, e.Time)
		return ""
	}
	byKey := make(map[sdk.Key]*Instance, len(e.Keys))
	for _, key := range e.Keys {
		if byKey[key] = nil; key.IsZero() {
			return "an instance has no key"
		}
	}
	if len(byKey) < len(e.Keys) {
		return "two instances have the same key"
	}
	n.Each, n.Map, n.Keys, n.byKey = true, e.Map, e.Keys, byKey
	if s.lay(n, e.Keys, e.Time); len(e.Keys) == 0 { // for_each over nothing
		s.endNode(n, run.NodeSucceeded, e.Time)
	}
	return ""
}

// lay gives a node its instances.
func (s *State) lay(n *Node, keys []sdk.Key, at time.Time) {
	n.State, n.Started, n.openInst = run.NodeReady, at, len(keys)
	block := make([]Instance, len(keys))
	n.Instances = make([]*Instance, len(keys))
	for k, key := range keys {
		i := &block[k]
		i.Node, i.Key, i.State = n, key, run.NodeReady
		if n.Repeats {
			i.Iter = 1
		}
		if n.Instances[k] = i; n.Each {
			n.byKey[key] = i
		}
		s.Offer(i)
	}
}

// notExpanded ends a node of which when or for_each could not be evaluated.
func (s *State) notExpanded(n *Node, e *run.Event) string {
	if n.unmet > 0 {
		return "its needs have not ended"
	}
	n.Error = e.Error
	s.nodeGaveUp(n, e.Error, e.Time)
	return ""
}

// notBegun ends an instance that could not begin, or a gate of which nothing can be made.
func (s *State) notBegun(i *Instance, e *run.Event) string {
	if i.State != run.NodeReady && i.State != run.NodeBackoff && (i.State != run.NodeWaiting || i.Error != nil) {
		return "it is " + string(i.State)
	}
	i.Error = e.Error
	s.giveUp(i, e.Time)
	return ""
}

func (s *State) endInstance(i *Instance, to run.NodeState, at time.Time) {
	i.State, i.Ended = to, at
	n := i.Node
	n.openInst--
	if bad := to == run.NodeFailed || to == run.NodeCancelled && i.Cancel; bad && n.Error == nil {
		n.Error = i.Error
		if n.fatal() && i.Error != nil {
			s.failBy(n, i.Error)
		}
	}
	if n.openInst == 0 {
		s.closeNode(n, at)
	}
}

// fatal says that a failure of the node is one of its frame.
func (n *Node) fatal() bool { return n.OnFailure != "skip" && n.OnFailure != "continue" }

// closeNode ends a node whose instances have all ended.
func (s *State) closeNode(n *Node, at time.Time) {
	failed, cancelled, skipped, good := 0, 0, 0, 0
	for _, i := range n.Instances {
		switch {
		case i.State == run.NodeFailed, i.State == run.NodeCancelled && i.Cancel:
			failed++
		case i.State == run.NodeCancelled:
			cancelled++
		case i.State == run.NodeSkipped:
			skipped++
		default:
			good++
		}
	}
	switch {
	case cancelled > 0:
		s.endNode(n, run.NodeCancelled, at)
	case failed == 0 && skipped == len(n.Instances) && skipped > 0:
		n.Reason = "a person skipped it"
		s.endNode(n, run.NodeSkipped, at)
	case failed == 0:
		s.endNode(n, run.NodeSucceeded, at)
	case n.OnFailure == "continue", n.OnFailure == "skip" && good > 0:
		s.endNode(n, run.NodeSucceeded, at) // with nulls where instances failed
	case n.OnFailure == "skip":
		n.Reason = "it failed, and on_failure is skip"
		s.endNode(n, run.NodeSkipped, at)
	default:
		s.endNode(n, run.NodeFailed, at)
	}
}

// nodeGaveUp ends a node that never had instances, by its on_failure.
func (s *State) nodeGaveUp(n *Node, err *sdk.Error, at time.Time) {
	switch n.OnFailure {
	case "skip":
		n.Reason = "it failed, and on_failure is skip"
		s.endNode(n, run.NodeSkipped, at)
	case "continue":
		s.endNode(n, run.NodeSucceeded, at)
	default:
		s.failBy(n, err)
		s.endNode(n, run.NodeFailed, at)
	}
}

func (s *State) endNode(n *Node, to run.NodeState, at time.Time) {
	n.State, n.Ended = to, at
	f := n.Frame
	if f.open--; f.open == 0 {
		s.touch(f)
	}
	for _, d := range n.dependents {
		d.unmet--
		switch {
		case d.unmet > 0 || d.State != run.NodePending:
		case to == run.NodeFailed || to == run.NodeCancelled: // its frame is ending
		default:
			s.toExpand = append(s.toExpand, d)
		}
	}
}

func (s *State) moduleOpened(i *Instance, e *run.Event) string {
	switch {
	case i.Node.Module == nil:
		return "it is no module"
	case i.State != run.NodeReady:
		return "it is " + string(i.State)
	case i.Inside() != nil:
		return "the round was opened before"
	}
	f := &Frame{Path: append(append(run.Path{}, i.Node.Frame.Path...), i.Step()), Owner: i, Deadline: e.Deadline}
	f.build(i.Node.Module)
	i.Frames = append(i.Frames, f)
	i.State, i.Deadline = run.NodeRunning, e.Deadline
	if i.Started.IsZero() {
		i.Started = e.Time
	}
	i.Node.State = run.NodeRunning
	s.at(timed{at: e.Deadline, frame: f})
	s.begin(f)
	return ""
}

// at has Decide look at a gate or a module when its time has passed.
func (s *State) at(t timed) {
	if !t.at.IsZero() {
		s.timed = append(s.timed, t)
		s.soonest = sooner(s.soonest, t.at)
	}
}

func (s *State) moduleEnded(i *Instance, e *run.Event) string {
	f := i.Inside()
	switch {
	case f == nil || i.State != run.NodeRunning && i.State != run.NodeCancelling:
		return "it is " + string(i.State)
	case f.running > 0:
		return "attempts are under way in it"
	case e.Error == nil && f.open > 0:
		return "nodes in it have not ended"
	}
	s.abandon(f, e.Time)
	switch {
	case i.Cancel || s.CancelRequested:
		if e.Error != nil {
			i.Error = e.Error
		}
		s.endInstance(i, run.NodeCancelled, e.Time)
	case e.Error == nil:
		s.succeed(i, e, run.NodeSucceeded)
	default:
		i.Error = e.Error
		s.giveUp(i, e.Time)
	}
	s.unpause() // what had failed in it may have been what held the run
	return ""
}

func (s *State) gateOpened(i *Instance, e *run.Event) string {
	switch {
	case !i.Node.Gate:
		return "it is no gate"
	case i.State != run.NodeReady:
		return "it is " + string(i.State)
	}
	i.State, i.Started, i.Deadline, i.asked = run.NodeWaiting, e.Time, e.Deadline, false
	i.Ask, i.AskRef = e.Ask, e.AskRef
	i.Node.State = run.NodeWaiting
	s.at(timed{at: e.Deadline, gate: i})
	return ""
}

func (s *State) gateAnswered(i *Instance, e *run.Event) string {
	if !i.Node.Gate || i.State != run.NodeWaiting || i.Error != nil {
		return "it is " + string(i.State)
	}
	s.succeed(i, e, run.NodeSucceeded)
	return ""
}
