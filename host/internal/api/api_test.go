package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/accountroutes"
	"github.com/myspinbot/spinbot/host/internal/api/fileroutes"
	"github.com/myspinbot/spinbot/host/internal/api/fleetroutes"
	"github.com/myspinbot/spinbot/host/internal/api/pipelineroutes"
	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/api/runroutes"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/host/internal/uploads"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// fakeRuns records runs in the journal, and does nothing with them.
type fakeRuns struct {
	store *memstore.Store

	mu   sync.Mutex
	got  []client.Submission
	told []string // what was asked of runs, in order
	err  error    // of the next Submit, Tell or Explain
}

func (f *fakeRuns) note(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, fmt.Sprintf(format, args...))
	return f.err
}

func (f *fakeRuns) Submit(ctx context.Context, s client.Submission, owner string) (client.Run, error) {
	if err := f.note("submit by %s", owner); err != nil {
		return client.Run{}, err
	}
	f.mu.Lock()
	f.got = append(f.got, s)
	id := fmt.Sprintf("run_%03d", len(f.got))
	f.mu.Unlock()
	err := f.store.Append(ctx, store.Append{Run: id, Events: [][]byte{[]byte("{}")}, Head: &store.Head{Run: id, Pipeline: s.Pipeline.Name, State: "running", Seq: 1}})
	return client.Run{ID: id, State: "running", Inputs: s.Inputs, Repeated: s.Key == "again"}, err
}

func (f *fakeRuns) Show(ctx context.Context, id string) (client.Run, error) {
	h, err := f.store.Find(ctx, id)
	return client.Run{ID: h.Run, State: h.State, Pipeline: h.Pipeline, Seq: h.Seq}, err
}

func (f *fakeRuns) Gates(_ context.Context, id string) ([]client.Gate, error) {
	return []client.Gate{{Run: id, At: "gate.review"}}, nil
}

func (f *fakeRuns) Tell(_ context.Context, id, what string, w client.Word, by string) error {
	return f.note("%s %s%s: %s", what, id, w.At, w.Reason)
}

func (f *fakeRuns) Explain(_ context.Context, id, node string) (client.Explained, error) {
	return client.Explained{Version: 1, Run: id, List: []client.Explanation{{At: id + node, Why: "because"}}}, f.note("explain %s%s", id, node)
}

func (f *fakeRuns) Attempts(_ context.Context, id, node string, limit int) (client.AttemptList, error) {
	return client.AttemptList{Version: 1, Run: id, Attempts: []client.Attempt{{At: node, Number: limit}}}, f.note("attempts %s%s", id, node)
}

// fakeQueue has one run waiting, and plans nothing.
type fakeQueue struct{ runs *fakeRuns }

func (f fakeQueue) Queue(_ context.Context, limit int) (client.Queue, error) {
	return client.Queue{Version: 1, Total: limit, Runs: []client.Queued{{Run: "run_w", Why: "its turn has not come"}}}, nil
}

func (f fakeQueue) TellQueue(_ context.Context, what, by string) error {
	return f.runs.note("queue %s by %s", what, by)
}

func (f fakeQueue) Move(_ context.Context, run, other string, behind bool, by string) error {
	return f.runs.note("move %s beside %q, behind %t, by %s", run, other, behind, by)
}

func (f fakeQueue) Plan(_ context.Context, s client.Submission) (client.Plan, error) {
	return client.Plan{Version: 1, Pipeline: s.Pipeline.Name}, f.runs.note("plan %s", s.Pipeline.Name)
}

// fakeCache holds two results of which one is large.
type fakeCache struct{ gone []string }

func (f *fakeCache) Get(context.Context, string) (cache.Entry, error) {
	return cache.Entry{}, cache.ErrNotFound
}
func (f *fakeCache) Put(context.Context, cache.Entry) error { return nil }
func (f *fakeCache) List(context.Context) ([]cache.Entry, error) {
	return []cache.Entry{{Key: "ab12", Type: "test.a", Size: 10}, {Key: "ac34", Type: "test.b", Size: 1000}}, nil
}
func (f *fakeCache) Remove(_ context.Context, key string) error {
	f.gone = append(f.gone, key)
	return nil
}

// fakeCatalog offers one node type and one plugin.
type fakeCatalog struct {
	err   error
	empty bool
}

func (f fakeCatalog) NodeTypes(context.Context) (client.NodeTypeList, error) {
	if f.empty {
		return client.NodeTypeList{}, f.err
	}
	return client.NodeTypeList{NodeTypes: []sdk.NodeType{{Name: "test.echo", Description: "Gives its value back"}}}, f.err
}

