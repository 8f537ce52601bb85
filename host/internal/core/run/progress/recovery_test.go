package progress

import (
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// What is read from a journal was never asked to decide in between: these runs are told to the end first.

func TestBackoffHoldsThroughARestart(t *testing.T) {
	t.Parallel()
	s := told(t, one(run.NodeShape{Attempts: 2, Backoff: time.Second}), expandA, startA1, endA(1, sdk.Fail("x", "")))
	if cmds := s.Decide(t0, nil); len(cmds) > 0 {
		t.Fatalf("due too early: %v", ops(cmds))
	}
	if cmds := s.Decide(t0.Add(time.Second), nil); len(cmds) != 1 || cmds[0].Op != OpDispatch {
		t.Fatalf("not due: %v", ops(cmds))
	}
}

func TestFailedGateHasNoTime(t *testing.T) {
	t.Parallel()
	late := t0.Add(time.Minute)
	s := told(t, one(run.NodeShape{Gate: true, OnFailure: "pause"}), expandA, run.Event{Kind: run.GateOpened, Node: "a", Deadline: late},
		run.Event{Kind: run.NodeFailedEvent, Node: "a", Time: late, Error: sdk.Fail("nobody answered", "")})
	if cmds := s.Decide(late, nil); len(cmds) > 0 {
		t.Fatalf("it waits for a decision, yet %v", ops(cmds))
	}
}

// TestOldCancelSparesTheNextAttempt: the attempt of which a cancel was due has ended, and another is under way.
func TestOldCancelSparesTheNextAttempt(t *testing.T) {
	t.Parallel()
	m := in("m")
	n := module("m", run.NodeShape{OnFailure: "pause"}, run.NodeShape{Name: "a"})
	s := told(t, run.Shape{Nodes: []run.NodeShape{n}}, expand(nil, "module.m"), opened(nil, "module.m"), expand(m, "a"), start(m, "a", 1),
		run.Event{Kind: run.DeadlinePassed, Node: "module.m"}, end(m, "a", 1, &sdk.Error{Cause: sdk.CauseHung, Message: "stopped"}),
		run.Event{Kind: run.ModuleEnded, Node: "module.m", Error: sdk.Fail("its timeout passed", "")},
		run.Event{Kind: run.NodeDecided, Node: "module.m", Decision: run.Retry}, start(m, "a", 2))
	if cmds := s.Decide(t0, nil); len(cmds) > 0 || s.Find(m, "a").Instances[0].State != run.NodeRunning {
		t.Fatalf("attempt 2 runs, yet %v", ops(cmds))
	}
}

func TestBackoffGrows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		base  time.Duration
		tries int
		want  time.Duration
	}{
		{0, 5, 0}, {time.Second, 1, time.Second}, {time.Second, 4, 8 * time.Second}, {time.Minute, 9, run.MaxBackoff},
		{10 * time.Minute, 1, 10 * time.Minute}, {10 * time.Minute, 3, 10 * time.Minute}, {time.Second, 1000, run.MaxBackoff},
	} {
		if got := (&run.NodeShape{Backoff: c.base}).Pause(c.tries); got != c.want {
			t.Errorf("after %d tries, %s became %s, want %s", c.tries, c.base, got, c.want)
		}
	}
}

// TestEndLeavesNothingBehind: what a run's end cuts short has ended, at that time.
func TestEndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	late := t0.Add(time.Minute)
	s := told(t, one(run.NodeShape{OnFailure: "pause"}), expandA, startA1, endA(1, sdk.Fail("x", "")), run.Event{Kind: run.CancelRequested},
		run.Event{Kind: run.RunEnded, Status: run.Cancelled, Time: late})
	n := s.Node("a")
	if i := n.Instances[0]; n.State != run.NodeCancelled || i.State != run.NodeCancelled || !n.Ended.Equal(late) || !i.Ended.Equal(late) {
		t.Errorf("a is %s since %v, its instance %s since %v", n.State, n.Ended, i.State, i.Ended)
	}
	if s.failed != 0 || s.open != 0 || n.openInst != 0 {
		t.Errorf("it still counts %d, %d, %d", s.failed, s.open, n.openInst)
	}
}
