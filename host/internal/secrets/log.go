package secrets

import (
	"context"
	"fmt"
	"log/slog"
)

// Handler masks messages and attributes before next gets them.
func (m *Mask) Handler(next slog.Handler) slog.Handler { return handler{next, m} }

type handler struct {
	slog.Handler
	mask *Mask
}

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, h.mask.String(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	masked := make([]slog.Attr, len(attrs))
	for i := range attrs {
		masked[i] = h.attr(attrs[i])
	}
	h.Handler = h.Handler.WithAttrs(masked)
	return h
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	h.Handler = h.Handler.WithGroup(name)
	return h
}

func (h handler) attr(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(h.mask.String(a.Value.String()))
	case slog.KindGroup:
		group := a.Value.Group()
		masked := make([]slog.Attr, len(group))
		for i := range group {
			masked[i] = h.attr(group[i])
		}
		a.Value = slog.GroupValue(masked...)
	case slog.KindAny:
		text := fmt.Sprint(a.Value.Any())
		if masked := h.mask.String(text); masked != text {
			a.Value = slog.StringValue(masked)
		}
	default: // numbers and times
	}
	return a
}
