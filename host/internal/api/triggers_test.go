package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/api/pipelineroutes"
	"github.com/myspinbot/spinbot/host/internal/trigger"
	"github.com/myspinbot/spinbot/sdk/client"
)

// fakePipelines has one pipeline, or none.
type fakePipelines struct {
	err   error
	empty bool
}

func (f fakePipelines) List(context.Context) ([]client.Pipeline, error) {
	if f.empty {
		return nil, f.err
	}
	return []client.Pipeline{{Name: "film", State: "ready"}}, f.err
}

func (f fakePipelines) Change(_ context.Context, name string, want *pipelineroutes.Change) (client.PipelineSource, error) {
	out := client.PipelineSource{Pipeline: client.Pipeline{Name: name}, Text: "as it was", Version: "1"}
	if want != nil {
		out.Text, out.Version = "", want.Version
		if want.Text != nil {
			out.Text = *want.Text
		}
	}
	return out, f.err
}

func (f fakePipelines) Show(_ context.Context, name, graph string) (client.Pipeline, error) {
	return client.Pipeline{Name: name, Graph: graph, State: "ready"}, f.err
}

// fakeTriggers says back what it was asked.
type fakeTriggers struct {
	fakePipelines
	got chan trigger.Request
}

func (f fakeTriggers) List(context.Context) ([]client.Trigger, error) {
	if f.empty {
		return nil, f.err
	}
	return []client.Trigger{{Pipeline: "film", Name: "nightly", Kind: "cron"}}, f.err
}

func (f fakeTriggers) Fire(_ context.Context, pipeline, name, owner string, e client.TriggerEvent) (client.Run, error) {
	return client.Run{ID: "run_1", Pipeline: pipeline, State: fmt.Sprintf("%s by %s with %s", name, owner, e.Body)}, f.err
}

func (f fakeTriggers) Deliver(_ context.Context, pipeline, name string, q trigger.Request) (string, error) {
	if f.got != nil {
		f.got <- q
	}
	return "run_of_" + pipeline + "_" + name, f.err
}

func TestPipelines(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	var list client.PipelineList
	b.get(t, "/api/v1/pipelines").into(t, &list)
	if list.Version != client.ShapeVersion || len(list.Pipelines) != 1 || list.Pipelines[0].Name != "film" {
		t.Errorf("got %+v", list)
	}
	for query, graph := range map[string]string{"": "mermaid", "?graph=dot": "dot", "?graph=text": "text"} {
		var p client.Pipeline
		b.get(t, "/api/v1/pipelines/film"+query).into(t, &p)
		if p.Name != "film" || p.Graph != graph {
			t.Errorf("%s: got %+v", query, p)
		}
	}
	if p, err := b.unix.PipelineText(t.Context(), "film"); err != nil || p.Text != "as it was" || p.Version != "1" {
		t.Errorf("%+v %v", p, err)
	}
	if p, err := b.unix.SavePipeline(t.Context(), "film", client.SavePipeline{Text: "new", Version: "7"}); err != nil || p.Text != "new" || p.Version != "7" {
		t.Errorf("%+v %v", p, err)
	}
	if err := b.unix.RemovePipeline(t.Context(), "film", "7"); err != nil {
		t.Error(err)
	}
	b.ask(t, "DELETE", "/api/v1/pipelines/film/source", nil).problem(t, 400, client.CodeBadRequest, "query.version")
	if f, err := b.unix.Format(t.Context(), "pipeline   \"x\"  {}"); err != nil || f.Text != "pipeline \"x\" {}\n" {
		t.Errorf("%+v %v", f, err)
	}
	b.post(t, "/api/v1/pipelines/format", `{"text": "pipeline {"}`).problem(t, 422, client.CodeInvalidPipeline, "laid out")
	b.post(t, "/api/v1/pipelines/format", `{}`).problem(t, 400, client.CodeBadRequest, "no text")
	b.get(t, "/api/v1/pipelines/film?graph=svg").problem(t, 400, client.CodeBadRequest, "dot, mermaid, text")
	if p, err := b.unix.Pipeline(t.Context(), "a name of its own", "text"); err != nil || p.Name != "a name of its own" {
		t.Errorf("%+v %v", p, err)
	}
	empty := start(t, func(c *Config) {
		c.Pipelines.Pipelines, c.Pipelines.Triggers = fakePipelines{empty: true}, fakeTriggers{fakePipelines: fakePipelines{empty: true}}
	})
	for path, want := range map[string]string{"pipelines": `"pipelines":[]`, "triggers": `"triggers":[]`} {
		if a := empty.get(t, "/api/v1/"+path); !strings.Contains(a.body, want) {
			t.Errorf("got %s", a.body)
		}
	}
}

