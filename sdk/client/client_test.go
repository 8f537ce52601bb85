package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// serve gives a client of a server that answers with fn.
func serve(t *testing.T, fn http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(fn)
	t.Cleanup(s.Close)
	return New(s.URL, s.Client())
}

// answer gives a client of a server that always answers the same.
func answer(t *testing.T, status int, contentType, body string) *Client {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

// TestCalls compares what each method asks with what the host's routes want.
func TestCalls(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	source := Source{Text: "pipeline {}", Files: map[string][]byte{"a.txt": []byte("a")}}
	file := sdk.Artifact{Digest: "sha256:1", MediaType: "a/b", Size: 2, Name: "n", Path: "/secret"}
	for want, call := range map[string]func(*Client) (any, error){
		"GET /health ": func(c *Client) (any, error) { return c.Health(ctx) },
		`POST /api/v1/runs {"pipeline":{"text":"pipeline {}","files":{"a.txt":"YQ=="}},` +
			`"inputs":{"f":{"$artifact":"sha256:1","media_type":"a/b","size":2,"name":"n"},"n":0.10},"text":{"x":"1"}}`: func(c *Client) (any, error) {
			return c.Submit(ctx, Submission{Pipeline: source, Inputs: sdk.Values{"f": file, "n": json.Number("0.10")}, Text: map[string]string{"x": "1"}})
		},
		"GET /api/v1/uploads ":                             func(c *Client) (any, error) { return c.Uploads(ctx) },
		"GET /api/v1/uploads/a%2Fb ":                       func(c *Client) (any, error) { return c.ShowUpload(ctx, "a/b") },
		"POST /api/v1/uploads ":                            func(c *Client) (any, error) { return c.BeginUpload(ctx, "n", "", 3) },
		"DELETE /api/v1/uploads/x ":                        func(c *Client) (any, error) { return nil, c.EndUpload(ctx, "x") },
		"GET /api/v1/artifacts/sha256:1/info ":             func(c *Client) (any, error) { return c.ArtifactInfo(ctx, "sha256:1") },
		"GET /api/v1/artifacts/sha256:1/lineage?depth=2 ":  func(c *Client) (any, error) { return c.Lineage(ctx, "sha256:1", 2) },
		"GET /api/v1/artifacts/sha256:1/waveform ":         func(c *Client) (any, error) { return c.Waveform(ctx, "sha256:1", 0) },
		"GET /api/v1/artifacts/sha256:1/waveform?peaks=3 ": func(c *Client) (any, error) { return c.Waveform(ctx, "sha256:1", 3) },
		"GET /api/v1/runs? ":                               func(c *Client) (any, error) { return c.Runs(ctx, RunQuery{}) },
		"GET /api/v1/runs?before=run_1&limit=5&pipeline=a+b&state=failed ": func(c *Client) (any, error) {
			return c.Runs(ctx, RunQuery{Pipeline: "a b", State: "failed", Before: "run_1", Limit: 5})
		},
		"GET /api/v1/runs/a%2Fb ":                                    func(c *Client) (any, error) { return c.Run(ctx, "a/b") },
		"GET /api/v1/runs/last/attempts?node=node.a%5B0%5D&limit=2 ": func(c *Client) (any, error) { return c.Attempts(ctx, "last", "node.a[0]", 2) },
		"GET /api/v1/runs/last/explain?node=gate.a ":                 func(c *Client) (any, error) { return c.Explain(ctx, "last", "gate.a") },
		`POST /api/v1/runs/last/answer {"at":"gate.a","approved":true}`: func(c *Client) (any, error) {
			return c.Tell(ctx, "last", WordAnswer, Word{At: "gate.a", Approved: true})
		},
		`POST /api/v1/runs/last/cancel {"reason":"enough"}`:   func(c *Client) (any, error) { return c.Cancel(ctx, "last", "enough") },
		"POST /api/v1/runs/last/resume {}":                    func(c *Client) (any, error) { return c.Resume(ctx, "last") },
		"GET /api/v1/runs/last/events?after=3&limit=2 ":       func(c *Client) (any, error) { return c.Events(ctx, "last", 3, 2) },
		"POST /api/v1/runs/last/pin {}":                       func(c *Client) (any, error) { return c.Pin(ctx, "last", true) },
		"POST /api/v1/runs/last/unpin {}":                     func(c *Client) (any, error) { return c.Pin(ctx, "last", false) },
		`POST /api/v1/gc {"dry_run":true,"older_than":"30d"}`: func(c *Client) (any, error) { return c.Sweep(ctx, Sweep{DryRun: true, OlderThan: "30d"}) },
		`POST /api/v1/imports/comfyui {"artifact":"sha256:1","file":"a.png"}`: func(c *Client) (any, error) {
			return c.ImportComfyUI(ctx, Import{Artifact: "sha256:1", File: "a.png"})
		},
		"GET /api/v1/node-types ":                                  func(c *Client) (any, error) { return c.NodeTypes(ctx) },
		"GET /api/v1/plugins ":                                     func(c *Client) (any, error) { return c.Plugins(ctx) },
		"POST /api/v1/plugins/a%3Fb/trust {}":                      func(c *Client) (any, error) { return c.Trust(ctx, "a?b") },
		`POST /api/v1/pipelines/check?graph=dot {"path":"/x.hcl"}`: func(c *Client) (any, error) { return c.Check(ctx, Source{Path: "/x.hcl"}, "dot") },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			asked := make(chan string, 1)
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if json := r.Header.Get("Content-Type") == "application/json"; json != (len(body) > 0) {
					t.Errorf("a body of %d bytes as %q", len(body), r.Header.Get("Content-Type"))
				}
				asked <- r.Method + " " + r.URL.RequestURI() + " " + string(body)
				io.WriteString(w, "{}\n")
			})
			if _, err := call(c); err != nil {
				t.Error(err)
			}
			if got := <-asked; got != strings.TrimSuffix(want, "? ")+strings.Repeat("? ", strings.Count(want, "? ")) {
				t.Errorf("it asked %s", got)
			}
		})
	}
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	c := answer(t, http.StatusAccepted, "application/json", `{
		"id": "run_1", "pipeline": "p", "state": "running", "seq": 3, "created": "2026-01-02T03:04:05Z", "of_a_later_host": 1,
		"inputs": {"n": 0.10, "f": {"$artifact": "sha256:1", "media_type": "a/b", "size": 2, "name": "n"}},
		"nodes": [{"name": "shot", "key": "[2]", "state": "failed", "error": {"cause": "oom", "message": "m", "permanent": true}}]}`)
	r, err := c.Submit(t.Context(), Submission{})
	if err != nil || r.ID != "run_1" || r.Ended() || r.Seq != 3 || r.Created.Year() != 2026 {
		t.Errorf("got %+v, %v", r, err)
	}
	if want := (sdk.Values{"n": json.Number("0.10"), "f": sdk.Artifact{Digest: "sha256:1", MediaType: "a/b", Size: 2, Name: "n"}}); !reflect.DeepEqual(r.Inputs, want) {
		t.Errorf("inputs %v", r.Inputs)
	}
	if len(r.Nodes) != 1 || *r.Nodes[0].Error != (sdk.Error{Cause: sdk.CauseOOM, Message: "m", Permanent: true}) {
		t.Errorf("nodes %+v", r.Nodes)
	}
	for state, ended := range map[string]bool{"created": false, "paused": false, "succeeded": true, "failed": true, "cancelled": true} {
		if (Run{State: state}).Ended() != ended {
			t.Errorf("%s: ended is %t", state, !ended)
		}
	}
}

