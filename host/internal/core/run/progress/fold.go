package progress

import (
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// Fold applies one event. Events must come in order, each exactly once. A result of an attempt that is not the
// one under way changes nothing (stale is true): attempts are the fence.
func (s *State) Fold(e run.Event) (stale bool, err error) {
	if e.Seq != s.Seq+1 {
		return false, &run.IllegalEventError{Event: e, Why: fmt.Sprintf("expected number %d", s.Seq+1)}
	}
	stale, why := s.apply(&e)
	if why != "" {
		return false, &run.IllegalEventError{Event: e, Why: why}
	}
	s.Seq = e.Seq
	if e.Time.After(s.Updated) {
		s.Updated = e.Time
	}
	return stale, nil
}

// apply changes the state, or says why the event cannot be.
func (s *State) apply(e *run.Event) (stale bool, why string) {
	switch {
	case s.ID == "" && e.Kind != run.RunCreated:
		return false, "the run was not created"
	case s.Status == run.Created && s.ID != "" && !e.Early():
		return false, "the run waits for its turn"
	}
	if s.Status.Ended() && e.Kind != run.RunResumed {
		// The first durable end wins; whatever comes later is recorded and changes nothing.
		return true, ""
	}
	switch e.Kind {
	case run.RunCreated:
		return false, s.created(e)
	case run.RunStarted:
		return false, s.turn(e)
	case run.RunPrioritized:
		s.Priority, s.Place = e.Priority, e.Place
	case run.CancelRequested:
		return s.cancel(e)
	case run.DeadlinePassed:
		return s.expire(e)
	case run.RunPaused:
		s.Held, s.Reason = true, e.Reason
		s.pause()
	case run.RunContinued:
		s.goOn(e)
	case run.RunResumed:
		return false, s.resumed(e)
	case run.RunEnded:
		return false, s.ended(e)
	default:
		return s.applyNode(e)
	}
	return false, ""
}

// applyNode applies what happened to one node or instance.
func (s *State) applyNode(e *run.Event) (stale bool, why string) {
	n := s.Find(e.In, e.Node)
	switch {
	case n == nil:
		return false, "no such node"
	case e.Kind == run.NodeExpanded:
		return false, s.expanded(n, e)
	case e.Kind == run.NodeFailedEvent && e.Error == nil:
		return false, "it says no error"
	case e.Kind == run.NodeFailedEvent && n.State == run.NodePending:
		return false, s.notExpanded(n, e)
	case e.Again && !n.Repeats:
		return false, "it does not repeat"
	}
	i := n.Instance(e.Key)
	switch {
	case i == nil:
		return false, "no such instance"
	case e.Kind == run.AttemptSaved || e.Kind == run.AttemptEnded:
		return s.applyAttempt(i, e), ""
	case e.Iter != i.Iter:
		return false, fmt.Sprintf("expected round %d", i.Iter)
	}
	return false, s.applyInstance(i, e)
}

// applyAttempt takes what the attempt under way says; of any other it is stale.
func (s *State) applyAttempt(i *Instance, e *run.Event) (stale bool) {
	switch {
	case !i.current(e):
		return true
	case e.Kind == run.AttemptSaved:
		i.Checkpoint = e.Checkpoint
	default:
		s.attemptEnded(i, e)
	}
	return false
}

func (s *State) applyInstance(i *Instance, e *run.Event) (why string) {
	switch e.Kind {
	case run.NodeFailedEvent:
		return s.notBegun(i, e)
	case run.NodeCachedEvent:
		return s.cached(i, e)
	case run.NodeDecided:
		return s.decided(i, e)
	case run.AttemptStarted:
		return s.started(i, e)
	case run.ModuleOpened:
		return s.moduleOpened(i, e)
	case run.ModuleEnded:
		return s.moduleEnded(i, e)
	case run.GateOpened:
		return s.gateOpened(i, e)
	case run.GateAnswered:
		return s.gateAnswered(i, e)
	default:
		return "unknown kind"
	}
}

func (s *State) created(e *run.Event) string {
	switch {
	case s.ID != "":
		return "the run exists"
	case e.Run == "":
		return "it names no run"
	}
	s.ID, s.Pipeline, s.Digest, s.Bundle, s.Owner = e.Run, e.Pipeline, e.Digest, e.Bundle, e.Owner
	s.Parent, s.From, s.Imported = e.Parent, e.From, e.Imported
	s.Inputs, s.InputsRef, s.Seed, s.Created, s.Deadline = e.Inputs, e.InputsRef, e.Seed, e.Time, e.Deadline
	s.Priority, s.Concurrency, s.Limit = e.Priority, e.Concurrency, e.Limit
	if !e.Queued {
		s.Status = run.Running
		s.begin(&s.Frame)
	}
	return ""
}

// turn lets a queued run go on.
func (s *State) turn(e *run.Event) string {
	if s.Status != run.Created {
		return "the run is " + string(s.Status)
	}
	s.Status, s.Deadline = run.Running, e.Deadline
	s.begin(&s.Frame)
	return ""
}

// begin has the nodes of a frame looked at that need nothing.
func (s *State) begin(f *Frame) {
	for _, n := range f.Nodes {
		if n.unmet == 0 {
			s.toExpand = append(s.toExpand, n)
		}
	}
	if f.open == 0 {
		s.touch(f)
	}
}

// fail has the frame end: what is under way in it may finish.
func (s *State) fail(f *Frame, err *sdk.Error) {
	if f.failing == nil {
		f.failing = err
		s.touch(f)
	}
}

// failBy has the frame end because of one of its nodes.
func (s *State) failBy(n *Node, err *sdk.Error) {
	e := *err
	e.Message = n.Name + ": " + e.Message
	s.fail(n.Frame, &e)
}

// Stopping says that nothing new may be dispatched in the whole run.
func (s *State) Stopping() bool { return s.CancelRequested || s.failing != nil }

// cancel takes a person's wish to stop the run, a node or an instance.
func (s *State) cancel(e *run.Event) (stale bool, why string) {
	if e.Node != "" {
		return s.cancelNode(e)
	}
	if s.CancelRequested {
		return false, ""
	}
	s.CancelRequested, s.Reason = true, e.Reason
	if s.Status == run.Paused {
		s.Status = run.Running
	}
	s.stopRunning(&s.Frame)
	return false, ""
}

// expire takes the end of the run's time, or of a module's.
func (s *State) expire(e *run.Event) (stale bool, why string) {
	if e.Node == "" {
		if !s.Expired {
			s.expireFrame(&s.Frame, &sdk.Error{Cause: sdk.CauseHung, Message: "the run's timeout passed",
				Hint: "raise timeout in the pipeline block, or resume the run to continue with a new deadline"})
			if s.Status == run.Paused {
				s.Status = run.Running
			}
		}
		return false, ""
	}
	n := s.Find(e.In, e.Node)
	if n == nil || n.Instance(e.Key) == nil {
		return false, "no such module"
	}
	i := n.Instance(e.Key)
	f := i.Inside()
	if f == nil || i.State != run.NodeRunning || i.Iter != e.Iter || f.Expired {
		return true, ""
	}
	s.expireFrame(f, &sdk.Error{Cause: sdk.CauseHung, Message: "its timeout passed", Hint: "raise timeout in its pipeline block"})
	return false, ""
}

func (s *State) expireFrame(f *Frame, err *sdk.Error) {
	f.Expired = true
	s.fail(f, err)
	s.stopRunning(f)
}

// stopRunning has every attempt in the frame stopped.
func (s *State) stopRunning(f *Frame) {
	f.Walk(func(n *Node) {
		for _, i := range n.Instances {
			if n.Module == nil && i.State == run.NodeRunning {
				s.stop(i)
			}
		}
	})
	s.touch(f)
}

// stop has an attempt stopped that is under way.
func (s *State) stop(i *Instance) {
	i.State, i.told = run.NodeCancelling, false
	s.toCancel = append(s.toCancel, i)
}

func (s *State) pause() {
	if s.Status == run.Running && !s.Stopping() {
		s.Status = run.Paused
	}
}

// unpause lets the run go on unless a person or a failure holds it; then it says which.
func (s *State) unpause() {
	switch {
	case s.Status != run.Paused || s.Held:
	case s.failed == 0:
		s.Status, s.Reason = run.Running, ""
	default:
		s.Walk(func(n *Node) {
			for _, i := range n.Instances {
				if i.holds() {
					s.Reason = i.held()
				}
			}
		})
	}
}

// goOn ends a pause: what waits because it failed is tried again.
func (s *State) goOn(e *run.Event) {
	s.Held = false
	s.Walk(func(n *Node) {
		for _, i := range n.Instances {
			if i.holds() {
				s.retryNow(i, e.Time)
			}
		}
	})
	s.unpause()
}

func (s *State) ended(e *run.Event) string {
	switch {
	case s.running > 0:
		return fmt.Sprintf("%d attempts are under way", s.running)
	case !e.Status.Ended():
		return "status " + string(e.Status) + " is no end"
	case e.Status == run.Succeeded && s.open > 0:
		return fmt.Sprintf("%d nodes have not ended", s.open)
	case e.Status == run.Failed && e.Error == nil:
		return "it says no error"
	case e.Status != run.Cancelled && s.Status == run.Created:
		return "the run waits for its turn"
	}
	s.Status, s.Error, s.Outputs, s.OutputsRef, s.Ended = e.Status, e.Error, e.Outputs, e.OutputsRef, e.Time
	s.abandon(&s.Frame, e.Time)
	s.Held, s.timed, s.soonest = false, nil, time.Time{}
	return ""
}

// abandon marks what never came to an end by itself, in modules too.
func (s *State) abandon(f *Frame, at time.Time) {
	for _, n := range f.Nodes {
		for _, i := range n.Instances {
			if i.State.Ended() {
				continue
			}
			if inside := i.Inside(); inside != nil {
				s.abandon(inside, at)
			}
			s.leaveWaiting(i)
			i.State, i.Ended = run.NodeCancelled, at
		}
		if n.openInst = 0; !n.State.Ended() {
			n.State, n.Ended = run.NodeCancelled, at
		}
	}
	f.open = 0
}
