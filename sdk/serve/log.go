package serve

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/myspinbot/spinbot/sdk/wire"
)

// handler writes slog records as the JSON lines that hosts read from a plugin's standard error: @level, @message,
// @timestamp, and the address of the task whose context was given.
type handler struct{ slog.Handler }

func newHandler(w io.Writer) slog.Handler {
	return handler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: rename})}
}

func rename(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		if t, ok := a.Value.Any().(time.Time); ok {
			return slog.String("@timestamp", t.Format("2006-01-02T15:04:05.000000Z07:00"))
		}
	case slog.LevelKey:
		if l, ok := a.Value.Any().(slog.Level); ok {
			return slog.String("@level", levelName(l))
		}
	case slog.MessageKey:
		a.Key = "@message"
	}
	return a
}

func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	}
	return "error"
}

// Handle adds the task's address.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if a, ok := wire.TaskOf(ctx); ok {
		r = r.Clone()
		r.AddAttrs(slog.String("task", a.String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the wrapping.
func (h handler) WithAttrs(as []slog.Attr) slog.Handler { return handler{h.Handler.WithAttrs(as)} }

// WithGroup keeps the wrapping.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
