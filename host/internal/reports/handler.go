package reports

import (
	"context"
	"log/slog"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// Handler is a slog handler that also writes lines with a task's address into that run's log.
func (l *Logs) Handler(next slog.Handler) slog.Handler { return taskLog{Handler: next, logs: l} }

// taskLog is a slog handler that also writes lines with a task's address into that run's log.
type taskLog struct {
	slog.Handler
	logs *Logs
	task string
}

// Enabled implements slog.Handler: whatever is said goes into the run's log.
func (h taskLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelDebug }

// Handle implements slog.Handler.
func (h taskLog) Handle(ctx context.Context, r slog.Record) error {
	task := h.task
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "task" {
			task = a.Value.String()
		}
		return true
	})
	if a, err := sdk.ParseAddress(task); err == nil && task != "" {
		h.logs.write(a, strings.ToLower(r.Level.String()), r.Message, r.Time)
	}
	if h.Handler.Enabled(ctx, r.Level) {
		return h.Handler.Handle(ctx, r)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h taskLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key == "task" {
			h.task = a.Value.String()
		}
	}
	h.Handler = h.Handler.WithAttrs(attrs)
	return h
}

// WithGroup implements slog.Handler.
func (h taskLog) WithGroup(name string) slog.Handler {
	h.Handler = h.Handler.WithGroup(name)
	return h
}
