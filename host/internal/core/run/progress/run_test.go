package progress

import (
	"errors"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

var t0 = time.Unix(1_700_000_000, 0).UTC()

// told folds events into a new run of the shape, numbering them.
func told(t *testing.T, shape run.Shape, events ...run.Event) *State {
	t.Helper()
	s := New(shape)
	tell(t, s, append([]run.Event{{Kind: run.RunCreated, Run: "run_x"}}, events...)...)
	return s
}

func tell(t *testing.T, s *State, events ...run.Event) {
	t.Helper()
	for _, e := range events {
		e.Seq, e.V = s.Seq+1, run.Version
		if e.Time.IsZero() {
			e.Time = t0
		}
		if _, err := s.Fold(e); err != nil {
			t.Fatal(err)
		}
	}
}

func ops(cmds []Command) (out []Op) {
	for _, c := range cmds {
		out = append(out, c.Op)
	}
	return out
}

func one(n run.NodeShape) run.Shape { n.Name = "a"; return run.Shape{Nodes: []run.NodeShape{n}} }

var (
	expandA = run.Event{Kind: run.NodeExpanded, Node: "a"}
	startA1 = run.Event{Kind: run.AttemptStarted, Node: "a", Attempt: 1}
)

func endA(attempt int, err *sdk.Error) run.Event {
	return run.Event{Kind: run.AttemptEnded, Node: "a", Attempt: attempt, Error: err, Outputs: sdk.Values{}}
}

func TestCauses(t *testing.T) {
	t.Parallel()
	fail := func(c sdk.Cause, permanent bool) *sdk.Error {
		return &sdk.Error{Cause: c, Message: "m", Permanent: permanent}
	}
	for name, c := range map[string]struct {
		node run.NodeShape
		err  *sdk.Error
		want run.NodeState
		wait time.Duration
	}{
		"failed, no retry":        {run.NodeShape{}, fail(sdk.CauseFailed, false), run.NodeFailed, 0},
		"failed, retry":           {run.NodeShape{Attempts: 2}, fail(sdk.CauseFailed, false), run.NodeReady, 0},
		"failed, backoff":         {run.NodeShape{Attempts: 2, Backoff: 3 * time.Second}, fail(sdk.CauseFailed, false), run.NodeBackoff, 3 * time.Second},
		"hung, retry":             {run.NodeShape{Attempts: 2}, fail(sdk.CauseHung, false), run.NodeReady, 0},
		"permanent, no retry":     {run.NodeShape{Attempts: 9}, fail(sdk.CauseFailed, true), run.NodeFailed, 0},
		"lost, idempotent":        {run.NodeShape{Idempotent: true}, fail(sdk.CauseLost, false), run.NodeReady, 0},
		"lost, not idempotent":    {run.NodeShape{Attempts: 9}, fail(sdk.CauseLost, false), run.NodeFailed, 0},
		"cancelled by itself":     {run.NodeShape{Attempts: 9, Idempotent: true}, fail(sdk.CauseCancelled, false), run.NodeFailed, 0},
		"drained costs no retry":  {run.NodeShape{}, fail(sdk.CauseDrained, false), run.NodeBackoff, time.Second},
		"refused costs no retry":  {run.NodeShape{}, fail(sdk.CauseRefused, false), run.NodeBackoff, time.Second},
		"refused, permanently":    {run.NodeShape{}, fail(sdk.CauseRefused, true), run.NodeFailed, 0},
		"failure that is skipped": {run.NodeShape{OnFailure: "skip"}, fail(sdk.CauseFailed, false), run.NodeFailed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := told(t, one(c.node), expandA, startA1, endA(1, c.err))
			i := s.Node("a").Instances[0]
			if i.State != c.want {
				t.Fatalf("instance is %s, want %s", i.State, c.want)
			}
			if c.want == run.NodeBackoff && !i.RetryAt.Equal(t0.Add(c.wait)) {
				t.Fatalf("retry at %s, want %s later", i.RetryAt, c.wait)
			}
		})
	}
}

func TestBackoffIsDueInTime(t *testing.T) {
	t.Parallel()
	s := told(t, one(run.NodeShape{Attempts: 3, Backoff: time.Second}), expandA, startA1, endA(1, sdk.Fail("x", "")))
	s.Decide(t0, nil)
	if got := s.Wake(); !got.Equal(t0.Add(time.Second)) {
		t.Fatalf("wakes at %s", got)
	}
	if cmds := s.Decide(t0.Add(999*time.Millisecond), nil); len(cmds) != 0 {
		t.Fatalf("due too early: %v", ops(cmds))
	}
	if cmds := s.Decide(t0.Add(time.Second), nil); len(cmds) != 1 || cmds[0].Op != OpDispatch {
		t.Fatalf("not due: %v", ops(cmds))
	}
}

