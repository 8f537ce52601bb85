// Package exectest is the conformance suite of executors: what every Executor must do, whatever carries out its
// tasks. An adapter's test calls Run with a factory that offers the node types of exectest/nodes.
package exectest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

// Options say what is tested.
type Options struct {
	// New makes an executor that offers nodes.Plugin; it ends with the test.
	New func(t *testing.T) exec.Executor
	// Files says that nodes can write artifacts into a scratch folder.
	Files bool
	// NoReports says that nodes cannot report.
	NoReports bool
	// Remote says that another machine carries tasks out: their deadlines are as far away there, by its clock, and of
	// progress that is said quickly the last arrives.
	Remote bool
	// Patience is how long Execute may take to return after its context ended, on a busy machine; a minute when zero.
	Patience time.Duration
}

// Run runs the suite. Each of its tasks is another attempt.
func Run(t *testing.T, o Options) {
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	s := suite{Options: o, exec: o.New(t), attempts: new(atomic.Int64)}
	for _, c := range []struct {
		name string
		test func(*testing.T)
	}{
		{"round trip", s.roundTrip},
		{"context", s.context},
		{"artifact in", s.artifactIn},
		{"artifact out", s.artifactOut},
		{"failure is data", s.failure},
		{"inputs that do not fit", s.misfit},
		{"unknown node type", s.unknown},
		{"panic", s.panics},
		{"crash", s.crash},
		{"deadline", s.deadline},
		{"cancel", s.cancel},
		{"cancelled before it began", s.cancelledBefore},
		{"reports", s.reports},
		{"many at once", s.concurrency},
	} {
		t.Run(c.name, c.test) // one after the other: a crash may take other tasks of the same process along
	}
}

type suite struct {
	Options
	exec     exec.Executor
	attempts *atomic.Int64 // made so far
}

// Task makes a task of the given type with every field set; inputs may be nil.
func Task(nodeType string, inputs sdk.Values) *sdk.Task {
	if inputs == nil {
		inputs = sdk.Values{}
	}
	return &sdk.Task{
		Address: sdk.Address{Run: "run_test", Node: sdk.Step{Kind: "node", Name: "a", Key: sdk.NumberKey(2)}, Attempt: 1},
		Type:    nodeType, Inputs: inputs, Time: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC), Seed: 1<<64 - 1,
		Owner: "anna", Pipeline: "sha256:" + fmt.Sprintf("%064d", 7),
	}
}

// run runs a task as an attempt that there was not before.
func (s suite) run(ctx context.Context, t *testing.T, task *sdk.Task) (sdk.Values, error) {
	t.Helper()
	task.Address.Attempt = int(s.attempts.Add(1))
	r, err := s.exec.Execute(ctx, task)
	return r.Outputs, err
}

// mustFail gives the *sdk.Error with which a task ended.
func (s suite) mustFail(ctx context.Context, t *testing.T, task *sdk.Task) *sdk.Error {
	t.Helper()
	out, err := s.run(ctx, t, task)
	if err == nil {
		t.Fatalf("%s gave %v, want an error", task.Type, out)
	}
	var e *sdk.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: %v (%T), want an *sdk.Error", task.Type, err, err)
	}
	if e.Message == "" {
		t.Errorf("%s: %+v has no message", task.Type, e)
	}
	return e
}

// stillServes proves that the executor lives on after something bad.
func (s suite) stillServes(t *testing.T) {
	t.Helper()
	out, err := s.run(t.Context(), t, Task("test.echo", sdk.Values{"value": "alive"}))
	if err != nil || out["value"] != "alive" {
		t.Errorf("afterwards test.echo gave %v, %v", out, err)
	}
}

func (s suite) roundTrip(t *testing.T) {
	for name, v := range map[string]any{
		"text": "ünï\x00\n", "empty text": "", "true": true, "false": false,
		"seed": json.Number("18446744073709551615"), "fraction": json.Number("0.1"), "huge": json.Number("1e400"),
		"list": []any{json.Number("1"), "two", nil, []any{}}, "object": map[string]any{"$x": map[string]any{}, "": "empty key"},
	} {
		out, err := s.run(t.Context(), t, Task("test.echo", sdk.Values{"value": v}))
		if err != nil || !reflect.DeepEqual(out["value"], v) {
			t.Errorf("%s: %#v became %#v, %v", name, v, out["value"], err)
		}
	}
}

func (s suite) context(t *testing.T) {
	task := Task("test.context", nil)
	task.Checkpoint = []byte("half way")
	if s.Remote {
		task.Time = time.Now().UTC()
	}
	task.Deadline = time.Now().Add(time.Hour)
	out, err := s.run(t.Context(), t, task)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]any{
		"address": task.Address.String(), "owner": "anna", "pipeline": task.Pipeline, "checkpoint": "half way",
		"time": task.Time.Format(time.RFC3339Nano), "seed": json.Number("18446744073709551615"),
	} {
		if out[k] != want {
			t.Errorf("%s is %v, want %v", k, out[k], want)
		}
	}
	text, _ := out["deadline"].(string)
	deadline, err := time.Parse(time.RFC3339Nano, text)
	if off := deadline.Sub(task.Deadline).Abs(); err != nil || off > 0 && !s.Remote || off > s.Patience {
		t.Errorf("deadline is %s, want %s", text, task.Deadline)
	}
}

func artifact(t *testing.T, text string) sdk.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return sdk.Artifact{Digest: "sha256:" + fmt.Sprintf("%064d", 1), MediaType: "text/plain", Size: int64(len(text)), Name: "in.txt", Path: path}
}