func (f fakeCatalog) Plugins(context.Context) ([]client.Plugin, error) {
	if f.empty {
		return nil, f.err
	}
	return []client.Plugin{{Name: "test", Kind: "plugin", State: "refused", Reason: "spinbot plugins trust test"}}, f.err
}

func (f fakeCatalog) Trust(_ context.Context, name string) (client.Plugin, error) {
	return client.Plugin{Name: name, State: "ready"}, f.err
}

func (f fakeCatalog) Check(_ context.Context, s client.Source, graph string) (client.Checked, error) {
	return client.Checked{Version: client.ShapeVersion, Pipeline: s.Name + s.Path, Valid: true, Graph: graph, Diagnostics: []client.Diagnostic{}}, f.err
}

// fakeRetention notes what is asked of it with the runs.
type fakeRetention struct{ runs *fakeRuns }

func (f fakeRetention) Sweep(_ context.Context, s client.Sweep) (client.Swept, error) {
	return client.Swept{Version: client.ShapeVersion, DryRun: s.DryRun, FreedBytes: 7}, f.runs.note("sweep %t %s", s.DryRun, s.OlderThan)
}

func (f fakeRetention) Pin(ctx context.Context, id string, on bool) error {
	return errors.Join(f.runs.note("pin %s %t", id, on), f.runs.store.Pin(ctx, id, on))
}

// fakeLive hands reports to one stream, and keeps a log.
type fakeLive struct {
	reports chan client.Report
	asked   chan context.Context // of Reports, as it was called
	newest  []client.Report
	log     string
}

func (f *fakeLive) Reports(ctx context.Context, _ string) <-chan client.Report {
	select {
	case f.asked <- ctx:
	default:
	}
	return f.reports
}

func (f *fakeLive) Newest(string) []client.Report { return f.newest }

func (f *fakeLive) Said(_, node string, limit int) ([]client.Report, int) {
	return []client.Report{{Report: sdk.Report{Message: fmt.Sprint(node, " ", limit)}}}, 7
}

func (f *fakeLive) Logs(run, node string) (io.ReadCloser, error) {
	if node == "none" {
		return nil, &client.Problem{Code: client.CodeNotFound, Detail: "no node none"}
	}
	return io.NopCloser(strings.NewReader(strings.ReplaceAll(f.log, "RUN", run+" "+node))), nil
}

