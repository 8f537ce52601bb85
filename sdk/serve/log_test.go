package serve

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// TestLogLines: slog's records are lines as hosts read them.
func TestLogLines(t *testing.T) {
	t.Parallel()
	a := sdk.Address{Run: "run_1", Node: sdk.Step{Kind: "node", Name: "a"}, Attempt: 1}
	ctx := wire.WithTask(t.Context(), a)
	for name, c := range map[string]struct {
		log  func(*slog.Logger)
		want map[string]any
	}{
		"plain":        {func(l *slog.Logger) { l.Info("m") }, map[string]any{"@level": "info", "@message": "m"}},
		"of a task":    {func(l *slog.Logger) { l.ErrorContext(ctx, "m", "n", 1) }, map[string]any{"@level": "error", "@message": "m", "n": 1.0, "task": "run_1/node.a/1"}},
		"with":         {func(l *slog.Logger) { l.With("n", 1).DebugContext(ctx, "m") }, map[string]any{"@level": "debug", "@message": "m", "n": 1.0, "task": "run_1/node.a/1"}},
		"group":        {func(l *slog.Logger) { l.Warn("m", slog.Group("g", "level", 1, "msg", 2)) }, map[string]any{"@level": "warn", "@message": "m", "g": map[string]any{"level": 1.0, "msg": 2.0}}},
		"its own time": {func(l *slog.Logger) { l.Info("m", "time", "noon", "level", "low") }, map[string]any{"@level": "info", "@message": "m", "time": "noon", "level": "low"}},
		"odd levels":   {func(l *slog.Logger) { l.Log(ctx, slog.LevelWarn-1, "m") }, map[string]any{"@level": "info", "@message": "m", "task": "run_1/node.a/1"}},
		"above all":    {func(l *slog.Logger) { l.Log(context.Background(), 99, "m") }, map[string]any{"@level": "error", "@message": "m"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			c.log(slog.New(newHandler(&b)))
			var got map[string]any
			if err := json.Unmarshal([]byte(b.String()), &got); err != nil || strings.Count(b.String(), "\n") != 1 {
				t.Fatalf("%v: %s", err, b.String())
			}
			if _, err := time.Parse(time.RFC3339, got["@timestamp"].(string)); err != nil {
				t.Error(err)
			}
			delete(got, "@timestamp")
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %s", b.String())
			}
		})
	}
}
