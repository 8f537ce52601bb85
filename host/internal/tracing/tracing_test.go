package tracing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/trace"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/host/internal/tracing/tracingtest"
	"github.com/myspinbot/spinbot/sdk"
)

const aRun = run.ID("run_01J9ZK7R8Q5M3X2V1T0S4P6N7B")

func TestSettings(t *testing.T) {
	t.Parallel()
	half := 0.5
	for _, c := range []struct {
		file *config.Tracing
		env  string
		url  string
		part float64
		name string
		fail string
	}{
		{part: 1},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318/", url: "http://c:4318/v1/traces", part: 1, name: "spinbot"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://c/x OTEL_SERVICE_NAME=mine", url: "http://c/x/v1/traces", part: 1, name: "mine"},
		{env: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c/x OTEL_EXPORTER_OTLP_ENDPOINT=http://no", url: "http://c/x", part: 1, name: "spinbot"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_SDK_DISABLED=true", part: 1},
		{env: "OTEL_TRACES_EXPORTER=otlp OTEL_RESOURCE_ATTRIBUTES=service.name=a%20b", url: "http://127.0.0.1:4318/v1/traces", part: 1, name: "a b"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.25", url: "http://c/v1/traces", part: 0.25, name: "spinbot"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_TRACES_SAMPLER=always_off", url: "http://c/v1/traces", name: "spinbot"},
		{file: &config.Tracing{}, url: "http://127.0.0.1:4318/v1/traces", part: 1, name: "spinbot"},
		{file: &config.Tracing{Endpoint: "https://c/v1/traces", Sample: &half, Service: "studio"}, env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://no OTEL_SERVICE_NAME=no OTEL_EXPORTER_OTLP_PROTOCOL=grpc", url: "https://c/v1/traces", part: 0.5, name: "studio"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=c:4317", fail: "write it like http://127.0.0.1:4318"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_EXPORTER_OTLP_PROTOCOL=grpc", fail: "http/protobuf alone"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_EXPORTER_OTLP_HEADERS=hunter2", fail: "pair 1 is none"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_EXPORTER_OTLP_TIMEOUT=soon", fail: "want milliseconds"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=2", fail: "from 0 to 1"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_TRACES_SAMPLER=jaeger_remote", fail: "known are always_on"},
	} {
		s, err := Read(c.file, strings.Fields(c.env))
		if c.fail != "" {
			if err == nil || !strings.Contains(err.Error(), c.fail) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v", c.env, err)
			}
			continue
		}
		if err != nil || s.URL != c.url || s.Sample != c.part || s.Resource["service.name"] != c.name || s.On() != (c.url != "" && c.part > 0) {
			t.Errorf("%s: %+v, %v", c.env, s, err)
		}
	}
}

func spans(n int) (out []trace.Span) {
	for range n {
		out = append(out, trace.Span{Context: trace.Context{Trace: trace.Of(aRun), Span: trace.SpanOf(string(aRun))}, Name: "x", Start: time.Now(), End: time.Now()})
	}
	return out
}

// TestHangs: a collector that takes requests and never answers holds nobody up: spans are held up to a bound, and those above
// and those that it never takes are counted. Closing gives up in time.
func TestHangs(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 64)
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	defer server.Close()
	defer close(release)
	tr := New(Settings{URL: server.URL, Sample: 1, Timeout: time.Hour}, "test", slog.New(slog.DiscardHandler))
	began := time.Now()
	for _, s := range spans(mostSent) {
		tr.out.emit(s)
	}
	<-asked
	for _, s := range spans(3 * mostHeld) {
		tr.out.emit(s)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("that took %v", took)
	}
	tr.out.mu.Lock()
	held := len(tr.out.held)
	tr.out.mu.Unlock()
	if want := int64(2 * mostHeld); held != mostHeld || tr.Dropped() != want {
		t.Errorf("%d are held, and %d were dropped; want %d", held, tr.Dropped(), want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	tr.out.close(ctx)
	if all := int64(mostSent + 3*mostHeld); tr.Dropped() != all || tr.Sent() != 0 {
		t.Errorf("%d of %d were dropped, %d sent", tr.Dropped(), all, tr.Sent())
	}
}

// TestRefuses: what is refused for now is tried again, what is refused for good is not.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct{ tries, sent, dropped int64 }{
		http.StatusServiceUnavailable: {2, 1, 0},
		http.StatusUnauthorized:       {1, 0, 1},
		http.StatusFound:              {1, 0, 1},
	} {
		var tries atomic.Int64
		var takes tracingtest.Receiver
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if tries.Add(1) == 1 {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
				return
			}
			takes.ServeHTTP(w, r)
		}))
		tr := New(Settings{URL: server.URL + "/v1/traces", Sample: 1, Timeout: time.Minute}, "test", slog.New(slog.DiscardHandler))
		tr.out.emit(spans(1)[0])
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		tr.out.close(ctx)
		cancel()
		server.Close()
		if tries.Load() != want.tries || tr.Sent() != want.sent || tr.Dropped() != want.dropped {
			t.Errorf("%d: %d tries, %d sent, %d dropped; want %+v", status, tries.Load(), tr.Sent(), tr.Dropped(), want)
		}
	}
}