func TestPoison(t *testing.T) {
	t.Parallel()
	s := told(t, one(run.NodeShape{Idempotent: true}), expandA)
	for n := 1; n <= run.MaxLost; n++ {
		tell(t, s, run.Event{Kind: run.AttemptStarted, Node: "a", Attempt: n}, endA(n, &sdk.Error{Cause: sdk.CauseLost, Message: "gone"}))
	}
	if got := s.Node("a").State; got != run.NodeFailed {
		t.Fatalf("after %d losses the node is %s", run.MaxLost, got)
	}
}

func TestLateSuccessAfterCancel(t *testing.T) {
	t.Parallel()
	s := told(t, one(run.NodeShape{}), expandA, startA1, run.Event{Kind: run.CancelRequested, Reason: "enough"})
	if cmds := s.Decide(t0, nil); len(cmds) != 1 || cmds[0].Op != OpCancel {
		t.Fatalf("want a cancel, got %v", ops(cmds))
	}
	tell(t, s, endA(1, nil))
	if got := s.Node("a").Instances[0].State; got != run.NodeCancelled {
		t.Fatalf("the late success is %s", got)
	}
	cmds := s.Decide(t0, nil)
	if len(cmds) != 1 || cmds[0].Op != OpEnd || cmds[0].Status != run.Cancelled {
		t.Fatalf("want the end, got %v", ops(cmds))
	}
}

func TestFence(t *testing.T) {
	t.Parallel()
	s := told(t, one(run.NodeShape{Attempts: 2}), expandA, startA1, endA(1, sdk.Fail("x", "")), run.Event{Kind: run.AttemptStarted, Node: "a", Attempt: 2})
	stale, err := s.Fold(run.Event{Seq: s.Seq + 1, Time: t0, Kind: run.AttemptEnded, V: run.Version, Node: "a", Attempt: 1, Outputs: sdk.Values{}})
	if err != nil || !stale {
		t.Fatalf("stale %v, error %v: the first attempt's late result must be dropped", stale, err)
	}
	if got := s.Node("a").Instances[0].State; got != run.NodeRunning {
		t.Fatalf("the second attempt is %s", got)
	}
}

func TestFailureLetsRunningFinish(t *testing.T) {
	t.Parallel()
	shape := run.Shape{Nodes: []run.NodeShape{{Name: "a"}, {Name: "b"}, {Name: "c", Needs: []string{"b"}}}}
	s := told(t, shape, expandA, run.Event{Kind: run.NodeExpanded, Node: "b"}, startA1, run.Event{Kind: run.AttemptStarted, Node: "b", Attempt: 1}, endA(1, sdk.Fail("broken", "")))
	if cmds := s.Decide(t0, nil); len(cmds) != 0 {
		t.Fatalf("b is still running, yet %v", ops(cmds))
	}
	tell(t, s, run.Event{Kind: run.AttemptEnded, Node: "b", Attempt: 1, Outputs: sdk.Values{}})
	cmds := s.Decide(t0, nil)
	if len(cmds) != 1 || cmds[0].Op != OpEnd || cmds[0].Status != run.Failed || cmds[0].Error.Message != "a: broken" {
		t.Fatalf("want the end, got %+v", cmds)
	}
	tell(t, s, run.Event{Kind: run.RunEnded, Status: run.Failed, Error: cmds[0].Error}, run.Event{Kind: run.RunResumed})
	got := ops(s.Decide(t0, nil))
	if s.Node("b").State != run.NodeSucceeded || len(got) != 2 { // a again, and c
		t.Fatalf("after resume b is %s and due is %v", s.Node("b").State, got)
	}
}