func TestTriggers(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	var list client.TriggerList
	b.get(t, "/api/v1/triggers").into(t, &list)
	if list.Version != client.ShapeVersion || len(list.Triggers) != 1 || list.Triggers[0].Name != "nightly" {
		t.Errorf("got %+v", list)
	}
	a := b.post(t, "/api/v1/triggers/film/nightly/fire", `{"body": {"n": 18446744073709551615}}`)
	var r client.Run
	a.into(t, &r)
	if a.status != 202 || a.header.Get("Location") != "/api/v1/runs/run_1" || r.Pipeline != "film" || r.State != `nightly by local with {"n": 18446744073709551615}` {
		t.Errorf("got %+v", a)
	}
	if r, err := b.unix.Fire(t.Context(), "film", "nightly", client.TriggerEvent{Body: json.RawMessage("1")}); err != nil || r.State != "nightly by local with 1" {
		t.Errorf("%+v %v", r, err)
	}
	b.post(t, "/api/v1/triggers/film/nightly/fire", `{"inputs": {}}`).problem(t, 400, client.CodeBadRequest, "inputs")
	// a person fires, no page of another site
	b.post(t, "/api/v1/triggers/film/nightly/fire", `{}`, "Origin: http://evil.example").problem(t, 403, client.CodeForbidden, "evil.example")
	refused := &client.Problem{Code: client.CodeUnauthorized, Detail: "not signed"}
	b = start(t, func(c *Config) { c.Pipelines.Triggers = fakeTriggers{fakePipelines: fakePipelines{err: refused}} })
	b.get(t, "/api/v1/triggers").problem(t, 401, client.CodeUnauthorized, "not signed")
	b.post(t, "/api/v1/triggers/film/nightly/fire", "").problem(t, 401, client.CodeUnauthorized, "not signed")
	b.post(t, "/hooks/film/publish", "").problem(t, 401, client.CodeUnauthorized, "not signed")
}

// TestHook: a webhook's request is handed on as it came.
func TestHook(t *testing.T) {
	t.Parallel()
	got := make(chan trigger.Request, 1)
	b := start(t, func(c *Config) { c.Pipelines.Triggers = fakeTriggers{got: got} })
	const body = " {\"a\":\u00a0\"é\"}\r\n\x00"
	a := b.post(t, "/hooks/film/publish?n=1&n=2&m=%C3%A9", body, "X-Hub-Signature-256: sha256=00", "X-User: Ada", "Content-Type: application/json")
	q := <-got
	var d client.Delivered
	a.into(t, &d)
	if a.status != 202 || d.Run != "run_of_film_publish" || d.Version != client.ShapeVersion || a.header.Get("Location") != "/api/v1/runs/run_of_film_publish" {
		t.Errorf("got %+v", a)
	}
	if string(q.Body) != body || q.Headers["x-hub-signature-256"] != "sha256=00" || q.Headers["x-user"] != "Ada" || q.Headers["content-type"] != "application/json" ||
		q.Query["m"] != "é" || q.Query["n"] == "" {
		t.Errorf("got %+v", q)
	}
	whole := strings.Repeat("x", trigger.MaxBody)
	if a := b.post(t, "/hooks/film/publish", whole); a.status != 202 || len((<-got).Body) != trigger.MaxBody {
		t.Errorf("got %+v", a)
	}
	a = b.post(t, "/hooks/film/publish", whole+"x")
	a.problem(t, 413, client.CodeTooLarge, "1 MiB")
	if !a.close {
		t.Error("the connection stays open, with what is left of the body in it")
	}
}

// TestHookGuard: pages and programs from anywhere may ask for a hook, since a signature says who they are; nothing
// else of the guard is loosened.
func TestHookGuard(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for _, headers := range [][]string{nil, {"Origin: https://github.com"}, {"Origin: null"}, {"Sec-Fetch-Site: cross-site"}, {"Origin: http://evil.example", "Sec-Fetch-Site: same-site"}} {
		a := b.post(t, "/hooks/film/publish", "{}", headers...)
		if a.status != 202 || a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%v: got %+v", headers, a)
		}
	}
	b.post(t, "/hooks/film/publish", "{}", "Host: rebound.example").problem(t, 403, client.CodeForbidden, "rebound.example")
	for _, path := range []string{"/hooks", "/hook/film/publish", "//hooks/film/publish", "/api/v1/runs", "/HOOKS/film/publish", "/api/v1/hooks/film/publish", "/hooksx/film/publish"} {
		b.post(t, path, "{}", "Origin: http://evil.example").problem(t, 403, client.CodeForbidden, "evil.example")
	}
	for _, method := range []string{"DELETE", "PUT", "PATCH", "OPTIONS"} {
		b.ask(t, method, "/hooks/film/publish", nil, "Origin: http://evil.example").problem(t, 403, client.CodeForbidden, "evil.example")
	}
	// whatever the path pretends, what is reached is a hook or nothing
	for _, path := range []string{"/hooks/../api/v1/runs", "/hooks/%2e%2e/api/v1/runs", "/hooks/..%2fapi%2fv1%2fruns", "/hooks//api/v1/runs", "/hooks/film/publish/../../../api/v1/runs", `/hooks/..\api\v1\runs`} {
		c := b.dial(t)
		c.write(t, "POST "+path+" HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nContent-Length: 31\r\n\r\n"+`{"pipeline": {"text": "evil!!"}}`)
		if a := c.answer(t, "POST"); a.status == http.StatusAccepted && !strings.Contains(a.body, "run_of_") {
			t.Errorf("%s: got %+v", path, a)
		}
	}
	if len(b.runs.told) > 0 {
		t.Errorf("runs were asked: %q", b.runs.told)
	}
}

func TestStarters(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	var list client.StarterList
	if b.get(t, "/api/v1/starters?name=film").into(t, &list); len(list.Starters) != 1 || list.Starters[0].Text != `pipeline "film" {}` {
		t.Errorf("%+v", list)
	}
	for _, bad := range []string{"", "?name=", "?name=../x", "?name=a%22b"} {
		if a := b.get(t, "/api/v1/starters"+bad); a.status != 400 {
			t.Errorf("%q: %d %s", bad, a.status, a.body)
		}
	}
}

// fakeImporter makes nothing of anything.
type fakeImporter struct{}

func (fakeImporter) ComfyUI(_ context.Context, in client.Import) (client.Imported, error) {
	return client.Imported{Version: client.ShapeVersion, Name: in.Name, Files: map[string][]byte{}}, nil
}
