package exec_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

// never runs until its context ends.
func never(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
	<-ctx.Done()
	return sdk.Result{}, context.Cause(ctx)
}

func TestRoute(t *testing.T) {
	t.Parallel()
	known := sdk.Refuse("plugin x is not trusted", "run spinbot plugins trust x")
	e := exec.Route(func(nodeType string) (exec.Executor, error) {
		switch nodeType {
		case "a.b":
			return exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) {
				return sdk.Result{Outputs: sdk.Values{"ok": true}}, nil
			}), nil
		case "x.y":
			return nil, known
		}
		return nil, errors.New("no plugin offers it")
	})
	if res, err := e.Execute(t.Context(), &sdk.Task{Type: "a.b"}); err != nil || res.Outputs["ok"] != true {
		t.Errorf("%v, %v", res, err)
	}
	if _, err := e.Execute(t.Context(), &sdk.Task{Type: "x.y"}); !errors.Is(err, known) {
		t.Errorf("%v", err)
	}
	_, err := e.Execute(t.Context(), &sdk.Task{Type: "p.q"})
	if se := sdk.AsError(err); se.Cause != sdk.CauseRefused || !strings.Contains(se.Message, "p.q: no plugin offers it") {
		t.Errorf("%v", err)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	soon := func() *sdk.Task {
		now := time.Now()
		return &sdk.Task{Time: now.Add(-time.Minute), Deadline: now.Add(20 * time.Millisecond)}
	}
	_, err := exec.Deadline(exec.Func(never), nil).Execute(t.Context(), soon())
	if e := sdk.AsError(err); e.Cause != sdk.CauseHung || !strings.Contains(e.Message, "1m0") || e.Permanent {
		t.Errorf("past its deadline: %#v", err)
	}
	late := exec.Func(func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
		<-ctx.Done()
		return sdk.Result{Outputs: sdk.Values{"late": true}}, nil
	})
	if res, err := exec.Deadline(late, nil).Execute(t.Context(), soon()); err != nil || res.Outputs["late"] != true {
		t.Errorf("a late result was thrown away: %v, %v", res, err)
	}
	own := sdk.Refuse("own", "")
	if _, err := exec.Deadline(exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, own }), nil).Execute(t.Context(), &sdk.Task{Deadline: time.Now().Add(time.Hour)}); !errors.Is(err, own) {
		t.Errorf("the node's own error: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := errors.New("somebody asked")
	cancel(asked)
	if _, err := exec.Deadline(exec.Func(never), nil).Execute(ctx, &sdk.Task{Deadline: time.Now().Add(time.Hour)}); !errors.Is(err, asked) {
		t.Errorf("cancelled: %v", err)
	}
	died := exec.Func(func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
		<-ctx.Done()
		return sdk.Result{}, errors.New("killed by signal 9")
	})
	_, err = exec.Deadline(died, nil).Execute(t.Context(), soon())
	if e := sdk.AsError(err); e.Cause != sdk.CauseHung || e.Detail != "killed by signal 9" {
		t.Errorf("what the executor saw is lost: %#v", err)
	}
}

// TestIdle: reports keep a task alive for longer than its idle timeout, silence does not.
func TestIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testIdle)
}

func testIdle(t *testing.T) {
	const idle = 60 * time.Millisecond
	var began time.Time
	var reports atomic.Int32
	talkative := exec.Func(func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
		began = time.Now()
		tick := time.NewTicker(idle / 6)
		defer tick.Stop()
		for time.Since(began) < 3*idle {
			select {
			case <-tick.C:
				in.Log("info", "still here")
			case <-ctx.Done():
				return sdk.Result{}, context.Cause(ctx)
			}
		}
		<-ctx.Done()
		return sdk.Result{}, context.Cause(ctx)
	})
	in := (&sdk.Task{Type: "t"}).WithReporter(func(sdk.Report) { reports.Add(1) })
	_, err := exec.Deadline(talkative, func(string) time.Duration { return idle }).Execute(t.Context(), in)
	if e := sdk.AsError(err); e.Cause != sdk.CauseHung || !strings.Contains(e.Message, "said nothing for 60ms") {
		t.Errorf("%#v", err)
	}
	if took := time.Since(began); took < 3*idle || reports.Load() == 0 {
		t.Errorf("ended after %v with %d reports passed on: reports did not reset the timeout", took, reports.Load())
	}
	_, err = exec.Deadline(exec.Func(never), nil).Execute(exec.WithIdle(t.Context(), time.Millisecond), &sdk.Task{})
	if e := sdk.AsError(err); e.Cause != sdk.CauseHung {
		t.Errorf("with a timeout of the task's own: %#v", err)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	running, most := map[string]int{}, map[string]int{}
	enter := func(nodeType string, by int) {
		mu.Lock()
		defer mu.Unlock()
		for _, k := range []string{nodeType, "all"} {
			running[k] += by
			most[k] = max(most[k], running[k])
		}
	}
	asked := map[string]int{}
	gate := make(chan struct{})
	e := exec.Limit(exec.Func(func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		enter(in.Type, 1)
		<-gate
		enter(in.Type, -1)
		return sdk.Result{}, nil
	}), 3, func(nodeType string) int {
		asked[nodeType]++
		return map[string]int{"one": 1}[nodeType]
	})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := e.Execute(t.Context(), &sdk.Task{Type: []string{"one", "many"}[i%2]}); err != nil {
				t.Error(err)
			}
		})
	}
	full := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return running["all"] == 3
	}
	for end := time.Now().Add(60 * time.Second); !full() && time.Now().Before(end); {
		runtime.Gosched()
	}
	for range 20 {
		gate <- struct{}{}
	}
	wg.Wait()
	if most["one"] != 1 || most["all"] != 3 || running["all"] != 0 {
		t.Errorf("at most %v ran at once, %v still run", most, running)
	}
	if asked["one"] != 1 || asked["many"] != 1 {
		t.Errorf("the limits were asked for %v times", asked)
	}
}

func TestLimitWaitEnds(t *testing.T) {
	t.Parallel()
	started, end := make(chan struct{}), make(chan struct{})
	e := exec.Limit(exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) {
		close(started)
		<-end
		return sdk.Result{}, nil
	}), 0, func(string) int { return 1 })
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = e.Execute(t.Context(), &sdk.Task{Type: "t"}) })
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Execute(ctx, &sdk.Task{Type: "t"}); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "fewer than 1") {
		t.Errorf("%v", err)
	}
	close(end)
	wg.Wait()
}