func TestSkipSpreads(t *testing.T) {
	t.Parallel()
	shape := run.Shape{Nodes: []run.NodeShape{{Name: "a"}, {Name: "b", Needs: []string{"a"}}, {Name: "c", Needs: []string{"b"}}}}
	s := told(t, shape, run.Event{Kind: run.NodeExpanded, Node: "a", Skip: true, Reason: "when is false"})
	for _, name := range []string{"b", "c"} {
		cmds := s.Decide(t0, nil)
		if len(cmds) != 1 || cmds[0].Op != OpSkip || cmds[0].Node.Name != name {
			t.Fatalf("want a skip of %s, got %+v", name, cmds)
		}
		tell(t, s, run.Event{Kind: run.NodeExpanded, Node: name, Skip: true, Reason: cmds[0].Reason})
	}
	if cmds := s.Decide(t0, nil); len(cmds) != 1 || cmds[0].Status != run.Succeeded {
		t.Fatalf("want success, got %+v", cmds)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	s := New(one(run.NodeShape{}))
	tell(t, s, run.Event{Kind: run.RunCreated, Run: "r", Deadline: t0.Add(time.Minute)}, expandA, startA1)
	if got := s.Wake(); !got.Equal(t0.Add(time.Minute)) {
		t.Fatalf("wakes at %v", got)
	}
	if got := ops(s.Decide(t0.Add(time.Minute), nil)); len(got) != 1 || got[0] != OpExpire {
		t.Fatalf("got %v", got)
	}
	tell(t, s, run.Event{Kind: run.DeadlinePassed})
	if got := ops(s.Decide(t0.Add(time.Minute), nil)); len(got) != 1 || got[0] != OpCancel {
		t.Fatalf("got %v", got)
	}
	tell(t, s, endA(1, &sdk.Error{Cause: sdk.CauseHung, Message: "stopped"}))
	if cmds := s.Decide(t0.Add(time.Minute), nil); len(cmds) != 1 || cmds[0].Status != run.Failed {
		t.Fatalf("got %+v", cmds)
	}
}

// TestIllegalEvents: what does not follow is refused, and changes nothing.
func TestIllegalEvents(t *testing.T) {
	t.Parallel()
	shape := run.Shape{Nodes: []run.NodeShape{{Name: "a", OnFailure: "pause", Rungs: []sdk.Cause{sdk.CauseOOM}}, {Name: "b", Needs: []string{"a"}}, {Name: "gate.g", Gate: true},
		{Name: "r", Repeats: true}, module("m", run.NodeShape{}, run.NodeShape{Name: "x"})}}
	open := []run.Event{expandA, startA1, expand(nil, "gate.g"), {Kind: run.GateOpened, Node: "gate.g"}, expand(nil, "r"), expand(nil, "module.m"),
		opened(nil, "module.m"), expand(in("m"), "x"), start(in("m"), "x", 1)}
	bad := sdk.Fail("x", "")
	for name, c := range map[string]struct {
		after []run.Event
		event run.Event
	}{
		"unknown node":                  {nil, expand(nil, "zz")},
		"unknown module":                {nil, expand(in("zz"), "a")},
		"unknown instance":              {open, run.Event{Kind: run.AttemptStarted, Node: "a", Key: sdk.NumberKey(1), Attempt: 2}},
		"no instances yet":              {nil, startA1},
		"created twice":                 {nil, run.Event{Kind: run.RunCreated, Run: "other"}},
		"end that is none":              {nil, run.Event{Kind: run.RunEnded, Status: run.Running}},
		"end while attempts run":        {open, run.Event{Kind: run.RunEnded, Status: run.Cancelled}},
		"success of half a run":         {nil, run.Event{Kind: run.RunEnded, Status: run.Succeeded}},
		"resume of a live run":          {nil, run.Event{Kind: run.RunResumed}},
		"expanded before its needs":     {nil, expand(nil, "b")},
		"failed before its needs":       {nil, run.Event{Kind: run.NodeFailedEvent, Node: "b", Error: bad}},
		"expanded twice":                {open, expandA},
		"two of a key":                  {nil, run.Event{Kind: run.NodeExpanded, Node: "a", Each: true, Keys: []sdk.Key{sdk.NumberKey(0), sdk.NumberKey(0)}}},
		"no key":                        {nil, run.Event{Kind: run.NodeExpanded, Node: "a", Each: true, Keys: []sdk.Key{{}}}},
		"failure without an error":      {nil, run.Event{Kind: run.NodeFailedEvent, Node: "a"}},
		"failure of what runs":          {open, run.Event{Kind: run.NodeFailedEvent, Node: "a", Error: bad}},
		"started twice":                 {open, start(nil, "a", 2)},
		"another attempt":               {open[:1], start(nil, "a", 2)},
		"another rung":                  {open[:1], run.Event{Kind: run.AttemptStarted, Node: "a", Attempt: 1, Rung: 1}},
		"attempt of a gate":             {open[2:3], start(nil, "gate.g", 1)},
		"attempt after a cancel":        {append(open[:1:1], run.Event{Kind: run.CancelRequested}), startA1},
		"another round of what has one": {open, run.Event{Kind: run.AttemptEnded, Node: "a", Attempt: 1, Again: true}},
		"attempt of another round":      {open, start(nil, "r", 1)},
		"cached while it runs":          {open, run.Event{Kind: run.NodeCachedEvent, Node: "a"}},
		"cached gate":                   {open[2:3], run.Event{Kind: run.NodeCachedEvent, Node: "gate.g"}},
		"decision on a gate":            {open, run.Event{Kind: run.NodeDecided, Node: "gate.g", Decision: run.Skip}},
		"decision that is none":         {append(open[:1:1], run.Event{Kind: run.NodeFailedEvent, Node: "a", Error: bad}), run.Event{Kind: run.NodeDecided, Node: "a", Decision: "wave"}},
		"gate that is none":             {open[:1], run.Event{Kind: run.GateOpened, Node: "a"}},
		"gate opened twice":             {open, run.Event{Kind: run.GateOpened, Node: "gate.g"}},
		"answer to no gate":             {open, run.Event{Kind: run.GateAnswered, Node: "a"}},
		"module that is none":           {open[:1], opened(nil, "a")},
		"module opened twice":           {open, opened(nil, "module.m")},
		"module ended while it runs":    {open, run.Event{Kind: run.ModuleEnded, Node: "module.m"}},
		"success of half a module":      {open[5:7], run.Event{Kind: run.ModuleEnded, Node: "module.m"}},
		"end of a module that is shut":  {open[5:6], run.Event{Kind: run.ModuleEnded, Node: "module.m", Error: bad}},
		"deadline of no module":         {nil, run.Event{Kind: run.DeadlinePassed, Node: "zz"}},
		"cancel of nobody":              {nil, run.Event{Kind: run.CancelRequested, Node: "zz"}},
		"cancel of no instance":         {open, run.Event{Kind: run.CancelRequested, Node: "a", Key: sdk.NumberKey(3)}},
		"cancel of no instance yet":     {nil, run.Event{Kind: run.CancelRequested, Node: "a", Key: sdk.NumberKey(0)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, same := told(t, shape, c.after...), told(t, shape, c.after...)
			c.event.Seq, c.event.V, c.event.Time = s.Seq+1, run.Version, t0
			var illegal *run.IllegalEventError
			if stale, err := s.Fold(c.event); !errors.As(err, &illegal) || stale {
				t.Fatalf("stale %v, error %v", stale, err)
			}
			if why := differ(s, same); why != "" {
				t.Errorf("it was refused (%s) and changed something: %s", illegal.Why, why)
			}
			if c.event.Seq++; illegal.Why == "" {
				t.Error("no reason")
			}
			if _, err := s.Fold(c.event); err == nil || differ(s, same) != "" {
				t.Error("a gap folded")
			}
		})
	}
	s := New(shape)
	for _, e := range []run.Event{expandA, {Kind: run.RunCreated}} {
		e.Seq = 1
		if _, err := s.Fold(e); err == nil {
			t.Errorf("%s began a run", e.Kind)
		}
	}
}

// BenchmarkWide folds and decides a fan-out of 10,000.
func BenchmarkWide(b *testing.B) {
	keys := make([]sdk.Key, 10_000)
	for k := range keys {
		keys[k] = sdk.NumberKey(k)
	}
	shape := one(run.NodeShape{})
	for b.Loop() {
		s := New(shape)
		fold := func(e run.Event) {
			e.Seq, e.V, e.Time = s.Seq+1, run.Version, t0
			if _, err := s.Fold(e); err != nil {
				b.Fatal(err)
			}
			s.Decide(t0, nil)
		}
		fold(run.Event{Kind: run.RunCreated, Run: "r"})
		fold(run.Event{Kind: run.NodeExpanded, Node: "a", Each: true, Keys: keys})
		for _, k := range keys {
			fold(run.Event{Kind: run.AttemptStarted, Node: "a", Key: k, Attempt: 1})
			fold(run.Event{Kind: run.AttemptEnded, Node: "a", Key: k, Attempt: 1, Outputs: sdk.Values{}})
		}
		if s.Node("a").State != run.NodeSucceeded {
			b.Fatal(s.Node("a").State)
		}
	}
}
