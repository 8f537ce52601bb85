package search_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/search"
	"github.com/myspinbot/spinbot/sdk"
)

// fakePlacer gives everybody the one device at once, unless it is busy.
type fakePlacer struct {
	wants []placement.Want
	done  []string
	went  []*placement.Went
	busy  bool
	yield func()
	never string
}

func (p *fakePlacer) Want(w placement.Want, given func(placement.Given), yield func()) {
	p.wants, p.yield = append(p.wants, w), yield
	if !p.busy {
		given(placement.Given{Agent: "local", Devices: []string{"GPU-1"}})
	}
}

func (p *fakePlacer) Done(id string, went *placement.Went) {
	p.done, p.went = append(p.done, id), append(p.went, went)
}
func (p *fakePlacer) Why(string) string                            { return "it needs GPU-1, which run_7 holds" }
func (p *fakePlacer) Never(context.Context, placement.Want) string { return p.never }
func (p *fakePlacer) tasks(run exec.Func) *search.Tasks {
	return &search.Tasks{Model: "nomic", Placer: p, Executor: run, Now: time.Now,
		Offered: func(_ context.Context, name string) (sdk.NodeType, error) {
			return sdk.NodeType{Name: name, Device: &sdk.DeviceNeed{ModelInput: "model"}}, nil
		}}
}

func vectors(_ context.Context, t *sdk.Task) (sdk.Result, error) {
	var all []any
	for range t.Inputs["texts"].([]any) {
		all = append(all, []any{json.Number("0.5"), json.Number("1")})
	}
	t.Report(sdk.Report{Kind: sdk.ReportUsage, Usage: &sdk.Usage{}})
	return sdk.Result{Outputs: sdk.Values{"embeddings": all}}, nil
}

// TestTask: a batch asks for a device as what gives way to all others, and gives it back; what a person waits for does not.
func TestTask(t *testing.T) {
	t.Parallel()
	p := &fakePlacer{}
	tasks := p.tasks(func(ctx context.Context, task *sdk.Task) (sdk.Result, error) {
		if !slices.Equal(task.Devices, []string{"GPU-1"}) || task.Inputs["model"] != "nomic" || task.Type != search.NodeType || task.Deadline.IsZero() {
			t.Errorf("task %+v", task)
		}
		return vectors(ctx, task)
	})
	for k, eager := range []bool{false, true} {
		got, err := tasks.Embed(t.Context(), []string{"a", "b"}, eager)
		if err != nil || len(got) != 2 || !slices.Equal(got[1], []float32{0.5, 1}) {
			t.Errorf("%v %v", got, err)
		}
		if w := p.wants[k]; w.Evictable == eager || w.Model != "nomic" || w.Request.Count != 1 || p.done[k] != w.ID || p.went[k] == nil || p.went[k].Usage == nil {
			t.Errorf("wanted %+v, gave back %v", w, p.done)
		}
	}
	if p.wants[0].ID == p.wants[1].ID {
		t.Error("two tasks have one address")
	}
}

// TestTaskFails: whatever goes wrong, devices are given back, and it is said what.
func TestTaskFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		placer  fakePlacer
		run     exec.Func
		want    string
		cause   sdk.Cause
		gaveOut bool
	}{
		"nowhere": {placer: fakePlacer{never: "needs a device, and there is none"}, want: "ollama.embed has nowhere to run: it needs a device"},
		"busy":    {placer: fakePlacer{busy: true}, want: "run_7 holds", gaveOut: true},
		"fails": {run: func(context.Context, *sdk.Task) (sdk.Result, error) {
			return sdk.Result{}, sdk.Refuse("no model nomic", "")
		}, want: "no model nomic", cause: sdk.CauseFailed, gaveOut: true},
		"odd answer": {run: func(context.Context, *sdk.Task) (sdk.Result, error) {
			return sdk.Result{Outputs: sdk.Values{"embeddings": "x"}}, nil
		}, want: "gave no vectors", gaveOut: true},
		"hangs": {run: func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
			<-ctx.Done()
			return sdk.Result{}, errors.New("killed")
		}, want: "took longer than", cause: sdk.CauseHung, gaveOut: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				_, err := c.placer.tasks(c.run).Embed(ctx, []string{"a"}, false)
				if err == nil || !strings.Contains(err.Error(), c.want) || c.cause != "" && sdk.AsError(err).Cause != c.cause {
					t.Errorf("%v, want %q", err, c.want)
				}
				if (len(c.placer.done) == 1) != c.gaveOut {
					t.Errorf("gave back %v", c.placer.done)
				}
			})
		})
	}
}

// TestTaskYields: who wants the device gets it at once.
func TestTaskYields(t *testing.T) {
	t.Parallel()
	p := &fakePlacer{}
	began := make(chan struct{})
	go func() {
		<-began
		p.yield()
	}()
	_, err := p.tasks(func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
		close(began)
		<-ctx.Done()
		return sdk.Result{}, errors.New("stopped")
	}).Embed(t.Context(), []string{"a"}, false)
	if e := sdk.AsError(err); e == nil || e.Cause != sdk.CausePreempted || len(p.done) != 1 {
		t.Errorf("%v, gave back %v", err, p.done)
	}
}
