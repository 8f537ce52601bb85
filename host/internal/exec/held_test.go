package exec_test

import (
	"context"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec"
)

func TestWhatTravelsWithATask(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	if agent, _, ok := exec.Held(ctx); ok || agent != "" {
		t.Errorf("%q holds a task that nobody was asked for", agent)
	}
	if d, ok := exec.Idle(ctx); ok || d != 0 {
		t.Errorf("an idle timeout of %v that nobody set", d)
	}
	ctx = exec.WithIdle(exec.WithFresh(exec.WithHeld(ctx, "box2", "3")), time.Minute)
	if agent, session, ok := exec.Held(ctx); !ok || agent != "box2" || session != "3" {
		t.Errorf("held by %q, %q, %v", agent, session, ok)
	}
	if d, ok := exec.Idle(ctx); !ok || d != time.Minute || !exec.Fresh(ctx) {
		t.Errorf("idle %v, %v; fresh %v", d, ok, exec.Fresh(ctx))
	}
	if d, ok := exec.Idle(exec.WithIdle(context.Background(), 0)); !ok || d != 0 {
		t.Errorf("a task that may be silent: %v, %v", d, ok)
	}
}
