package redistest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.StartMain(m)) }

func TestDataOutlivesKill(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Fsync("always"))
	c := s.Client(t)
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	before := s.PID()
	s.Kill(t)
	if err := syscall.Kill(before, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is there: %v", before, err)
	}
	s.Restart(t)
	if s.PID() == before {
		t.Error("it is the same process")
	}
	c = s.Client(t)
	if got, err := c.Get(t.Context(), "k").Result(); got != "v" {
		t.Errorf("got %q, %v", got, err)
	}
	s.Shutdown(t)
	s.Wipe(t)
	s.Restart(t)
	c = s.Client(t)
	if n, err := c.DBSize(t.Context()).Result(); n != 0 || err != nil {
		t.Errorf("%d keys, %v", n, err)
	}
}

func TestStopHalts(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client(t)
	s.Stop(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Ping(ctx).Err(); !errors.Is(err, context.DeadlineExceeded) && !os.IsTimeout(err) {
		t.Errorf("got %v", err)
	}
	s.Cont(t)
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestSharedIsOne(t *testing.T) {
	t.Parallel()
	a, b := redistest.Shared(t), redistest.Shared(t)
	if a != b || a.Client(t).Ping(t.Context()).Err() != nil {
		t.Error("it is not one server that answers")
	}
	if _, err := os.Stat(filepath.Join(a.Dir, "s")); err != nil {
		t.Error(err)
	}
}
