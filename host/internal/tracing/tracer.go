package tracing

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/trace"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/span"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Tracer traces the runs of a host, or what an agent does for them. To nil, which is what nothing is traced by, all of its
// methods may be called, and do nothing. It is safe for concurrent use.
type Tracer struct {
	part   float64
	out    *exporter
	follow *follower // nil: of an agent

	mu    sync.Mutex
	waits map[trace.SpanID][]trace.Mark // why attempts wait that have not begun
}

// New makes a tracer; nil when the settings trace nothing. Close it in the end.
func New(s Settings, version string, log *slog.Logger) *Tracer {
	if !s.On() {
		return nil
	}
	return &Tracer{part: s.Sample, out: newExporter(s, version, log), waits: map[trace.SpanID][]trace.Mark{}}
}

// Follow has it told of runs by Observe, from now on. shape is that of a run's pipeline, by the digest of its bundle.
func (t *Tracer) Follow(journal store.Journal, shape func(ctx context.Context, bundle string) (run.Shape, error), log *slog.Logger) {
	if t == nil {
		return
	}
	t.follow = &follower{journal: journal, shape: shape, emit: t.explained, log: log}
	t.follow.begin()
}

// Observe takes an event that has become durable. It does not block.
func (t *Tracer) Observe(id run.ID, e run.Event) {
	if t != nil && t.follow != nil && t.samples(id) {
		t.follow.observe(id, e)
	}
}

func (t *Tracer) samples(id run.ID) bool { return t.part >= 1 || trace.Sampled(trace.Of(id), t.part) }

// Dropped and Sent count spans since the beginning.
func (t *Tracer) Dropped() int64 {
	if t == nil {
		return 0
	}
	n := t.out.dropped.Load()
	if t.follow != nil {
		n += t.follow.missed.Load()
	}
	return n
}

// Sent counts the spans that the collector has taken.
func (t *Tracer) Sent() int64 {
	if t == nil {
		return 0
	}
	return t.out.sent.Load()
}

// Figures has somebody count what became of spans, under these names.
func (t *Tracer) Figures(counter func(name, help string, read func() float64)) {
	counter("trace_spans_sent_total", "Spans that the collector of traces has taken.", func() float64 { return float64(t.Sent()) })
	counter("trace_spans_dropped_total", "Spans that were given up: the collector did not take them, or there were too many at once.", func() float64 { return float64(t.Dropped()) })
}

// closing is how long the collector may take for what is held at the end.
const closing = 2 * time.Second

// Close sends what is held, and gives it up when that takes long.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	if t.follow != nil {
		t.follow.close(ctx)
	}
	t.out.close(ctx)
}

// Attempts has executors make spans within those of the attempts that they carry out.
func (t *Tracer) Attempts(next exec.Executor) exec.Executor {
	if t == nil {
		return next
	}
	return exec.Func(func(ctx context.Context, task *sdk.Task) (sdk.Result, error) {
		if id := run.ID(task.Address.Run); id != "" && t.samples(id) {
			ctx = t.within(ctx, task, trace.Context{Trace: trace.Of(id), Span: trace.SpanOf(task.Address.String()), Sampled: true})
		}
		return next.Execute(ctx, task)
	})
}

// Continue has executors make spans within those of the host that sent the tasks. What that does not trace, nobody does.
func (t *Tracer) Continue(next exec.Executor) exec.Executor {
	if t == nil {
		return next
	}
	return exec.Func(func(ctx context.Context, task *sdk.Task) (sdk.Result, error) {
		if parent, ok := trace.Parse(task.TraceParent); ok && parent.Sampled {
			ctx = t.within(ctx, task, parent)
		}
		return next.Execute(ctx, task)
	})
}

