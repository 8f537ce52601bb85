// Package trigger makes runs by itself: when the schedule of a cron comes due, when another program asks with a signed
// webhook, and when a person fires a trigger by hand.
//
// What it decides is durable before it is done: a record of each trigger says up to when its schedule is settled, and
// under which id the run is made that is due. So a restart neither fires twice nor leaves a fire out that had begun.
// Hosts that share their runs share the records too: the one that leads fires crons, and a record is replaced only by who
// has read its last revision. So a host that does not know yet that it leads no more fires nothing twice.
// There is one timer, for the next fire of all; pipelines are looked at when it ends, and every quarter of a minute.
//
// It knows neither engine nor folders: it is given pipelines, and makes runs through Runs.
package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Runs are where runs are made.
type Runs interface {
	// Submit makes a run; when it returns the run is durable. A run that is there already stays as it is.
	Submit(ctx context.Context, r Run) error
	// Ended says whether a run goes on no more. One that is not there has ended.
	Ended(ctx context.Context, id string) (bool, error)
}

// Run is a run to be made, with checked inputs.
type Run struct {
	ID       string
	Pipeline *pipeline.Pipeline
	Inputs   sdk.Values
	Owner    string
}

// Source is a pipeline that the host knows.
type Source struct {
	Name string
	// Pipeline is nil while it is out of use.
	Pipeline *pipeline.Pipeline
}

// Config is what triggers work with. Every part but Records, Leads, Now, Look and Log has to be there.
type Config struct {
	// Pipelines gives those there are now.
	Pipelines func(ctx context.Context) ([]Source, error)
	Runs      Runs
	// Keep makes an artifact of a file in a pipeline's folder.
	Keep func(ctx context.Context, pipeline, file string) (sdk.Artifact, error)
	// Secret gives the value of a secret. It never leaves this package.
	Secret func(ctx context.Context, name string) (string, error)
	// NewID makes the id of a run.
	NewID func(now time.Time) string
	// Dir keeps the records, a folder for each pipeline.
	Dir string
	// Records keep them instead, for hosts that share their runs; nil: this host has its own. Leads says whether it is this one
	// that fires crons now; nil: always.
	Records store.Records
	Leads   func() bool
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Look is how long the timer waits at most; 0: a quarter of a minute.
	Look time.Duration
	Log  *slog.Logger
	// Observe, when set, is told what became of each fire, once that is recorded. It must not block.
	Observe func(pipeline, trigger string, o Outcome)
}

// Outcome is what became of a fire.
type Outcome string

// The outcomes of fires.
const (
	// Fired: a run was made.
	Fired Outcome = "fired"
	// Skipped: a time of a schedule was left out, or a webhook's delivery had come before.
	Skipped Outcome = "skipped"
	// Refused: no run was made, because who asked is not known, the inputs are wrong, or the host makes none now. What is
	// tried again counts each time.
	Refused Outcome = "refused"
)

// The errors of asking for a trigger.
var (
	// ErrUnknown says that there is no such pipeline or trigger.
	ErrUnknown = errors.New("no such trigger")
	// ErrOutOfUse says that the trigger's pipeline is broken now.
	ErrOutOfUse = errors.New("its pipeline is out of use")
)

// InputError says why what a trigger gives cannot be the inputs of a run.
type InputError struct{ Diagnostics diagnostic.Diagnostics }

// Error gives one line for each mistake.
func (e *InputError) Error() string { return e.Diagnostics.Error() }

// Triggers fires what is due. It is safe for concurrent use.
type Triggers struct {
	cfg  Config
	wake chan struct{} // holds one while something is to be looked at

	mu      sync.Mutex
	records map[string]*record  // by pipeline/trigger
	awaited map[string]struct{} // runs whose end a queued fire waits for
}

