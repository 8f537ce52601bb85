package run

import (
	"slices"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// before is what an attempt's instance was when the event came that ends it; ok when the event counts.
func (m *sim) before(e Event) (was Instance, ok bool) {
	if e.Kind != AttemptEnded || m.s.Status.Ended() {
		return was, false
	}
	i := m.s.Find(e.In, e.Node).Instance(e.Key)
	return *i, i.Attempt == e.Attempt && i.Iter == e.Iter && (i.State == NodeRunning || i.State == NodeCancelling)
}

// checkEnd holds the end of an attempt to what DESIGN says of causes, cancels and timeouts.
func (m *sim) checkEnd(was Instance, e Event) {
	i := m.s.Find(e.In, e.Node).Instance(e.Key)
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
		if i.State != NodeCancelled {
			bad("cancelled, because it was told to stop")
		}
		if i.Cancel && i.Error.Message != "cancelled: too slow" {
			m.fatalf("%s was cancelled by a person, and says %q", e.At("run_sim"), i.Error.Message)
		}
	case e.Error == nil && e.Again:
		if i.State != NodeReady || i.Iter != was.Iter+1 || i.Attempt != 0 || i.Self["by"] != e.Outputs["by"] || i.SelfRef != e.OutputsRef {
			bad("ready for another round, with the outputs of this one")
		}
	case e.Error == nil:
		if i.State != NodeSucceeded {
			bad("succeeded")
		}
	case i.State == NodeFailed && halted && slices.Contains([]NodeState{NodeRunning, NodeCancelling}, was.State):
	default:
		m.checkRetry(&was, i, e, bad)
	}
}

// checkRetry: only failed and hung consume a retry, oom and spilling a rung; lost has its own limit; the rest are free.
func (m *sim) checkRetry(was, i *Instance, e Event, bad func(string)) {
	n, again, wait, want := i.Node, false, time.Duration(0), *was
	switch cause := e.Error.Cause; cause {
	case sdk.CauseLost:
		want.Lost++
		again = n.Idempotent && want.Lost < MaxLost
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
		if i.State != NodeBackoff || !i.RetryAt.Equal(e.Time.Add(wait)) {
			bad("backoff of " + wait.String())
		}
	case again:
		if i.State != NodeReady {
			bad("ready for another attempt")
		}
	case e.Error.Cause == sdk.CauseLost && !n.Idempotent && n.Ask:
		if i.State != NodeWaiting || !i.Doubt {
			bad("waiting, in doubt")
		}
	case n.OnFailure == "pause":
		if i.State != NodeWaiting || i.Doubt || m.s.Status != Paused {
			bad("waiting, and a paused run")
		}
	case i.State != NodeFailed:
		bad("failed")
	}
}

// checkClosed: what its instances and on_failure make of a node that has ended.
func (m *sim) checkClosed(n *Node) {
	count := map[NodeState]int{}
	failed := 0
	for _, i := range n.Instances {
		if count[i.State]++; i.State == NodeFailed || i.State == NodeCancelled && i.Cancel {
			failed++
		}
	}
	good := count[NodeSucceeded] + count[NodeCached]
	fatal := n.OnFailure != "skip" && n.OnFailure != "continue"
	ok := true
	switch n.State {
	case NodeFailed:
		ok = fatal && n.Frame.failing != nil && (failed > 0 || len(n.Instances) == 0)
	case NodeSucceeded:
		ok = len(n.Instances) == 0 || failed == 0 && good > 0 || failed > 0 && (n.OnFailure == "continue" || n.OnFailure == "skip" && good > 0)
	case NodeSkipped:
		ok = len(n.Instances) == 0 || good == 0 && (failed > 0 && n.OnFailure == "skip" || failed == 0 && count[NodeSkipped] > 0)
	case NodeCancelled:
		ok = len(n.Instances) == 0 || count[NodeCancelled] > 0
	default:
	}
	if !ok {
		m.fatalf("%s/%s has on_failure %q and ended as %s, its instances as %v", n.Frame.Path, n.Name, n.OnFailure, n.State, count)
	}
}
