package pipetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/pipetest/match"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
	"github.com/myspinbot/spinbot/sdk"
)

// mocks answers the tasks of one run block: it implements exec.Executor. What it cannot answer is a problem of the
// test file, and fails the block whatever that expected.
type mocks struct {
	block *block
	turn  chan struct{} // holds one token while no task is under way

	mu    sync.Mutex
	wrong []trouble
}

func newMocks(b *block) *mocks {
	x := &mocks{block: b, turn: make(chan struct{}, 1)}
	x.turn <- struct{}{}
	return x
}

// trouble is a failure at a node.
type trouble struct {
	Failure
	node string
}

// Execute implements exec.Executor. The engine gives it one task at a time; it begins with one only when the end of the
// one before is recorded. So a run block comes to the same end every time, also where one failure stops the others.
func (x *mocks) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	select {
	case <-x.turn:
		return x.execute(ctx, t)
	case <-ctx.Done():
		return sdk.Result{}, context.Cause(ctx)
	}
}

// observe hears what has been recorded.
func (x *mocks) observe(e run.Event) {
	if e.Kind != run.AttemptEnded {
		return
	}
	select {
	case x.turn <- struct{}{}:
	default: // of a task that was stopped before its turn
	}
}

func (x *mocks) execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	b := x.block
	at := testfile.StepsTo(t.Address)
	m := find(at, t.Type, b.Run.Mocks, b.Suite.Mocks)
	switch {
	case m != nil:
		return x.answer(ctx, m, t)
	case b.bench.cfg.IsControl(t.Type):
		return b.bench.control.Execute(ctx, t)
	}
	nodeType, _ := b.NodeType(t.Type)
	x.problem(at.Whole().String(), Failure{What: fmt.Sprintf("%s (%s) has no mock", at.Whole(), t.Type),
		Detail: "it would need its plugin; write a mock, here or at the top of the file:\n" + suggestion(nodeType), Range: b.Run.Range})
	return sdk.Result{}, sdk.Refuse("there is no mock of "+t.Type, "")
}

// problem keeps what is wrong with the test file; of the instances of one node only the first by name.
func (x *mocks) problem(node string, f Failure) {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := slices.IndexFunc(x.wrong, func(g trouble) bool { return g.node == node && g.Range == f.Range })
	if k < 0 {
		x.wrong = append(x.wrong, trouble{f, node})
	} else if f.What < x.wrong[k].What {
		x.wrong[k] = trouble{f, node}
	}
}

func (x *mocks) problems() []Failure {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]Failure, len(x.wrong))
	for i := range x.wrong {
		out[i] = x.wrong[i].Failure
	}
	return out
}

// broken reports what is wrong with a mock, at the task that it should have answered.
func (x *mocks) broken(t *sdk.Task, rng hcl.Range, what, detail string) (sdk.Result, error) {
	at := testfile.StepsTo(t.Address)
	x.problem(at.Whole().String(), Failure{What: at.String() + ": " + what, Detail: detail, Range: testfile.RangeOf(rng)})
	return sdk.Result{}, sdk.Refuse("its mock is of no use: "+what, "")
}

// answer gives what the mock says.
func (x *mocks) answer(ctx context.Context, m *testfile.Mock, t *sdk.Task) (sdk.Result, error) {
	nodeType, _ := x.block.NodeType(t.Type)
	c := x.block.Suite.NewScope(x.block.bench.taker(ctx))
	if err := c.TaskNames(t, &nodeType.Inputs); err != nil {
		return x.broken(t, m.Range, "its inputs cannot be read: "+err.Error(), "")
	}
	attempt := t.Address.Attempt
	if m.Fail != nil {
		failure, attempts, diags := failureOf(c, m)
		if diags.HasErrors() {
			return x.broken(t, *diags[0].Subject, diags[0].Summary, diags[0].Detail)
		}
		if attempts == 0 || attempt <= attempts {
			return sdk.Result{}, failure
		}
		attempt -= attempts
	}
	if m.Recorded != nil {
		return x.replay(ctx, c, m, t, attempt)
	}
	v, diags := c.Value(m.Outputs)
	if diags.HasErrors() {
		return x.broken(t, *diags[0].Subject, testfile.Diagnostics(diags)[0].Summary, diags[0].Detail)
	}
	return x.fitting(c, m, t, nodeType, v)
}