const problemType = "application/problem+json; charset=utf-8"

func TestProblems(t *testing.T) {
	t.Parallel()
	told := Problem{
		Type: "about:blank", Title: "Unprocessable Entity", Status: 422, Code: CodeInvalidPipeline, Detail: "2 mistakes", Fix: "mend them",
		Diagnostics: []Diagnostic{{Severity: "error", Summary: "s", Detail: "d", Range: Range{File: "f", Start: Position{1, 2, 1}, End: Position{1, 4, 3}}}},
	}
	body, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	unknown := func(status string, n int) Problem {
		return Problem{Title: status, Status: n, Code: CodeInternal, Detail: "GET /api/v1/runs/x: " + status}
	}
	for name, c := range map[string]struct {
		status            int
		contentType, body string
		want              Problem
		text              string
	}{
		"explained":        {422, problemType, string(body), told, "2 mistakes (mend them)"},
		"only a title":     {404, problemType, `{"title": "Not Found", "status": 404, "code": "not_found"}`, Problem{Title: "Not Found", Status: 404, Code: CodeNotFound}, "Not Found"},
		"another server's": {502, "text/html", "<html>", unknown("502 Bad Gateway", 502), "GET /api/v1/runs/x: 502 Bad Gateway"},
		"cut off":          {422, problemType, string(body[:len(body)/2]), unknown("422 Unprocessable Entity", 422), "GET /api/v1/runs/x: 422 Unprocessable Entity"},
		"of another kind":  {403, problemType, `[]`, unknown("403 Forbidden", 403), "GET /api/v1/runs/x: 403 Forbidden"},
		"says nothing":     {400, problemType, `{}`, unknown("400 Bad Request", 400), "GET /api/v1/runs/x: 400 Bad Request"},
		"empty":            {500, "", "", unknown("500 Internal Server Error", 500), "GET /api/v1/runs/x: 500 Internal Server Error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := answer(t, c.status, c.contentType, c.body)
			_, err := client.Run(t.Context(), "x")
			var p *Problem
			if !errors.As(err, &p) {
				t.Fatalf("got %v", err)
			}
			p.Detail = strings.Replace(p.Detail, client.base, "", 1)
			if !reflect.DeepEqual(*p, c.want) || p.Error() != c.text {
				t.Errorf("got %+v, %s", *p, p)
			}
		})
	}
}

