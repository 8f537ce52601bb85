package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func TestSubmit(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	a := b.post(t, "/api/v1/runs", `{"pipeline": {"name": "film.hcl", "text": "pipeline \"film\" {}", "files": {"a.txt": "aGk="}},
		"inputs": {"n": 1.50, "voice": {"$artifact": "sha256:1", "media_type": "audio/wav", "size": 3, "name": "v.wav"}}, "text": {"m": "2"}}`)
	var r client.Run
	a.into(t, &r)
	if a.status != http.StatusAccepted || a.header.Get("Location") != "/api/v1/runs/run_001" || r.ID != "run_001" {
		t.Errorf("got %d %s %+v", a.status, a.header, r)
	}
	want := client.Submission{
		Pipeline: client.Source{Name: "film.hcl", Text: `pipeline "film" {}`, Files: map[string][]byte{"a.txt": []byte("hi")}},
		Inputs:   sdk.Values{"n": json.Number("1.50"), "voice": sdk.Artifact{Digest: "sha256:1", MediaType: "audio/wav", Size: 3, Name: "v.wav"}},
		Text:     map[string]string{"m": "2"},
	}
	if !reflect.DeepEqual(b.runs.got[0], want) || b.runs.told[0] != "submit by local" {
		t.Errorf("got %+v, %q", b.runs.got[0], b.runs.told)
	}
}

// TestKeys: a key reaches the host, that it was used before reaches the client, and what is no key is refused.
func TestKeys(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for _, key := range []string{"", "once", "again", strings.Repeat("k", 255)} {
		r, err := b.unix.Submit(t.Context(), client.Submission{Key: key, Pipeline: client.Source{Text: "x"}})
		if err != nil || r.Repeated != (key == "again") {
			t.Errorf("%q: %+v %v", key, r, err)
		}
		if got := b.runs.got[len(b.runs.got)-1].Key; got != key {
			t.Errorf("%q came as %q", key, got)
		}
	}
	for _, key := range []string{"two words", "schl\u00fcssel", strings.Repeat("k", 256)} {
		var p *client.Problem
		if _, err := b.unix.Submit(t.Context(), client.Submission{Key: key, Pipeline: client.Source{Text: "x"}}); !errors.As(err, &p) || p.Code != client.CodeBadRequest || !strings.Contains(p.Fix, "255") {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestSubmitRefuses(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
		detail string
	}{
		"nothing":         {"", 400, client.CodeBadRequest, "there is no pipeline"},
		"null":            {"null", 400, client.CodeBadRequest, "there is no pipeline"},
		"no text":         {`{"pipeline": {"name": "x.hcl"}}`, 400, client.CodeBadRequest, "pipeline.text"},
		"bad JSON":        {`{"pipeline": `, 400, client.CodeBadRequest, "unexpected EOF"},
		"another type":    {`{"pipeline": 1}`, 400, client.CodeBadRequest, "pipeline"},
		"a list":          {`[]`, 400, client.CodeBadRequest, "array"},
		"unknown field":   {`{"pipeline": {"text": "x"}, "colour": 1}`, 400, client.CodeBadRequest, `"colour"`},
		"unknown within":  {`{"pipeline": {"text": "x", "url": "http://x"}}`, 400, client.CodeBadRequest, `"url"`},
		"more after it":   {`{"pipeline": {"text": "x"}} {}`, 400, client.CodeBadRequest, "goes on"},
		"files no base64": {`{"pipeline": {"text": "x", "files": {"a": "?"}}}`, 400, client.CodeBadRequest, "base64"},
		"a path":          {`{"pipeline": {"path": "/etc/passwd"}}`, 403, client.CodeForbidden, "pipeline.text"},
		"too large":       {`{"pipeline": {"text": "` + strings.Repeat("x", route.MaxJSON) + `"}}`, 413, client.CodeTooLarge, "32 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := b.post(t, "/api/v1/runs", c.body)
			a.problem(t, c.status, c.code, c.detail)
			if !a.close {
				t.Error("the connection stays open, with what is left of the body in it")
			}
		})
	}
	t.Cleanup(func() {
		if len(b.runs.told) > 0 {
			t.Errorf("the host was asked: %q", b.runs.told)
		}
	})
}

// TestLargeBodies: more than the server reads before it asks a handler.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	head, tail := `{"pipeline": {"text": "`, `"}}`
	var r client.Run
	b.post(t, "/api/v1/runs", head+strings.Repeat("x", 2<<20)+tail).into(t, &r)
	b.ask(t, "POST", "/api/v1/runs", io.MultiReader(strings.NewReader(head+"in chunks"+tail))).into(t, &r)
	if got := b.runs.got[1].Pipeline.Text; got != "in chunks" {
		t.Errorf("got %q", got)
	}
}