// fitting gives outputs that fit the node type, as its own would have to.
func (x *mocks) fitting(c *testfile.Scope, m *testfile.Mock, t *sdk.Task, nodeType sdk.NodeType, v any) (sdk.Result, error) {
	v = datum.Coerce(&nodeType.Outputs, v)
	wrong := nodeType.Outputs.Check(v)
	outputs, ok := v.(map[string]any)
	if len(wrong) == 0 && ok {
		return sdk.Result{Outputs: outputs}, nil
	}
	if !ok {
		return x.broken(t, m.Range, "outputs want an object", "")
	}
	rng, detail := m.Range, nodeType.Name+" says what it gives; spinbot node-types "+nodeType.Name+" shows it"
	if m.Outputs != nil {
		at := testfile.Part(m.Outputs, testfile.StepsOf(wrong[0].Path))
		rng, detail = at.Range(), strings.TrimPrefix(saw(c, at)+"\n"+detail, "\n")
	}
	return x.broken(t, rng, "outputs: "+wrong[0].String(), detail)
}

// failureOf evaluates how the mock fails, and for how many attempts; 0: for all.
func failureOf(c *testfile.Scope, m *testfile.Mock) (*sdk.Error, int, hcl.Diagnostics) {
	v, diags := c.Value(m.Fail)
	if diags.HasErrors() {
		return nil, 0, diags
	}
	v = datum.Coerce(&testfile.FailSchema, v)
	if wrong := testfile.FailSchema.Check(v); len(wrong) > 0 {
		rng := testfile.Locate(m.Fail, testfile.StepsOf(wrong[0].Path))
		return nil, 0, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "fail: " + wrong[0].String(), Subject: &rng}}
	}
	f := v.(map[string]any)
	text := func(name string) string { s, _ := f[name].(string); return s }
	permanent, _ := f["permanent"].(bool)
	attempts := 0
	if n := f["attempts"]; n != nil {
		attempts, _ = strconv.Atoi(match.Text(n)) // a whole number, as the schema has checked
	}
	e := &sdk.Error{Cause: sdk.Cause(text("cause")), Message: text("message"), Hint: text("hint"), Detail: text("detail"), Permanent: permanent}
	if e.Cause == "" {
		e.Cause = sdk.CauseFailed
	}
	return e, attempts, nil
}

// replay gives what an attempt of a real run gave, its last one's when the run had fewer, and in its place what the mock
// says itself.
func (x *mocks) replay(ctx context.Context, c *testfile.Scope, m *testfile.Mock, t *sdk.Task, attempt int) (sdk.Result, error) {
	r, ok := m.Recorded.Find(testfile.StepsTo(t.Address).String())
	if !ok {
		return x.broken(t, m.Range, "nothing was recorded of it", "in "+m.Recorded.Path()+" there is "+match.List(m.Recorded.Nodes()))
	}
	a := r.Attempts[min(attempt, len(r.Attempts))-1]
	if a.Error != nil {
		e := *a.Error
		return sdk.Result{}, &e
	}
	outputs, err := m.Recorded.Restore(ctx, a.Outputs, x.block.bench.artifacts)
	if err != nil {
		return x.broken(t, m.Range, err.Error(), "spinbot test --record writes it anew")
	}
	var own any = map[string]any{}
	if m.Outputs != nil {
		var diags hcl.Diagnostics
		if own, diags = c.Value(m.Outputs); diags.HasErrors() {
			return x.broken(t, *diags[0].Subject, testfile.Diagnostics(diags)[0].Summary, diags[0].Detail)
		}
	}
	given, _ := own.(map[string]any) // checked before
	for _, name := range a.Sensitive {
		if _, ok := given[name]; !ok {
			return x.broken(t, m.Range, "its output "+name+" is sensitive, so it was not recorded",
				"say what it gives: mock \""+m.Target+"\" { recorded = \"…\", outputs = { "+name+" = … } }")
		}
	}
	whole := map[string]any{}
	maps.Copy(whole, outputs)
	maps.Copy(whole, given)
	nodeType, _ := x.block.NodeType(t.Type)
	return x.fitting(c, m, t, nodeType, whole)
}

// find gives the mock of a task: the nearer block's before the file's, and the narrower before the wider.
func find(instance testfile.Steps, nodeType string, levels ...[]*testfile.Mock) *testfile.Mock {
	for _, mocks := range levels {
		var best *testfile.Mock
		most := -1
		for _, m := range mocks {
			narrow, ok := m.At.Covers(instance)
			if m.At == nil {
				narrow, ok = -1, m.Target == nodeType
			}
			if ok && (best == nil || narrow > most) {
				best, most = m, narrow
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}
