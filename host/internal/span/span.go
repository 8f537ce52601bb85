// Package span makes the spans of what goes on inside an attempt: a context carries where they go and whose children they
// are. Where nothing is traced it does nothing, and costs a look into the context.
package span

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/trace"
	"github.com/myspinbot/spinbot/sdk"
)

// Sink takes spans that have ended. It never blocks.
type Sink func(trace.Span)

type key struct{}

type inside struct {
	sink   Sink
	parent trace.Context
	attrs  []trace.Attr
}

// With gives a context whose spans are children of parent, say attrs, and go to the sink.
func With(ctx context.Context, to Sink, parent trace.Context, attrs ...trace.Attr) context.Context {
	return context.WithValue(ctx, key{}, &inside{to, parent, attrs})
}

// On says whether spans of a context go anywhere.
func On(ctx context.Context) bool { return ctx.Value(key{}) != nil }

// TraceParent is the header traceparent of what is called from here; empty where nothing is traced.
func TraceParent(ctx context.Context) string {
	if in, ok := ctx.Value(key{}).(*inside); ok {
		return in.parent.String()
	}
	return ""
}

// Span is one that has begun. All of its methods do nothing to nil, which is what Start gives where nothing is traced. One
// goroutine at a time uses it.
type Span struct {
	sink Sink
	span trace.Span
}

// Start begins a span; End has to be called. The context is for what belongs to it.
func Start(ctx context.Context, name string) (context.Context, *Span) {
	in, ok := ctx.Value(key{}).(*inside)
	if !ok {
		return ctx, nil
	}
	at := in.parent
	for at.Span == in.parent.Span || at.Span == (trace.SpanID{}) {
		binary.BigEndian.PutUint64(at.Span[:], rand.Uint64())
	}
	s := &Span{in.sink, trace.Span{Context: at, Parent: in.parent.Span, Name: name, Start: time.Now(), Attrs: append([]trace.Attr(nil), in.attrs...)}}
	return context.WithValue(ctx, key{}, &inside{in.sink, at, in.attrs}), s
}

// Set says more of it.
func (s *Span) Set(attrs ...trace.Attr) {
	if s != nil {
		s.span.Attrs = append(s.span.Attrs, attrs...)
	}
}

// Call says that somebody else does the work.
func (s *Span) Call() {
	if s != nil {
		s.span.Kind = trace.Client
	}
}

// End ends it; of an error it says the cause alone, since its words may be of what the task was given.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	s.span.End = time.Now()
	if err != nil {
		if s.span.Failed = string(sdk.AsError(err).Cause); s.span.Failed == "" {
			s.span.Failed = string(sdk.CauseFailed)
		}
	}
	s.sink(s.span)
}
