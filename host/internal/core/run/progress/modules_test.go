package progress

import (
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// in reads the path of module instances without keys or rounds.
func in(modules ...string) (p run.Path) {
	for _, m := range modules {
		p = append(p, sdk.Step{Kind: "module", Name: m})
	}
	return p
}

func expand(p run.Path, node string) run.Event {
	return run.Event{Kind: run.NodeExpanded, In: p, Node: node}
}

func opened(p run.Path, node string) run.Event {
	return run.Event{Kind: run.ModuleOpened, In: p, Node: node}
}

func start(p run.Path, node string, attempt int) run.Event {
	return run.Event{Kind: run.AttemptStarted, In: p, Node: node, Attempt: attempt}
}

func end(p run.Path, node string, attempt int, err *sdk.Error) run.Event {
	return run.Event{Kind: run.AttemptEnded, In: p, Node: node, Attempt: attempt, Error: err}
}

func module(name string, n run.NodeShape, inside ...run.NodeShape) run.NodeShape {
	n.Name, n.Module = "module."+name, &run.Shape{Nodes: inside}
	return n
}

// TestModuleLetsGoOfTheRun: a failure in a module held the run; when the module has ended, nothing does.
func TestModuleLetsGoOfTheRun(t *testing.T) {
	t.Parallel()
	m := in("m")
	s := told(t, run.Shape{Nodes: []run.NodeShape{module("m", run.NodeShape{OnFailure: "continue"}, run.NodeShape{Name: "a", OnFailure: "pause"}, run.NodeShape{Name: "b"})}},
		expand(nil, "module.m"), opened(nil, "module.m"), expand(m, "a"), expand(m, "b"), start(m, "a", 1), start(m, "b", 1),
		end(m, "a", 1, sdk.Fail("x", "")))
	if s.Status != run.Paused {
		t.Fatalf("the run is %s", s.Status)
	}
	tell(t, s, end(m, "b", 1, sdk.Fail("y", "")), run.Event{Kind: run.ModuleEnded, Node: "module.m", Error: sdk.Fail("y", "")})
	if s.Status != run.Running || len(s.Decide(t0, nil)) != 1 {
		t.Fatalf("the run is %s", s.Status)
	}
}

// nest is a run with a module in a module, of which an attempt of a is under way.
func nest(t *testing.T) *State {
	outer, inner := in("outer"), in("outer", "inner")
	return told(t, run.Shape{Nodes: []run.NodeShape{module("outer", run.NodeShape{}, module("inner", run.NodeShape{}, run.NodeShape{Name: "a"}))}},
		expand(nil, "module.outer"), opened(nil, "module.outer"), expand(outer, "module.inner"), opened(outer, "module.inner"),
		expand(inner, "a"), start(inner, "a", 1))
}

// TestHaltedModulesEndTogether: what is in a module that is stopped does not end as if it had done its work.
func TestHaltedModulesEndTogether(t *testing.T) {
	t.Parallel()
	inner := in("outer", "inner")
	for name, stop := range map[string]run.Event{
		"cancelled": {Kind: run.CancelRequested, Node: "module.outer"}, "out of time": {Kind: run.DeadlinePassed, Node: "module.outer"},
	} {
		s := nest(t)
		s.Decide(t0, nil)
		tell(t, s, stop)
		if got := ops(s.Decide(t0, nil)); len(got) != 1 || got[0] != OpCancel {
			t.Fatalf("%s: %v", name, got)
		}
		tell(t, s, end(inner, "a", 1, &sdk.Error{Cause: sdk.CauseCancelled, Message: "stopped"}))
		if a := s.Find(inner, "a"); a.State != run.NodeCancelled {
			t.Errorf("%s: a is %s", name, a.State)
		}
		cmds := s.Decide(t0, nil)
		if len(cmds) != 1 || cmds[0].Op != OpClose || cmds[0].Node.Name != "module.outer" || cmds[0].Error == nil {
			t.Fatalf("%s: %+v", name, cmds)
		}
		tell(t, s, run.Event{Kind: run.ModuleEnded, Node: "module.outer", Error: cmds[0].Error})
		if n := s.Find(in("outer"), "module.inner"); n.State != run.NodeCancelled || n.Ended.IsZero() {
			t.Errorf("%s: inner is %s", name, n.State)
		}
	}
}

// TestLateSuccessInACancelledModule is recorded as cancelled; one after its timeout counts.
func TestLateSuccessInACancelledModule(t *testing.T) {
	t.Parallel()
	inner := in("outer", "inner")
	for stop, want := range map[run.Kind]run.NodeState{run.CancelRequested: run.NodeCancelled, run.DeadlinePassed: run.NodeSucceeded} {
		s := nest(t)
		tell(t, s, run.Event{Kind: stop, Node: "module.outer"}, end(inner, "a", 1, nil))
		if a := s.Find(inner, "a").Instances[0]; a.State != want {
			t.Errorf("after %s, a late success is %s", stop, a.State)
		}
	}
}

// TestTriedAgainOnce: what was due in a module when it failed, and is due again, is decided once.
func TestTriedAgainOnce(t *testing.T) {
	t.Parallel()
	m := in("m")
	s := told(t, run.Shape{Nodes: []run.NodeShape{module("m", run.NodeShape{OnFailure: "pause"}, run.NodeShape{Name: "a", Idempotent: true}, run.NodeShape{Name: "b"})}},
		expand(nil, "module.m"), opened(nil, "module.m"), expand(m, "a"), expand(m, "b"), start(m, "a", 1), start(m, "b", 1))
	s.Decide(t0, nil)
	tell(t, s, run.Event{Kind: run.RunPaused}, end(m, "a", 1, &sdk.Error{Cause: sdk.CauseLost, Message: "gone"}), end(m, "b", 1, sdk.Fail("x", "")))
	if got := ops(s.Decide(t0, nil)); len(got) != 1 || got[0] != OpClose {
		t.Fatal(got)
	}
	tell(t, s, run.Event{Kind: run.ModuleEnded, Node: "module.m", Error: sdk.Fail("x", "")}, run.Event{Kind: run.NodeDecided, Node: "module.m", Decision: run.Retry},
		run.Event{Kind: run.RunContinued})
	if got := ops(s.Decide(t0, nil)); len(got) != 2 { // a and b
		t.Fatal(got)
	}
}

// TestRounds: a round that a person settled before it was opened has no frame, and what comes late for another is stale.
func TestRounds(t *testing.T) {
	t.Parallel()
	s := told(t, run.Shape{Nodes: []run.NodeShape{module("m", run.NodeShape{OnFailure: "pause", Repeats: true}, run.NodeShape{Name: "a"})}}, expand(nil, "module.m"),
		run.Event{Kind: run.NodeFailedEvent, Node: "module.m", Iter: 1, Error: sdk.Refuse("bad input", "")},
		run.Event{Kind: run.NodeDecided, Node: "module.m", Iter: 1, Decision: run.Accept, Again: true},
		run.Event{Kind: run.ModuleOpened, Node: "module.m", Iter: 2})
	i := s.Node("module.m").Instances[0]
	second := run.Path{sdk.Step{Kind: "module", Name: "m", Iter: 2}}
	if f := i.Inside(); f == nil || s.Under(second) != f || len(i.Frames) != 1 {
		t.Fatalf("round 2 is not found: %v", i.Frames)
	}
	first := run.Path{sdk.Step{Kind: "module", Name: "m", Iter: 1}}
	if s.Under(first) != nil || s.Find(first, "a") != nil {
		t.Error("round 1 was never opened, and is found")
	}
	if stale, err := s.Fold(run.Event{Seq: s.Seq + 1, Time: t0, Kind: run.DeadlinePassed, Node: "module.m", Iter: 1}); !stale || err != nil || i.Inside().Expired {
		t.Errorf("the time of an earlier round ended this one: %v, %v", stale, err)
	}
}

// TestModuleDeadlineAfterAnotherTry counts anew.
func TestModuleDeadlineAfterAnotherTry(t *testing.T) {
	t.Parallel()
	n := module("m", run.NodeShape{OnFailure: "pause"}, run.NodeShape{Name: "a"})
	n.Module.Timeout = time.Minute
	open := opened(nil, "module.m")
	open.Deadline = t0.Add(time.Minute)
	later := t0.Add(time.Hour)
	s := told(t, run.Shape{Nodes: []run.NodeShape{n}}, expand(nil, "module.m"), open, run.Event{Kind: run.DeadlinePassed, Node: "module.m"},
		run.Event{Kind: run.ModuleEnded, Node: "module.m", Error: sdk.Fail("its timeout passed", "")})
	if cmds := s.Decide(later, nil); len(cmds) > 0 {
		t.Fatalf("what waits for a person has no time: %v", ops(cmds))
	}
	tell(t, s, run.Event{Kind: run.NodeDecided, Node: "module.m", Decision: run.Retry, Time: later})
	i := s.Node("module.m").Instances[0]
	if want := later.Add(time.Minute); !s.Wake().Equal(want) || !i.Deadline.Equal(want) || i.Inside().Expired {
		t.Errorf("wakes at %v, deadline %v", s.Wake(), i.Deadline)
	}
}
