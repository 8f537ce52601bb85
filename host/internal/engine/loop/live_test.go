package loop

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/engine/stored"
)

// TestDropKeepsLanding: that events have landed is told to the driver also of a run that was dropped meanwhile: it
// answers those who wait for what would have come next.
func TestDropKeepsLanding(t *testing.T) {
	t.Parallel()
	e := New(Config{Drafts: &draft.Config{Log: slog.New(slog.DiscardHandler)}, Now: time.Now, Over: func(*Live) {}})
	l := NewLive(&stored.Run{ID: "run_1", State: progress.New(run.Shape{})}, nil)
	l.driven, l.flying = true, true
	flying, turned, waits := &Pass{e: e, l: l}, Said{durable: make(chan error, 1)}, make(chan error, 1)
	l.next = &Pass{e: e, l: l, heard: []chan error{waits}}
	l.inbox = []Message{turned, landed{flying, ErrClosed}}
	e.drop(l, ErrClosed)
	if err := <-turned.durable; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if len(l.inbox) != 1 {
		t.Fatalf("%d messages are left for the driver, want one", len(l.inbox))
	}
	e.Begin()
	e.drive(l)
	select {
	case err := <-waits:
		if !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	default:
		t.Error("who waited was not answered")
	}
}
