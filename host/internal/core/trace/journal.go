package trace

import (
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// Journal makes spans of a run's events, which it is told in order. The spans that an event ends come with it, so those of
// what has ended are known while a run goes on. Its memory grows with what is open, not with what has been.
type Journal struct {
	id       run.ID
	root     Context
	pipeline string
	shape    *run.Shape
	seq      uint64
	imported bool

	made, began time.Time // the run, and its latest stretch: a run that is resumed has several
	stretch     SpanID    // zeros: the first, which is the root
	marks       []Mark
	open        map[string]*instance // by address within the run
	ended       map[string]time.Time // when something of a node ended last, by frame and name
}

// instance is a node instance, a gate or a module that is open.
type instance struct {
	span    Span
	frame   string // address of the module instance around it
	name    string
	last    time.Time // when its last attempt ended
	attempt *Span     // under way
}

// What the spans before an attempt are called: before the first one, and before another.
const (
	Wait    = "wait"
	Backoff = "backoff"
)

// mostMarks bounds what the span of a run says of moments.
const mostMarks = 32

// NewJournal begins the spans of a run. Without its shape a node that needs others begins with its first event.
func NewJournal(id run.ID, shape *run.Shape) *Journal {
	return &Journal{id: id, shape: shape, root: Context{Trace: Of(id), Span: SpanOf(string(id)), Sampled: true}, open: map[string]*instance{}, ended: map[string]time.Time{}}
}

// Seq is the number of the last event that it was told.
func (j *Journal) Seq() uint64 { return j.seq }

// Add gives the spans that end with an event.
func (j *Journal) Add(e run.Event) []Span {
	j.seq = e.Seq
	j.imported = j.imported || e.Imported != nil
	if j.imported { // another host has traced it
		return nil
	}
	switch e.Kind {
	case run.RunCreated:
		j.pipeline, j.made, j.began = e.Pipeline, e.Time, e.Time
	case run.RunStarted:
		return []Span{{Context: j.child(SpanOf(string(j.id) + " queued")), Parent: j.root.Span, Name: "queued", Start: j.began, End: e.Time, Attrs: j.attrs()}}
	case run.RunResumed:
		j.began, j.stretch = e.Time, numbered(string(j.id), e.Seq)
	case run.RunPaused, run.RunContinued, run.CancelRequested, run.DeadlinePassed, run.RunPrioritized:
		if len(j.marks) < mostMarks {
			j.marks = append(j.marks, Mark{At: e.Time, Name: string(e.Kind)})
		}
	case run.RunEnded:
		return j.end(e)
	case run.NodeExpanded:
		if e.Skip {
			return j.moment(e, "skipped", nil)
		}
	case run.NodeFailedEvent:
		return j.moment(e, "failed", e.Error)
	case run.NodeCachedEvent:
		return j.moment(e, "cached", nil)
	case run.NodeDecided:
		if e.Decision != run.Retry {
			return j.moment(e, string(e.Decision), nil)
		}
	case run.AttemptStarted:
		return j.begin(e)
	case run.AttemptEnded:
		return j.attempted(e)
	case run.ModuleOpened, run.GateOpened:
		j.at(e)
	case run.ModuleEnded:
		return j.moment(e, state(e.Error), e.Error)
	case run.GateAnswered:
		return j.moment(e, "answered", nil)
	case run.AttemptSaved:
	}
	return nil
}

func state(err *sdk.Error) string {
	if err != nil {
		return "failed"
	}
	return "succeeded"
}

func (j *Journal) child(id SpanID) Context {
	return Context{Trace: j.root.Trace, Span: id, Sampled: true}
}

// attrs are what every span of the run says.
func (j *Journal) attrs(more ...Attr) []Attr {
	return append([]Attr{{KeyRun, string(j.id)}, {KeyPipeline, j.pipeline}}, more...)
}

// numbered is the span of what may be opened again: the number of the event that opened it tells which time.
func numbered(address string, seq uint64) SpanID {
	var digits [20]byte
	at := len(digits)
	for {
		at--
		digits[at] = byte('0' + seq%10)
		if seq /= 10; seq == 0 {
			return SpanOf(address + " #" + string(digits[at:]))
		}
	}
}

// at finds what an event speaks of, and opens it if it is not open.
func (j *Journal) at(e run.Event) *instance {
	where := e.At(j.id)
	where.Attempt = 0
	full := where.String()
	if i := j.open[full]; i != nil {
		return i
	}
	frame := e.In.String()
	i := &instance{frame: frame, name: e.Node, span: Span{Context: j.child(numbered(full, e.Seq)), Parent: j.parent(frame), Name: named(e.Node), Start: j.ready(e, frame)}}
	i.span.Attrs = j.attrs(Attr{KeyNode, strings.TrimPrefix(full, string(j.id)+"/")})
	if n := j.node(e); n != nil && n.Type != "" {
		i.span.Attrs = append(i.span.Attrs, Attr{KeyType, n.Type})
	}
	j.open[full] = i
	return i
}

func named(node string) string {
	if kind, name, ok := strings.Cut(node, "."); ok {
		return kind + " " + name
	}
	return "node " + node
}

// parent is the span of the module instance around something, or the run's.
func (j *Journal) parent(frame string) SpanID {
	if i := j.open[string(j.id)+"/"+frame]; frame != "" && i != nil {
		return i.span.Span
	}
	return j.root.Span
}

// node finds what the pipeline says of an event's node.
func (j *Journal) node(e run.Event) *run.NodeShape {
	shape := j.shape
	for _, step := range e.In {
		n := in(shape, run.IDOf(step))
		if n == nil {
			return nil
		}
		shape = n.Module
	}
	return in(shape, e.Node)
}

func in(shape *run.Shape, name string) *run.NodeShape {
	if shape == nil {
		return nil
	}
	if k := slices.IndexFunc(shape.Nodes, func(n run.NodeShape) bool { return n.Name == name }); k >= 0 {
		return &shape.Nodes[k]
	}
	return nil
}

// ready is when something could begin: what it needs had ended, and what it stands in had begun.
func (j *Journal) ready(e run.Event, frame string) time.Time {
	n := j.node(e)
	if n == nil {
		return e.Time
	}
	from := j.began
	if i := j.open[string(j.id)+"/"+frame]; frame != "" && i != nil {
		from = later(from, i.span.Start)
	}
	for _, need := range n.Needs {
		from = later(from, j.ended[frame+"\x00"+need])
	}
	if e.Iter > 1 { // after its round before
		from = later(from, j.ended[frame+"\x00"+e.Node])
	}
	if from.After(e.Time) {
		return e.Time
	}
	return from
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// begin notes an attempt, and gives the span of what it has waited for.
func (j *Journal) begin(e run.Event) (out []Span) {
	i := j.at(e)
	address := e.At(j.id).String()
	attrs := append(slices.Clone(i.span.Attrs), Attr{KeyAttempt, int64(e.Attempt)})
	name := Wait
	from := i.span.Start
	if !i.last.IsZero() {
		name, from = Backoff, i.last
	}
	if from.Before(e.Time) {
		out = []Span{{Context: j.child(WaitOf(address)), Parent: i.span.Span, Name: name, Start: from, End: e.Time, Attrs: slices.Clone(attrs)}}
	}
	if e.Rung > 0 {
		attrs = append(attrs, Attr{KeyRung, int64(e.Rung)})
	}
	if e.Agent != "" {
		attrs = append(attrs, Attr{KeyAgent, e.Agent})
	}
	if len(e.Devices) > 0 {
		attrs = append(attrs, Attr{KeyDevices, e.Devices})
	}
	i.attempt = &Span{Context: j.child(SpanOf(address)), Parent: i.span.Span, Name: "attempt", Start: e.Time, Attrs: attrs}
	return out
}

// WaitOf is the span of what an attempt has waited for before it began.
func WaitOf(attempt string) SpanID { return SpanOf(attempt + " wait") }

// attempted ends an attempt. What failed stays open: another attempt may follow.
func (j *Journal) attempted(e run.Event) (out []Span) {
	i := j.at(e)
	if a := i.attempt; a != nil {
		a.End, i.attempt = e.Time, nil
		fail(a, e.Error)
		out = append(out, *a)
	}
	i.last = e.Time
	j.ended[i.frame+"\x00"+i.name] = e.Time
	i.span.Failed = ""
	if fail(&i.span, e.Error); e.Error == nil {
		out = append(out, j.close(i, e, state(nil), e.Time)...)
	}
	return out
}

func fail(s *Span, err *sdk.Error) {
	if err == nil {
		return
	}
	if s.Failed = string(err.Cause); s.Failed == "" {
		s.Failed = string(sdk.CauseFailed)
	}
}

// moment ends something at once, which may have been open.
func (j *Journal) moment(e run.Event, state string, err *sdk.Error) []Span {
	i := j.at(e)
	i.last = e.Time
	j.ended[i.frame+"\x00"+i.name] = e.Time
	if fail(&i.span, err); err == nil && state != string(run.GiveUp) {
		i.span.Failed = ""
	}
	return j.close(i, e, state, e.Time)
}

// close gives the span of an instance, and those of what is still open in it.
func (j *Journal) close(i *instance, e run.Event, state string, at time.Time) (out []Span) {
	where := e.At(j.id)
	where.Attempt = 0
	address := where.String()
	delete(j.open, address)
	out = j.closeAll(address+"/", at)
	i.span.End = at
	i.span.Attrs = append(i.span.Attrs, Attr{KeyState, state})
	return append(out, i.span)
}

// closeAll gives the spans of all that is open under an address. What has failed ended with its last attempt.
func (j *Journal) closeAll(under string, at time.Time) (out []Span) {
	for address, i := range j.open {
		if !strings.HasPrefix(address, under) {
			continue
		}
		delete(j.open, address)
		state := "failed"
		if i.span.End = i.last; i.last.IsZero() || i.attempt != nil {
			i.span.End, state = at, "cancelled"
		}
		if i.attempt != nil {
			i.attempt.End = at
			out = append(out, *i.attempt)
		}
		i.span.Attrs = append(i.span.Attrs, Attr{KeyState, state})
		out = append(out, i.span)
	}
	return out
}

// end gives the span of the run, or of the stretch of it that ends, and of all that is open.
func (j *Journal) end(e run.Event) []Span {
	out := j.closeAll(string(j.id)+"/", e.Time)
	s := Span{Context: j.root, Name: "run " + j.pipeline, Start: j.made, End: e.Time, Marks: j.marks, Attrs: j.attrs(Attr{KeyState, string(e.Status)})}
	if j.stretch != (SpanID{}) {
		s.Context, s.Parent, s.Name, s.Start = j.child(j.stretch), j.root.Span, "resumed "+j.pipeline, j.began
	}
	if e.Status == run.Failed {
		if fail(&s, e.Error); s.Failed == "" {
			s.Failed = string(sdk.CauseFailed)
		}
	}
	j.marks = nil
	return append(out, s)
}