// TestPaths: the machine's own user may name a file, over the private socket.
func TestPaths(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	if _, err := b.unix.Submit(t.Context(), client.Submission{Pipeline: client.Source{Path: "/films/x.hcl"}}); err != nil {
		t.Fatal(err)
	}
	if b.runs.got[0].Pipeline.Path != "/films/x.hcl" {
		t.Errorf("got %+v", b.runs.got)
	}
	var p *client.Problem
	if _, err := b.unix.Submit(t.Context(), client.Submission{Pipeline: client.Source{Path: "x.hcl"}}); !errors.As(err, &p) || p.Code != client.CodeBadRequest || !strings.Contains(p.Detail, "not absolute") {
		t.Errorf("a relative path: %v", err)
	}
	if c, err := b.unix.Check(t.Context(), client.Source{Path: "/films/x.hcl"}, "dot"); err != nil || c.Pipeline != "/films/x.hcl" || c.Graph != "dot" {
		t.Errorf("got %+v, %v", c, err)
	}
	b.post(t, "/api/v1/pipelines/check", `{"path": "/films/x.hcl"}`).problem(t, 403, client.CodeForbidden, "private socket")
}

// TestDiagnostics: what is wrong in a pipeline comes with its places, all of it.
func TestDiagnostics(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	place := client.Range{File: "film.hcl", Start: client.Position{Line: 2, Column: 3, Byte: 20}, End: client.Position{Line: 2, Column: 9, Byte: 26}}
	b.runs.err = fmt.Errorf("submit: %w", &client.Problem{Code: client.CodeInvalidPipeline, Detail: "two mistakes", Diagnostics: []client.Diagnostic{
		{Severity: "error", Summary: "one", Detail: "did you mean text?", Range: place}, {Severity: "warning", Summary: "two"}}})
	p := b.post(t, "/api/v1/runs", `{"pipeline": {"text": "x"}}`).problem(t, 422, client.CodeInvalidPipeline, "two mistakes")
	if len(p.Diagnostics) != 2 || p.Diagnostics[0].Range != place || p.Diagnostics[0].Detail != "did you mean text?" || p.Diagnostics[1].Severity != "warning" {
		t.Errorf("got %+v", p.Diagnostics)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for _, format := range []string{"", "dot", "mermaid", "text"} {
		var c client.Checked
		b.post(t, "/api/v1/pipelines/check?graph="+format, `{"name": "x.hcl", "text": "x"}`).into(t, &c)
		if !c.Valid || c.Pipeline != "x.hcl" || c.Graph != format || c.Version != client.ShapeVersion {
			t.Errorf("got %+v", c)
		}
	}
	b.post(t, "/api/v1/pipelines/check?graph=svg", `{"text": "x"}`).problem(t, 400, client.CodeBadRequest, "mermaid")
	b.post(t, "/api/v1/pipelines/check", `{}`).problem(t, 400, client.CodeBadRequest, "no pipeline")
	b.post(t, "/api/v1/pipelines/check", `{"text": 1}`).problem(t, 400, client.CodeBadRequest, "text")
}

func TestRuns(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *Config) { c.Runs.Active = func(run string) bool { return run == "run_b" } })
	b.record(t, "run_a", "succeeded", "{}")
	b.record(t, "run_b", "running", "{}", "{}")
	b.record(t, "run_c", "running", "{}")
	for query, want := range map[string]string{
		"": "run_c run_b run_a ", "?limit=0": "run_c run_b run_a ", "?limit=2": "run_c run_b next run_b", "?limit=2&before=run_b": "run_a ",
		"?limit=3": "run_c run_b run_a ", "?state=running": "run_c run_b ", "?pipeline=film&state=succeeded": "run_a ", "?pipeline=other": "",
		"?before=run_a": "", "?state=running,succeeded&q=RUN_A": "run_a ", "?q=nobody": "", "?owner=nobody": "",
		"?since=1970-01-01T00:00:01Z": "run_c run_b ", "?until=1970-01-01T00:00:01Z": "run_a ", "?until=1970-01-01T00:00:02Z&before=run_b": "run_a ",
	} {
		var l client.RunList
		a := b.get(t, "/api/v1/runs"+query)
		a.into(t, &l)
		got := ""
		for _, r := range l.Runs {
			got += r.ID + " "
		}
		if l.Next != "" {
			got += "next " + l.Next
		}
		if got != want || l.Version != client.ShapeVersion || !strings.Contains(a.body, `"runs":[`) {
			t.Errorf("%q: got %s of %s, want %s", query, got, a.body, want)
		}
	}
	for _, limit := range []string{"x", "-1", "1001", "1e3"} {
		b.get(t, "/api/v1/runs?limit="+limit).problem(t, 400, client.CodeBadRequest, "query.limit")
	}
	b.get(t, "/api/v1/runs?since=noon").problem(t, 400, client.CodeBadRequest, "query.since")
	var l client.RunList
	b.get(t, "/api/v1/runs").into(t, &l)
	for _, r := range l.Runs {
		if r.Interrupted != (r.ID == "run_c") {
			t.Errorf("%s: interrupted is %v", r.ID, r.Interrupted)
		}
	}
	for id, want := range map[string]string{"run_b": "run_b", "run_c": "run_c", "last": "run_c"} {
		var r client.Run
		b.get(t, "/api/v1/runs/"+id).into(t, &r)
		if r.ID != want || r.Interrupted != (want == "run_c") {
			t.Errorf("%s: got %+v", id, r)
		}
	}
}

