package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/api/fleetroutes"
	"github.com/myspinbot/spinbot/host/internal/api/runroutes"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestGuard: over loopback, only pages and programs of this machine are answered.
func TestGuard(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	self := strings.TrimPrefix(b.url, "http://")
	port := self[strings.LastIndex(self, ":"):]
	const read, write = "GET /api/v1/runs", "POST /api/v1/runs"
	for _, c := range []struct {
		request string
		headers string // separated by |
		refused string
	}{
		{read, "", ""},
		{write, "", ""},
		{read, "Host: localhost" + port, ""},
		{read, "Host: LocalHost", ""},
		{read, "Host: [::1]" + port, ""},
		{read, "Host: [::1]", ""},
		{read, "Host: 127.9.9.9", ""},
		{read, "Host: rebound.example", "rebound.example"},
		{write, "Host: rebound.example", "rebound.example"},
		{"HEAD /api/v1/runs", "Host: rebound.example", "rebound.example"},
		{"GET /health", "Host: rebound.example" + port, "rebound.example"},
		{"GET /nothing", "Host: rebound.example", "rebound.example"},
		{read, "Host: localhost.example", "localhost.example"},
		{read, "Host: 127.0.0.1.example", "127.0.0.1.example"},
		{read, "Host: 0.0.0.0", "0.0.0.0"},
		{read, "Host: 192.168.1.9", "192.168.1.9"},
		{write, "Origin: http://" + self, ""},
		{write, "Host: localhost" + port + "|Origin: http://LOCALHOST" + port, ""},
		{write, "Origin: http://evil.example", "evil.example"},
		{write, "Origin: http://localhost" + port, "localhost"}, // another name is another site
		{write, "Origin: http://127.0.0.1:1", "127.0.0.1:1"},    // and so is another port
		{write, "Origin: null", "null"},
		{write, "Origin: ://", "://"},
		{write, "Origin: file://" + self, "file://"},
		{"POST /api/v1/artifacts", "Origin: http://evil.example", "evil.example"},
		{"POST /api/v1/nothing", "Origin: http://evil.example", "evil.example"},
		{"DELETE /api/v1/runs", "Origin: http://evil.example", "evil.example"},
		{"OPTIONS /api/v1/runs", "Origin: http://evil.example|Access-Control-Request-Method: POST", "evil.example"},
		{write, "Sec-Fetch-Site: cross-site", "another site"},
		{write, "Sec-Fetch-Site: same-site", "another site"},
		{write, "Sec-Fetch-Site: same-origin", ""},
		{write, "Sec-Fetch-Site: none", ""},
		{write, "Origin: http://" + self + "|Sec-Fetch-Site: cross-site", "another site"},
		{read, "Origin: http://evil.example", ""}, // its page cannot see the answer
		{read, "Sec-Fetch-Site: cross-site", ""},
	} {
		t.Run(c.request+" "+c.headers, func(t *testing.T) {
			t.Parallel()
			method, path, _ := strings.Cut(c.request, " ")
			var headers []string
			if c.headers != "" {
				headers = strings.Split(c.headers, "|")
			}
			var body io.Reader
			if method == "POST" {
				body = strings.NewReader(`{"pipeline": {"text": "x"}}`)
			}
			a := b.ask(t, method, path, body, headers...)
			switch {
			case c.refused == "" && a.status >= 300:
				t.Errorf("got %+v", a)
			case c.refused != "" && method == "HEAD":
				if a.status != 403 {
					t.Errorf("got %+v", a)
				}
			case c.refused != "":
				a.problem(t, 403, client.CodeForbidden, c.refused)
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
				"Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer", "Access-Control-Allow-Origin": ""} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s is %q", name, got)
				}
			}
		})
	}
}

// TestGuardBareRequests: what no ordinary client sends.
func TestGuardBareRequests(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for request, status := range map[string]int{
		"GET /health HTTP/1.0\r\n\r\n":                                                        403, // no Host at all
		"GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n":                  403,
		"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n":                     200,
		"GET /health HTTP/1.1\r\nHost: localhost@evil.example\r\nConnection: close\r\n\r\n":   403,
		"GET /health HTTP/1.1\r\nhost: evil.example\r\nConnection: close\r\n\r\n":             403,
		"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: \xff\xfe\r\n\r\n": 200,
	} {
		c := b.dial(t)
		c.write(t, request)
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if a := c.answer(t, "GET"); a.status != status {
			t.Errorf("%q: got %d %s, want %d", request, a.status, a.body, status)
		}
	}
}

// TestSocketIsExempt: who can open the socket is the machine's own user, whatever the headers say.
func TestSocketIsExempt(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	over := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", b.sock)
	}}}
	defer over.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://evil.example/api/v1/runs", strings.NewReader(`{"pipeline": {"path": "/x.hcl"}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "http://evil.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := over.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 202 {
		t.Errorf("got %s", res.Status)
	}
}

// panicky panics wherever a handler asks it.
type panicky struct {
	runroutes.Runs
	fleetroutes.Catalog
	runroutes.Live
	store.Journal
}