// New makes triggers. Crons fire while Run runs.
func New(cfg Config) *Triggers {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Look == 0 {
		cfg.Look = 15 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Observe == nil {
		cfg.Observe = func(string, string, Outcome) {}
	}
	return &Triggers{cfg: cfg, wake: make(chan struct{}, 1), records: map[string]*record{}, awaited: map[string]struct{}{}}
}

// Ended tells that a run has ended. It does not block.
func (t *Triggers) Ended(run string) {
	t.mu.Lock()
	_, awaited := t.awaited[run]
	delete(t.awaited, run)
	t.mu.Unlock()
	if awaited {
		t.Wake()
	}
}

// Wake has it look at once, as when this host begins to lead. It does not block.
func (t *Triggers) Wake() {
	select {
	case t.wake <- struct{}{}:
	default: // it will look anyway
	}
}

func (t *Triggers) await(run string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.awaited[run] = struct{}{}
}

// find gives a trigger of a pipeline that is in use.
func (t *Triggers) find(ctx context.Context, pipelineName, name string) (*pipeline.Pipeline, *pipeline.Trigger, error) {
	all, err := t.cfg.Pipelines(ctx)
	if err != nil {
		return nil, nil, err
	}
	var known []string
	for _, s := range all {
		known = append(known, s.Name)
		if s.Name != pipelineName {
			continue
		}
		if s.Pipeline == nil {
			return nil, nil, fmt.Errorf("%s/%s: %w", pipelineName, name, ErrOutOfUse)
		}
		if tr, ok := s.Pipeline.Trigger(name); ok {
			return s.Pipeline, tr, nil
		}
		known = nil
		for _, tr := range s.Pipeline.Triggers {
			known = append(known, tr.Name)
		}
		return nil, nil, fmt.Errorf("%s/%s: %w%s", pipelineName, name, ErrUnknown, expr.DidYouMean(name, known))
	}
	return nil, nil, fmt.Errorf("%s/%s: %w%s", pipelineName, name, ErrUnknown, expr.DidYouMean(pipelineName, known))
}

// Status is how a trigger stands.
type Status struct {
	Pipeline string
	*pipeline.Trigger
	// Next is when a cron comes due; zero for webhooks.
	Next time.Time
	// Fired is the time of the last fire of which a run was made, and LastRun that run.
	Fired   time.Time
	LastRun string
	// Error is why the last fire made no run, at Failed; empty once one has.
	Error  string
	Failed time.Time
	// Skipped is the last time that was left out, and Why.
	Skipped time.Time
	Why     string
	// Waiting counts fires that wait for the last run to end.
	Waiting int
}

// List gives every trigger of the pipelines in use, in their order.
func (t *Triggers) List(ctx context.Context) ([]Status, error) {
	all, err := t.cfg.Pipelines(ctx)
	if err != nil {
		return nil, err
	}
	now := t.cfg.Now()
	var out []Status
	for _, s := range all {
		if s.Pipeline == nil {
			continue
		}
		for _, tr := range s.Pipeline.Triggers {
			out = append(out, t.status(ctx, s.Name, tr, now))
		}
	}
	return out, nil
}

func (t *Triggers) status(ctx context.Context, pipelineName string, tr *pipeline.Trigger, now time.Time) Status {
	x := Status{Pipeline: pipelineName, Trigger: tr}
	s, err := t.record(pipelineName, tr.Name).last(ctx)
	if err != nil {
		x.Error = err.Error()
	} else {
		x.Fired, x.LastRun, x.Error, x.Failed, x.Skipped, x.Why, x.Waiting = s.Fired, s.Run, s.Error, s.Failed, s.Skipped, s.Why, len(s.Waiting)
	}
	if tr.Kind == pipeline.Cron {
		from := now
		if s.Schedule == scheduleOf(tr) && s.Settled.After(now.Add(-grace)) {
			from = s.Settled // it may be due this moment
		}
		x.Next = tr.Schedule.Next(from)
	}
	return x
}

// Fire makes a run of a trigger because a person asks for it, whatever its schedule and the run before.
func (t *Triggers) Fire(ctx context.Context, pipelineName, name, owner string, e eval.TriggerEvent) (run string, err error) {
	p, tr, err := t.find(ctx, pipelineName, name)
	if err != nil {
		return "", err
	}
	defer func() { t.observe(ctx, pipelineName, name, err) }()
	e.Time = t.cfg.Now()
	r := t.record(pipelineName, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.begin(ctx); err != nil {
		return "", err
	}
	id := t.cfg.NewID(e.Time)
	if err := t.submit(ctx, p, tr, e, id, owner); err != nil {
		return "", errors.Join(err, r.change(ctx, func(s *state) error { s.failed(e.Time, err); return nil }))
	}
	return id, r.change(ctx, func(s *state) error { s.made(e.Time, id); return nil })
}

// observe tells that a fire made a run, or why it made none. That whoever asked went away is no outcome.
func (t *Triggers) observe(ctx context.Context, pipelineName, name string, err error) {
	switch {
	case err == nil:
		t.cfg.Observe(pipelineName, name, Fired)
	case ctx.Err() == nil:
		t.cfg.Observe(pipelineName, name, Refused)
	}
}

// submit evaluates a trigger's inputs and makes the run.
func (t *Triggers) submit(ctx context.Context, p *pipeline.Pipeline, tr *pipeline.Trigger, e eval.TriggerEvent, id, owner string) error {
	values, err := t.inputs(ctx, p, tr, e)
	if err != nil {
		return err
	}
	return t.cfg.Runs.Submit(ctx, Run{ID: id, Pipeline: p, Inputs: values, Owner: owner})
}

// inputs gives the checked inputs of a run; an *InputError when what the trigger gives is wrong.
func (t *Triggers) inputs(ctx context.Context, p *pipeline.Pipeline, tr *pipeline.Trigger, e eval.TriggerEvent) (sdk.Values, error) {
	e.Files = map[string]sdk.Artifact{}
	for _, file := range tr.Files {
		a, err := t.cfg.Keep(ctx, p.Name, file)
		if err != nil {
			return nil, &keepError{file, err}
		}
		e.Files[file] = a
	}
	given, ds := eval.TriggerInputs(p, tr.Name, e)
	if ds.HasErrors() {
		return nil, &InputError{ds}
	}
	values, ds := eval.Inputs(p, given)
	if ds.HasErrors() {
		return nil, &InputError{ds}
	}
	return values, nil
}

// keepError says that a file was not to be had for a run.
type keepError struct {
	file string
	err  error
}

func (e *keepError) Error() string { return fmt.Sprintf("artifact(%q): %v", e.file, e.err) }
func (e *keepError) Unwrap() error { return e.err }

// hopeless says that trying again gives nothing else.
func hopeless(err error) bool {
	var input *InputError
	var keep *keepError
	return errors.As(err, &input) || errors.As(err, &keep)
}

// ownerOf is who owns the runs that a trigger makes by itself.
func ownerOf(tr *pipeline.Trigger) string { return "trigger:" + tr.Name }
