package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/api/socket"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/lsp"
	"github.com/myspinbot/spinbot/sdk/client"
)

// editing has a server of one folder, in which a connection may open two documents.
func editing(t *testing.T) *bench {
	raw, err := os.ReadFile("../core/pipeline/testdata/types.json")
	if err != nil {
		t.Fatal(err)
	}
	types := &pipeline.Bundle{}
	if err := json.Unmarshal(raw, &types.Types); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		"film.hcl":       {Data: []byte("pipeline \"film\" {}\n")},
		"parts/part.hcl": {Data: []byte("pipeline \"part\" {}\noutput \"deep\" {\n  value = 1\n}\n")},
		"hello.txt":      {Data: []byte("Hello")},
	}
	return start(t, func(c *Config) {
		c.Edit = func(ctx context.Context, name string, with *socket.Pipe) error {
			if name != "film" {
				return fmt.Errorf("who is %s?", name)
			}
			return lsp.ServeOver(ctx, lsp.Config{Files: files, Documents: 2, Rest: time.Millisecond, Log: slog.New(slog.DiscardHandler),
				Types: func(context.Context) (pipeline.Types, error) { return types, nil }}, with)
		}
	})
}

// editor is a browser's end of a connection.
type editor struct {
	*websocket.Conn
	t  *testing.T
	id int
}

func (b *bench) edit(t *testing.T, pipeline string, header http.Header) (*editor, int) {
	t.Helper()
	ws, res, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(b.url, "http")+"/api/v1/lsp?pipeline="+pipeline, header)
	if res == nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err != nil {
		return nil, res.StatusCode
	}
	t.Cleanup(func() { ws.Close() })
	return &editor{Conn: ws, t: t}, res.StatusCode
}

func (e *editor) notify(method, params string) {
	e.t.Helper()
	if err := e.WriteMessage(websocket.TextMessage, []byte(`{"jsonrpc":"2.0","method":"`+method+`","params":`+params+`}`)); err != nil {
		e.t.Fatal(err)
	}
}

// hear gives the next message in which something stands.
func (e *editor) hear(what string) string {
	e.t.Helper()
	for {
		_ = e.SetReadDeadline(time.Now().Add(30 * time.Second))
		_, raw, err := e.ReadMessage()
		if err != nil {
			e.t.Fatalf("waiting for %s: %v", what, err)
		}
		if strings.Contains(string(raw), what) {
			return string(raw)
		}
	}
}

func (e *editor) ask(method, params string) string {
	e.t.Helper()
	e.id++
	e.notify(method, params+fmt.Sprintf(`,"id":%d`, e.id))
	return e.hear(fmt.Sprintf(`"id":%d`, e.id))
}

func (e *editor) open(name, text string) {
	e.t.Helper()
	quoted, _ := json.Marshal(text)
	e.notify("textDocument/didOpen", `{"textDocument":{"uri":"file:///`+name+`","version":1,"text":`+string(quoted)+`}}`)
}

func (e *editor) ended(code int, why string) {
	e.t.Helper()
	for {
		_ = e.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, _, err := e.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, code) || !strings.Contains(err.Error(), why) {
				e.t.Errorf("it ended with %v, want %d %s", err, code, why)
			}
			return
		}
	}
}

const at = `{"textDocument":{"uri":"file:///film.hcl"},"position":{"line":%d,"character":%d}}`