func (t *Tracer) within(ctx context.Context, task *sdk.Task, parent trace.Context) context.Context {
	at := task.Address
	at.Attempt = 0
	return span.With(ctx, t.out.emit, parent, trace.Attr{Key: trace.KeyRun, Value: at.Run}, trace.Attr{Key: trace.KeyNode, Value: strings.TrimPrefix(at.String(), at.Run+"/")},
		trace.Attr{Key: trace.KeyAttempt, Value: int64(task.Address.Attempt)})
}

// Submitted links a run to the trace of who asked for it, as the header traceparent of the request told it. A link and no
// parent: the run's trace follows from its id alone, and the request is over long before the run is.
func (t *Tracer) Submitted(id run.ID, traceParent string, asked time.Time) {
	caller, ok := trace.Parse(traceParent)
	if t == nil || !ok || !t.samples(id) {
		return
	}
	t.out.emit(trace.Span{Context: trace.Context{Trace: trace.Of(id), Span: trace.SpanOf(string(id) + " submitted"), Sampled: true}, Parent: trace.SpanOf(string(id)),
		Name: "submitted", Kind: trace.Server, Start: asked, End: time.Now(), Links: []trace.Context{caller}, Attrs: []trace.Attr{{Key: trace.KeyRun, Value: string(id)}}})
}

// The bounds of what is kept of why attempts wait.
const (
	mostWaits   = 4096
	mostReasons = 16
)

// Waits says why an attempt waits, by its address, until it begins.
func (t *Tracer) Waits(attempt, why string, now time.Time) {
	if t == nil || why == "" {
		return
	}
	if at, err := sdk.ParseAddress(attempt); err != nil || !t.samples(run.ID(at.Run)) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id := trace.WaitOf(attempt)
	said := t.waits[id]
	if len(said) == mostReasons || len(said) > 0 && said[len(said)-1].Attrs[0].Value == why {
		return
	}
	for other := range t.waits {
		if said != nil || len(t.waits) < mostWaits {
			break
		}
		delete(t.waits, other) // one that never began, perhaps
	}
	t.waits[id] = append(said, trace.Mark{At: now, Name: "waits", Attrs: []trace.Attr{{Key: trace.KeyReason, Value: why}}})
}

// explained adds to a span of waiting why it was.
func (t *Tracer) explained(s trace.Span) {
	if s.Name == trace.Wait || s.Name == trace.Backoff {
		t.mu.Lock()
		s.Marks = t.waits[s.Span]
		delete(t.waits, s.Span)
		t.mu.Unlock()
	}
	t.out.emit(s)
}

// Logs has lines about a run, or about a task of one, say which trace and span they belong to.
func (t *Tracer) Logs(next slog.Handler) slog.Handler {
	if t == nil {
		return next
	}
	return logs{Handler: next, t: t}
}

type logs struct {
	slog.Handler
	t     *Tracer
	about string // of a run or a task
}

// Handle implements slog.Handler.
func (h logs) Handle(ctx context.Context, r slog.Record) error {
	about := h.about
	r.Attrs(func(a slog.Attr) bool {
		about = subject(about, a)
		return true
	})
	if id, _, _ := strings.Cut(about, "/"); id != "" && h.t.samples(run.ID(id)) {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", trace.Of(run.ID(id)).String()), slog.String("span_id", trace.SpanOf(about).String()))
	}
	return h.Handler.Handle(ctx, r)
}

// subject is what a line speaks of: a task goes before a run.
func subject(known string, a slog.Attr) string {
	if text := a.Value.String(); a.Key == "task" || a.Key == "run" && known == "" {
		if _, err := sdk.ParseAddress(text); err == nil {
			return text
		}
	}
	return known
}

// WithAttrs implements slog.Handler.
func (h logs) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.about = subject(h.about, a)
	}
	h.Handler = h.Handler.WithAttrs(attrs)
	return h
}

// WithGroup implements slog.Handler.
func (h logs) WithGroup(name string) slog.Handler {
	h.Handler = h.Handler.WithGroup(name)
	return h
}
