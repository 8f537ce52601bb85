package remoteexec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec"
	keys "github.com/myspinbot/spinbot/host/internal/secrets/seal"
	"github.com/myspinbot/spinbot/sdk"
)

// ServerConfig is what a Server works with.
type ServerConfig struct {
	// Next carries out tasks on this machine, for one host: what it needs of artifacts comes from there and goes there.
	Next func(ctx context.Context, host string) (exec.Executor, error)
	// Expect tells whoever holds this machine's devices of a task that comes; Forget, that it comes no more.
	Expect func(placement.Assignment)
	Forget func(id string)
	// Open opens what was sealed for this machine; Seal seals for a host.
	Open func(purpose, sealed []byte) ([]byte, error)
	Seal func(ctx context.Context, host string, purpose, plain []byte) ([]byte, error)
	// Learn has a sensitive value masked from now on, Mask takes such values out of a text: also out of errors, which
	// are on this machine's disk and in Redis before the host masks them.
	Learn func(x any)
	Mask  func(string) string
	Now   func() time.Time
}

// Server carries out tasks that hosts have sent.
type Server struct {
	cfg   ServerConfig
	epoch atomic.Int64 // the highest of an assignment
}

// NewServer makes a Server.
func NewServer(c ServerConfig) *Server {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Server{cfg: c}
}

// Run carries out a task to its end.
func (s *Server) Run(ctx context.Context, task protocol.Task, report func(sdk.Report)) protocol.Result {
	var p parcel
	if err := json.Unmarshal(task.Body, &p); err != nil {
		return s.failed(sdk.Refuse("the agent cannot read its task: "+err.Error(), "host and agent may be of versions too far apart"), nil)
	}
	at, err := sdk.ParseAddress(task.ID)
	if err != nil {
		return s.failed(sdk.Refuse("the agent cannot read its task: "+err.Error(), ""), nil)
	}
	t := sdk.Task{Address: at, Type: p.Type, Inputs: p.Inputs, Time: p.Time, Seed: p.Seed, Owner: p.Owner, Pipeline: p.Pipeline, PipelineName: p.PipelineName,
		Checkpoint: p.Checkpoint, Devices: p.Devices, Limits: p.Limits, TraceParent: p.TraceParent}
	if p.Timeout > 0 {
		t.Deadline = s.cfg.Now().Add(p.Timeout)
	}
	if p.Idle > 0 {
		ctx = exec.WithIdle(ctx, p.Idle)
	}
	if p.Fresh {
		ctx = exec.WithFresh(ctx)
	}
	next, err := s.cfg.Next(ctx, task.Host)
	if err == nil && p.Secrets != nil {
		next, err = s.private(ctx, next, task, p.Secrets)
	}
	if err != nil {
		return s.failed(sdk.AsError(err), nil)
	}
	if p.Assignment != nil {
		if err := s.fence(p.Assignment.Epoch); err != nil {
			return s.failed(err, nil)
		}
		s.cfg.Expect(*p.Assignment)
		defer s.cfg.Forget(task.ID)
	}
	var usage *sdk.Usage
	res, err := next.Execute(ctx, t.WithReporter(func(r sdk.Report) {
		if r.Kind == sdk.ReportUsage {
			usage = usage.Add(r.Usage)
			return
		}
		report(r)
	}))
	if err != nil {
		return s.failed(explain(ctx, err), usage)
	}
	out, err := s.outcome(ctx, task, res, usage, p.Secrets != nil)
	if err != nil {
		return s.failed(sdk.AsError(err), usage)
	}
	return out
}

// fence refuses what a host has decided that leads no more, when one that leads since has been heard of. The task is placed again.
func (s *Server) fence(epoch int64) *sdk.Error {
	for epoch > 0 {
		known := s.epoch.Load()
		if epoch < known {
			return &sdk.Error{Cause: sdk.CauseRefused, Message: fmt.Sprintf("it was placed at epoch %d, and another host places tasks since epoch %d", epoch, known)}
		}
		if s.epoch.CompareAndSwap(known, epoch) {
			break
		}
	}
	return nil
}

