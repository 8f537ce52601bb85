package run

import (
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// IllegalEventError says that an event does not follow from what was recorded before: the journal is damaged,
// or was written by another program.
type IllegalEventError struct {
	Event Event
	Why   string
}

// Error tells which event and why.
func (e *IllegalEventError) Error() string {
	return fmt.Sprintf("event %d (%s %s%s) does not fit the run: %s", e.Event.Seq, e.Event.Kind, e.Event.Node, e.Event.Key, e.Why)
}

// Fold applies one event. Events must come in order, each exactly once. A result of an attempt that is not the
// one under way changes nothing (stale is true): attempts are the fence.
func (s *State) Fold(e Event) (stale bool, err error) {
	if e.Seq != s.Seq+1 {
		return false, &IllegalEventError{e, fmt.Sprintf("expected number %d", s.Seq+1)}
	}
	stale, why := s.apply(e)
	if why != "" {
		return false, &IllegalEventError{e, why}
	}
	s.Seq = e.Seq
	if e.Time.After(s.Updated) {
		s.Updated = e.Time
	}
	return stale, nil
}

// apply changes the state, or says why the event cannot be.
func (s *State) apply(e Event) (stale bool, why string) {
	if s.ID == "" && e.Kind != RunCreated {
		return false, "the run was not created"
	}
	if s.Status.Ended() && e.Kind != RunResumed {
		// The first durable end wins; whatever comes later is recorded and changes nothing.
		return true, ""
	}
	switch e.Kind {
	case RunCreated:
		return false, s.created(e)
	case NodeExpanded:
		return false, s.expanded(e)
	case NodeFailedEvent:
		return false, s.nodeFailed(e)
	case AttemptStarted:
		return s.started(e)
	case AttemptSaved:
		i := s.current(e)
		if i == nil {
			return true, ""
		}
		i.Checkpoint = e.Checkpoint
	case AttemptEnded:
		i := s.current(e)
		if i == nil {
			return true, ""
		}
		s.attemptEnded(i, e)
	case CancelRequested:
		s.cancel(e)
	case DeadlinePassed:
		s.expire(e)
	case RunResumed:
		return false, s.resumed(e)
	case RunEnded:
		return false, s.ended(e)
	default:
		return false, "unknown kind"
	}
	return false, ""
}

func (s *State) created(e Event) string {
	if s.ID != "" {
		return "the run exists"
	}
	s.ID, s.Pipeline, s.Digest, s.Bundle, s.Owner = e.Run, e.Pipeline, e.Digest, e.Bundle, e.Owner
	s.Inputs, s.Seed, s.Created, s.Deadline = e.Inputs, e.Seed, e.Time, e.Deadline
	s.Status = Running
	for _, n := range s.Nodes {
		if n.unmet == 0 {
			s.toExpand = append(s.toExpand, n)
		}
	}
	return ""
}

func (s *State) expanded(e Event) string {
	n := s.byName[e.Node]
	switch {
	case n == nil:
		return "no such node"
	case n.State != NodePending:
		return "it is " + string(n.State)
	case n.unmet > 0:
		return "its needs have not ended"
	case e.Each && len(e.Keys) == 0 && !e.Skip:
		// for_each over nothing: the node succeeds with no instances.
		n.Each, n.Map = true, e.Map
		n.Started = e.Time
		n.State = NodeReady
		s.endNode(n, NodeSucceeded, e.Time)
		return ""
	case e.Skip:
		n.Reason = e.Reason
		s.endNode(n, NodeSkipped, e.Time)
		return ""
	}
	n.Each, n.Map, n.Keys, n.State, n.Started = e.Each, e.Map, e.Keys, NodeReady, e.Time
	keys := e.Keys
	if !e.Each {
		keys = []sdk.Key{{}}
	}
	block := make([]Instance, len(keys))
	n.Instances = make([]*Instance, len(keys))
	if e.Each {
		n.byKey = make(map[sdk.Key]*Instance, len(keys))
	}
	for k, key := range keys {
		i := &block[k]
		i.Node, i.Key, i.State = n, key, NodeReady
		n.Instances[k] = i
		if e.Each {
			n.byKey[key] = i
		}
		s.offer(i)
	}
	n.openInst = len(keys)
	return ""
}

func (s *State) nodeFailed(e Event) string {
	n := s.byName[e.Node]
	if n == nil {
		return "no such node"
	}
	if n.State == NodePending { // it could not be expanded
		if n.unmet > 0 {
			return "its needs have not ended"
		}
		n.Error = e.Error
		s.nodeGaveUp(n, e.Error, e.Time)
		return ""
	}
	i := n.Instance(e.Key)
	if i == nil || i.State.Ended() {
		return "no such instance, or it has ended"
	}
	if i.State == NodeRunning || i.State == NodeCancelling {
		return "an attempt is under way"
	}
	i.Error = e.Error
	s.endInstance(i, NodeFailed, e.Time)
	return ""
}

func (s *State) started(e Event) (stale bool, why string) {
	n := s.byName[e.Node]
	if n == nil {
		return false, "no such node"
	}
	i := n.Instance(e.Key)
	switch {
	case i == nil:
		return false, "no such instance"
	case i.State != NodeReady && i.State != NodeBackoff:
		return false, "it is " + string(i.State)
	case e.Attempt != i.Attempt+1:
		return false, fmt.Sprintf("expected attempt %d", i.Attempt+1)
	}
	i.Attempt, i.Seed, i.Deadline, i.State = e.Attempt, e.Seed, e.Deadline, NodeRunning
	if i.Started.IsZero() {
		i.Started = e.Time
	}
	n.State = NodeRunning
	s.running++
	if s.CancelRequested {
		s.toCancel = append(s.toCancel, i)
	}
	return false, ""
}

// current gives the instance whose attempt the event speaks of, when that attempt is under way.
func (s *State) current(e Event) *Instance {
	n := s.byName[e.Node]
	if n == nil {
		return nil
	}
	i := n.Instance(e.Key)
	if i == nil || i.Attempt != e.Attempt || i.State != NodeRunning && i.State != NodeCancelling {
		return nil
	}
	return i
}

func (s *State) attemptEnded(i *Instance, e Event) {
	s.running--
	switch {
	case s.CancelRequested || s.Expired && e.Error != nil:
		if e.Error != nil {
			i.Error = e.Error
		}
		s.endInstance(i, NodeCancelled, e.Time) // a late success too: the first decision wins
	case e.Error == nil:
		i.Outputs, i.OutputsRef, i.Error = e.Outputs, e.OutputsRef, nil
		s.endInstance(i, NodeSucceeded, e.Time)
	default:
		i.Error = e.Error
		if at, again := i.retry(e); again {
			s.again(i, at, e.Time)
			return
		}
		s.endInstance(i, NodeFailed, e.Time)
	}
}

// retry says whether another attempt is allowed after this end, and not before when.
func (i *Instance) retry(e Event) (at time.Time, again bool) {
	n := i.Node
	switch e.Error.Cause {
	case sdk.CauseLost:
		i.Lost++
		if !n.Idempotent {
			i.Error = &sdk.Error{Cause: sdk.CauseLost, Permanent: true,
				Message: e.Error.Message + "; whether it took effect is unknown",
				Hint:    "look at what it did, then resume the run to repeat it"}
			return at, false
		}
		if i.Lost >= MaxLost {
			i.Error = &sdk.Error{Cause: sdk.CauseLost, Permanent: true,
				Message: fmt.Sprintf("lost %d times; it may be what brings its executor down", i.Lost),
				Hint:    "look at the logs of its attempts, then resume the run to try again", Detail: e.Error.Message}
			return at, false
		}
		return e.Time, true
	case sdk.CausePreempted, sdk.CauseDrained, sdk.CauseRefused:
		if e.Error.Permanent {
			return at, false
		}
		return e.Time.Add(time.Second), true
	default:
		i.Tries++
		if e.Error.Permanent || i.Tries >= max(1, n.Attempts) {
			return at, false
		}
		return e.Time.Add(backoff(n.Backoff, i.Tries)), true
	}
}

// MaxBackoff bounds the doubling of a node's backoff.
const MaxBackoff = 5 * time.Minute

func backoff(base time.Duration, tries int) time.Duration {
	d := base
	for range tries - 1 {
		if d *= 2; d >= MaxBackoff {
			return MaxBackoff
		}
	}
	return d
}

func (s *State) again(i *Instance, at, now time.Time) {
	if s.stopping() {
		s.endInstance(i, NodeFailed, now)
		return
	}
	if at.After(now) {
		i.State, i.RetryAt = NodeBackoff, at
		if !i.waits {
			i.waits = true
			s.backoff = append(s.backoff, i)
		}
		return
	}
	i.State = NodeReady
	s.offer(i)
}

func (s *State) endInstance(i *Instance, to NodeState, at time.Time) {
	i.State, i.Ended = to, at
	n := i.Node
	n.openInst--
	if to == NodeFailed && n.Error == nil {
		n.Error = i.Error
		if n.OnFailure == "" || n.OnFailure == "fail" {
			s.fail(n, i.Error)
		}
	}
	if n.openInst == 0 {
		s.closeNode(n, at)
	}
}

// closeNode ends a node whose instances have all ended.
func (s *State) closeNode(n *Node, at time.Time) {
	failed, cancelled, good := 0, 0, 0
	for _, i := range n.Instances {
		switch i.State {
		case NodeFailed:
			failed++
		case NodeCancelled:
			cancelled++
		default:
			good++
		}
	}
	switch {
	case cancelled > 0:
		s.endNode(n, NodeCancelled, at)
	case failed == 0:
		s.endNode(n, NodeSucceeded, at)
	case n.OnFailure == "continue", n.OnFailure == "skip" && good > 0:
		s.endNode(n, NodeSucceeded, at) // with nulls where instances failed
	case n.OnFailure == "skip":
		n.Reason = "it failed, and on_failure is skip"
		s.endNode(n, NodeSkipped, at)
	default:
		s.endNode(n, NodeFailed, at)
	}
}

// nodeGaveUp ends a node that never had instances, by its on_failure.
func (s *State) nodeGaveUp(n *Node, err *sdk.Error, at time.Time) {
	switch n.OnFailure {
	case "skip":
		n.Reason = "it failed, and on_failure is skip"
		s.endNode(n, NodeSkipped, at)
	case "continue":
		s.endNode(n, NodeSucceeded, at)
	default:
		s.fail(n, err)
		s.endNode(n, NodeFailed, at)
	}
}

func (s *State) fail(n *Node, err *sdk.Error) {
	if s.failing == nil {
		e := *err
		e.Message = n.Name + ": " + e.Message
		s.failing = &e
	}
}

func (s *State) endNode(n *Node, to NodeState, at time.Time) {
	n.State, n.Ended = to, at
	s.open--
	for _, d := range n.dependents {
		d.unmet--
		switch {
		case d.unmet > 0 || d.State != NodePending:
		case to == NodeFailed || to == NodeCancelled: // the run is ending
		default:
			s.toExpand = append(s.toExpand, d)
		}
	}
}

// Stopping says that nothing new may be dispatched.
func (s *State) Stopping() bool { return s.stopping() }

// stopping says that nothing new may be dispatched.
func (s *State) stopping() bool { return s.CancelRequested || s.Expired || s.failing != nil }

func (s *State) cancel(e Event) {
	if s.CancelRequested {
		return
	}
	s.CancelRequested, s.Reason = true, e.Reason
	s.stopRunning()
}

func (s *State) expire(e Event) {
	if s.Expired {
		return
	}
	s.Expired = true
	if s.failing == nil {
		s.failing = &sdk.Error{Cause: sdk.CauseHung, Message: "the run's timeout passed",
			Hint: "raise timeout in the pipeline block, or resume the run to continue with a new deadline"}
	}
	s.stopRunning()
	_ = e
}

func (s *State) stopRunning() {
	for _, n := range s.Nodes {
		for _, i := range n.Instances {
			if i.State == NodeRunning {
				i.State = NodeCancelling
				s.toCancel = append(s.toCancel, i)
			}
		}
	}
}

// resumed opens a failed or cancelled run again: what succeeded stays, everything else may be tried anew.
func (s *State) resumed(e Event) string {
	if s.Status != Failed && s.Status != Cancelled {
		return "the run is " + string(s.Status)
	}
	s.Status, s.Error, s.Reason, s.Ended, s.Deadline = Running, nil, "", time.Time{}, e.Deadline
	s.CancelRequested, s.Expired, s.failing, s.ending, s.expiring, s.running = false, false, nil, false, false, 0
	s.toExpand, s.toSkip, s.due, s.backoff, s.toCancel = nil, nil, nil, nil, nil
	s.open = 0
	for _, n := range s.Nodes {
		s.reopen(n)
	}
	for _, n := range s.Nodes {
		n.unmet = 0
		for _, need := range n.Needs {
			if p := s.byName[need]; p != nil && !p.State.Ended() {
				n.unmet++
			}
		}
		if n.State == NodePending && n.unmet == 0 {
			s.toExpand = append(s.toExpand, n)
		}
	}
	return ""
}

func (s *State) reopen(n *Node) {
	if n.State == NodeSucceeded || n.State == NodeCached {
		return
	}
	n.Error, n.Reason, n.Ended = nil, "", time.Time{}
	s.open++
	if len(n.Instances) == 0 {
		n.State = NodePending
		return
	}
	n.State, n.openInst = NodeReady, 0
	for _, i := range n.Instances {
		i.listed, i.waits = false, false
		if i.State == NodeSucceeded || i.State == NodeCached {
			continue
		}
		i.State, i.Tries, i.Lost, i.Error, i.RetryAt, i.Ended = NodeReady, 0, 0, nil, time.Time{}, time.Time{}
		n.openInst++
		s.offer(i)
	}
	if n.openInst == 0 { // nothing left to do: it had been held back by the run's end alone
		s.closeNode(n, s.Updated)
	}
}

func (s *State) ended(e Event) string {
	if s.running > 0 {
		return fmt.Sprintf("%d attempts are under way", s.running)
	}
	if !e.Status.Ended() {
		return "status " + string(e.Status) + " is no end"
	}
	s.Status, s.Error, s.Outputs, s.OutputsRef, s.Ended = e.Status, e.Error, e.Outputs, e.OutputsRef, e.Time
	for _, n := range s.Nodes { // what never came to run
		for _, i := range n.Instances {
			if !i.State.Ended() {
				i.State = NodeCancelled
			}
		}
		if !n.State.Ended() {
			n.State = NodeCancelled
		}
	}
	return ""
}
