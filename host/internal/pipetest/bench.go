// Package pipetest tests pipelines without their machines: it runs what testfile reads, and compares what came of it with what
// was expected. It owns the mocks and the comparison; runs go through the real engine, on a journal in memory. It refuses
// to guess: a plugin's node that is not mocked fails the run block, whatever that expected.
package pipetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/pipetest/match"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
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

// Trial is a suite beside its pipelines, checked.
type Trial struct{ blocks []*block }

// block is one run block with the pipeline that it runs.
type block struct {
	*testfile.Block
	bench *Bench
}

// Check loads the pipelines of the run blocks that only chooses (nil: all) and checks the blocks against them. A trial
// whose diagnostics have errors must not run.
func (b *Bench) Check(s *testfile.Suite, only func(name string) bool) (*Trial, diagnostic.Diagnostics) {
	checked, diags := s.Check(b.cfg.Types, testfile.OnDisk, only)
	t := &Trial{}
	for _, c := range checked {
		x := &block{c, b}
		x.hurry()
		t.blocks = append(t.blocks, x)
	}
	return t, diags
}

// hurry takes out of the pipeline what would only be waited for.
func (b *block) hurry() {
	if b.Pipe == nil {
		return
	}
	for _, v := range testfile.Vertices(b.Pipe) {
		v.Node.Retry.Backoff = 0 // a mock that fails will not have changed its mind by waiting
		if a := b.answerOf(v.At); a != nil && a.TimedOut && v.Node.Timeout > 0 {
			v.Node.Timeout = 1 // nanosecond: nobody answers
		}
	}
}

// Runs gives how many run blocks were chosen.
func (t *Trial) Runs() int { return len(t.blocks) }

func (b *Bench) taker(ctx context.Context) testfile.Taker {
	return func(path string) (sdk.Artifact, error) { return b.take(ctx, path) }
}

// Run carries out one run block of a suite that Check found valid.
func (t *Trial) Run(ctx context.Context, i int) Result {
	began := time.Now()
	b := t.blocks[i]
	var found tally
	if b.Run.Diagnostics != nil {
		b.refused(ctx, &found)
	} else {
		b.try(ctx, &found)
	}
	return found.result(b.Run, time.Since(began))
}

// try runs the pipeline and compares what it came to.
func (b *block) try(ctx context.Context, found *tally) {
	inputs, diags := b.inputs(ctx)
	if diags.HasErrors() {
		rng := b.Run.Expect.Range
		if b.Run.Inputs != nil {
			rng = b.Run.Inputs.Range()
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
		found.add(b.Run.Expect.Range, Failure{What: "the run came to no end", Detail: err.Error()})
		return
	}
	if len(found.failures) == 0 { // else the run went wrong for a reason that the test file does not mean
		b.compare(ctx, state, inputs, found)
	}
}

// advance runs the pipeline on an engine of its own, to its end.
func (b *block) advance(ctx context.Context, x *mocks, inputs sdk.Values) (state *progress.State, err error) {
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
	if err := b.standIn(ctx); err != nil {
		return nil, err
	}
	id, err := e.Submit(ctx, engine.Submission{Pipeline: b.Pipe, Inputs: inputs, Seed: 1})
	if err != nil {
		return nil, err
	}
	return p.attend(ctx, id)
}

// standIn puts the artifacts of assets where nodes find them.
func (b *block) standIn(ctx context.Context) error {
	for _, a := range b.Pipe.Assets() {
		for _, v := range a.Versions {
			text := asset.StandInText(asset.Ref{Kind: a.Kind, Name: a.Name, Version: v.Number})
			if _, err := b.bench.artifacts.Put(ctx, strings.NewReader(text), v.Artifact); err != nil {
				return err
			}
		}
	}
	return nil
}

// inputs evaluates the run block's inputs and gives them to the pipeline's variables.
func (b *block) inputs(ctx context.Context) (sdk.Values, diagnostic.Diagnostics) {
	given := sdk.Values{}
	if b.Run.Inputs != nil {
		v, diags := b.Suite.NewScope(b.bench.taker(ctx)).Value(b.Run.Inputs)
		if diags.HasErrors() {
			return nil, testfile.Diagnostics(diags)
		}
		if m, ok := v.(map[string]any); ok {
			given = m
		}
	}
	values, diags := eval.Inputs(b.Pipe, given)
	return values, b.Placed(diags)
}

// refused checks that the pipeline or its inputs are, with the diagnostics that are expected.
func (b *block) refused(ctx context.Context, found *tally) {
	diags := b.Diags
	if b.Pipe != nil && !diags.HasErrors() {
		_, more := b.inputs(ctx)
		diags = append(diags[:len(diags):len(diags)], more...)
	}
	for _, want := range b.Run.Diagnostics {
		if !says(diags, want.Text) {
			found.add(want.Range, Failure{What: "the diagnostics", Want: "one that says " + match.Text(want.Text), Got: orNone(lines(diags))})
		}
	}
	if len(found.failures) == 0 && !diags.HasErrors() {
		found.add(b.Run.Diagnostics[0].Range, Failure{What: "there are only warnings: the run would start",
			Detail: "take diagnostics out to test the run; spinbot validate shows warnings"})
	}
}

func orNone(text string) string {
	if text == "" {
		return "none: the pipeline loads and takes its inputs"
	}
	return text
}
