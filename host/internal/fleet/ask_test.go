package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

// asks is what an agent of a test answers: it waits at "slow", and "long" is too long.
func (r *rig) asks(slow <-chan struct{}, heard *atomic.Int64) func(context.Context, string) (string, error) {
	return func(ctx context.Context, what string) (string, error) {
		heard.Add(1)
		switch what {
		case "slow":
			select {
			case <-slow:
			case <-ctx.Done():
			}
		case "long":
			return strings.Repeat("x", protocol.MaxAnswer+1), nil
		case "broken":
			return "", errors.New("it is broken")
		}
		return "all is well: " + what, nil
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	r.acl = true
	slow := make(chan struct{})
	var heard atomic.Int64
	r.answer = r.asks(slow, &heard)
	h, _ := r.host("h")
	a, stop := r.agent("a", "1")
	r.hears("a")
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if text, err := h.Ask(ctx, "a", protocol.AskHealth); err != nil || text != "all is well: health" {
		t.Errorf("%q %v", text, err)
	}
	for what, want := range map[string]string{"broken": "it is broken", "long": fmt.Sprintf("the answer has %d bytes", protocol.MaxAnswer+1)} {
		if text, err := h.Ask(ctx, "a", what); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %.40q %v", what, text, err)
		}
	}

	heard.Store(0)
	var all sync.WaitGroup
	for range 100 { // who asks the same meanwhile waits for the same answer
		all.Go(func() {
			if text, err := h.Ask(ctx, "a", "slow"); err != nil || text != "all is well: slow" {
				t.Errorf("%q %v", text, err)
			}
		})
	}
	r.until("all wait", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		q := h.asked["a slow"]
		return q != nil && q.waits == 100
	})
	short, end := context.WithTimeout(t.Context(), time.Millisecond)
	if _, err := h.Ask(short, "a", "slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	end()
	close(slow)
	all.Wait()
	if heard.Load() != 1 {
		t.Errorf("it was asked %d times", heard.Load())
	}
	r.quiet(a)

	stop()
	short, end = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer end()
	if _, err := h.Ask(short, "a", protocol.AskHealth); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	h.mu.Lock()
	if len(h.asked) != 0 {
		t.Errorf("%d questions are left", len(h.asked))
	}
	h.mu.Unlock()
	a, _ = r.agent("a", "2") // what it was asked meanwhile it answers, to nobody
	r.quiet(a)
}

// TestNoAnswers: an agent that has none says so, and what it does not know hurts nothing.
func TestNoAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	h, _ := r.host("h")
	a, _ := r.agent("a", "1")
	r.hears("a")
	if _, err := h.Ask(t.Context(), "a", "taste"); err == nil || !strings.Contains(err.Error(), `no question "taste"`) {
		t.Error(err)
	}
	c := r.redis.Client(t)
	say(t, c, KeysOf(r.ns).In("h"), kindAnswer, `{"id":"made up","text":"all is well"}`)
	say(t, c, KeysOf(r.ns).In("h"), kindAnswer, `{`)
	r.quiet(a)
}
