package progress

import (
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

func (s *State) started(i *Instance, e *run.Event) string {
	switch {
	case i.State != run.NodeReady && i.State != run.NodeBackoff:
		return "it is " + string(i.State)
	case e.Attempt != i.Attempt+1:
		return fmt.Sprintf("expected attempt %d", i.Attempt+1)
	case e.Rung != i.Rung:
		return fmt.Sprintf("expected rung %d", i.Rung)
	case i.Node.Gate || i.Node.Module != nil:
		return "it has no attempts"
	case s.CancelRequested || i.Node.Frame.Halted():
		return "nothing new may begin"
	}
	i.Attempt, i.Seed, i.Began, i.Deadline, i.State = e.Attempt, e.Seed, e.Time, e.Deadline, run.NodeRunning
	i.Devices, i.Agent, i.Session, i.Memory = e.Devices, e.Agent, e.Session, e.Memory
	if i.Started.IsZero() {
		i.Started = e.Time
	}
	i.Node.State = run.NodeRunning
	s.count(i.Node.Frame, 1)
	return ""
}

// count adds to the attempts under way in the frame and around it.
func (s *State) count(f *Frame, by int) {
	for ; f != nil; f = f.parent() {
		if f.running += by; f.running == 0 && f.failing != nil {
			s.touch(f)
		}
	}
}

// current says whether the event speaks of the attempt that is under way.
func (i *Instance) current(e *run.Event) bool {
	return i.Node.Module == nil && i.Attempt == e.Attempt && i.Iter == e.Iter && (i.State == run.NodeRunning || i.State == run.NodeCancelling)
}

func (s *State) attemptEnded(i *Instance, e *run.Event) {
	s.count(i.Node.Frame, -1)
	i.Usage = e.Usage
	switch {
	case s.stopped(i, e):
		if e.Error != nil && !i.Cancel { // else it says already who wanted it to stop
			i.Error = e.Error
		}
		s.endInstance(i, run.NodeCancelled, e.Time) // a late success too: the first decision wins
	case e.Error == nil:
		s.succeed(i, e, run.NodeSucceeded)
	default:
		i.Error = e.Error
		if at, again := i.retry(e); again {
			s.again(i, at, e.Time)
			return
		}
		s.giveUp(i, e.Time)
	}
}

// stopped says whether the attempt ends as cancelled: after a cancel a late success too, after a timeout only what the
// timeout stopped.
func (s *State) stopped(i *Instance, e *run.Event) bool {
	stopped := s.CancelRequested || i.Cancel
	for f := i.Node.Frame; f != nil && !stopped; f = f.parent() {
		stopped = f.Expired && e.Error != nil || f.Owner != nil && f.Owner.Cancel
	}
	return stopped
}

// succeed takes a round's result: another round follows, or the instance has ended.
func (s *State) succeed(i *Instance, e *run.Event, to run.NodeState) {
	if e.Again {
		i.Self, i.SelfRef = e.Outputs, e.OutputsRef
		if i.Self == nil {
			i.Self = sdk.Values{}
		}
		i.Iter++
		i.Attempt, i.Tries, i.Lost, i.Rung, i.Error, i.Checkpoint = 0, 0, 0, 0, nil, nil
		i.State = run.NodeReady
		s.Offer(i)
		return
	}
	i.Outputs, i.OutputsRef, i.Source, i.Error = e.Outputs, e.OutputsRef, e.Source, nil
	s.endInstance(i, to, e.Time)
}

func (s *State) cached(i *Instance, e *run.Event) string {
	switch {
	case i.State != run.NodeReady && i.State != run.NodeBackoff:
		return "it is " + string(i.State)
	case i.Node.Gate || i.Node.Module != nil:
		return "it has no attempts"
	}
	if i.Started.IsZero() {
		i.Started = e.Time
	}
	i.Usage = e.Usage
	s.succeed(i, e, run.NodeCached)
	return ""
}

// retry says whether another attempt is allowed after this end, and not before when.
func (i *Instance) retry(e *run.Event) (at time.Time, again bool) {
	n := i.Node
	switch e.Error.Cause {
	case sdk.CauseLost:
		i.Lost++
		if !n.Idempotent {
			i.Doubt = n.Ask
			i.Error = &sdk.Error{Cause: sdk.CauseLost, Permanent: true,
				Message: e.Error.Message + "; whether it took effect is unknown",
				Hint:    "look at what it did, then resume the run to repeat it"}
			if n.Ask {
				i.Error.Hint = "look at what it did, then decide: retry, accept, skip or fail"
			}
			return at, false
		}
		if i.Lost >= run.MaxLost {
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
	case sdk.CauseOOM, sdk.CauseSpilling:
		for k := i.Rung; k < len(n.Rungs); k++ {
			if n.Rungs[k] == e.Error.Cause {
				i.Rung = k + 1
				return e.Time, true
			}
		}
		return at, false
	case sdk.CauseCancelled: // by whoever carried it out: nobody here has asked for it
		return at, false
	default:
		i.Tries++
		if e.Error.Permanent || i.Tries >= max(1, n.Attempts) {
			return at, false
		}
		return e.Time.Add(n.Pause(i.Tries)), true
	}
}

func (s *State) again(i *Instance, at, now time.Time) {
	if s.Stopping() || i.Node.Frame.Halted() {
		s.endInstance(i, run.NodeFailed, now)
		return
	}
	if at.After(now) {
		i.State, i.RetryAt = run.NodeBackoff, at
		s.backoff = append(s.backoff, i)
		return
	}
	i.State = run.NodeReady
	s.Offer(i)
}

// giveUp ends an instance that may not be tried again by itself, or has it wait for a person.
func (s *State) giveUp(i *Instance, at time.Time) {
	if s.Stopping() || i.Node.Frame.Halted() || i.Cancel {
		s.endInstance(i, run.NodeFailed, at)
		return
	}
	switch {
	case i.Doubt:
		i.State = run.NodeWaiting
	case i.Node.OnFailure == "pause":
		i.State = run.NodeWaiting
		s.failed++
		if !s.Held {
			s.Reason = i.held()
		}
		s.pause()
	default:
		s.endInstance(i, run.NodeFailed, at)
	}
}

// holds says whether the instance holds the run because it failed.
func (i *Instance) holds() bool { return i.State == run.NodeWaiting && i.Error != nil && !i.Doubt }

// held says why the instance holds the run.
func (i *Instance) held() string {
	return i.Node.Name + i.Key.String() + " failed: " + i.Error.Message
}

// leaveWaiting is called before an instance that may be waiting goes on.
func (s *State) leaveWaiting(i *Instance) {
	if i.holds() {
		s.failed--
	}
	i.Doubt = false
}

// retryNow has an instance that waits tried again: a module goes on with what has not succeeded in it.
func (s *State) retryNow(i *Instance, now time.Time) {
	s.leaveWaiting(i)
	i.State, i.Tries, i.Lost, i.Rung, i.Error = run.NodeReady, 0, 0, 0, nil
	if inside := i.Inside(); inside != nil {
		i.State = run.NodeRunning
		s.reopenFrame(inside, now)
		return
	}
	s.Offer(i)
}

// decided takes a person's word on an instance that waits for one.
func (s *State) decided(i *Instance, e *run.Event) string {
	if i.State != run.NodeWaiting || i.Error == nil {
		return "it is " + string(i.State)
	}
	switch e.Decision {
	case run.Retry:
		if len(e.Inputs) > 0 || e.InputsRef != "" {
			i.Edits, i.EditsRef = e.Inputs, e.InputsRef
		}
		s.retryNow(i, e.Time)
	case run.Accept:
		s.leaveWaiting(i)
		s.succeed(i, e, run.NodeSucceeded)
	case run.Skip:
		s.leaveWaiting(i)
		s.endInstance(i, run.NodeSkipped, e.Time)
	case run.GiveUp:
		s.leaveWaiting(i)
		s.endInstance(i, run.NodeFailed, e.Time)
	default:
		return "unknown decision"
	}
	s.unpause()
	return ""
}

// cancelNode takes a person's wish to stop a node, or one instance of it.
func (s *State) cancelNode(e *run.Event) (stale bool, why string) {
	n := s.Find(e.In, e.Node)
	if n == nil {
		return false, "no such node"
	}
	if n.State.Ended() {
		return true, ""
	}
	if n.State == run.NodePending && e.Key.IsZero() {
		n.Error = e.Cancelled()
		s.nodeGaveUp(n, n.Error, e.Time)
		return false, ""
	}
	all := n.Instances
	if !e.Key.IsZero() {
		i := n.Instance(e.Key)
		if i == nil {
			return false, "no such instance"
		}
		all = []*Instance{i}
	}
	for _, i := range all {
		if !i.State.Ended() {
			s.cancelInstance(i, e)
		}
	}
	s.unpause()
	return false, ""
}

func (s *State) cancelInstance(i *Instance, e *run.Event) {
	i.Cancel = true
	switch inside := i.Inside(); {
	case inside != nil && (i.State == run.NodeRunning || i.State == run.NodeCancelling):
		i.State = run.NodeCancelling
		s.fail(inside, e.Cancelled())
		s.stopRunning(inside)
	case i.State == run.NodeRunning:
		i.Error = e.Cancelled()
		s.stop(i)
	case i.State == run.NodeCancelling:
		i.Error = e.Cancelled()
	default:
		s.leaveWaiting(i)
		i.Error = e.Cancelled()
		s.endInstance(i, run.NodeCancelled, e.Time)
	}
}
