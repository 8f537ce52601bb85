package sdk

import "context"

type traceParentKey struct{}

// WithTraceParent gives a context in which calls belong to a span; an empty one changes nothing. Executors call it.
func WithTraceParent(ctx context.Context, traceParent string) context.Context {
	if traceParent == "" {
		return ctx
	}
	return context.WithValue(ctx, traceParentKey{}, traceParent)
}

// TraceParent is what a request made in ctx says in its header traceparent, so that the server's spans stand in the run's
// trace. Empty: the run is not traced, and the header is left out.
func TraceParent(ctx context.Context) string {
	s, _ := ctx.Value(traceParentKey{}).(string)
	return s
}