// journalOf is a run's journal, and its events.
func journalOf(t *testing.T, events []run.Event) store.Journal {
	t.Helper()
	j := memstore.New()
	t.Cleanup(func() { _ = j.Close() })
	var raw [][]byte
	for _, e := range events {
		b, err := e.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, b)
	}
	head := store.Head{Run: string(aRun), State: "running", Seq: uint64(len(events))}
	if err := j.Append(t.Context(), store.Append{Run: string(aRun), Events: raw, Head: &head}); err != nil {
		t.Fatal(err)
	}
	return j
}

func attempts(n int) (events []run.Event) {
	at := time.Unix(1_700_000_000, 0).UTC()
	add := func(e run.Event) {
		e.Seq, e.V, e.Time = uint64(len(events))+1, run.Version, at
		at = at.Add(time.Second)
		events = append(events, e)
	}
	add(run.Event{Kind: run.RunCreated, Run: aRun, Pipeline: "p", Bundle: "b"})
	for k := range n {
		node := "n" + string(rune('a'+k))
		add(run.Event{Kind: run.AttemptStarted, Node: node, Attempt: 1})
		add(run.Event{Kind: run.AttemptSaved, Node: node, Attempt: 1, Checkpoint: []byte("x")})
		add(run.Event{Kind: run.AttemptEnded, Node: node, Attempt: 1})
	}
	add(run.Event{Kind: run.RunEnded, Status: run.Succeeded})
	return events
}

// TestFollows: whichever events a tracer hears of, since it began late or was told too much, it comes to the same spans.
func TestFollows(t *testing.T) {
	t.Parallel()
	events := attempts(3)
	want := ""
	for from := range events {
		for to := from; to < len(events); to++ { // it hears nothing of those in between
			if to == len(events)-1 {
				continue
			}
			var got tracingtest.Receiver
			server := httptest.NewServer(&got)
			tr := New(Settings{URL: server.URL + "/v1/traces", Sample: 1, Timeout: time.Minute}, "test", slog.New(slog.DiscardHandler))
			tr.Follow(journalOf(t, events), func(context.Context, string) (run.Shape, error) { return run.Shape{}, errors.New("none") }, slog.New(slog.DiscardHandler))
			for k, e := range events {
				if from == 0 || k < from || k > to {
					tr.Observe(aRun, e)
				}
			}
			tr.Close()
			server.Close()
			spans, err := got.Spans()
			if err != nil {
				t.Fatal(err)
			}
			tree := tracingtest.Tree(spans, string(aRun))
			if want == "" {
				want = tree
			}
			if tree != want || !strings.HasPrefix(tree, "run p succeeded\n  node na succeeded\n    attempt 1\n") {
				t.Fatalf("without %d to %d:\n%s\nwant:\n%s", from, to, tree, want)
			}
		}
	}
}

// TestWaits: the span before an attempt says why it was, in words that stand there once each.
func TestWaits(t *testing.T) {
	t.Parallel()
	events := attempts(1)
	var got tracingtest.Receiver
	server := httptest.NewServer(&got)
	defer server.Close()
	tr := New(Settings{URL: server.URL + "/v1/traces", Sample: 1, Timeout: time.Minute}, "test", slog.New(slog.DiscardHandler))
	tr.Follow(journalOf(t, events), func(context.Context, string) (run.Shape, error) {
		return run.Shape{Nodes: []run.NodeShape{{Name: "na"}}}, nil
	}, slog.New(slog.DiscardHandler))
	at := string(aRun) + "/node.na/1"
	for _, why := range []string{"GPU-1 is taken", "GPU-1 is taken", "", "GPU-1 is lost"} {
		tr.Waits(at, why, events[0].Time)
	}
	for _, e := range events {
		tr.Observe(aRun, e)
	}
	tr.Close()
	for k := range 2 * mostWaits { // of others, which never begin
		tr.Waits(string(aRun)+"/node.never/"+strconv.Itoa(k+1), "why", events[0].Time)
	}
	if len(tr.waits) != mostWaits {
		t.Errorf("%d are kept", len(tr.waits))
	}
	spans, err := got.Spans()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range spans {
		if s.Name == trace.Wait {
			if why := strings.Join(s.Reasons, ", "); why != "GPU-1 is taken, GPU-1 is lost" || s.End.Sub(s.Start) != time.Second {
				t.Errorf("it waited %v because %q", s.End.Sub(s.Start), why)
			}
			return
		}
	}
	t.Errorf("no span says that it waited: %+v", spans)
}

