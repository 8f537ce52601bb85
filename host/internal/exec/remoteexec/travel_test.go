package remoteexec

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/sdk"
)

// TestWholeTask: every field of a task arrives, but for the folder, which is the agent's own. A field that sdk.Task gets
// is one that this test asks for.
func TestWholeTask(t *testing.T) {
	t.Parallel()
	want := *exectest.Task("test.echo", sdk.Values{"value": "x"})
	want.PipelineName, want.Checkpoint, want.Devices = "film", []byte("half\xff way"), []string{"GPU-2", "GPU-1"}
	want.Deadline = want.Time.Add(time.Hour)
	want.Limits = sdk.Limits{Memory: 1, Time: 2, Budget: 3, Output: 4, Log: 5, Calls: 6}
	want.Scratch = "/the/host's"
	want.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, f := range reflect.VisibleFields(reflect.TypeFor[sdk.Task]()) {
		if f.IsExported() && reflect.ValueOf(want).FieldByIndex(f.Index).IsZero() {
			t.Fatalf("this test leaves %s out", f.Name)
		}
	}
	var got sdk.Task
	var idle time.Duration
	var fresh, held bool
	r := newRig(t, exec.Func(func(ctx context.Context, task *sdk.Task) (sdk.Result, error) {
		got = *task.WithReporter(nil)
		idle, _ = exec.Idle(ctx)
		fresh = exec.Fresh(ctx)
		_, _, held = exec.Held(ctx)
		return sdk.Result{}, nil
	}))
	r.line.server.cfg.Now = func() time.Time { return want.Time.Add(24 * time.Hour) } // clocks differ
	r.host.Expect(placement.Assignment{Agent: box2, Task: placement.Task{ID: want.Address.String()}})
	if _, err := r.host.Execute(exec.WithFresh(exec.WithIdle(t.Context(), time.Minute)), &want); err != nil {
		t.Fatal(err)
	}
	if got.Scratch == "" || got.Scratch == want.Scratch {
		t.Errorf("its folder is %q", got.Scratch)
	}
	got.Scratch = want.Scratch
	want.Deadline = want.Deadline.Add(24 * time.Hour)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if idle != time.Minute || !fresh || held {
		t.Errorf("idle %s, fresh %v, held %v", idle, fresh, held)
	}
}

// TestMissingArtifacts: a result counts when its artifacts are at the host; until then it is asked for again.
func TestMissingArtifacts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lost, asked int
		ill         error
		want        string
	}{
		"all there":                    {},
		"lost twice":                   {lost: 2, asked: 2},
		"lost for good":                {lost: 100, asked: asksAgain, want: "its artifacts did not arrive"},
		"the host's store is unwell":   {lost: 100, ill: errors.New("the disk is slow")},
		"lost as often as it is asked": {lost: asksAgain, asked: asksAgain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, plugins(t))
			r.here.ill = c.ill
			r.line.lose = func(n int) bool { return n < c.lost }
			res, _, err := r.run(exectest.Task("test.write", sdk.Values{"text": "made there", "name": "made.txt"}))
			if r.line.asked != c.asked {
				t.Errorf("it was asked for %d times again, want %d", r.line.asked, c.asked)
			}
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return
			}
			a, _ := res.Outputs["file"].(sdk.Artifact)
			raw, there := r.here.get(a.Digest)
			if err != nil || a.Name != "made.txt" || a.Path != "" || there != (c.ill == nil) || there && string(raw) != "made there" {
				t.Errorf("got %+v with %q, %v", a, raw, err)
			}
		})
	}
}

// TestArtifactsOfFailure: a failed attempt waits for no artifacts, and says what it used.
func TestArtifactsOfFailure(t *testing.T) {
	t.Parallel()
	used := &sdk.Usage{DeviceMemory: 1 << 30}
	r := newRig(t, exec.Func(func(_ context.Context, task *sdk.Task) (sdk.Result, error) {
		task.Report(sdk.Report{Kind: sdk.ReportUsage, Usage: used})
		return sdk.Result{}, sdk.Fail("no luck", "")
	}))
	_, said, err := r.run(exectest.Task("test.fail", nil))
	if err == nil || len(said) != 1 || said[0].Kind != sdk.ReportUsage || !reflect.DeepEqual(said[0].Usage, used) {
		t.Errorf("got %v, %+v", err, said)
	}
}