// TestFind: whatever names no run, or several, is told so on every route.
func TestFind(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.get(t, "/api/v1/runs/last").problem(t, 404, client.CodeNotFound, "spinbot runs")
	b.record(t, "run_a1", "running", "{}")
	b.record(t, "run_a2", "running", "{}")
	for _, c := range []struct{ method, rest string }{
		{"GET", ""}, {"GET", "/events"}, {"GET", "/logs"}, {"POST", "/cancel"}, {"POST", "/resume"},
	} {
		path := "/api/v1/runs/"
		b.ask(t, c.method, path+"run_x"+c.rest, nil).problem(t, 404, client.CodeNotFound, "no run run_x")
		b.ask(t, c.method, path+"run%20%22x"+c.rest, nil).problem(t, 404, client.CodeNotFound, `no run run "x`)
		p := b.ask(t, c.method, path+"run_a"+c.rest, nil).problem(t, 400, client.CodeBadRequest, "several runs")
		if !strings.Contains(p.Detail, "run_a1") || !strings.Contains(p.Detail, "run_a2") {
			t.Errorf("got %+v", p)
		}
		if got := b.ask(t, c.method, path+"run_a1"+c.rest, nil); got.status != 200 {
			t.Errorf("%s %s: %+v", c.method, c.rest, got)
		}
	}
	if len(b.runs.told) != 2 {
		t.Errorf("got %q", b.runs.told)
	}
}

