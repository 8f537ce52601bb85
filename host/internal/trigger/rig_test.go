package trigger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/sdk"
)

// fakeRuns keeps what was submitted; runs go on until they are ended.
type fakeRuns struct {
	mu    sync.Mutex
	made  []Run
	over  map[string]bool
	fail  error // of Submit, before the run is made
	lose  error // of Submit, after it was
	hook  func(Run)
	asked int // how often Submit was called
}

func (f *fakeRuns) Submit(ctx context.Context, r Run) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if f.hook != nil {
		f.hook(r)
	}
	if err := errors.Join(ctx.Err(), f.fail); err != nil {
		return err
	}
	if !slices.ContainsFunc(f.made, func(o Run) bool { return o.ID == r.ID }) {
		f.made = append(f.made, r)
	}
	return f.lose
}

func (f *fakeRuns) Ended(_ context.Context, id string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	there := slices.ContainsFunc(f.made, func(o Run) bool { return o.ID == id })
	return !there || f.over[id], nil
}

// set changes how Submit behaves from now on.
func (f *fakeRuns) set(change func(f *fakeRuns)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeRuns) all() []Run {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.made)
}

// syncBuffer is a log.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// rig is triggers over pipelines in memory, with a clock that begins when the test says.
type rig struct {
	*testing.T
	*Triggers
	runs    *fakeRuns
	cfg     Config
	log     *syncBuffer
	mu      sync.Mutex
	sources []Source
	serial  int
	stop    func()
}

// newRig begins at a time, given as in RFC 3339. Nothing fires before serve.
func newRig(t *testing.T, begin, text string) *rig {
	t.Helper()
	r := &rig{T: t, runs: &fakeRuns{over: map[string]bool{}}, log: &syncBuffer{}}
	from, err := time.Parse(time.RFC3339, begin)
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	r.pipeline(text)
	r.cfg = Config{
		Pipelines: func(context.Context) ([]Source, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return slices.Clone(r.sources), nil
		},
		Runs: r.runs,
		Keep: func(_ context.Context, pipeline, file string) (sdk.Artifact, error) {
			if strings.Contains(file, "gone") {
				return sdk.Artifact{}, fs.ErrNotExist
			}
			return sdk.Artifact{Digest: "sha256:" + pipeline, MediaType: "image/png", Size: 3, Name: file}, nil
		},
		Secret: func(_ context.Context, name string) (string, error) {
			if name == "lost" {
				return "", errors.New("no value")
			}
			return map[string]string{"hook": "hunter2"}[name], nil
		},
		NewID: func(time.Time) string {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.serial++
			return fmt.Sprintf("run_%d", r.serial)
		},
		Dir: t.TempDir(),
		Now: func() time.Time { return from.Add(time.Since(started)) },
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	}
	r.Triggers = New(r.cfg)
	return r
}

// pipeline puts the only pipeline there is into use.
func (r *rig) pipeline(text string) {
	r.Helper()
	fsys := fstest.MapFS{"film.hcl": {Data: []byte("pipeline \"film\" {}\n" + text)}, "face.png": {}, "gone.png": {}}
	p, ds := load.Load(fsys, "film.hcl", pipeline.Bundle{})
	if ds.HasErrors() {
		r.Fatal(ds)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sources = []Source{{"broken", nil}, {"film", p}}
}

// serve runs the crons until halt.
func (r *rig) serve() {
	ctx, cancel := context.WithCancel(r.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Triggers.Run(ctx) })
	r.stop = func() { cancel(); running.Wait() }
}

// halt ends what serve began; the triggers forget what they had in memory.
func (r *rig) halt() {
	r.stop()
	r.Triggers = New(r.cfg)
}

// end ends a run.
func (r *rig) end(id string) {
	r.runs.set(func(f *fakeRuns) { f.over[id] = true })
	r.Ended(id)
}

// fired gives when each run was due: the value of its variable "at".
func (r *rig) fired() string {
	var times []string
	for _, run := range r.runs.all() {
		times = append(times, fmt.Sprint(run.Inputs["at"]))
	}
	return strings.Join(times, " ")
}

func (r *rig) want(what, want string) {
	r.Helper()
	if got := r.fired(); got != want {
		r.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// status gives how the only trigger, or the one of that name, stands.
func (r *rig) status(name ...string) Status {
	r.Helper()
	all, err := r.List(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	for _, s := range all {
		if len(name) == 0 || s.Name == name[0] {
			return s
		}
	}
	r.Fatalf("no trigger %v", name)
	return Status{}
}