// TestProblemsEverywhere: each way of asking gives the host's own explanation.
func TestProblemsEverywhere(t *testing.T) {
	t.Parallel()
	c := answer(t, 503, problemType, `{"code": "unavailable", "detail": "it ends"}`)
	for name, call := range map[string]func() error{
		"health":   func() error { _, err := c.Health(t.Context()); return err },
		"upload":   func() error { _, err := c.Upload(t.Context(), "n", "", strings.NewReader("x")); return err },
		"download": func() error { _, err := c.Download(t.Context(), "sha256:1"); return err },
		"logs":     func() error { _, err := c.Logs(t.Context(), "x", ""); return err },
		"watch":    func() error { return c.Watch(t.Context(), "x", 0, nil) },
	} {
		var p *Problem
		if err := call(); !errors.As(err, &p) || p.Code != CodeUnavailable || p.Error() != "it ends" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestGarbage: an answer that is no host's says which request it was.
func TestGarbage(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>", `{"id": 7}`, `{"id": "cut`} {
		c := answer(t, 200, "text/html", body)
		_, run := c.Run(t.Context(), "x")
		_, upload := c.Upload(t.Context(), "n", "", strings.NewReader("x"))
		for want, err := range map[string]error{
			"GET " + c.base + "/api/v1/runs/x: the host's answer: ": run,
			"upload n: ": upload,
			"GET " + c.base + "/api/v1/runs/x/events?after=0: want an event stream, got \"text/html\"": c.Watch(t.Context(), "x", 0, nil),
		} {
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%q: got %v, want %s", body, err, want)
			}
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	want := Health{Status: "failing", Version: "1", Checks: map[string]string{"disk": "full"}}
	for status, body := range map[int]string{503: `{"status": "failing", "version": "1", "checks": {"disk": "full"}}`, 200: `{"status": "ok"}`} {
		h, err := answer(t, status, "application/json; charset=utf-8", body).Health(t.Context())
		if err != nil || status == 503 && !reflect.DeepEqual(h, want) || status == 200 && h.Status != "ok" {
			t.Errorf("%d: got %+v, %v", status, h, err)
		}
	}
	var p *Problem
	if h, err := answer(t, 503, "text/html", "<html>").Health(t.Context()); !errors.As(err, &p) {
		t.Errorf("got %+v, %v", h, err)
	}
}

// TestUploadStreams: the host has the first bytes before the last are there.
func TestUploadStreams(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	c := serve(t, func(out http.ResponseWriter, in *http.Request) {
		if got := in.Header.Get("Content-Type") + " " + in.URL.RequestURI(); got != "application/octet-stream /api/v1/artifacts?name=a+b%26.wav" {
			t.Errorf("it asked %s", got)
		}
		first := make([]byte, 5)
		if _, err := io.ReadFull(in.Body, first); err != nil || string(first) != "first" {
			t.Errorf("got %q, %v", first, err)
		}
		go func() {
			io.WriteString(w, " and last")
			w.Close()
		}()
		if rest, err := io.ReadAll(in.Body); err != nil || string(rest) != " and last" {
			t.Errorf("got %q, %v", rest, err)
		}
		out.WriteHeader(http.StatusCreated)
		io.WriteString(out, `{"artifact": {"$artifact": "sha256:1", "media_type": "audio/wav", "size": 14, "name": "a b&.wav"}}`)
	})
	go io.WriteString(w, "first")
	a, err := c.Upload(t.Context(), "a b&.wav", "", r)
	if want := (sdk.Artifact{Digest: "sha256:1", MediaType: "audio/wav", Size: 14, Name: "a b&.wav"}); err != nil || a != want {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestUploadOfNothing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"artifact": "x"}`, `null`} {
		if a, err := answer(t, 201, "application/json", body).Upload(t.Context(), "n", "", bytes.NewReader(nil)); err == nil || !strings.Contains(err.Error(), "no artifact") {
			t.Errorf("%s: got %+v, %v", body, a, err)
		}
	}
	broken := errors.New("the disk is gone")
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	if _, err := c.Upload(t.Context(), "n", "a/b", io.MultiReader(strings.NewReader("x"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

// trickle writes first, and last once the reader has had that.
func trickle(t *testing.T, heard <-chan struct{}, first, last string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, first)
		w.(http.Flusher).Flush()
		select {
		case <-heard:
			io.WriteString(w, last)
		case <-r.Context().Done():
			t.Error("the reader went away")
		}
	}
}

func TestDownloadStreams(t *testing.T) {
	t.Parallel()
	heard := make(chan struct{})
	c := serve(t, trickle(t, heard, "first", " and last"))
	r, err := c.Download(t.Context(), "sha256:1")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(r, first); err != nil || string(first) != "first" {
		t.Errorf("got %q, %v", first, err)
	}
	close(heard)
	if rest, err := io.ReadAll(r); err != nil || string(rest) != " and last" {
		t.Errorf("got %q, %v", rest, err)
	}
}

// TestDownloadBreaksOff: bytes that are missing are an error.
func TestDownloadBreaksOff(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
	})
	r, err := c.Download(t.Context(), "sha256:1")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err == nil {
		t.Errorf("got %q and no error", b)
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != "/api/v1/runs/last/logs?node=shot%5B2%5D" {
			t.Errorf("it asked %s", r.URL.RequestURI())
		}
		io.WriteString(w, `{"time": "2026-01-02T03:04:05Z", "address": "run_1/node.shot[2]/1", "level": "warn", "message": "m"}`+"\n")
	})
	r, err := c.Logs(t.Context(), "last", "shot[2]")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var l LogLine
	if err := json.NewDecoder(r).Decode(&l); err != nil || l.Level != "warn" || l.Message != "m" || l.Address != "run_1/node.shot[2]/1" || l.Time.Hour() != 3 {
		t.Errorf("got %+v, %v", l, err)
	}
}