func (s suite) artifactIn(t *testing.T) {
	a := artifact(t, "what it says")
	out, err := s.run(t.Context(), t, Task("test.read", sdk.Values{"file": a}))
	if err != nil || out["text"] != "what it says" {
		t.Errorf("read %v, %v", out, err)
	}
	out, err = s.run(t.Context(), t, Task("test.echo", sdk.Values{"value": []any{a}}))
	if err != nil {
		t.Fatal(err)
	}
	list, _ := out["value"].([]any)
	if len(list) != 1 {
		t.Fatalf("got %v back", out)
	}
	back, _ := list[0].(sdk.Artifact)
	back.Path = a.Path
	if back != a {
		t.Errorf("got %+v back, want %+v", back, a)
	}
}

func (s suite) artifactOut(t *testing.T) {
	if !s.Files {
		t.Skip("these nodes write no files")
	}
	task := Task("test.write", sdk.Values{"text": "made here", "name": "made.txt"})
	task.Scratch = t.TempDir()
	out, err := s.run(t.Context(), t, task)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := out["file"].(sdk.Artifact)
	if a.Name != "made.txt" || a.MediaType != "text/plain" || filepath.Dir(a.Path) != task.Scratch {
		t.Errorf("got %+v", a)
	}
	if b, err := os.ReadFile(a.Path); err != nil || string(b) != "made here" {
		t.Errorf("the file holds %q, %v", b, err)
	}
}

func (s suite) failure(t *testing.T) {
	want := sdk.Error{Cause: sdk.CauseFailed, Message: "no luck", Hint: "try again", Detail: "line 1\nline 2", Permanent: true}
	e := s.mustFail(t.Context(), t, Task("test.fail", sdk.Values{
		"message": want.Message, "hint": want.Hint, "detail": want.Detail, "permanent": true,
	}))
	if *e != want {
		t.Errorf("got %+v, want %+v", *e, want)
	}
	if e := s.mustFail(t.Context(), t, Task("test.fail", sdk.Values{"message": "passing"})); e.Permanent {
		t.Errorf("%+v is permanent", e)
	}
}

func (s suite) misfit(t *testing.T) {
	if e := s.mustFail(t.Context(), t, Task("test.fail", sdk.Values{"message": true})); !e.Permanent || e.Cause != sdk.CauseFailed {
		t.Errorf("got %+v, want a permanent failure", e)
	}
}

func (s suite) unknown(t *testing.T) {
	e := s.mustFail(t.Context(), t, Task("test.absent", nil))
	if e.Cause != sdk.CauseRefused && e.Cause != sdk.CauseFailed {
		t.Errorf("cause %s", e.Cause)
	}
}

func (s suite) panics(t *testing.T) {
	if e := s.mustFail(t.Context(), t, Task("test.panic", nil)); e.Cause != sdk.CauseFailed {
		t.Errorf("got %+v, want cause failed", e)
	}
	s.stillServes(t)
}

func (s suite) crash(t *testing.T) {
	if e := s.mustFail(t.Context(), t, Task("test.crash", nil)); e.Cause != sdk.CauseFailed {
		t.Errorf("got %+v, want cause failed", e)
	}
	s.stillServes(t)
}

func (s suite) deadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if e := s.mustFail(ctx, t, Task("test.hang", nil)); e.Cause != sdk.CauseHung {
		t.Errorf("got %+v, want cause hung", e)
	}
	if d := time.Since(began); d > 300*time.Millisecond+s.Patience {
		t.Errorf("it returned after %s", d)
	}
	s.stillServes(t)
}

func (s suite) cancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(200*time.Millisecond, cancel)
	defer timer.Stop()
	began := time.Now()
	if e := s.mustFail(ctx, t, Task("test.hang", nil)); e.Cause != sdk.CauseCancelled {
		t.Errorf("got %+v, want cause cancelled", e)
	}
	if d := time.Since(began); d > 200*time.Millisecond+s.Patience {
		t.Errorf("it returned after %s", d)
	}
	s.stillServes(t)
}

func (s suite) cancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e := s.mustFail(ctx, t, Task("test.echo", sdk.Values{"value": "x"})); e.Cause != sdk.CauseCancelled {
		t.Errorf("got %+v, want cause cancelled", e)
	}
}

func (s suite) reports(t *testing.T) {
	if s.NoReports {
		t.Skip("these nodes cannot report")
	}
	var mu sync.Mutex
	var got []sdk.Report
	task := Task("test.report", sdk.Values{"count": json.Number("2")}).WithReporter(func(r sdk.Report) {
		mu.Lock()
		defer mu.Unlock()
		if r.Kind != sdk.ReportUsage { // the executor's own
			got = append(got, r)
		}
	})
	if _, err := s.run(t.Context(), t, task); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	want := []sdk.Report{
		{Kind: sdk.ReportProgress, Fraction: 0.5, Message: "part 1"},
		{Kind: sdk.ReportProgress, Fraction: 1, Message: "part 2"},
		{Kind: sdk.ReportLog, Level: "warn", Message: "nearly done"},
	}
	if !reflect.DeepEqual(got, want) && (!s.Remote || !reflect.DeepEqual(got, want[1:])) {
		t.Errorf("reports when Execute returned:\n%+v\nwant\n%+v", got, want)
	}
}

func (s suite) concurrency(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			task := Task("test.echo", nil)
			task.Owner = fmt.Sprint("owner ", g%3)
			for i := range 8 {
				want := fmt.Sprint(g, "/", i)
				task := *task
				task.Inputs = sdk.Values{"value": want}
				if out, err := s.run(t.Context(), t, &task); err != nil || out["value"] != want {
					t.Errorf("want %s back, got %v, %v", want, out, err)
				}
			}
		})
	}
	wg.Wait()
}
