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

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/run"
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
	at := stepsTo(t.Address)
	m := find(at, t.Type, b.run.mocks, b.suite.mocks)
	switch {
	case m != nil:
		return x.answer(ctx, m, t)
	case b.bench.cfg.IsControl(t.Type):
		return b.bench.control.Execute(ctx, t)
	}
	nodeType, _ := b.nodeType(t.Type)
	x.problem(at.whole().String(), Failure{What: fmt.Sprintf("%s (%s) has no mock", at.whole(), t.Type),
		Detail: "it would need its plugin; write a mock, here or at the top of the file:\n" + suggestion(nodeType), Range: b.run.Range})
	return sdk.Result{}, sdk.Refuse("there is no mock of "+t.Type, "")
}

func (b *block) nodeType(name string) (sdk.NodeType, bool) {
	return types{b.bench.cfg.Types, b.suite.types}.NodeType(name)
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
	at := stepsTo(t.Address)
	x.problem(at.whole().String(), Failure{What: at.String() + ": " + what, Detail: detail, Range: rangeOf(rng)})
	return sdk.Result{}, sdk.Refuse("its mock is of no use: "+what, "")
}

// answer gives what the mock says.
func (x *mocks) answer(ctx context.Context, m *mock, t *sdk.Task) (sdk.Result, error) {
	nodeType, _ := x.block.nodeType(t.Type)
	c := x.block.suite.newScope(x.block.bench.taker(ctx))
	if err := c.taskNames(t, &nodeType.Inputs); err != nil {
		return x.broken(t, m.rng, "its inputs cannot be read: "+err.Error(), "")
	}
	attempt := t.Address.Attempt
	if m.fail != nil {
		failure, attempts, diags := c.failure(m)
		if diags.HasErrors() {
			return x.broken(t, *diags[0].Subject, diags[0].Summary, diags[0].Detail)
		}
		if attempts == 0 || attempt <= attempts {
			return sdk.Result{}, failure
		}
		attempt -= attempts
	}
	if m.recorded != nil {
		return x.replay(ctx, c, m, t, attempt)
	}
	v, diags := c.value(m.outputs)
	if diags.HasErrors() {
		return x.broken(t, *diags[0].Subject, lowerFirst(diags[0].Summary), diags[0].Detail)
	}
	return x.fitting(c, m, t, nodeType, v)
}

// fitting gives outputs that fit the node type, as its own would have to.
func (x *mocks) fitting(c *scope, m *mock, t *sdk.Task, nodeType sdk.NodeType, v any) (sdk.Result, error) {
	v = expr.Coerce(&nodeType.Outputs, v)
	wrong := nodeType.Outputs.Check(v)
	outputs, ok := v.(map[string]any)
	if len(wrong) == 0 && ok {
		return sdk.Result{Outputs: outputs}, nil
	}
	if !ok {
		return x.broken(t, m.rng, "outputs want an object", "")
	}
	rng, detail := m.rng, nodeType.Name+" says what it gives; spinbot node-types "+nodeType.Name+" shows it"
	if m.outputs != nil {
		at := part(m.outputs, stepsOf(wrong[0].Path))
		rng, detail = at.Range(), strings.TrimPrefix(c.saw(at)+"\n"+detail, "\n")
	}
	return x.broken(t, rng, "outputs: "+wrong[0].String(), detail)
}

// failure evaluates how the mock fails, and for how many attempts; 0: for all.
func (c *scope) failure(m *mock) (*sdk.Error, int, hcl.Diagnostics) {
	v, diags := c.value(m.fail)
	if diags.HasErrors() {
		return nil, 0, diags
	}
	v = expr.Coerce(&failSchema, v)
	if wrong := failSchema.Check(v); len(wrong) > 0 {
		rng := locate(m.fail, stepsOf(wrong[0].Path))
		return nil, 0, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "fail: " + wrong[0].String(), Subject: &rng}}
	}
	f := v.(map[string]any)
	text := func(name string) string { s, _ := f[name].(string); return s }
	permanent, _ := f["permanent"].(bool)
	attempts := 0
	if n := f["attempts"]; n != nil {
		attempts, _ = strconv.Atoi(asText(n)) // a whole number, as the schema has checked
	}
	e := &sdk.Error{Cause: sdk.Cause(text("cause")), Message: text("message"), Hint: text("hint"), Detail: text("detail"), Permanent: permanent}
	if e.Cause == "" {
		e.Cause = sdk.CauseFailed
	}
	return e, attempts, nil
}

// replay gives what an attempt of a real run gave, its last one's when the run had fewer, and in its place what the mock
// says itself.
func (x *mocks) replay(ctx context.Context, c *scope, m *mock, t *sdk.Task, attempt int) (sdk.Result, error) {
	r, ok := m.recorded.Find(stepsTo(t.Address).String())
	if !ok {
		return x.broken(t, m.rng, "nothing was recorded of it", "in "+m.recorded.Path()+" there is "+list(m.recorded.Nodes()))
	}
	a := r.Attempts[min(attempt, len(r.Attempts))-1]
	if a.Error != nil {
		e := *a.Error
		return sdk.Result{}, &e
	}
	outputs, err := m.recorded.Restore(ctx, a.Outputs, x.block.bench.artifacts)
	if err != nil {
		return x.broken(t, m.rng, err.Error(), "spinbot test --record writes it anew")
	}
	var own any = map[string]any{}
	if m.outputs != nil {
		var diags hcl.Diagnostics
		if own, diags = c.value(m.outputs); diags.HasErrors() {
			return x.broken(t, *diags[0].Subject, lowerFirst(diags[0].Summary), diags[0].Detail)
		}
	}
	given, _ := own.(map[string]any) // checked before
	for _, name := range a.Sensitive {
		if _, ok := given[name]; !ok {
			return x.broken(t, m.rng, "its output "+name+" is sensitive, so it was not recorded",
				"say what it gives: mock \""+m.target+"\" { recorded = \"…\", outputs = { "+name+" = … } }")
		}
	}
	whole := map[string]any{}
	maps.Copy(whole, outputs)
	maps.Copy(whole, given)
	nodeType, _ := x.block.nodeType(t.Type)
	return x.fitting(c, m, t, nodeType, whole)
}