// TestHeld: a host that began anew asks for what an agent has of its earlier process, and sends only what never came.
func TestHeld(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	task := blurting(t, r, 1, 0)
	if _, _, err := r.run(task); err != nil {
		t.Fatal(err)
	}
	r.line.mustHaveSent(t, 1)
	again := New(r.host.cfg) // with the keys of the one before
	res, err := again.Execute(exec.WithHeld(t.Context(), box2, ""), task)
	if err != nil || res.Outputs["said"] != secretText {
		t.Errorf("got %v, %v", res.Outputs, err)
	}
	task.Address.Attempt = 2
	for session, ready := range map[string]bool{"": true, "1": true, lives: false} {
		if ready {
			again.Expect(placement.Assignment{Agent: box2, Task: placement.Task{ID: task.Address.String()}})
		}
		_, err = again.Execute(exec.WithHeld(t.Context(), box2, session), task)
		if e := sdk.AsError(err); err == nil || e.Cause != sdk.CauseLost {
			t.Errorf("one that the agent does not know, of session %q: %v", session, err)
		}
	}
	r.line.mustHaveSent(t, 1)
	task = exectest.Task("test.echo", sdk.Values{"value": "late"})
	task.Address.Attempt = 3
	again.Expect(placement.Assignment{Agent: box2, Task: placement.Task{ID: task.Address.String()}})
	if res, err := again.Execute(exec.WithHeld(t.Context(), box2, lives), task); err != nil || res.Outputs["value"] != "late" {
		t.Errorf("one that was never sent: %v, %v", res.Outputs, err)
	}
	r.line.mustHaveSent(t, 2)
}

// TestLetGo: a host that goes away says so with the very cause.
func TestLetGo(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(exec.ErrLetGo)
	if _, err := r.host.Execute(exec.WithHeld(ctx, box2, ""), exectest.Task("test.echo", nil)); !errors.Is(err, exec.ErrLetGo) {
		t.Errorf("got %v", err)
	}
}

// TestHere: what is not expected elsewhere, no more, or held by this process stays on this machine.
func TestHere(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	task := exectest.Task("test.echo", nil)
	r.host.Expect(placement.Assignment{Agent: box2, Task: placement.Task{ID: task.Address.String()}})
	r.host.Forget(task.Address.String())
	expected := ""
	r.host.cfg.Expect = func(a placement.Assignment) { expected = a.Task.ID }
	for name, ctx := range map[string]context.Context{"forgotten": t.Context(), "held here": exec.WithHeld(t.Context(), "", "")} {
		if _, err := r.host.Execute(ctx, task); err == nil || !strings.Contains(err.Error(), "was carried out on the host") {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.host.Expect(placement.Assignment{Task: placement.Task{ID: "x"}})
	if expected != "x" {
		t.Error("this machine is not told of its own task")
	}
	r.line.mustHaveSent(t, 0)
}

// TestUnreadable: what an agent or a host cannot read ends the task with a sentence.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	for name, spoil := range map[string]func(*protocol.Task){
		"body":    func(x *protocol.Task) { x.Body = json.RawMessage(`"a text"`) },
		"address": func(x *protocol.Task) { x.ID = "nowhere" },
	} {
		got := r.line.server.Run(t.Context(), func() protocol.Task {
			x := protocol.Task{ID: exectest.Task("", nil).Address.String(), Host: box1, Body: json.RawMessage(`{"type":"test.echo"}`)}
			spoil(&x)
			return x
		}(), func(sdk.Report) {})
		if got.Error == nil || !strings.Contains(got.Error.Message, "the agent cannot read its task") {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	task := exectest.Task("test.echo", nil)
	r.line.kept[task.Address.String()], _ = json.Marshal(protocol.Result{ID: task.Address.String(), Body: json.RawMessage(`"a text"`)})
	if _, err := r.host.Execute(exec.WithHeld(t.Context(), box2, ""), task); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("an outcome that is none: %v", err)
	}
}

// TestFence: what a host has decided that leads no more is refused, once one is known that leads since.
func TestFence(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	for k, epoch := range []int64{2, 1, 0, 2, 3, 2} {
		task := exectest.Task("test.echo", nil)
		task.Address.Attempt = k + 1
		r.host.Expect(placement.Assignment{Agent: box2, Task: placement.Task{ID: task.Address.String()}, Epoch: epoch})
		_, err := r.host.Execute(t.Context(), task)
		stale := k == 1 || k == 5
		if e := sdk.AsError(err); stale != (err != nil) || stale && (e.Cause != sdk.CauseRefused || e.Permanent || !strings.Contains(e.Message, "another host places tasks since epoch")) {
			t.Errorf("%d, of epoch %d: %v", k, epoch, err)
		}
	}
}
