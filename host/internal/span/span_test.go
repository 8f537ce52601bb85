package span_test

import (
	"context"
	"errors"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/trace"
	"github.com/myspinbot/spinbot/host/internal/span"
	"github.com/myspinbot/spinbot/sdk"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	var got []trace.Span
	root := trace.Context{Trace: trace.Of("run_1"), Span: trace.SpanOf("run_1/node.a/1"), Sampled: true}
	ctx := span.With(t.Context(), func(s trace.Span) { got = append(got, s) }, root, trace.Attr{Key: "k", Value: "v"})
	outer, a := span.Start(ctx, "outer")
	inner, b := span.Start(outer, "inner")
	_, left := span.Start(outer, "never ended")
	left.Set(trace.Attr{Key: "x", Value: "y"})
	b.Call()
	b.Set(trace.Attr{Key: "status", Value: int64(200)})
	b.End(&sdk.Error{Cause: sdk.CauseOOM, Message: "the prompt was: hunter2"})
	a.End(errors.New("hunter2"))
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	in, out := got[0], got[1]
	if in.Name != "inner" || in.Parent != out.Span || out.Parent != root.Span || in.Trace != root.Trace || in.Kind != trace.Client || in.Failed != "oom" || out.Failed != "failed" {
		t.Errorf("%+v in %+v", in, out)
	}
	if len(in.Attrs) != 2 || len(out.Attrs) != 1 || in.End.Before(in.Start) {
		t.Errorf("attributes %v and %v", in.Attrs, out.Attrs)
	}
	if at, ok := trace.Parse(span.TraceParent(inner)); !ok || at.Span != in.Span || !at.Sampled || !span.On(inner) {
		t.Errorf("inside it is %q", span.TraceParent(inner))
	}
}

// TestOff: where nothing is traced everything may be called.
func TestOff(t *testing.T) {
	t.Parallel()
	ctx, s := span.Start(context.Background(), "x")
	s.Call()
	s.Set(trace.Attr{})
	s.End(nil)
	if s != nil || span.On(ctx) || span.TraceParent(ctx) != "" {
		t.Error("something is traced")
	}
}