func TestCancelAndResume(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_abc", "running", "{}")
	var r client.Run
	for _, c := range []struct{ path, body, want string }{
		{"run_abc/cancel", `{"reason": "enough"}`, "cancel run_abc: enough"}, {"last/cancel", "", "cancel run_abc: "},
		{"run_a/resume", "{}", "resume run_abc: "}, {"run_abc/resume", "", "resume run_abc: "},
		{"run_abc/pause", `{"reason": "later"}`, "pause run_abc: later"}, {"run_abc/cancel", `{"at": "node.x[1]"}`, "cancel run_abcnode.x[1]: "},
		{"run_abc/answer", `{"at": "gate.ok", "approved": true, "form": {"n": 3}}`, "answer run_abcgate.ok: "},
		{"run_abc/decide", `{"at": "node.x", "decision": "retry", "inputs": {"n": 3}}`, "decide run_abcnode.x: "},
	} {
		b.post(t, "/api/v1/runs/"+c.path, c.body).into(t, &r)
		if r.ID != "run_abc" || b.runs.told[len(b.runs.told)-1] != c.want {
			t.Errorf("%s: got %+v, %q", c.path, r, b.runs.told)
		}
	}
	b.post(t, "/api/v1/runs/run_abc/cancel", `{"why": "x"}`).problem(t, 400, client.CodeBadRequest, "why")
	for _, body := range []string{strings.Repeat(`{"form":`, 101) + "1" + strings.Repeat("}", 101), `{"form": ` + strings.Repeat("[", 100_000)} {
		b.post(t, "/api/v1/runs/run_abc/cancel", body).problem(t, 400, client.CodeBadRequest, "nests deeper")
	}
	b.post(t, "/api/v1/runs/run_abc/resume", `[`).problem(t, 400, client.CodeBadRequest, "JSON")
	if len(b.runs.told) != 8 {
		t.Errorf("got %q", b.runs.told)
	}
	b.runs.err = &client.Problem{Code: client.CodeConflict, Detail: "it has ended"}
	for _, path := range []string{"cancel", "resume"} {
		b.post(t, "/api/v1/runs/run_abc/"+path, "{}").problem(t, 409, client.CodeConflict, "it has ended")
	}
}