func (panicky) Submit(context.Context, client.Submission, string) (client.Run, error) {
	panic("a mistake")
}
func (panicky) Plugins(context.Context) ([]client.Plugin, error) {
	panic(fmt.Errorf("out of order: %w", store.ErrNotFound))
}
func (panicky) Logs(string, string) (io.ReadCloser, error) {
	var none []io.ReadCloser
	return none[0], nil
}
func (panicky) Read(context.Context, string, uint64, int) ([]store.Event, error) {
	panic("a mistake while reading")
}

// TestPanics: a panic is an answer like any other, with its stack in the log, and the host lives on.
func TestPanics(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *Config) {
		p := panicky{c.Runs.Runs, c.Fleet.Catalog, c.Runs.Live, c.Runs.Journal}
		c.Runs.Runs, c.Fleet.Catalog, c.Runs.Live, c.Runs.Journal = p, p, p, p
		c.Metrics = func(io.Writer) error { panic(errors.New("no metrics")) }
	})
	b.record(t, "run_a", "running", "{}")
	b.post(t, "/api/v1/runs", `{"pipeline": {"text": "x"}}`).problem(t, 500, client.CodeInternal, "made a mistake")
	b.get(t, "/api/v1/plugins").problem(t, 500, client.CodeInternal, "made a mistake")
	b.get(t, "/api/v1/runs/run_a/logs").problem(t, 500, client.CodeInternal, "made a mistake")
	b.get(t, "/api/v1/runs/run_a/events").problem(t, 500, client.CodeInternal, "made a mistake")
	b.get(t, "/metrics").problem(t, 500, client.CodeInternal, "made a mistake")
	var p *client.Problem
	if err := b.unix.Watch(t.Context(), "run_a", 0, nil); !errors.As(err, &p) || p.Status != 500 || strings.Contains(p.Detail, "while reading") {
		t.Errorf("a stream: %v", err)
	}
	if log := b.log.String(); strings.Count(log, "msg=panic") != 6 || !strings.Contains(log, "out of order") || !strings.Contains(log, "guard_test.go") {
		t.Errorf("the log says %s", log)
	}
	if a := b.get(t, "/health"); a.status != 200 {
		t.Errorf("got %+v", a)
	}
}

// keeping keeps every text that it is handed, beyond the request.
type keeping struct {
	store.Index
	runroutes.Live
	artifacts.Store

	mu   *sync.Mutex
	kept map[string][]string
}

func (k keeping) keep(what, text string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept[what] = append(k.kept[what], text)
}

func (k keeping) Find(_ context.Context, id string) (store.Head, error) {
	k.keep("id", id)
	return store.Head{Run: "run_a"}, nil
}

func (k keeping) List(_ context.Context, q store.Query) ([]store.Head, error) {
	k.keep("pipeline", q.Pipeline)
	k.keep("before", q.Before)
	k.keep("state", q.States[0])
	return nil, nil
}

func (k keeping) Logs(_, node string) (io.ReadCloser, error) {
	k.keep("node", node)
	return io.NopCloser(strings.NewReader(node)), nil
}

func (k keeping) Put(_ context.Context, r io.Reader, hint sdk.Artifact) (sdk.Artifact, error) {
	k.keep("name", hint.Name)
	k.keep("text/type", hint.MediaType)
	raw, err := io.ReadAll(r)
	k.keep("content", string(raw))
	return hint, err
}

// TestNothingOfFiberEscapes: what handlers hand on stays as it was sent, while the server's buffers serve others.
func TestNothingOfFiberEscapes(t *testing.T) {
	t.Parallel()
	const clients, each = 8, 25
	var mu sync.Mutex
	k := keeping{mu: &mu, kept: map[string][]string{}}
	b := start(t, func(c *Config) {
		k.Index, k.Live, k.Store = c.Runs.Index, c.Runs.Live, c.Files.Artifacts
		c.Runs.Index, c.Runs.Live, c.Files.Artifacts = k, k, k
	})
	want := map[string][]string{}
	text := func(what string, i int) string { return fmt.Sprintf("%s-%04d", what, i) }
	for _, what := range []string{"id", "pipeline", "before", "state", "node", "name", "text/type", "content"} {
		for i := range clients * each {
			want[what] = append(want[what], text(what, i))
		}
	}
	var all sync.WaitGroup
	for n := range clients {
		all.Go(func() {
			for i := n * each; i < (n+1)*each; i++ {
				if a := b.get(t, "/api/v1/runs/"+text("id", i)+"/logs?node="+text("node", i)); a.body != text("node", i) {
					t.Errorf("got %+v", a)
				}
				b.get(t, fmt.Sprintf("/api/v1/runs?pipeline=%s&before=%s&state=%s", text("pipeline", i), text("before", i), text("state", i)))
				a := b.post(t, "/api/v1/artifacts?name="+text("name", i), text("content", i), "Content-Type: "+text("text/type", i))
				if a.status != 201 {
					t.Errorf("got %+v", a)
				}
			}
		})
	}
	all.Wait()
	for what := range want {
		got := k.kept[what]
		slices.Sort(got)
		if !slices.Equal(got, want[what]) {
			t.Errorf("%s: got %q", what, got)
		}
	}
}
