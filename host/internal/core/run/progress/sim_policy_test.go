package progress

import (
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// before is what an attempt's instance was when an event came that speaks of the attempt; counts when it is under way.
func (m *sim) before(e run.Event) (was *Instance, counts bool) {
	if e.Kind != run.AttemptEnded && e.Kind != run.AttemptSaved {
		return nil, false
	}
	i := *m.s.Find(e.In, e.Node).Instance(e.Key)
	return &i, !m.s.Status.Ended() && i.Attempt == e.Attempt && i.Iter == e.Iter && (i.State == run.NodeRunning || i.State == run.NodeCancelling)
}

// checkAttempt: what an attempt says counts when it is the one under way; else it changes nothing.
func (m *sim) checkAttempt(was *Instance, counts bool, e run.Event) {
	i := m.s.Find(e.In, e.Node).Instance(e.Key)
	switch {
	case counts && e.Kind == run.AttemptEnded:
		m.checkEnd(was, i, e)
	case counts && string(i.Checkpoint) != string(e.Checkpoint):
		m.fatalf("the checkpoint of %s is not kept", e.At("run_sim"))
	case !counts && differInstance(was, i) != "":
		m.fatalf("%s is not under way, and %s changed something", e.At("run_sim"), e.Kind)
	}
}

// checkSaid: what a person says is done.
func (m *sim) checkSaid(e run.Event) {
	switch e.Kind {
	case run.RunStarted, run.RunResumed:
		if m.s.Status != run.Running || !m.s.Deadline.Equal(e.Deadline) || m.s.Held || m.s.Expired || m.s.Error != nil {
			m.fatalf("the run is %s until %v", m.s.Status, m.s.Deadline)
		}
	case run.NodeDecided:
		m.checkDecided(e, m.s.Find(e.In, e.Node).Instance(e.Key))
	default:
	}
	for _, k := range m.known {
		i := k.inst
		switch {
		case i == nil:
		case e.Kind == run.RunContinued && i.State == run.NodeWaiting && i.Error != nil && !i.Doubt:
			m.fatalf("the run goes on, and %s still waits", m.s.Address(i))
		case e.Kind == run.RunResumed && !i.State.Ended() && (i.Tries+i.Lost > 0 || i.Error != nil || i.Cancel || i.Doubt):
			m.fatalf("the run is resumed, and %s is not tried anew", m.s.Address(i))
		case e.Kind == run.CancelRequested && e.Node == i.Node.Name && i.Node.Frame == m.s.Under(e.In) && (e.Key.IsZero() || e.Key == i.Key):
			if !i.State.Ended() && (i.State != run.NodeCancelling || !i.Cancel) {
				m.fatalf("%s was cancelled, and is %s", m.s.Address(i), i.State)
			}
		}
	}
}

func (m *sim) checkDecided(e run.Event, i *Instance) {
	ok := false
	switch e.Decision {
	case run.Retry:
		ok = (i.State == run.NodeReady || i.State == run.NodeRunning && i.Inside() != nil) && i.Tries+i.Lost+i.Rung == 0 && i.Error == nil && !i.Doubt
		for name, v := range e.Inputs {
			ok = ok && i.Edits[name] == v
		}
	case run.Accept:
		ok = e.Again && isAnew(i, e) || !e.Again && i.State == run.NodeSucceeded && i.Outputs["by"] == "person"
	case run.Skip:
		ok = i.State == run.NodeSkipped
	case run.GiveUp:
		ok = i.State == run.NodeFailed
	}
	if !ok {
		m.fatalf("a person decided %s, and %s is %s", e.Decision, m.s.Address(i), i.State)
	}
}

// isAnew says whether an instance is at the beginning of the round after the event's, with its outputs.
func isAnew(i *Instance, e run.Event) bool {
	return i.State == run.NodeReady && i.Iter == e.Iter+1 && i.Attempt+i.Tries+i.Lost+i.Rung == 0 && i.Error == nil && i.Checkpoint == nil &&
		i.Self != nil && i.Self["by"] == e.Outputs["by"] && i.SelfRef == e.OutputsRef
}

// checkEnd holds the end of an attempt to what DESIGN says of causes, cancels and timeouts.
func (m *sim) checkEnd(was, i *Instance, e run.Event) {
	bad := func(want string) {
		m.fatalf("%s was %s and is %s; want %s", e.At("run_sim"), was.State, i.State, want)
	}
	stopped, halted := m.s.CancelRequested || i.Cancel, m.s.CancelRequested
	for f := i.Node.Frame; f != nil; f = f.parent() {
		stopped = stopped || f.Owner != nil && f.Owner.Cancel || f.Expired && e.Error != nil
		halted = halted || f.failing != nil
	}
	switch {
	case stopped:
		if i.State != run.NodeCancelled {
			bad("cancelled, because it was told to stop")
		}
		if e.Error != nil && !i.Cancel && !sameError(i.Error, e.Error) {
			m.fatalf("%s ended by %q, and says %v", e.At("run_sim"), e.Error.Message, i.Error)
		}
		if i.Cancel && i.Error.Message != "cancelled: too slow" {
			m.fatalf("%s was cancelled by a person, and says %q", e.At("run_sim"), i.Error.Message)
		}
	case e.Error == nil && e.Again:
		if !isAnew(i, e) {
			bad("ready for another round, with the outputs of this one")
		}
	case e.Error == nil:
		if i.State != run.NodeSucceeded {
			bad("succeeded")
		}
	case halted:
		if i.State != run.NodeFailed {
			bad("failed, because nothing new may begin around it")
		}
	default:
		m.checkRetry(was, i, e, bad)
	}
}

// checkRetry: only failed and hung consume a retry, oom and spilling a rung; lost has its own limit; the rest are free.
func (m *sim) checkRetry(was, i *Instance, e run.Event, bad func(string)) {
	n, again, wait, want := i.Node, false, time.Duration(0), *was
	switch cause := e.Error.Cause; cause {
	case sdk.CauseLost:
		want.Lost++
		again = n.Idempotent && want.Lost < run.MaxLost
	case sdk.CausePreempted, sdk.CauseDrained, sdk.CauseRefused:
		again, wait = !e.Error.Permanent, time.Second
	case sdk.CauseOOM, sdk.CauseSpilling:
		if k := slices.Index(n.Rungs[was.Rung:], cause); k >= 0 {
			want.Rung, again = was.Rung+k+1, true
		}
	case sdk.CauseCancelled: // nobody has asked for it
	default:
		want.Tries++
		again, wait = want.Tries < n.Attempts && !e.Error.Permanent, n.Backoff<<(want.Tries-1)
	}
	if want.Lost != i.Lost || want.Rung != i.Rung || want.Tries != i.Tries {
		m.fatalf("%s ended as %s: lost %d, rung %d, tries %d; want %d, %d and %d", e.At("run_sim"), e.Error.Cause, i.Lost, i.Rung, i.Tries, want.Lost, want.Rung, want.Tries)
	}
	switch {
	case again && wait > 0:
		if i.State != run.NodeBackoff || !i.RetryAt.Equal(e.Time.Add(wait)) {
			bad("backoff of " + wait.String())
		}
	case again:
		if i.State != run.NodeReady {
			bad("ready for another attempt")
		}
	case e.Error.Cause == sdk.CauseLost && !n.Idempotent && n.Ask:
		if i.State != run.NodeWaiting || !i.Doubt {
			bad("waiting, in doubt")
		}
	case n.OnFailure == "pause":
		if i.State != run.NodeWaiting || i.Doubt || m.s.Status != run.Paused {
			bad("waiting, and a paused run")
		}
	case i.State != run.NodeFailed:
		bad("failed")
	}
}

// checkClosed: what its instances and on_failure make of a node that has ended.
func (m *sim) checkClosed(n *Node) {
	count := map[run.NodeState]int{}
	failed := 0
	for _, i := range n.Instances {
		if count[i.State]++; i.State == run.NodeFailed || i.State == run.NodeCancelled && i.Cancel {
			failed++
		}
	}
	good := count[run.NodeSucceeded] + count[run.NodeCached]
	fatal := n.OnFailure != "skip" && n.OnFailure != "continue"
	ok := true
	switch n.State {
	case run.NodeFailed:
		ok = fatal && n.Frame.failing != nil && (failed > 0 || len(n.Instances) == 0)
	case run.NodeSucceeded:
		ok = len(n.Instances) == 0 || failed == 0 && good > 0 || failed > 0 && (n.OnFailure == "continue" || n.OnFailure == "skip" && good > 0)
	case run.NodeSkipped:
		ok = len(n.Instances) == 0 || good == 0 && (failed > 0 && n.OnFailure == "skip" || failed == 0 && count[run.NodeSkipped] > 0)
	case run.NodeCancelled:
		ok = len(n.Instances) == 0 || count[run.NodeCancelled] > 0
	default:
	}
	if !ok {
		m.fatalf("%s/%s has on_failure %q and ended as %s, its instances as %v", n.Frame.Path, n.Name, n.OnFailure, n.State, count)
	}
}
