package sdktest

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// atOnce is how many tasks of a case run at the same time.
const atOnce = 4

// try runs a case in all the ways a host might.
func (s suite) try(t testing.TB, c Case) {
	nt, ok := s.nodeType(c.Type)
	if !ok {
		t.Fatalf("the plugin offers no node type %q", c.Type)
	}
	task := s.task(t, c)
	out, err := s.execute(t, t.Context(), task)
	s.judge(t, c, nt, task, out, err)
	if c.Want != nil && err == nil {
		c.Want(t, out)
	}
	if t.Failed() || s.once {
		return
	}
	if err == nil && nt.Revision != "" && nt.Idempotent {
		s.again(t, c, task, out)
	}
	s.together(t, c, nt)
	s.stops(t, c)
}

func (s suite) nodeType(name string) (sdk.NodeType, bool) {
	i := slices.IndexFunc(s.manifest.NodeTypes, func(nt sdk.NodeType) bool { return nt.Name == name })
	if i < 0 {
		return sdk.NodeType{}, false
	}
	return s.manifest.NodeTypes[i], true
}

// task makes a task of the case with a scratch folder of its own; two tasks of a case are equal but for that.
func (s suite) task(t testing.TB, c Case) *sdk.Task {
	inputs, err := clone(c.Inputs)
	if err != nil {
		t.Fatalf("inputs: %v", err)
	}
	task := &sdk.Task{
		Address: sdk.Address{Run: "run_sdktest", Node: sdk.Step{Kind: "node", Name: "test"}, Attempt: 1},
		Type:    c.Type, Inputs: inputs, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Seed: 42,
		Owner: "sdktest", Pipeline: "sha256:" + strings.Repeat("0", 64), Scratch: t.TempDir(),
	}
	if c.Task != nil {
		c.Task(task)
	}
	return task
}

// clone gives each task inputs of its own.
func clone(v sdk.Values) (sdk.Values, error) {
	if v == nil {
		return sdk.Values{}, nil
	}
	b, err := v.AppendBinary(nil, true)
	if err != nil {
		return nil, err
	}
	return sdk.DecodeBinary(b)
}

// execute runs a task and looks at its reports. It may be called from any goroutine.
func (s suite) execute(t testing.TB, ctx context.Context, task *sdk.Task) (sdk.Values, error) {
	var mu sync.Mutex
	wrong := map[string]bool{}
	r, err := s.client.Run(ctx, task.WithReporter(func(r sdk.Report) {
		mu.Lock()
		defer mu.Unlock()
		if what := badReport(r, task.Scratch); what != "" {
			wrong[what] = true
		}
		task.Report(r)
	}), s.patience)
	mu.Lock()
	defer mu.Unlock()
	for _, what := range slices.Sorted(maps.Keys(wrong)) {
		t.Errorf("a report %s", what)
	}
	return r.Outputs, err
}

func badReport(r sdk.Report, scratch string) string {
	switch {
	case r.Kind == sdk.ReportProgress && (math.IsNaN(r.Fraction) || r.Fraction > 1):
		return "of progress has a fraction above 1 or none at all"
	case r.Kind == sdk.ReportLog && !slices.Contains([]string{"debug", "info", "warn", "error"}, r.Level):
		return "has the log level " + r.Level + "; want debug, info, warn or error"
	case r.Kind == sdk.ReportCurve && (r.Curve == nil || r.Curve.Name == "" || !r.Curve.Whole()):
		return "of a curve has none that can be drawn: want a name, and as many rising X as Y, sdk.MaxCurve at most"
	case r.Kind == sdk.ReportPreview && r.Preview == nil:
		return "of a preview has none"
	case r.Kind == sdk.ReportPreview:
		if err := checkFile(r.Preview.Path, scratch); err != nil {
			return "has a preview that cannot be shown: " + err.Error()
		}
	}
	return ""
}

// judge checks how a task ended. It may be called from any goroutine.
func (s suite) judge(t testing.TB, c Case, nt sdk.NodeType, task *sdk.Task, out sdk.Values, err error) {
	e := failure(t, err)
	switch {
	case err != nil && e == nil: // told already
	case e == nil && c.Fails != "":
		t.Errorf("it succeeded with %v; want a failure that says %q", out, c.Fails)
	case e == nil:
		checkOutputs(t, nt, task, out)
	case c.Fails == "":
		t.Errorf("it failed: %v %s", e, e.Detail)
	case !strings.Contains(e.Message, c.Fails):
		t.Errorf("it failed with %q; want a message that says %q", e.Message, c.Fails)
	}
}

// failure gives a task's own *sdk.Error; anything worse it tells to t.
func failure(t testing.TB, err error) *sdk.Error {
	var e *sdk.Error
	switch {
	case err == nil:
	case errors.Is(err, wire.ErrNoAnswer):
		t.Errorf("it did not return when its context ended")
	case !errors.As(err, &e):
		t.Errorf("the plugin's process broke down: %v", err)
	case wire.Panicked(e):
		t.Errorf("%s\n%s", e.Message, e.Detail)
		return nil
	case strings.TrimSpace(e.Message) == "":
		t.Errorf("its error has no message: %+v", *e)
		return nil
	}
	return e
}

// again runs a task a second time: what may be taken from a cache must be what would be made.
func (s suite) again(t testing.TB, c Case, first *sdk.Task, out sdk.Values) {
	second := s.task(t, c)
	other, err := s.execute(t, t.Context(), second)
	if err != nil {
		t.Errorf("it failed when run again: %v", err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(out)) {
		if fingerprint(t, first, out[name]) != fingerprint(t, second, other[name]) {
			t.Errorf("output %q differs between two runs with the same inputs, seed and time: a node type with a Revision "+
				"is cached, so take randomness from Task.Seed and the clock from Task.Time, or leave Revision empty", name)
		}
	}
}

// together runs several tasks at once.
func (s suite) together(t testing.TB, c Case, nt sdk.NodeType) {
	var wg sync.WaitGroup
	for range atOnce {
		task := s.task(t, c)
		wg.Go(func() {
			out, err := s.execute(t, t.Context(), task)
			s.judge(t, c, nt, task, out, err)
		})
	}
	wg.Wait()
	if t.Failed() {
		t.Errorf("the above came up with %d such tasks at once", atOnce)
	}
}

// stops cancels a task at its first report, or shortly after it began; how it then ends is its own affair.
func (s suite) stops(t testing.TB, c Case) {
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(20*time.Millisecond, cancel)
	defer timer.Stop()
	task := s.task(t, c).WithReporter(func(sdk.Report) { cancel() })
	_, err := s.execute(t, ctx, task)
	cancel()
	_ = failure(t, err)
}
