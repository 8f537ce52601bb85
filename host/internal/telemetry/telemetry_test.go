package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/sdk"
)

// written gives our metrics as they are written.
func written(t *testing.T, m *Metrics) string {
	t.Helper()
	var b strings.Builder
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// want checks that each line stands among the metrics.
func want(t *testing.T, m *Metrics, lines ...string) {
	t.Helper()
	got := "\n" + written(t, m)
	for _, line := range lines {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if t.Failed() {
		for line := range strings.Lines(got) {
			if strings.HasPrefix(line, "spinbot_") && !strings.Contains(line, "_bucket") {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	m := New("1.2.3")
	m.Gauge("runs_active", "Runs.", func() float64 { return 3 })
	m.Counter("journal_commits_total", "Commits.", func() float64 { return 4 })
	want(t, m, `spinbot_build_info{go="`+runtime.Version()+`",version="1.2.3"} 1`,
		"# TYPE spinbot_runs_active gauge", "spinbot_runs_active 3", "# TYPE spinbot_journal_commits_total counter", "spinbot_journal_commits_total 4",
		"spinbot_journal_appends_total 0", "spinbot_journal_append_errors_total 0", "spinbot_wasm_seconds_total 0", "# TYPE go_goroutines gauge", "# TYPE go_gc_heap_live_bytes gauge")
}

func TestRunsAndRequests(t *testing.T) {
	t.Parallel()
	m := New("")
	for _, state := range []string{"running", "running", "failed"} {
		m.Run(state)
	}
	m.Request("GET", "/api/v1/runs/:id", 200, time.Millisecond)
	m.Request("GET", "/api/v1/runs/:id", 404, 2*time.Second)
	want(t, m, `spinbot_runs_total{state="running"} 2`, `spinbot_runs_total{state="failed"} 1`,
		`spinbot_http_requests_total{method="GET",route="/api/v1/runs/:id",status="200"} 1`,
		`spinbot_http_requests_total{method="GET",route="/api/v1/runs/:id",status="404"} 1`,
		`spinbot_http_request_seconds_bucket{method="GET",route="/api/v1/runs/:id",le="0.005"} 1`,
		`spinbot_http_request_seconds_sum{method="GET",route="/api/v1/runs/:id"} 2.001`,
		`spinbot_http_request_seconds_count{method="GET",route="/api/v1/runs/:id"} 2`)
}

func TestExecutor(t *testing.T) {
	t.Parallel()
	m := New("")
	var during string
	outcome := map[string]error{
		"test.well": nil, "test.plain": errors.New("no"), "test.hung": &sdk.Error{Cause: sdk.CauseHung},
		"test.wrapped": fmt.Errorf("out: %w", &sdk.Error{Cause: sdk.CauseOOM}), "test.none": &sdk.Error{Message: "no cause"},
	}
	next := exec.Func(func(_ context.Context, task *sdk.Task) (sdk.Result, error) {
		if during == "" {
			during = written(t, m)
		}
		return sdk.Result{Outputs: sdk.Values{"type": task.Type}}, outcome[task.Type]
	})
	plugin, wasm := m.Executor("plugin", next), m.Executor("wasm", next)
	for name, err := range outcome {
		r, got := plugin.Execute(t.Context(), &sdk.Task{Type: name})
		if !errors.Is(got, err) || r.Outputs["type"] != name {
			t.Errorf("%s: got %+v, %v", name, r, got)
		}
	}
	if !strings.Contains(during, `spinbot_tasks_in_flight{executor="plugin"} 1`) {
		t.Errorf("while a task runs:\n%s", during)
	}
	want(t, m, `spinbot_node_attempts_total{cause="succeeded",type="test.well"} 1`, `spinbot_node_attempts_total{cause="failed",type="test.plain"} 1`,
		`spinbot_node_attempts_total{cause="hung",type="test.hung"} 1`, `spinbot_node_attempts_total{cause="oom",type="test.wrapped"} 1`,
		`spinbot_node_attempts_total{cause="failed",type="test.none"} 1`, `spinbot_task_seconds_count{type="test.well"} 1`,
		`spinbot_tasks_in_flight{executor="plugin"} 0`, `spinbot_tasks_in_flight{executor="wasm"} 0`, "spinbot_wasm_seconds_total 0")
	if _, err := wasm.Execute(t.Context(), &sdk.Task{Type: "test.well"}); err != nil {
		t.Fatal(err)
	}
	want(t, m, `spinbot_node_attempts_total{cause="succeeded",type="test.well"} 2`)
	if strings.Contains(written(t, m), "spinbot_wasm_seconds_total 0\n") {
		t.Error("no time was spent in control nodes")
	}
}

// TestCausesAreBounded: whatever nodes call their failures, there are as many series as we have causes.
func TestCausesAreBounded(t *testing.T) {
	t.Parallel()
	m := New("")
	causes := []sdk.Cause{sdk.CauseFailed, sdk.CauseHung, sdk.CauseOOM, sdk.CauseSpilling, sdk.CauseLost, sdk.CausePreempted, sdk.CauseRefused,
		sdk.CauseDrained, sdk.CauseCancelled}
	for i := range 100 {
		causes = append(causes, sdk.Cause(fmt.Sprint("made up ", i)), sdk.Cause(fmt.Sprint("\xff", i)))
	}
	e := m.Executor("wasm", exec.Func(func(_ context.Context, task *sdk.Task) (sdk.Result, error) {
		return sdk.Result{}, &sdk.Error{Cause: causes[task.Seed]}
	}))
	for i := range causes {
		if _, err := e.Execute(t.Context(), &sdk.Task{Type: "test.fail", Seed: uint64(i)}); err == nil {
			t.Fatal("the error was lost")
		}
	}
	if n := strings.Count(written(t, m), "\nspinbot_node_attempts_total{"); n != 9 {
		t.Errorf("%d series, want 9", n)
	}
	want(t, m, `spinbot_node_attempts_total{cause="failed",type="test.fail"} 201`, `spinbot_node_attempts_total{cause="drained",type="test.fail"} 1`)
}

func TestJournal(t *testing.T) {
	t.Parallel()
	m := New("")
	inner := memstore.New()
	j := m.Journal(inner)
	two := store.Append{Run: "run_a", Events: [][]byte{[]byte("1"), []byte("2")}}
	if err := j.Append(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(t.Context(), two); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if events, err := j.Read(t.Context(), "run_a", 0, 0); err != nil || len(events) != 2 {
		t.Errorf("got %v, %v", events, err)
	}
	want(t, m, "spinbot_journal_appends_total 1", "spinbot_journal_events_total 2", "spinbot_journal_append_errors_total 1",
		"spinbot_journal_append_seconds_count 1")
}

// broken is an artifact store whose disk is full.
type broken struct{ artifacts.Store }

func (broken) Put(context.Context, io.Reader, sdk.Artifact) (sdk.Artifact, error) {
	return sdk.Artifact{}, errors.New("full")
}
func (broken) Fetch(context.Context, string, string) error { return errors.New("full") }

func TestArtifacts(t *testing.T) {
	t.Parallel()
	m := New("")
	files, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := m.Artifacts(files)
	a, err := s.Put(t.Context(), strings.NewReader("12345"), sdk.Artifact{})
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	for i := range 2 {
		if err := s.Fetch(t.Context(), a.Digest, filepath.Join(out, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	b := m.Artifacts(broken{files})
	if _, err := b.Put(t.Context(), strings.NewReader("12345"), sdk.Artifact{}); err == nil {
		t.Error("put: the error was lost")
	}
	if err := b.Fetch(t.Context(), a.Digest, filepath.Join(out, "0")); err == nil {
		t.Error("fetch: the error was lost")
	}
	if _, ok := m.Artifacts(broken{files}).(artifacts.Adopter); ok {
		t.Error("it adopts though what it counts for does not")
	}
	if err := s.(artifacts.Adopter).Adopt(filepath.Join(out, "0"), a.Digest); err != nil {
		t.Error(err)
	}
	if err := s.(artifacts.Adopter).Adopt(filepath.Join(out, "none"), a.Digest); err == nil {
		t.Error("adopt: the error was lost")
	}
	want(t, m, "spinbot_artifact_stored_bytes_total 10", "spinbot_artifact_fetched_bytes_total 10")
}

// TestWriteBreaks: a reader that goes is an error, and the next one is served.
func TestWriteBreaks(t *testing.T) {
	t.Parallel()
	m := New("")
	r, w := io.Pipe()
	r.Close()
	if err := m.Write(w); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
	written(t, m)
}

func TestMetricsHammer(t *testing.T) {
	t.Parallel()
	m := New("")
	e := m.Executor("plugin", exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, nil }))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 100 {
				m.Run("running")
				m.Request("GET", "/health", 200+i%2, 0)
				if _, err := e.Execute(t.Context(), &sdk.Task{Type: "test.a"}); err != nil {
					t.Error(err)
				}
			}
			written(t, m)
		})
	}
	all.Wait()
	want(t, m, `spinbot_runs_total{state="running"} 800`, `spinbot_http_requests_total{method="GET",route="/health",status="201"} 400`,
		`spinbot_node_attempts_total{cause="succeeded",type="test.a"} 800`, `spinbot_tasks_in_flight{executor="plugin"} 0`)
}

// TestTriggers: triggers are told apart, up to a bound.
func TestTriggers(t *testing.T) {
	t.Parallel()
	m := New("")
	m.Trigger("film", "nightly", "fired")
	m.Trigger("film", "nightly", "fired")
	m.Trigger("film", "nightly", "skipped")
	for k := range maxTriggers + 10 {
		m.Trigger("p", fmt.Sprint(k), "refused")
	}
	m.Trigger("film", "nightly", "refused") // it was there before
	want(t, m, `spinbot_trigger_fires_total{outcome="fired",pipeline="film",trigger="nightly"} 2`,
		`spinbot_trigger_fires_total{outcome="skipped",pipeline="film",trigger="nightly"} 1`,
		`spinbot_trigger_fires_total{outcome="refused",pipeline="film",trigger="nightly"} 1`,
		`spinbot_trigger_fires_total{outcome="refused",pipeline="(other)",trigger="(other)"} 11`)
	if n := strings.Count(written(t, m), "\nspinbot_trigger_fires_total{"); n != maxTriggers+3 {
		t.Errorf("%d series", n)
	}
}

// TestDocument: docs/metrics.md has every metric, and none that is not there.
func TestDocument(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	m := New("")
	m.Devices(func() []device.Device { return nil })
	ours := map[string]bool{}
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		m.registry.Describe(descs)
	}()
	for d := range descs {
		if name := regexp.MustCompile(`fqName: "(spinbot_\w+)"`).FindStringSubmatch(d.String()); name != nil {
			ours[name[1]] = true
		}
	}
	for _, file := range []string{"../app/host/gauges.go", "../tracing/tracer.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range regexp.MustCompile(`\b(?:metrics\.Gauge|metrics\.Counter|counter)\("(\w+)"`).FindAllStringSubmatch(string(source), -1) {
			ours["spinbot_"+g[1]] = true
		}
	}
	for _, name := range regexp.MustCompile("(?m)^\\| `(spinbot_\\w+)").FindAllStringSubmatch(string(doc), -1) {
		if !ours[name[1]] {
			t.Errorf("docs/metrics.md tells of %s, which is not there", name[1])
		}
		delete(ours, name[1])
	}
	for name := range ours {
		t.Errorf("docs/metrics.md does not tell of %s", name)
	}
}

// TestWriteOf: each figure says whose it is, and is otherwise as it was.
func TestWriteOf(t *testing.T) {
	t.Parallel()
	m := New("1.2")
	m.Run("failed")
	m.Gauge("answer", "Of all.", func() float64 { return 42 })
	m.Devices(func() []device.Device { return []device.Device{{UUID: "GPU-a", Name: "A", Memory: 4096}} })
	var out strings.Builder
	if err := m.WriteOf(&out, "box2"); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`spinbot_runs_total{agent="box2",state="failed"} 1`, `spinbot_answer{agent="box2"} 42`, `spinbot_device_memory_total_bytes{agent="box2",name="A",uuid="GPU-a"} 4096`} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("it lacks %s", line)
		}
	}
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, `agent="box2"`) {
			t.Errorf("whose is %s", line)
		}
	}
	if want := strings.Count(written(t, m), "# TYPE"); strings.Count(out.String(), "# TYPE") != want {
		t.Errorf("%d kinds of figures, want %d", strings.Count(out.String(), "# TYPE"), want)
	}
}
