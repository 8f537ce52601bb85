package wasmexec

import (
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/sdk"
)

func withLimits(nodeType string, l sdk.Limits) *sdk.Task {
	t := exectest.Task(nodeType, nil)
	t.Limits = l
	return t
}

// TestEachLimit: a task's own limits hold for it alone; each ends it in its own way, or leaves out what is too much.
func TestEachLimit(t *testing.T) {
	t.Parallel()
	e := probe(t, Config{})
	for _, c := range []struct {
		node  string
		l     sdk.Limits
		want  sdk.Limit
		cause sdk.Cause
	}{
		{"test.greedy", sdk.Limits{Memory: 16 << 20}, sdk.LimitMemory, sdk.CauseFailed},
		{"test.count", sdk.Limits{Memory: 1 << 20}, sdk.LimitMemory, sdk.CauseFailed},
		{"test.loop", sdk.Limits{Time: 50 * time.Millisecond}, sdk.LimitTime, sdk.CauseHung},
		{"test.loop", sdk.Limits{Budget: 5_000_000}, sdk.LimitBudget, sdk.CauseFailed},
		{"test.big", sdk.Limits{Output: 1 << 10}, sdk.LimitOutput, sdk.CauseFailed},
		{"test.talk", sdk.Limits{Calls: 1000}, sdk.LimitCalls, sdk.CauseFailed},
	} {
		got := fails(t, e, withLimits(c.node, c.l))
		if got.Limit != c.want || got.Cause != c.cause || !strings.Contains(got.Message, c.node) || got.Hint == "" {
			t.Errorf("%s with %+v: got %#v", c.node, c.l, got)
		}
	}
	reports := 0
	outputs(t, e, withLimits("test.talk", sdk.Limits{Log: 10 << 10}).WithReporter(func(sdk.Report) { reports++ }))
	if reports < 10 || reports > 100 {
		t.Errorf("%d reports fit into 10 KiB", reports)
	}
	outputs(t, e, exectest.Task("test.talk", nil))
}

// TestCeilings: asking for more than the host gives is refused, with how to give more.
func TestCeilings(t *testing.T) {
	t.Parallel()
	e := probe(t, Config{Ceilings: sdk.Limits{Memory: 32 << 20, Budget: 1 << 40}})
	for _, c := range []struct {
		l    sdk.Limits
		want sdk.Limit
	}{
		{sdk.Limits{Memory: 33 << 20}, sdk.LimitMemory},
		{sdk.Limits{Budget: 1<<40 + 1}, sdk.LimitBudget}, {sdk.Limits{Output: 1 << 40}, sdk.LimitOutput}, {sdk.Limits{Log: 1 << 40}, sdk.LimitLog},
	} {
		got := fails(t, e, withLimits("test.count", c.l))
		if got.Limit != c.want || got.Cause != sdk.CauseRefused || !strings.Contains(got.Hint, "--limit "+string(c.want)+"=") {
			t.Errorf("%+v: got %#v", c.l, got)
		}
	}
	if got := fails(t, e, exectest.Task("test.greedy", nil)); got.Limit != sdk.LimitMemory || !strings.Contains(got.Message, "32 MiB") {
		t.Errorf("a limit by default above the ceiling: got %#v", got)
	}
}

// TestUsage: the same task with a budget costs the same, whatever ran before it.
func TestUsage(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, reactorCode(t), Config{})
	use := func(in *sdk.Task) (u *sdk.Usage) {
		outputs(t, e, in.WithReporter(func(r sdk.Report) {
			if r.Kind == sdk.ReportUsage {
				u = r.Usage
			}
		}))
		return u
	}
	task := func(owner string) *sdk.Task {
		in := exectest.Task("test.echo", sdk.Values{"value": payload})
		in.Owner, in.Limits.Budget = owner, 1<<40
		return in
	}
	first := use(task("ada"))
	if first == nil || first.Cost < 1000 || first.Model != 1 || first.Memory < 1<<20 || first.In < 100 || first.Out < 100 {
		t.Fatalf("it used %+v", first)
	}
	for _, owner := range []string{"ada", "grace", "ada"} {
		free := task(owner)
		free.Limits.Budget = 0
		use(free)
		if again := use(task(owner)); again.Cost != first.Cost || again.Memory != first.Memory {
			t.Errorf("it used %+v at first, then %+v", first, again)
		}
	}
	t.Logf("%+v", *first)
}