// TestFlood: a tracer that is told more than it holds reads the journal.
func TestFlood(t *testing.T) {
	t.Parallel()
	events := attempts(1)
	var got []trace.Span
	f := &follower{journal: journalOf(t, events), emit: func(s trace.Span) { got = append(got, s) }, log: slog.New(slog.DiscardHandler),
		shape: func(context.Context, string) (run.Shape, error) { return run.Shape{}, nil }}
	f.waiting, f.behind = make([]told, mostWaiting), map[run.ID]bool{}
	for _, e := range events {
		f.observe(aRun, e)
	}
	if len(f.waiting) != mostWaiting || !f.behind[aRun] || f.missed.Load() != 0 {
		t.Fatalf("%d wait, behind are %v", len(f.waiting), f.behind)
	}
	behind := f.behind
	f.waiting = nil
	f.begin()
	f.mu.Lock()
	f.behind = behind
	f.mu.Unlock()
	f.close(t.Context())
	if len(got) != 3 {
		t.Errorf("%d spans: %+v", len(got), got)
	}
	for _, e := range events { // what waits of a run that was read to its end is not read again
		f.take(aRun, e)
	}
	if len(got) != 3 {
		t.Errorf("later %d spans", len(got))
	}
}

// TestNothing: without a tracer, or of runs that are not sampled, nothing is made, and nothing allocated.
func TestNothing(t *testing.T) { // not parallel: allocations are counted
	var none *Tracer
	if got := New(Settings{URL: "http://127.0.0.1:1", Sample: 0}, "", nil); got != nil {
		t.Error("a tracer of no run was made")
	}
	next := exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, nil })
	through, inner := none.Attempts(next), exec.Traced("plugin", next)
	task, e := &sdk.Task{Type: "test.echo"}, run.Event{Kind: run.AttemptStarted}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		none.Observe(aRun, e)
		none.Waits("run_1/node.x/1", "why", time.Time{})
		_, _ = through.Execute(ctx, task)
		_, _ = inner.Execute(ctx, task)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	none.Close()
	none.Submitted(aRun, "x", time.Time{})
	if none.Sent()+none.Dropped() != 0 {
		t.Error("it counts")
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tr := &Tracer{part: 1}
	log := slog.New(tr.Logs(slog.NewJSONHandler(&out, nil)))
	for _, c := range []struct {
		say  func()
		span string
	}{
		{func() { log.Info("x", "task", string(aRun)+"/node.a/1") }, trace.SpanOf(string(aRun) + "/node.a/1").String()},
		{func() { log.With("task", string(aRun)+"/node.a/1").Info("x", "run", string(aRun)) }, trace.SpanOf(string(aRun) + "/node.a/1").String()},
		{func() { log.Info("x", "run", aRun) }, trace.SpanOf(string(aRun)).String()},
		{func() { log.Info("x", "run", "no run at all") }, ""},
		{func() { log.Info("x") }, ""},
	} {
		out.Reset()
		c.say()
		var line struct {
			Trace string `json:"trace_id"`
			Span  string `json:"span_id"`
		}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Span != c.span || c.span != "" && line.Trace != trace.Of(aRun).String() {
			t.Errorf("%s: %v; want span %s", out.String(), err, c.span)
		}
	}
}

// TestHeaders: secrets are asked for with each request, and go to the collector alone.
func TestHeaders(t *testing.T) {
	t.Parallel()
	src := "tracing {\n  headers = { authorization = \"Bearer ${secret(\"otlp\")}\" }\n}\n"
	c, found := config.Parse("spinbot.hcl", []byte(src), config.Options{})
	if found.HasErrors() {
		t.Fatal(found)
	}
	var got tracingtest.Receiver
	server := httptest.NewServer(&got)
	defer server.Close()
	c.Tracing.Endpoint = server.URL
	tr := Open(c.Tracing, Process{Log: slog.New(slog.DiscardHandler), Secret: func(_ context.Context, name string) (string, error) { return "value of " + name, nil }})
	tr.out.emit(spans(1)[0])
	tr.Close()
	if h := got.Header("Authorization"); h != "Bearer value of otlp" || tr.Sent() != 1 {
		t.Errorf("%q, %d sent", h, tr.Sent())
	}
}