// TestReports: a run's last reports are those of the node and as many as were asked for.
func TestReports(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	r, err := b.unix.Submit(t.Context(), client.Submission{Pipeline: client.Source{Text: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	for want, limit := range map[string]int{"shot[2] 100": 0, "shot[2] 7": 7} {
		if l, err := b.unix.Reports(t.Context(), r.ID, "shot[2]", limit); err != nil || len(l.Reports) != 1 || l.Reports[0].Message != want || l.Gone != 7 {
			t.Errorf("%+v %v, want %s", l, err, want)
		}
	}
	var p *client.Problem
	if _, err := b.unix.Reports(t.Context(), "none", "", 0); !errors.As(err, &p) || p.Code != client.CodeNotFound {
		t.Errorf("%v", err)
	}
	if l, err := b.unix.Attempts(t.Context(), "last", "node.shot[2]", 3); err != nil || l.Run != r.ID || len(l.Attempts) != 1 || l.Attempts[0].At != "node.shot[2]" || l.Attempts[0].Number != 3 {
		t.Errorf("%+v %v", l, err)
	}
	if _, err := b.unix.Attempts(t.Context(), "none", "node.x", 0); !errors.As(err, &p) || p.Code != client.CodeNotFound {
		t.Errorf("%v", err)
	}
	b.get(t, "/api/v1/runs/last/attempts").problem(t, 400, client.CodeBadRequest, "node")
}

func TestLogs(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.live.log = "{\"message\": \"RUN\"}\n" + strings.Repeat("{\"message\": \"more\"}\n", 10_000)
	b.record(t, "run_a", "running", "{}")
	a := b.get(t, "/api/v1/runs/last/logs?node=shot%5B2%5D")
	if a.status != 200 || a.header.Get("Content-Type") != "application/x-ndjson" || a.body != strings.Replace(b.live.log, "RUN", "run_a shot[2]", 1) {
		t.Errorf("got %d %s, %d bytes", a.status, a.header, len(a.body))
	}
	b.get(t, "/api/v1/runs/run_a/logs?node=none").problem(t, 404, client.CodeNotFound, "no node none")
}

func TestCatalog(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	var types client.NodeTypeList
	b.get(t, "/api/v1/node-types").into(t, &types)
	var plugins client.PluginList
	b.get(t, "/api/v1/plugins").into(t, &plugins)
	if types.Version != client.ShapeVersion || len(types.NodeTypes) != 1 || types.NodeTypes[0].Name != "test.echo" {
		t.Errorf("got %+v", types)
	}
	if plugins.Version != client.ShapeVersion || len(plugins.Plugins) != 1 || plugins.Plugins[0].State != "refused" {
		t.Errorf("got %+v", plugins)
	}
	empty := start(t, func(c *Config) { c.Fleet.Catalog = fakeCatalog{empty: true} })
	if a := empty.get(t, "/api/v1/node-types"); !strings.Contains(a.body, `"node_types":[]`) {
		t.Errorf("got %s", a.body)
	}
	if a := empty.get(t, "/api/v1/plugins"); !strings.Contains(a.body, `"plugins":[]`) {
		t.Errorf("got %s", a.body)
	}
	failing := start(t, func(c *Config) {
		c.Fleet.Catalog, c.Pipelines.Checker = fakeCatalog{err: errors.New("no folder")}, fakeCatalog{err: errors.New("no folder")}
	})
	for _, path := range []string{"node-types", "plugins"} {
		failing.get(t, "/api/v1/"+path).problem(t, 500, client.CodeInternal, "no folder")
	}
	failing.post(t, "/api/v1/pipelines/check", `{"text": "x"}`).problem(t, 500, client.CodeInternal, "no folder")
}

// TestTrust: only over the private socket.
func TestTrust(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	p := b.post(t, "/api/v1/plugins/test/trust", "{}").problem(t, 403, client.CodeForbidden, "on the machine itself")
	if p.Fix != "spinbot plugins trust NAME" {
		t.Errorf("got %+v", p)
	}
	for _, name := range []string{"test", "a b", "ü"} {
		if got, err := b.unix.Trust(t.Context(), name); err != nil || got.Name != name || got.State != "ready" {
			t.Errorf("%q: got %+v, %v", name, got, err)
		}
	}
}

// TestProblems: one place gives each error its status and code, and logs those that are the host's: what lasts once.
func TestProblems(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	lasts := false
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{fmt.Errorf("run_x: %w", store.ErrNotFound), 404, client.CodeNotFound},
		{&store.ConflictError{Run: "run_x"}, 409, client.CodeConflict},
		{store.ErrStopped, 503, client.CodeUnavailable},
		{store.ErrClosed, 503, client.CodeUnavailable},
		{context.Canceled, 503, client.CodeUnavailable},
		{store.ErrDamaged, 500, client.CodeInternal},
		{errors.New("anything"), 500, client.CodeInternal},
		{&client.Problem{Code: client.CodeInvalidInput, Detail: "x"}, 422, client.CodeInvalidInput},
		{&client.Problem{Code: client.CodeUnavailable, Status: 507}, 507, client.CodeUnavailable},
		{&client.Problem{Code: "of a later host"}, 500, "of a later host"},
	} {
		b.runs.err = c.err
		before := strings.Count(b.log.String(), "request failed")
		b.post(t, "/api/v1/runs", `{"pipeline": {"text": "x"}}`).problem(t, c.status, c.code, c.err.Error())
		if logged := strings.Count(b.log.String(), "request failed") > before; logged != (c.status >= 500 && (c.code != client.CodeUnavailable || !lasts)) {
			t.Errorf("%v: logged is %v", c.err, logged)
		}
		lasts = lasts || c.code == client.CodeUnavailable
	}
	b.get(t, "/api/v2/runs").problem(t, 404, client.CodeNotFound, "/api/v2/runs")
	a := b.ask(t, "DELETE", "/api/v1/runs/x", nil)
	a.problem(t, 405, client.CodeBadRequest, "")
	if allow := a.header.Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("allowed is %q", allow)
	}
	b.get(t, "/health", "X-Long: "+strings.Repeat("x", route.MaxHeaders)).problem(t, 431, client.CodeBadRequest, "")
}

// TestQueuePlanAndCache: what is asked arrives, and what is wrong is refused.
func TestQueuePlanAndCache(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	var q client.Queue
	b.get(t, "/api/v1/queue?limit=7").into(t, &q)
	if q.Total != 7 || q.Runs[0].Why == "" {
		t.Error(q)
	}
	for _, what := range []string{"pause", "resume", "clear"} {
		b.post(t, "/api/v1/queue/"+what, "{}").into(t, &q)
		if last := b.runs.told[len(b.runs.told)-1]; last != "queue "+what+" by local" {
			t.Error(last)
		}
	}
	b.post(t, "/api/v1/queue/burn", "{}").problem(t, 404, client.CodeNotFound, "")
	var p client.Plan
	b.post(t, "/api/v1/plans", `{"pipeline": {"name": "x.hcl", "text": "…"}}`).into(t, &p)
	if p.Pipeline != "x.hcl" {
		t.Error(p)
	}
	b.post(t, "/api/v1/plans", `{"pipeline": {"path": "/x.hcl"}}`).problem(t, 403, client.CodeForbidden, "private socket")
	var l client.CacheList
	b.get(t, "/api/v1/cache").into(t, &l)
	if len(l.Results) != 2 {
		t.Error(l)
	}
	b.post(t, "/api/v1/cache/gc", `{"limit": 500}`).into(t, &l)
	if len(l.Results) != 1 || l.Results[0].Key != "ac34" {
		t.Error(l)
	}
	b.post(t, "/api/v1/cache/gc", `{}`).problem(t, 400, client.CodeBadRequest, "how many bytes")
	b.ask(t, "DELETE", "/api/v1/cache/a", nil).problem(t, 400, client.CodeBadRequest, "several")
	b.ask(t, "DELETE", "/api/v1/cache/x", nil).problem(t, 404, client.CodeNotFound, "no result x")
	b.ask(t, "DELETE", "/api/v1/cache/ab", nil).into(t, &l)
	if len(l.Results) != 1 || l.Results[0].Key != "ab12" {
		t.Error(l)
	}
}

// TestMoveInQueue: who goes where reaches the host by whole ids, and what makes no sense is refused.
func TestMoveInQueue(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for range 2 {
		if _, err := b.unix.Submit(t.Context(), client.Submission{Pipeline: client.Source{Text: "x"}}); err != nil {
			t.Fatal(err)
		}
	}
	b.runs.told = nil
	if _, err := b.unix.NextInQueue(t.Context(), "last"); err != nil {
		t.Error(err)
	}
	for _, m := range []client.MoveRun{{Run: "run_001", Before: "last"}, {Run: "run_001", After: "run_002"}} {
		if _, err := b.unix.MoveInQueue(t.Context(), m); err != nil {
			t.Error(err)
		}
	}
	want := `move run_002 beside "", behind false, move run_001 beside "run_002", behind false, move run_001 beside "run_002", behind true`
	var told []string
	for _, one := range b.runs.told {
		told = append(told, one[:strings.Index(one, ", by ")])
	}
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("got %s", got)
	}
	for code, all := range map[string][]client.MoveRun{
		client.CodeBadRequest: {{Run: "run_001"}, {Run: "run_001", Before: "run_002", After: "run_002"}, {Run: "run_002", Before: "last"}},
		client.CodeNotFound:   {{Run: "none", Before: "run_001"}, {Run: "run_001", After: "none"}},
	} {
		for _, m := range all {
			var p *client.Problem
			if _, err := b.unix.MoveInQueue(t.Context(), m); !errors.As(err, &p) || p.Code != code || p.Fix == "" {
				t.Errorf("%+v: %v, want %s", m, err, code)
			}
		}
	}
}

// TestGates: questions come in pages of the runs that are under way.
func TestGates(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for range 3 {
		if _, err := b.unix.Submit(t.Context(), client.Submission{Pipeline: client.Source{Text: "x"}}); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"gates": "run_003 run_002 run_001 ", "gates?limit=2": "run_003 run_002 next run_002", "gates?before=run_002": "run_001 ",
	} {
		var l client.GateList
		b.get(t, "/api/v1/"+path).into(t, &l)
		got := ""
		for _, g := range l.Gates {
			got += g.Run + " "
		}
		if l.Next != "" {
			got += "next " + l.Next
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
