package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/sdk"
)

// values is the schema of an object with one member v of any kind.
func values() sdk.Schema {
	return sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "v"}, {Name: "text", Schema: sdk.Schema{Type: "string"}}}}
}

// types are the node types of these tests.
var types = pipeline.Bundle{Types: []sdk.NodeType{
	{Name: "test.do", Inputs: values(), Outputs: values(), Idempotent: true},
	{Name: "test.once", Inputs: values(), Outputs: values()},
	{Name: "test.two", Inputs: values(), Outputs: values(), Idempotent: true, Concurrency: 2},
	{Name: "test.one", Inputs: values(), Outputs: values(), Idempotent: true, Concurrency: 1},
	{Name: "control.calc", Inputs: values(), Outputs: values(), Idempotent: true},
	{Name: "test.pure", Inputs: values(), Outputs: values(), Idempotent: true, Revision: "1"},
}}

func parse(tb testing.TB, text string) *pipeline.Pipeline {
	tb.Helper()
	p, err := parsed(text)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// parsed reads a pipeline; files that it names follow it as in a text archive.
func parsed(text string) (*pipeline.Pipeline, error) {
	archive := txtar.Parse([]byte(text))
	files := map[string][]byte{"p.hcl": archive.Comment}
	for _, f := range archive.Files {
		files[f.Name] = f.Data
	}
	p, found := load.Load(pipeline.Bundle{File: "p.hcl", Files: files}.FS(), "p.hcl", types)
	if found.HasErrors() {
		return nil, found
	}
	return p, nil
}

// fakeArtifacts keeps artifacts in memory.
type fakeArtifacts struct {
	mu    sync.Mutex
	bytes map[string][]byte
}

func (f *fakeArtifacts) Put(_ context.Context, r io.Reader, hint sdk.Artifact) (sdk.Artifact, error) {
	raw, err := io.ReadAll(r)
	sum := sha256.Sum256(raw)
	hint.Digest, hint.Size = "sha256:"+hex.EncodeToString(sum[:]), int64(len(raw))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bytes[hint.Digest] = raw
	return hint, err
}

func (f *fakeArtifacts) Open(_ context.Context, digest string) (io.ReadSeekCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	raw, ok := f.bytes[digest]
	if !ok {
		return nil, artifacts.ErrNotFound
	}
	return struct {
		io.ReadSeeker
		io.Closer
	}{bytes.NewReader(raw), io.NopCloser(nil)}, nil
}

func (f *fakeArtifacts) Fetch(context.Context, string, string) error { return errors.New("not here") }
func (f *fakeArtifacts) Delete(context.Context, string) error        { return errors.New("not here") }

// journal is the store, with a say in every append, and knows what is durable.
type journal struct {
	*memstore.Store
	// before and after, when set, may refuse the n-th append (from 1): before it is stored, and after.
	before, after func(n int, a store.Append) error

	mu        sync.Mutex
	appends   int
	conflicts int
	durable   map[string]bool // attempts whose start is stored
}

func (j *journal) Append(ctx context.Context, a store.Append) error {
	j.mu.Lock()
	j.appends++
	n := j.appends
	j.mu.Unlock()
	if j.before != nil {
		if err := j.before(n, a); err != nil {
			return err
		}
	}
	err := j.Store.Append(ctx, a)
	if errors.Is(err, store.ErrConflict) {
		j.mu.Lock()
		j.conflicts++
		j.mu.Unlock()
	}
	if err != nil {
		return err
	}
	j.mu.Lock()
	for _, raw := range a.Events {
		if ev, err := run.Decode(raw); err == nil && ev.Kind == run.AttemptStarted {
			j.durable[address(a.Run, ev).String()] = true
		}
	}
	j.mu.Unlock()
	if j.after != nil {
		return j.after(n, a)
	}
	return nil
}

func address(id string, ev run.Event) sdk.Address {
	return ev.At(run.ID(id))
}

func (j *journal) isDurable(a sdk.Address) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.durable[a.String()]
}

// task is what a script makes of one task.
type task func(ctx context.Context, t *sdk.Task) (sdk.Result, error)

func give(v any) (sdk.Result, error) { return sdk.Result{Outputs: sdk.Values{"v": v}}, nil }

// echo gives back what it got.
func echo(_ context.Context, t *sdk.Task) (sdk.Result, error) { return give(t.Inputs["v"]) }

// hang works until it is told to stop.
func hang(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
	<-ctx.Done()
	return sdk.Result{}, context.Cause(ctx)
}

// last fails until the n-th attempt.
func last(n int, then task) task {
	return func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
		if t.Address.Attempt < n {
			return sdk.Result{}, sdk.Fail(fmt.Sprintf("attempt %d broke", t.Address.Attempt), "")
		}
		return then(ctx, t)
	}
}

// fakeExecutor plays a script: by node instance such as a["x"], else by node name, else echo.
type fakeExecutor struct {
	t       *testing.T
	journal *journal
	script  map[string]task

	mu       sync.Mutex
	began    []sdk.Address
	at       []time.Time
	ended    map[string]bool // instances that gave a result
	now, max map[string]int  // tasks under way, by node type and ""
}