// explain says why a task ended badly: what it was told goes before what an executor made of it.
func explain(ctx context.Context, err error) *sdk.Error {
	var told, own *sdk.Error
	if !errors.As(context.Cause(ctx), &told) {
		return sdk.AsError(err)
	}
	out := *told
	if errors.As(err, &own) && own.Detail != "" {
		out.Detail = own.Detail
	}
	return &out
}

func (s *Server) failed(err *sdk.Error, usage *sdk.Usage) protocol.Result {
	e := *err
	e.Message, e.Hint, e.Detail = s.cfg.Mask(e.Message), s.cfg.Mask(e.Hint), s.cfg.Mask(e.Detail)
	r := protocol.Result{Error: &e}
	if usage != nil {
		r.Body, _ = json.Marshal(outcome{Usage: usage}) // of numbers and texts
	}
	return r
}

func (s *Server) outcome(ctx context.Context, task protocol.Task, res sdk.Result, usage *sdk.Usage, private bool) (r protocol.Result, err error) {
	o := outcome{Outputs: res.Outputs, Usage: usage}
	seen := map[string]bool{}
	_ = res.Outputs.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) {
		if !seen[a.Digest] {
			seen[a.Digest] = true
			r.Artifacts = append(r.Artifacts, a.Digest)
		}
		return a, nil
	})
	if private {
		o.Outputs = nil
		o.Sealed, err = seal(func(purpose, plain []byte) ([]byte, error) { return s.cfg.Seal(ctx, task.Host, purpose, plain) }, purpose("outputs", task.ID), res.Outputs)
		if err != nil {
			return r, err
		}
	}
	r.Body, err = json.Marshal(o)
	return r, err
}

// private opens what is sensitive in a task just before it is carried out.
func (s *Server) private(ctx context.Context, next exec.Executor, task protocol.Task, sealed []byte) (exec.Executor, error) {
	x := &opened{server: s, ctx: ctx, task: task}
	if err := open(s.cfg.Open, purpose("task", task.ID), sealed, &x.secrets); err != nil {
		return nil, closed(err)
	}
	return exec.Private(next, x, s.cfg.Mask), nil
}

// closed says that what is secret in a task cannot be opened. One for an earlier key of this agent is sent anew, with the key
// that it has said by then; what was altered, or made by a later version, would be so again.
func closed(err error) *sdk.Error {
	e := sdk.Refuse("what is secret in it cannot be opened here: "+err.Error(), "")
	if errors.Is(err, keys.ErrOtherKey) {
		e.Cause, e.Permanent = sdk.CauseRefused, false
	}
	return e
}

// opened are the sensitive values of one task.
type opened struct {
	server  *Server
	ctx     context.Context //nolint:containedctx // an exec.Sealer is asked without one, during the task alone
	task    protocol.Task
	secrets []secret
	learn   sync.Once
}

// Open implements exec.Sealer.
func (o *opened) Open(s sdk.Sealed) (x any, mask bool, err error) {
	n, err := strconv.Atoi(s.Token)
	if err != nil || n < 0 || n >= len(o.secrets) {
		return nil, false, fmt.Errorf("is sealed in a way that nobody knows")
	}
	o.learn.Do(func() {
		for _, s := range o.secrets {
			if s.Mask {
				o.server.cfg.Learn(s.Value[""])
			}
		}
	})
	return o.secrets[n].Value[""], o.secrets[n].Mask, nil
}

// Seal implements exec.Sealer: for the host that the task came from.
func (o *opened) Seal(x any, _ bool) (sdk.Sealed, error) {
	raw, err := seal(func(purpose, plain []byte) ([]byte, error) {
		return o.server.cfg.Seal(o.ctx, o.task.Host, purpose, plain)
	}, purpose("checkpoint", o.task.ID), x)
	return sdk.Sealed{Token: token(raw)}, err
}