// TestContextEndsCalls: on a host that does not answer.
func TestContextEndsCalls(t *testing.T) {
	t.Parallel()
	type call func(context.Context, *Client) error
	for name, fn := range map[string]call{
		"run":      func(ctx context.Context, c *Client) error { _, err := c.Run(ctx, "x"); return err },
		"health":   func(ctx context.Context, c *Client) error { _, err := c.Health(ctx); return err },
		"download": func(ctx context.Context, c *Client) error { _, err := c.Download(ctx, "x"); return err },
		"watch":    func(ctx context.Context, c *Client) error { return c.Watch(ctx, "x", 0, nil) },
		"upload": func(ctx context.Context, c *Client) error {
			r, _ := io.Pipe() // never has a byte
			_, err := c.Upload(ctx, "n", "", r)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			why := errors.New("enough")
			c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				cancel(why)
				io.Copy(io.Discard, r.Body) // of the upload: a server sees its reader go only once it has the body
				<-r.Context().Done()
			})
			err := fn(ctx, c)
			if !errors.Is(err, context.Canceled) && !errors.Is(err, why) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestContextEndsBodies(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := c.Download(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(r, first); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestUnix(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "sb") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	c := Unix(path)
	t.Cleanup(c.Close)
	if _, err := c.Health(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a host: %v", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"status": "ok", "version": "`+r.Host+r.URL.Path+`"}`)
	}))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	if h, err := c.Health(t.Context()); err != nil || h.Version != "spinbot/health" {
		t.Errorf("got %+v, %v", h, err)
	}
}

func TestBase(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"version": "`+r.URL.Path+`"}`)
	}))
	t.Cleanup(s.Close)
	for base, want := range map[string]string{s.URL: "/health", s.URL + "/": "/health", s.URL + "/behind/": "/behind/health"} {
		if h, err := New(base, nil).Health(t.Context()); err != nil || h.Version != want {
			t.Errorf("%s: got %+v, %v", base, h, err)
		}
	}
	if _, err := New("not an address", nil).Health(t.Context()); err == nil {
		t.Error("a base that is no address is taken")
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestConnectionIsUsedAgain: an answer is read to its end.
func TestConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	from := make(chan string, 4)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		from <- r.RemoteAddr
		io.WriteString(w, `{"artifact": {"$artifact": "sha256:1"}}`)
		w.(http.Flusher).Flush()
		io.WriteString(w, strings.Repeat("\n", 8<<10))
	})
	for range 2 {
		if _, err := c.Run(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Upload(t.Context(), "n", "", strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	first := <-from
	for range 3 {
		if next := <-from; next != first {
			t.Errorf("a call came from %s, the one before from %s", next, first)
		}
	}
}
