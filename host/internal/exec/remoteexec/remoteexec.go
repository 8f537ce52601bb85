package remoteexec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

// Link brings tasks to agents.
type Link interface {
	// Run has an agent carry out an attempt, and gives its outcome. whole says whether what belongs to an outcome has arrived:
	// else the agent is asked for it again. When ctx ends the attempt is stopped there, unless its cause is exec.ErrLetGo.
	Run(ctx context.Context, a protocol.Attempt, report func(sdk.Report), whole func(protocol.Result) bool) (protocol.Result, error)
	// Seal seals something for an agent.
	Seal(agent string, purpose, plain []byte) ([]byte, error)
}

// Config is what an Executor works with.
type Config struct {
	Next exec.Executor // carries out what goes nowhere else
	Link Link
	// Sealer opens what is sensitive for whom it is sent to; Open opens what agents have sealed for this host.
	Sealer exec.Sealer
	Open   func(purpose, sealed []byte) ([]byte, error)
	// Artifacts are this host's: what a result refers to has to be there.
	Artifacts interface {
		Touch(ctx context.Context, digest string) error
	}
	// Local says whether an agent is this process.
	Local func(agent string) bool
	// Expect tells the agent in this process of a task that comes.
	Expect func(placement.Assignment)
}

// Executor carries out tasks on the agents that they were assigned to.
type Executor struct {
	cfg      Config
	mu       sync.Mutex
	expected map[string]placement.Assignment
}

// New makes an Executor.
func New(c Config) *Executor {
	return &Executor{cfg: c, expected: map[string]placement.Assignment{}}
}

// Expect says where a task goes that comes.
func (e *Executor) Expect(a placement.Assignment) {
	if e.cfg.Local(a.Agent) {
		e.cfg.Expect(a)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expected[a.Task.ID] = a
}

// Forget says that a task comes no more.
func (e *Executor) Forget(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.expected, id)
}

// Execute implements exec.Executor.
func (e *Executor) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	id := t.Address.String()
	e.mu.Lock()
	a, away := e.expected[id]
	delete(e.expected, id)
	e.mu.Unlock()
	agent, session, held := exec.Held(ctx)
	held = held && !e.cfg.Local(agent)
	if !away && !held {
		return e.cfg.Next.Execute(ctx, t)
	}
	to := protocol.Attempt{Agent: a.Agent, ID: id, Held: held, Session: session}
	if held {
		to.Agent = agent
	}
	return exec.Traced("agent", exec.Func(func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
		return e.away(ctx, t, a, to, away)
	})).Execute(ctx, t)
}

// away has an agent carry a task out, which it holds already or is sent.
func (e *Executor) away(ctx context.Context, t *sdk.Task, a placement.Assignment, to protocol.Attempt, send bool) (sdk.Result, error) {
	if send {
		var err error
		if to.Body, err = e.pack(ctx, t, a, to.ID); err != nil && !to.Held { // what its agent holds needs no sending
			return sdk.Result{}, sdk.Refuse(err.Error(), "")
		}
	}
	return e.run(ctx, t, to)
}

func (e *Executor) pack(ctx context.Context, t *sdk.Task, a placement.Assignment, id string) ([]byte, error) {
	p := parcel{Type: t.Type, Time: t.Time, Seed: t.Seed, Fresh: exec.Fresh(ctx), Owner: t.Owner, Pipeline: t.Pipeline, PipelineName: t.PipelineName,
		Devices: t.Devices, Limits: t.Limits, Checkpoint: t.Checkpoint, Assignment: &a, TraceParent: t.TraceParent}
	if !t.Deadline.IsZero() {
		p.Timeout = t.Deadline.Sub(t.Time)
	}
	p.Idle, _ = exec.Idle(ctx)
	var secrets []secret
	keep := func(s sdk.Sealed) (string, error) {
		x, mask, err := e.cfg.Sealer.Open(s)
		secrets = append(secrets, secret{sdk.Values{"": x}, mask})
		return strconv.Itoa(len(secrets) - 1), err
	}
	var err error
	p.Inputs = t.Inputs
	if sdk.HasSealed(t.Inputs) {
		p.Inputs, err = exec.MapSealed(t.Inputs, func(s sdk.Sealed) (any, error) {
			n, err := keep(s)
			return sdk.Sealed{Token: n, Artifacts: s.Artifacts}, err
		})
	}
	if sealed, with, ok := exec.SealedCheckpoint(t.Checkpoint); ok && err == nil {
		var n string
		n, err = keep(sdk.Sealed{Token: sealed})
		p.Checkpoint = with(n)
	}
	if err == nil && len(secrets) > 0 {
		p.Secrets, err = seal(func(purpose, plain []byte) ([]byte, error) { return e.cfg.Link.Seal(a.Agent, purpose, plain) }, purpose("task", id), secrets)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(p)
}

func (e *Executor) run(ctx context.Context, t *sdk.Task, a protocol.Attempt) (sdk.Result, error) {
	agent, id := a.Agent, a.ID
	r, err := e.cfg.Link.Run(ctx, a, func(r sdk.Report) { t.Report(e.checkpoint(r, id)) }, func(r protocol.Result) bool { return e.whole(ctx, r) })
	if err != nil {
		return sdk.Result{}, err
	}
	var o outcome
	if len(r.Body) > 0 {
		if err := json.Unmarshal(r.Body, &o); err != nil {
			return sdk.Result{}, fmt.Errorf("what agent %s says of its outcome cannot be read: %w", agent, err)
		}
	}
	if o.Usage != nil {
		t.Report(sdk.Report{Kind: sdk.ReportUsage, Usage: o.Usage})
	}
	if r.Error != nil {
		return sdk.Result{}, r.Error
	}
	if o.Sealed != nil {
		if err := open(e.cfg.Open, purpose("outputs", id), o.Sealed, &o.Outputs); err != nil {
			return sdk.Result{}, fmt.Errorf("its outputs, which agent %s sealed, cannot be opened: %w", agent, err)
		}
	}
	return sdk.Result{Outputs: o.Outputs}, nil
}

// whole says whether all artifacts of a result are here.
func (e *Executor) whole(ctx context.Context, r protocol.Result) bool {
	for _, digest := range r.Artifacts {
		if err := artifacts.Renew(ctx, e.cfg.Artifacts, digest); errors.Is(err, artifacts.ErrNotFound) {
			return false
		}
	}
	return true
}

// checkpoint seals for this host what an agent has sealed for it on the way.
func (e *Executor) checkpoint(r sdk.Report, id string) sdk.Report {
	t, with, ok := exec.SealedCheckpoint(r.Checkpoint)
	if !ok {
		return r
	}
	var text string
	sealed, err := fromToken(t)
	if err == nil {
		err = open(e.cfg.Open, purpose("checkpoint", id), sealed, &text)
	}
	var s sdk.Sealed
	if err == nil {
		s, err = e.cfg.Sealer.Seal(text, false)
	}
	if err != nil {
		return sdk.Report{Kind: sdk.ReportLog, Level: "warn", Message: "a checkpoint was dropped: it " + err.Error()}
	}
	r.Checkpoint = with(s.Token)
	return r
}
