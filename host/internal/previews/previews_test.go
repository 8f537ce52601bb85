package previews

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	cachedir "github.com/myspinbot/spinbot/host/internal/cache/dir"
	"github.com/myspinbot/spinbot/sdk"
)

// rig makes a picture of anything, unless it is told otherwise.
type rig struct {
	*Previews
	files *dir.Store
	runs  atomic.Int32
	now   atomic.Int64 // seconds that the clock is ahead
	fail  func(ctx context.Context, t *sdk.Task) error
}

func begin(t *testing.T) *rig {
	t.Helper()
	r := &rig{fail: func(context.Context, *sdk.Task) error { return nil }}
	now := func() time.Time { return time.Now().Add(time.Duration(r.now.Load()) * time.Second) }
	files, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	kept, err := cachedir.Open(t.TempDir(), now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r.files = files
	r.Previews = New(Config{Executor: r, Cache: kept, Keeper: files, Now: now, Offered: func(_ context.Context, nodeType string) (sdk.NodeType, error) {
		if nodeType != "render.thumbnail" {
			return sdk.NodeType{}, errors.New("not there")
		}
		return sdk.NodeType{Name: nodeType, Revision: "1"}, nil
	}})
	t.Cleanup(r.Close)
	return r
}

// Execute implements exec.Executor.
func (r *rig) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	r.runs.Add(1)
	if err := r.fail(ctx, t); err != nil {
		return sdk.Result{}, err
	}
	of, _ := t.Inputs["media"].(sdk.Artifact)
	a, err := r.files.Put(ctx, strings.NewReader("picture of "+of.Digest), sdk.Artifact{})
	return sdk.Result{Outputs: sdk.Values{"picture": a}}, err
}

func (r *rig) make(t *testing.T, digest string, width int) (sdk.Artifact, error) {
	t.Helper()
	out, err := r.Make(t.Context(), "render.thumbnail", sdk.Artifact{Digest: digest}, sdk.Values{"width": width})
	a, _ := out["picture"].(sdk.Artifact)
	if (err == nil) != (a.Digest != "") {
		t.Errorf("got %+v %v", out, err)
	}
	return a, err
}

// TestKept: each is made once for a size, also for many who ask at once, and again when the picture is gone.
func TestKept(t *testing.T) {
	t.Parallel()
	r := begin(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := r.make(t, "sha256:1", 100); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	a, err := r.make(t, "sha256:1", 100)
	if err != nil || r.runs.Load() != 1 {
		t.Errorf("%v, made %d times", err, r.runs.Load())
	}
	if _, err := r.make(t, "sha256:1", 200); err != nil || r.runs.Load() != 2 {
		t.Errorf("%v, made %d times", err, r.runs.Load())
	}
	if gone, err := r.files.Remove(t.Context(), a.Digest, time.Now().Add(time.Hour)); err != nil || !gone {
		t.Fatal(err)
	}
	if _, err := r.make(t, "sha256:1", 100); err != nil || r.runs.Load() != 3 {
		t.Errorf("%v, made %d times", err, r.runs.Load())
	}
	if _, err := r.Make(t.Context(), "render.other", sdk.Artifact{}, nil); err == nil || err.Error() != "not there" {
		t.Error(err)
	}
}

// TestFails: a failure is remembered for a minute.
func TestFails(t *testing.T) {
	t.Parallel()
	r := begin(t)
	bad := &sdk.Error{Cause: sdk.CauseFailed, Permanent: true, Message: "no picture"}
	r.fail = func(context.Context, *sdk.Task) error { return bad }
	for range 3 {
		if _, err := r.make(t, "sha256:1", 100); !errors.Is(err, bad) || r.runs.Load() != 1 {
			t.Errorf("%v, tried %d times", err, r.runs.Load())
		}
	}
	r.now.Add(61)
	r.fail = func(context.Context, *sdk.Task) error { return nil }
	if _, err := r.make(t, "sha256:1", 100); err != nil || r.runs.Load() != 2 {
		t.Errorf("%v, tried %d times", err, r.runs.Load())
	}
	if n := len(r.tasks); n != 0 {
		t.Errorf("%d are remembered", n)
	}
}

// TestFewAtOnce: the others wait, though not all that could come; who leaves is not waited for; Close ends what is under way.
func TestFewAtOnce(t *testing.T) {
	t.Parallel()
	r := begin(t)
	began := make(chan time.Time, waiting)
	r.fail = func(ctx context.Context, t *sdk.Task) error {
		began <- t.Deadline
		<-ctx.Done()
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	ask := func(n int) error {
		_, err := r.Make(ctx, "render.thumbnail", sdk.Artifact{Digest: "x"}, sdk.Values{"width": n})
		return err
	}
	for n := range waiting {
		all.Go(func() {
			if err := ask(n); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	for range atOnce {
		if left := time.Until(<-began); left > limit || left < limit/2 {
			t.Errorf("the time limit is %v", left)
		}
	}
	full := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.tasks)
	}
	for deadline := time.Now().Add(60 * time.Second); full() < waiting && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if err := ask(waiting); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	cancel()
	all.Wait()
	r.Close()
	if n := r.runs.Load(); n != atOnce {
		t.Errorf("%d began", n)
	}
	if _, err := r.make(t, "sha256:1", 100); err == nil {
		t.Error("made after the end")
	}
}
