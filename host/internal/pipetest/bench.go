package pipetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/sdk"
)

// Config says what test files are run on.
type Config struct {
	// Types are the node types of this machine. What is not among them may come from recorded files.
	Types pipeline.Types
	// Control carries out control nodes that are not mocked; IsControl says which node types it offers.
	Control   exec.Executor
	IsControl func(nodeType string) bool
	// Dir is an empty folder for artifacts and files of tasks. Whoever made it removes it.
	Dir string
	// Timeout is for one run block; 0: one minute. What is mocked takes no time, so only a defect lasts that long.
	Timeout time.Duration
}

// Bench runs test files. It is safe for concurrent use.
type Bench struct {
	cfg       Config
	artifacts artifacts.Store
	control   exec.Executor
	vault     secrets.StandIn

	mu    sync.Mutex
	taken map[string]sdk.Artifact // files that are artifacts already, by path
}

// New makes a bench.
func New(cfg Config) (*Bench, error) {
	files, err := dir.Open(filepath.Join(cfg.Dir, "artifacts"))
	if err != nil {
		return nil, err
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	b := &Bench{cfg: cfg, artifacts: files, vault: secrets.NewStandIn(), taken: map[string]sdk.Artifact{}}
	if cfg.Control == nil {
		b.cfg.IsControl = func(string) bool { return false }
		return b, nil
	}
	b.control, err = exec.Stage(cfg.Control, exec.StageConfig{Root: filepath.Join(cfg.Dir, "scratch"), Artifacts: files,
		Scratch: func(string) bool { return false }})
	return b, err
}

// take makes an artifact of a file, once.
func (b *Bench) take(ctx context.Context, path string) (sdk.Artifact, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a, ok := b.taken[path]; ok {
		return a, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return sdk.Artifact{}, err
	}
	defer f.Close()
	a, err := b.artifacts.Put(ctx, f, sdk.Artifact{Name: filepath.Base(path)})
	if err == nil {
		b.taken[path] = a
	}
	return a, err
}

func (b *Bench) taker(ctx context.Context) taker {
	return func(path string) (sdk.Artifact, error) { return b.take(ctx, path) }
}

// Run carries out one run block of a suite that Check found valid.
func (t *Trial) Run(ctx context.Context, i int) Result {
	began := time.Now()
	b := t.blocks[i]
	var found tally
	if b.run.diagnostics != nil {
		b.refused(ctx, &found)
	} else {
		b.try(ctx, &found)
	}
	return found.result(b.run, time.Since(began))
}

// try runs the pipeline and compares what it came to.
func (b *block) try(ctx context.Context, found *tally) {
	inputs, diags := b.inputs(ctx)
	if diags.HasErrors() {
		rng := b.run.expect.rng
		if b.run.inputs != nil {
			rng = b.run.inputs.Range()
		}
		found.add(rng, Failure{What: "the inputs are refused", Detail: lines(diags)})
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, b.bench.cfg.Timeout, fmt.Errorf("it did not end within %v", b.bench.cfg.Timeout))
	defer cancel()
	x := newMocks(b)
	state, err := b.advance(ctx, x, inputs)
	found.failures = append(found.failures, x.problems()...)
	if err != nil {
		found.add(b.run.expect.rng, Failure{What: "the run came to no end", Detail: err.Error()})
		return
	}
	if len(found.failures) == 0 { // else the run went wrong for a reason that the test file does not mean
		b.compare(ctx, state, inputs, found)
	}
}

// advance runs the pipeline on an engine of its own, to its end.
func (b *block) advance(ctx context.Context, x *mocks, inputs sdk.Values) (state *run.State, err error) {
	journal := memstore.New()
	p := newPerson(b, x)
	e := engine.New(engine.Config{Journal: journal, Index: journal, Artifacts: b.bench.artifacts, Vault: b.bench.vault, MaxTasks: 1,
		Executor: exec.Private(x, b.bench.vault, func(s string) string { return s }), // a test shows what it is given
		Observe:  func(_ run.ID, e run.Event) { x.observe(e); p.observe(e) }})
	p.engine = e
	defer func() {
		stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
		if state == nil || !state.Status.Ended() { // what still runs is not waited for
			cancel()
		}
		defer cancel()
		if e := e.Close(stop); err == nil {
			err = e
		}
	}()
	id, err := e.Submit(ctx, engine.Submission{Pipeline: b.pipe, Inputs: inputs, Seed: 1})
	if err != nil {
		return nil, err
	}
	return p.attend(ctx, id)
}

// inputs evaluates the run block's inputs and gives them to the pipeline's variables.
func (b *block) inputs(ctx context.Context) (sdk.Values, pipeline.Diagnostics) {
	given := sdk.Values{}
	if b.run.inputs != nil {
		v, diags := b.suite.newScope(b.bench.taker(ctx)).value(b.run.inputs)
		var f finder
		if f.hcl(diags); f.found.HasErrors() {
			return nil, f.found
		}
		if m, ok := v.(map[string]any); ok {
			given = m
		}
	}
	values, diags := b.pipe.Inputs(given)
	return values, b.placed(diags)
}

// refused checks that the pipeline or its inputs are, with the diagnostics that are expected.
func (b *block) refused(ctx context.Context, found *tally) {
	diags := b.diags
	if b.pipe != nil && !diags.HasErrors() {
		_, more := b.inputs(ctx)
		diags = append(diags[:len(diags):len(diags)], more...)
	}
	for _, want := range b.run.diagnostics {
		if !says(diags, want.text) {
			found.add(want.rng, Failure{What: "the diagnostics", Want: "one that says " + asText(want.text), Got: orNone(lines(diags))})
		}
	}
	if len(found.failures) == 0 && !diags.HasErrors() {
		found.add(b.run.diagnostics[0].rng, Failure{What: "there are only warnings: the run would start",
			Detail: "take diagnostics out to test the run; spinbot validate shows warnings"})
	}
}

func orNone(text string) string {
	if text == "" {
		return "none: the pipeline loads and takes its inputs"
	}
	return text
}