// TestEdit: an unsaved text is checked, completed and explained with the node types and the pipeline's folder.
func TestEdit(t *testing.T) {
	t.Parallel()
	e, _ := editing(t).edit(t, "film", nil)
	if got := e.ask("initialize", `{"capabilities":{},"workspaceFolders":[{"uri":"file:///","name":"film"}]}`); !strings.Contains(got, `"completionProvider"`) {
		t.Fatal(got)
	}
	e.notify("initialized", "{}")
	e.open("film.hcl", "pipeline \"film\" {}\n\nnode \"ollama.chat\" \"script\" {\n  modl   = \"m\"\n  prompt = file(\"hello.txt\")\n}\n\nmodule \"part\" {\n  source = \"./parts/part.hcl\"\n}\noutput \"x\" {\n  value = module.part.deep\n}\n")
	if got := e.hear("publishDiagnostics"); !strings.Contains(got, `\"modl\"`) || !strings.Contains(got, `"start":{"line":3,"character":2}`) || !strings.Contains(got, "file:///film.hcl") {
		t.Error(got)
	}
	if got := e.ask("textDocument/completion", fmt.Sprintf(at, 11, 22)); !strings.Contains(got, `"label":"deep"`) {
		t.Errorf("of a module: %s", got)
	}
	if got := e.ask("textDocument/completion", fmt.Sprintf(at, 2, 12)); !strings.Contains(got, "ollama.chat") {
		t.Errorf("of a node type: %s", got)
	}
	if got := e.ask("textDocument/hover", fmt.Sprintf(at, 4, 4)); !strings.Contains(got, "prompt") || !strings.Contains(got, "markdown") {
		t.Errorf("hover: %s", got)
	}
	if got := e.ask("textDocument/definition", fmt.Sprintf(at, 8, 18)); !strings.Contains(got, "file:///parts/part.hcl") {
		t.Errorf("definition: %s", got)
	}
	e.notify("textDocument/didChange", `{"textDocument":{"uri":"file:///film.hcl","version":2},"contentChanges":[{"text":"pipeline \"film\" {}\noutput \"x\" {\n  value = file(\"../../../../etc/passwd\")\n}\n"}]}`)
	if got := e.hear("publishDiagnostics"); !strings.Contains(got, "passwd") {
		t.Errorf("what is outside of the folder: %s", got)
	}
	if got := e.ask("textDocument/completion", fmt.Sprintf(at, 2, 23)); strings.Contains(got, "passwd") || strings.Contains(got, "home") {
		t.Errorf("what is outside of the folder is listed: %s", got)
	}
	e.ask("shutdown", "null")
	e.notify("exit", "null")
	e.ended(websocket.CloseNormalClosure, "")
}

// TestEditRoles: a viewer may look, and not save; a stranger may neither.
func TestEditRoles(t *testing.T) {
	t.Parallel()
	b := editing(t)
	viewer := "Bearer " + b.token(t, "viewer")
	for header, want := range map[string]int{"": 401, "Bearer x": 401, viewer: 101} {
		if _, got := b.edit(t, "film", http.Header{"Authorization": {header}}); got != want {
			t.Errorf("%.12s: %d", header, got)
		}
	}
	if _, got := b.edit(t, "film", http.Header{"Authorization": {viewer}, "Origin": {"http://evil.example"}}); got != 403 {
		t.Errorf("from another site: %d", got)
	}
	b.ask(t, "PUT", "/api/v1/pipelines/film/source", strings.NewReader(`{"text":"x"}`), "Authorization: "+viewer).problem(t, 403, client.CodeForbidden, "it needs the role "+route.Operator.String())
	b.get(t, "/api/v1/lsp?pipeline=film", "Authorization: "+viewer).problem(t, 400, client.CodeBadRequest, "WebSocket")
}

// TestEditLimits: who opens too much is told why it ends, and what the server says of its end arrives.
func TestEditLimits(t *testing.T) {
	t.Parallel()
	b := editing(t)
	e, _ := b.edit(t, "film", nil)
	e.ask("initialize", `{"capabilities":{}}`)
	for k := range 3 {
		e.open(fmt.Sprintf("%d.hcl", k), "locals {}")
	}
	e.ended(websocket.ClosePolicyViolation, "too much text is open")
	other, _ := b.edit(t, "nobody", nil)
	other.ended(websocket.ClosePolicyViolation, "who is nobody?")
	last, _ := b.edit(t, "film", nil)
	last.ask("initialize", `{"capabilities":{}}`)
	go func() { _ = b.Close(context.WithoutCancel(t.Context())) }()
	last.ended(websocket.CloseGoingAway, "the host ends")
}