// bench is a server on loopback and on a unix socket.
type bench struct {
	*Server
	runs  *fakeRuns
	live  *fakeLive
	store *memstore.Store
	url   string
	http  *http.Client
	unix  *client.Client
	sock  string
	log   *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func start(t testing.TB, change func(*Config)) *bench {
	t.Helper()
	folder := t.TempDir()
	files, err := dir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	pieces, err := uploads.Open(filepath.Join(folder, "uploads"), files, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	mem := memstore.New()
	b := &bench{store: mem, runs: &fakeRuns{store: mem}, log: &syncBuffer{},
		live: &fakeLive{reports: make(chan client.Report, 16), asked: make(chan context.Context, 16)}}
	accounts, err := auth.Open(t.Context(), auth.NewFolder(t.TempDir()), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	trail, log := auth.NewTrail(filepath.Join(t.TempDir(), "audit.jsonl"), nil), slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg := Config{
		Route: route.Config{Accounts: accounts, Trail: trail, Log: log},
		Runs: runroutes.Config{Runs: b.runs, Gates: b.runs, Queue: fakeQueue{b.runs}, Planner: fakeQueue{b.runs}, Attempts: b.runs, Bills: fakeBills{}, Live: b.live, Retention: fakeRetention{b.runs}, Archives: fakeArchives{}, Artifacts: files, Cache: &fakeCache{}, Journal: mem, Index: mem,
			Active:  func(string) bool { return true },
			FirstID: func(t time.Time) string { return "run_" + string(rune('a'+t.Unix())) }},
		Pipelines: pipelineroutes.Config{Pipelines: fakePipelines{}, Checker: fakeCatalog{}, Importer: fakeImporter{}, Triggers: fakeTriggers{},
			Starters: func(name string) ([]client.Starter, error) {
				return []client.Starter{{Name: "hello", Text: "pipeline \"" + name + "\" {}"}}, nil
			}},
		Files: fileroutes.Config{Artifacts: files, Uploads: pieces, Previews: &fakePreviews{}, Lineage: &fakeLineage{}, Files: mem,
			Name: func(name string) string { return strings.ReplaceAll(name, "hunter2", "•••") }},
		Fleet:    fleetroutes.Config{Relay: fakeRelay{}, Devices: fakeDevices{}, Catalog: fakeCatalog{}},
		Accounts: accountroutes.Config{Accounts: accounts, Trail: trail, Log: log},
		Assets:   fakeAssets{b.runs},
		Version:  "1.2.3",
		Metrics:  func(w io.Writer) error { _, err := io.WriteString(w, "spinbot_x 1\n"); return err },
	}
	if change != nil {
		change(&cfg)
	}
	b.Server = New(cfg)
	ln, err := b.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	folder, err = os.MkdirTemp("", "sb") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	b.sock = filepath.Join(folder, "s")
	private, err := net.Listen("unix", b.sock)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	for _, ln := range []net.Listener{ln, private} {
		serving.Go(func() {
			if err := b.Serve(ln); err != nil {
				t.Error(err)
			}
		})
	}
	b.url, b.http, b.unix = "http://"+ln.Addr().String(), &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}, client.Unix(b.sock)
	t.Cleanup(func() {
		b.http.CloseIdleConnections()
		b.unix.Close()
		if err := b.Close(context.Background()); err != nil && !errors.Is(err, net.ErrClosed) { // closed before
			t.Error(err)
		}
		ln.Close()
		private.Close()
		serving.Wait()
		os.RemoveAll(folder)
	})
	return b
}

// record appends events to a run, which then stands in a state.
func (b *bench) record(t testing.TB, id, state string, events ...string) {
	t.Helper()
	h, _ := b.store.Find(t.Context(), id) // a new run has none
	if h.Run != id {
		h = store.Head{Run: id, Pipeline: "film", Created: time.Unix(1, 0)}
	}
	a := store.Append{Run: id, After: h.Seq}
	for _, e := range events {
		a.Events = append(a.Events, []byte(e))
	}
	h.Seq += uint64(len(events))
	h.State, h.Updated = state, time.Unix(int64(h.Seq), 0)
	a.Head = &h
	if err := b.store.Append(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

type answer struct {
	status int
	header http.Header
	body   string
	close  bool
}

// ask sends one request over loopback; headers are "Name: value".
func (b *bench) ask(t *testing.T, method, path string, body io.Reader, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	res, err := b.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(raw), res.Close}
}

func (b *bench) post(t *testing.T, path, body string, headers ...string) answer {
	t.Helper()
	return b.ask(t, http.MethodPost, path, strings.NewReader(body), headers...)
}

func (b *bench) get(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	return b.ask(t, http.MethodGet, path, nil, headers...)
}

// into reads a good JSON answer.
func (a answer) into(t *testing.T, out any) {
	t.Helper()
	if a.status >= 300 || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %s %s", a.status, a.header, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), out); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

// problem checks that the answer is a problem document of RFC 9457 with this status, code and a piece of detail.
func (a answer) problem(t *testing.T, status int, code, detail string) client.Problem {
	t.Helper()
	var p client.Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Errorf("got %d %s: %v", a.status, a.body, err)
		return p
	}
	if a.header.Get("Content-Type") != "application/problem+json" || p.Type != "about:blank" || p.Title != http.StatusText(status) || p.Status != a.status {
		t.Errorf("no problem document: %s %s", a.header, a.body)
	}
	if a.status != status || p.Code != code || !strings.Contains(p.Detail+p.Fix, detail) {
		t.Errorf("got %d %s, want %d %s %q", a.status, a.body, status, code, detail)
	}
	return p
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var failing error
	b := start(t, func(c *Config) {
		c.Checks = map[string]func(context.Context) error{"store": func(context.Context) error { return failing }, "engine": func(context.Context) error { return nil }}
	})
	var h client.Health
	b.get(t, "/health").into(t, &h)
	if h.Status != "ok" || h.Version != "1.2.3" || h.Checks["store"] != "ok" || h.Checks["engine"] != "ok" {
		t.Errorf("got %+v", h)
	}
	failing = errors.New("the disk is gone")
	a := b.get(t, "/health")
	h = client.Health{}
	if err := json.Unmarshal([]byte(a.body), &h); err != nil || a.status != 503 || h.Status != "failing" || h.Checks["store"] != "the disk is gone" || h.Checks["engine"] != "ok" {
		t.Errorf("got %d %s, %v", a.status, a.body, err)
	}
	if h, err := b.unix.Health(t.Context()); err != nil || h.Status != "failing" {
		t.Errorf("the client's: %+v, %v", h, err)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	broken := false
	b := start(t, func(c *Config) {
		write := c.Metrics
		c.Metrics = func(w io.Writer) error {
			if err := write(w); err != nil || !broken {
				return err
			}
			return errors.New("half of it")
		}
	})
	if a := b.get(t, "/metrics"); a.status != 200 || a.body != "spinbot_x 1\n" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("got %+v", a)
	}
	broken = true
	b.get(t, "/metrics").problem(t, 500, client.CodeInternal, "half of it")
}

// TestObserve: every request is told of, and what a client makes up is no dimension.
func TestObserve(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 64)
	b := start(t, func(c *Config) {
		c.Route.Observe = func(method, route string, status int, took time.Duration) {
			if took < 0 || took > time.Minute {
				t.Errorf("it took %v", took)
			}
			seen <- fmt.Sprintf("%s %s %d", method, route, status)
		}
	})
	b.record(t, "run_a", "running", "{}")
	for _, c := range []struct{ method, path, header, want string }{
		{"GET", "/health", "", "GET /health 200"},
		{"HEAD", "/health", "", "HEAD /health 200"},
		{"GET", "/api/v1/runs/run_a", "", "GET /api/v1/runs/:id 200"},
		{"GET", "/api/v1/runs/made-up", "", "GET /api/v1/runs/:id 404"},
		{"POST", "/api/v1/plugins/made-up/trust", "", "POST /api/v1/plugins/:name/trust 403"},
		{"GET", "/made/up", "", "GET other 404"},
		{"GET", "/api/v1/made-up", "", "GET other 404"},
		{"DELETE", "/api/v1/runs/run_a", "", "DELETE / 405"},
		{"GET", "/health", "Host: made.up", "GET / 403"},
		{"POST", "/api/v1/runs", "", "POST /api/v1/runs 400"},
	} {
		var headers []string
		if c.header != "" {
			headers = []string{c.header}
		}
		b.ask(t, c.method, c.path, nil, headers...)
		if got := <-seen; got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.method, c.path, got, c.want)
		}
	}
	b.ask(t, "MADEUP", "/health", nil).problem(t, 405, client.CodeBadRequest, "")
	select {
	case got := <-seen:
		t.Errorf("a made-up method is told of: %s", got)
	default:
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for _, address := range []string{"127.0.0.1:0", "localhost:0", "127.1.2.3:0"} {
		ln, err := b.Listen(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if _, err := b.Listen(ln.Addr().String()); err == nil || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("%s is taken twice: %v", address, err)
		}
		ln.Close()
	}
	for address, why := range map[string]string{
		"0.0.0.0:0": "spinbot token new", ":0": "ssh -L", "[::]:0": "nobody would have to sign in", "192.0.2.1:80": "--listen",
		"127.0.0.1": "127.0.0.1:8080", "": "127.0.0.1:8080", "2130706433:0": "--listen",
	} {
		if ln, err := b.Listen(address); err == nil {
			ln.Close()
			t.Errorf("%q is served", address)
		} else if !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v", address, err)
		}
	}
	b.get(t, "/health", "Host: 192.168.1.9").problem(t, 403, client.CodeForbidden, "192.168.1.9")
	text := b.token(t, "admin")
	ln, err := b.Listen("0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if a := b.get(t, "/health", "Host: 192.168.1.9"); a.status != 200 { // whoever asks for it by its address
		t.Errorf("%+v", a)
	}
	for range 2 { // the last token goes: nobody may do anything, rather than everybody
		b.get(t, "/api/v1/runs").problem(t, 401, client.CodeUnauthorized, "nobody knows who asks")
		_, _ = b.cfg.Route.Accounts.Revoke(t.Context(), "admin")
	}
	b.get(t, "/api/v1/runs", "Host: rebound.example", "Authorization: Bearer "+text).problem(t, 403, client.CodeForbidden, "--allow-host rebound.example")
}

// token makes one with a role.
func (b *bench) token(t *testing.T, role string) string {
	t.Helper()
	_, text, err := b.cfg.Route.Accounts.New(t.Context(), role, "", auth.Role(role), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestClose: streams end, and nothing is served any more.
func TestClose(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "running", "{}")
	seen, ended := make(chan client.Frame, 16), make(chan error, 1)
	go func() {
		ended <- b.unix.Watch(context.Background(), "run_a", 0, func(f client.Frame) error { seen <- f; return nil })
	}()
	<-seen
	if err := b.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the stream ended with %v", err)
	}
	if _, err := b.unix.Health(t.Context()); err == nil {
		t.Error("it answers still")
	}
	ln, err := b.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := b.Serve(ln); err != nil {
		t.Errorf("serving a closed listener after the close: %v", err)
	}
}

// over sends one request over the socket.
func (b *bench) over(t *testing.T, method, path, body string) answer {
	t.Helper()
	hc := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", b.sock)
	}}}
	defer hc.CloseIdleConnections()
	over := *b
	over.http, over.url = hc, "http://spinbot"
	return over.ask(t, method, path, strings.NewReader(body))
}