func (f *fakeExecutor) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	if t.Type != "control.calc" && !f.journal.isDurable(t.Address) {
		f.t.Errorf("%s was started before its intent was durable", t.Address)
	}
	name := t.Address.Node.Name + t.Address.Node.Key.String()
	f.mu.Lock()
	f.began, f.at = append(f.began, t.Address), append(f.at, time.Now())
	f.count(t.Type, 1)
	f.mu.Unlock()
	do := f.script[name]
	if do == nil {
		do = f.script[t.Address.Node.Name]
	}
	if do == nil {
		do = echo
	}
	res, err := do(ctx, t)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count(t.Type, -1)
	if err == nil {
		f.ended[t.Address.Run+name] = true
	}
	return res, err
}

func (f *fakeExecutor) count(nodeType string, by int) {
	for _, k := range []string{nodeType, ""} {
		f.now[k] += by
		f.max[k] = max(f.max[k], f.now[k])
	}
}

// starts says how often the instance was executed, in all runs.
func (f *fakeExecutor) starts(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, a := range f.began {
		if a.Node.Name+a.Node.Key.String() == name {
			n++
		}
	}
	return n
}

// rig is an engine over a store and an executor that outlive it.
type rig struct {
	*testing.T
	journal   *journal
	artifacts *fakeArtifacts
	exec      *fakeExecutor
	cfg       engine.Config
	*engine.Engine
}

func newRig(t *testing.T, script map[string]task, change ...func(*engine.Config)) *rig {
	r := &rig{T: t, journal: &journal{Store: memstore.New(), durable: map[string]bool{}},
		artifacts: &fakeArtifacts{bytes: map[string][]byte{}}}
	r.exec = &fakeExecutor{t: t, journal: r.journal, script: script, ended: map[string]bool{}, now: map[string]int{}, max: map[string]int{}}
	r.cfg = engine.Config{Journal: r.journal, Artifacts: r.artifacts, Executor: r.exec,
		RunsAhead: func(n sdk.NodeType) bool { return n.Name == "control.calc" }}
	for _, c := range change {
		c(&r.cfg)
	}
	r.Engine = engine.New(r.cfg)
	return r
}

// bubble runs the test in a bubble of its own: its clock stands while anybody works, and whatever goroutine is left
// at the end fails it.
func bubble(t *testing.T, script map[string]task, test func(*rig), change ...func(*engine.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, script, change...)
		test(r)
		r.stop()
	})
}

// stop closes the engine at once: what runs is drained.
func (r *rig) stop() {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.Close(ctx); err != nil {
		r.Error(err)
	}
	if r.Live() != 0 {
		r.Errorf("%d runs are live in a closed engine", r.Live())
	}
}

// restart puts a new engine over what the old one left.
func (r *rig) restart() { r.stop(); r.Engine = engine.New(r.cfg) }

func (r *rig) submit(text string) run.ID {
	r.Helper()
	id, err := r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, text), Inputs: sdk.Values{}, Owner: "ada"})
	if err != nil {
		r.Fatal(err)
	}
	return id
}

// wait waits for the run's end, which must be want.
func (r *rig) wait(id run.ID, want run.Status) *progress.State {
	r.Helper()
	s, err := r.Wait(context.Background(), id)
	if err != nil {
		r.Fatal(err)
	}
	if s.Status != want {
		r.Fatalf("the run %s, want %s: %v", s.Status, want, s.Error)
	}
	return s
}

func (r *rig) adopt(id run.ID) {
	r.Helper()
	if err := r.Adopt(context.Background(), id); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) resume(id run.ID) {
	r.Helper()
	if err := r.Resume(context.Background(), id); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) cancel(id run.ID) {
	r.Helper()
	if err := r.Cancel(context.Background(), id, "", "enough"); err != nil {
		r.Fatal(err)
	}
}

// events reads the run's journal, whose numbers must have no gap.
func (r *rig) events(id run.ID) []run.Event {
	r.Helper()
	return read(r, r.journal, id)
}

func read(tb testing.TB, j store.Journal, id run.ID) []run.Event {
	tb.Helper()
	stored, err := j.Read(context.Background(), string(id), 0, 0)
	if err != nil {
		tb.Fatal(err)
	}
	events := make([]run.Event, len(stored))
	for k, s := range stored {
		if events[k], err = run.Decode(s.Data); err != nil {
			tb.Fatal(err)
		}
		if s.Seq != uint64(k)+1 || events[k].Seq != s.Seq {
			tb.Fatalf("event %d has number %d in the store and %d in itself", k+1, s.Seq, events[k].Seq)
		}
	}
	return events
}

// once fails when an instance was started again after a success that the journal holds, and that came before a cancel.
func once(tb testing.TB, events []run.Event) {
	tb.Helper()
	good, cancelled := map[string]bool{}, false
	for _, ev := range events {
		at := ev.At("run_x")
		at.Attempt = 0
		i := at.String()
		switch {
		case ev.Kind == run.CancelRequested || ev.Kind == run.RunResumed:
			cancelled = ev.Kind == run.CancelRequested
		case ev.Kind == run.AttemptStarted && good[i]:
			tb.Errorf("event %d starts %s again, which had succeeded", ev.Seq, i)
		case ev.Kind == run.AttemptEnded && ev.Error == nil && !cancelled:
			good[i] = true
		}
	}
}

// want compares a value as JSON does.
func want(tb testing.TB, what string, got any, text string) {
	tb.Helper()
	raw, err := json.Marshal(got)
	if err != nil {
		tb.Fatal(err)
	}
	var a, b any
	if err := errors.Join(json.Unmarshal(raw, &a), json.Unmarshal([]byte(text), &b)); err != nil {
		tb.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		tb.Errorf("%s is %s, want %s", what, raw, text)
	}
}
