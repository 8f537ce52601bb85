package lsp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/lsp"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/sdk"
)

const good = "pipeline \"film\" {}\n\nvariable \"topic\" {\n  type = string\n}\n\nnode \"ollama.chat\" \"script\" {\n  model  = \"m\"\n  prompt = var.topic\n}\n"

func TestLifecycle(t *testing.T) {
	t.Parallel()
	c := connect(t, config(t))
	if m := c.call("textDocument/hover", at("/x.hcl", 0, 0)); m.Error == nil || m.Error.Code != -32002 {
		t.Errorf("before initialize: %+v", m)
	}
	c.must("initialize", map[string]any{"processId": nil, "rootUri": nil, "capabilities": map[string]any{
		"general":   map[string]any{"positionEncodings": []string{"utf-32", "utf-8", "utf-16"}},
		"workspace": map[string]any{"didChangeWatchedFiles": map[string]any{"dynamicRegistration": true}},
	}}, nil)
	c.notify("initialized", map[string]any{})
	c.until("files are watched", func() bool { return slices.Contains(c.requests, "client/registerCapability") })
	if m := c.call("initialize", map[string]any{}); m.Error == nil || m.Error.Code != -32600 {
		t.Errorf("a second initialize: %+v", m)
	}
	if m := c.call("textDocument/foldingRange", map[string]any{}); m.Error == nil || m.Error.Code != -32601 {
		t.Errorf("an unknown method: %+v", m)
	}
	if m := c.call("textDocument/hover", []int{1}); m.Error == nil || m.Error.Code != -32602 {
		t.Errorf("wrong parameters: %+v", m)
	}
	if m := c.call("textDocument/hover", at("/not-open.hcl", 3, 3)); m.Error != nil || string(m.Result) != "null" {
		t.Errorf("a document that is not open: %+v", m)
	}
	c.notify("$/setTrace", map[string]any{"value": "off"})
	c.notify("unknown/notification", nil)
	if m := c.call("shutdown", nil); m.Error != nil || string(m.Result) != "null" {
		t.Errorf("shutdown: %+v", m)
	}
	if m := c.call("textDocument/hover", at("/x.hcl", 0, 0)); m.Error == nil || m.Error.Code != -32600 {
		t.Errorf("after shutdown: %+v", m)
	}
	c.notify("exit", nil)
	if err := c.end(); err != nil {
		t.Error(err)
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	c := open(t, config(t), "")
	c.notify("exit", nil)
	if err := c.end(); !errors.Is(err, lsp.ErrNoShutdown) {
		t.Errorf("exit without shutdown: %v", err)
	}
	c = open(t, config(t), "")
	c.hangUp()
	if err := c.end(); !errors.Is(err, lsp.ErrNoShutdown) {
		t.Errorf("an editor that goes away: %v", err)
	}
	c = open(t, config(t), "")
	c.must("shutdown", nil, nil)
	c.hangUp()
	if err := c.end(); err != nil {
		t.Errorf("an editor that goes away after shutdown: %v", err)
	}
}

// TestOrder: messages take effect in the order in which they came, though nobody waits for answers.
func TestOrder(t *testing.T) {
	t.Parallel()
	c := open(t, config(t), "")
	var answers []chan message
	for i := range 50 {
		c.didOpen("/x.hcl", fmt.Sprintf("locals {\n  n%d = 1\n}\n", i))
		_, answer := c.begin("textDocument/documentSymbol", map[string]any{"textDocument": doc("/x.hcl")})
		answers = append(answers, answer)
	}
	_, down := c.begin("shutdown", nil)
	c.notify("exit", nil)
	for i, answer := range answers {
		if m := c.await("documentSymbol", answer); !strings.Contains(string(m.Result), fmt.Sprintf(`"n%d"`, i)) {
			t.Errorf("%d: %s", i, m.Result)
		}
	}
	c.await("shutdown", down)
	if err := c.end(); err != nil {
		t.Error(err)
	}
}

// TestBrokenStream: what is no message ends the connection; what is a message but no request is answered.
func TestBrokenStream(t *testing.T) {
	t.Parallel()
	c := open(t, config(t), "")
	for _, src := range []string{"{", "[]", "nonsense", `{"jsonrpc":"2.0"}`, `{"id":7,"method":"x"}`, `{"jsonrpc":"2.0","id":{},"method":"x"}`,
		` [{"jsonrpc":"2.0","id":7,"method":"shutdown"}]`} {
		answer := make(chan message, 1)
		c.mu.Lock()
		c.answers[-1], c.answers[7] = answer, answer
		c.mu.Unlock()
		if err := c.stream.Send([]byte(src)); err != nil {
			t.Fatal(err)
		}
		if m := c.await(src, answer); m.Error == nil {
			t.Errorf("%s: %+v", src, m)
		}
	}
	c.must("textDocument/hover", at("/x.hcl", 0, 0), nil)

	in, to := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- lsp.Serve(context.Background(), config(t), in, io.Discard) }()
	w := bufio.NewWriter(to)
	fmt.Fprint(w, "Content-Length: 99999999999\r\n\r\n{}")
	w.Flush()
	var broken *protocol.FrameError
	if err := <-ended; !errors.As(err, &broken) {
		t.Errorf("%v", err)
	}
	to.Close()
}

func TestDiagnostics(t *testing.T) {
	t.Parallel()
	dir := files(t, map[string]string{
		"film.hcl":       "pipeline \"film\" {}\n",
		"parts/part.hcl": "pipeline \"part\" {}\nnode \"ollama.chat\" \"x\" {\n  model = \"m\"\n}\nmodule \"up\" {\n  source = \"../other.hcl\"\n}\n",
		"other.hcl":      "pipeline \"other\" {}\n",
		"prompts/a.txt":  "${topic} ${tipoc}\n",
	})
	film, part, prompt := filepath.Join(dir, "film.hcl"), filepath.Join(dir, "parts/part.hcl"), filepath.Join(dir, "prompts/a.txt")
	c := open(t, config(t), dir)
	c.didOpen(film, good)
	c.untilProblems(film)

	c.change(film, good+"module \"p\" {\n  source = \"./parts/part.hcl\"\n}\n")
	c.untilProblems(part, `missing input "prompt"`) // a file that is not open, but part of one that is

	c.didOpen(part, "pipeline \"part\" {}\nnode \"ollama.chat\" \"x\" {\n  model = \"m\"\n  prompt = \"\"\n}\nmodule \"up\" {\n  source = \"../other.hcl\"\n}\n")
	c.untilProblems(part, "input prompt") // unsaved text counts, and ../ is within the film's folder

	c.change(part, "pipeline \"part\" {}\nmodule \"up\" {\n  source = \"../other.hcl\"\n}\n")
	c.untilProblems(part)
	c.untilProblems(film)

	c.change(film, "pipeline \"film\" {}\nvariable \"spare\" {\n  type = string\n}\n")
	c.untilProblems(film, `variable "spare" is not used`)
	c.mu.Lock()
	if s := c.problems[protocol.URI(film)][0].Severity; s != protocol.SeverityWarning {
		t.Errorf("a warning has the severity %d", s)
	}
	c.mu.Unlock()

	c.change(film, "pipeline \"film\" {}\noutput \"o\" {\n  value = templatefile(\"prompts/a.txt\", { topic = 1 })\n}\n")
	c.untilProblems(prompt, `the template has no "tipoc"`)

	c.change(film, "pipeline \"film\" {}\noutput \"o\" {\n  value = \n}\n")
	c.untilProblems(prompt)
	c.until("the syntax is wrong", func() bool { return len(c.problems[protocol.URI(film)]) > 0 })

	c.notify("textDocument/didClose", map[string]any{"textDocument": doc(film)})
	c.untilProblems(film) // what is on disk is not checked unless it is open
}

// TestOtherFiles: other files in HCL are left alone; text that was never saved is checked.
func TestOtherFiles(t *testing.T) {
	t.Parallel()
	dir := files(t, nil)
	c := open(t, config(t), dir)
	other, film := filepath.Join(dir, "terragrunt.hcl"), filepath.Join(dir, "film.hcl")
	c.didOpen(other, "locals {\n  a = 1\n}\ninputs = {}\n")
	c.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": "untitled:Untitled-1", "text": "pipeline \"x\" {}\nnode \"a.b\" \"c\" {}\n"}})
	c.didOpen(film, "node \"nope.nope\" \"x\" {\n}\n")
	c.untilProblems(film, "no pipeline block", `unknown node type "nope.nope"`)
	c.until("the unsaved one is checked", func() bool { return len(c.problems["untitled:Untitled-1"]) == 1 })
	c.mu.Lock()
	if len(c.problems[protocol.URI(other)]) > 0 {
		t.Errorf("%s has problems: %v", other, c.problems[protocol.URI(other)])
	}
	c.mu.Unlock()
	c.must("textDocument/completion", at(other, 1, 3), nil)
}

// TestTestFiles: a test file is checked against the pipeline beside it as both stand in the editor, and answers questions.
func TestTestFiles(t *testing.T) {
	t.Parallel()
	dir := files(t, map[string]string{"film.hcl": good})
	c := open(t, config(t), dir)
	suite, film := filepath.Join(dir, "film.test.hcl"), filepath.Join(dir, "film.hcl")
	src := "run \"a\" {\n  inputs = { topic = \"x\" }\n  mock \"node.script\" {\n    outputs = { text = \"x\" }\n  }\n  expect {\n    nodes = { \"node.plot\" = \"succeeded\" }\n  }\n}\n"
	c.didOpen(suite, src)
	c.untilProblems(suite, "no node.plot in")
	c.didOpen(film, good+"\nnode \"ollama.chat\" \"plot\" {\n  model  = \"m\"\n  prompt = \"x\"\n}\n") // not saved
	c.untilProblems(suite)
	c.didOpen(film, "pipeline \"film\" {}\nnode \"nope.nope\" \"script\" {}\n")
	c.untilProblems(film, `unknown node type "nope.nope"`)
	c.untilProblems(suite) // it is told where it is
	c.didOpen(film, good)
	c.untilProblems(suite, "no node.plot in")
	c.didOpen(suite, "run \"a\" {\n  nonsense = 1\n")
	c.untilProblems(suite, "unclosed configuration block")
	c.didOpen(suite, src)

	var list protocol.CompletionList
	c.must("textDocument/completion", at(suite, 5, 2), &list)
	if len(list.Items) == 0 || list.Items[0].Label != "file" {
		t.Errorf("%+v", list)
	}
	var where []protocol.Location
	c.must("textDocument/definition", at(suite, 1, 15), &where)
	if len(where) != 1 || where[0].URI != protocol.URI(film) || where[0].Range.Start.Line != 2 {
		t.Errorf("%+v", where)
	}
	var hover protocol.Hover
	if c.must("textDocument/hover", at(suite, 2, 14), &hover); !strings.Contains(hover.Contents.Value, "ollama.chat") {
		t.Errorf("%+v", hover)
	}
	params := at(suite, 1, 15)
	params["newName"] = "other"
	if m := c.call("textDocument/rename", params); m.Error == nil || !strings.Contains(m.Error.Message, "in the pipeline") {
		t.Errorf("%+v", m)
	}
	params["context"] = map[string]any{"includeDeclaration": true}
	c.must("textDocument/references", params, nil)
	c.must("textDocument/prepareRename", params, nil)
	c.must("textDocument/signatureHelp", params, nil)
	var symbols []protocol.DocumentSymbol
	if c.must("textDocument/documentSymbol", map[string]any{"textDocument": doc(suite)}, &symbols); len(symbols) != 1 || symbols[0].Name != "a" {
		t.Errorf("%+v", symbols)
	}
	c.didOpen(suite, "run   \"a\" {\n}\n")
	var edits []protocol.TextEdit
	if c.must("textDocument/formatting", map[string]any{"textDocument": doc(suite)}, &edits); len(edits) != 1 {
		t.Errorf("%+v", edits)
	}
}

// TestSettings: the host's configuration is checked and completed; a pipeline of its name stays a pipeline.
func TestSettings(t *testing.T) {
	t.Parallel()
	dir := files(t, nil)
	cfg := config(t)
	cfg.Settings = &lsp.Settings{Name: "spinbot.hcl", Language: language.Block{
		Words:  []language.Word{{Name: "listen", Type: "string", Doc: "Where it listens."}},
		Blocks: []language.Block{{Name: "reclaim", Words: []language.Word{{Name: "policy", Type: "string", Options: []string{"finish", "park"}}}}},
	}, Check: func(file string, src []byte) diagnostic.Diagnostics {
		if strings.Contains(string(src), "nonsense") {
			return diagnostic.Diagnostics{{Severity: diagnostic.Error, Summary: "nonsense is no key", Range: diagnostic.Range{File: file, Start: diagnostic.Pos{Line: 1, Column: 1}}}}
		}
		return nil
	}}
	c := open(t, cfg, dir)
	file := filepath.Join(dir, "spinbot.hcl")
	c.didOpen(file, "nonsense = 1\n")
	c.untilProblems(file, "nonsense is no key")
	c.didOpen(file, "listen = \"\"\nreclaim {\n  policy = \"\"\n  \n}\n\n")
	c.untilProblems(file)
	labels := func(line, character int) string {
		var list protocol.CompletionList
		c.must("textDocument/completion", at(file, line, character), &list)
		var out []string
		for _, i := range list.Items {
			out = append(out, i.Label)
		}
		return strings.Join(out, " ")
	}
	if top, inside, options := labels(5, 0), labels(3, 2), labels(2, 12); top != "listen reclaim" || inside != "" || options != "finish park" {
		t.Errorf("%q, %q, %q", top, inside, options)
	}
	var hover protocol.Hover
	if c.must("textDocument/hover", at(file, 0, 2), &hover); !strings.Contains(hover.Contents.Value, "Where it listens.") {
		t.Errorf("%+v", hover)
	}
	c.must("textDocument/definition", at(file, 0, 2), nil)
	c.must("textDocument/signatureHelp", at(file, 0, 2), nil)
	c.didOpen(file, "pipeline \"x\" {}\nnode \"nope.nope\" \"x\" {}\n")
	c.untilProblems(file, `unknown node type "nope.nope"`)
}

// TestNodeTypesChange: what is dropped into a plugin folder is seen without an edit, and trouble is told once.
func TestNodeTypesChange(t *testing.T) {
	t.Parallel()
	var now atomic.Value
	cfg := config(t)
	type answer struct {
		types pipeline.Types
		err   error
	}
	now.Store(answer{nil, errors.New("the trust file cannot be read")})
	cfg.Types = func(context.Context) (pipeline.Types, error) { a := now.Load().(answer); return a.types, a.err }
	dir := files(t, nil)
	film := filepath.Join(dir, "film.hcl")
	c := open(t, cfg, dir)
	c.didOpen(film, good)
	c.until("trouble is told", func() bool { return len(c.shown) == 1 && strings.Contains(c.shown[0], "trust file") })
	c.must("textDocument/completion", at(film, 7, 2), nil)
	now.Store(answer{&pipeline.Bundle{}, nil})
	c.untilProblems(film, `unknown node type "ollama.chat"`)
	now.Store(answer{nodeTypes(t), nil})
	c.untilProblems(film)
}

func TestRequests(t *testing.T) {
	t.Parallel()
	part := "pipeline \"part\" {}\nvariable \"title\" {\n  type = string\n}\noutput \"out\" {\n  value = var.title\n}\n"
	dir := files(t, map[string]string{"parts/part.hcl": part, "a é/x.txt": ""})
	film, partFile := filepath.Join(dir, "a é", "film.hcl"), filepath.Join(dir, "parts", "part.hcl")
	src := "pipeline \"film\" {}\nmodule \"m\" {\n  source = \"../parts/part.hcl\"\n  title  = \"𝒳\"\n}\noutput  \"o\" {\n  value = module.m.out\n}\n"
	c := open(t, config(t), dir)
	c.didOpen(film, src)

	var list protocol.CompletionList
	c.must("textDocument/completion", at(film, 6, 19), &list)
	if len(list.Items) != 1 || list.Items[0].Label != "out" {
		t.Errorf("%+v", list)
	}
	var edit protocol.WorkspaceEdit
	params := at(film, 3, 4)
	params["newName"] = "heading"
	c.must("textDocument/rename", params, &edit)
	if len(edit.Changes[protocol.URI(film)]) != 1 || len(edit.Changes[protocol.URI(partFile)]) != 2 {
		t.Errorf("%+v", edit)
	}
	params["newName"] = "1"
	if m := c.call("textDocument/rename", params); m.Error == nil || !strings.Contains(m.Error.Message, "is not a name") {
		t.Errorf("%+v", m)
	}
	var where []protocol.Location
	c.must("textDocument/definition", at(film, 6, 20), &where)
	if len(where) != 1 || where[0].URI != protocol.URI(partFile) {
		t.Errorf("%+v", where)
	}
	params = at(film, 6, 20)
	params["context"] = map[string]any{"includeDeclaration": true}
	if c.must("textDocument/references", params, &where); len(where) != 2 {
		t.Errorf("%+v", where)
	}
	var hover protocol.Hover
	if c.must("textDocument/hover", at(film, 1, 3), &hover); !strings.Contains(hover.Contents.Value, "pipeline within") {
		t.Errorf("%+v", hover)
	}
	var prepared protocol.PrepareRename
	if c.must("textDocument/prepareRename", at(film, 6, 18), &prepared); prepared.Placeholder != "out" && prepared.Placeholder != "m" {
		t.Errorf("%+v", prepared)
	}
	c.edit(film, 3, 14, 14, "${upper(") // after a character of two units
	var help protocol.SignatureHelp
	if c.must("textDocument/signatureHelp", at(film, 3, 22), &help); len(help.Signatures) != 1 {
		t.Errorf("%+v", help)
	}
	c.edit(film, 3, 14, 22, "")
	var edits []protocol.TextEdit
	c.must("textDocument/formatting", map[string]any{"textDocument": doc(film), "options": map[string]any{}}, &edits)
	if len(edits) != 1 || !strings.Contains(edits[0].NewText, "output \"o\"") {
		t.Errorf("%+v", edits)
	}
	var symbols []protocol.DocumentSymbol
	if c.must("textDocument/documentSymbol", map[string]any{"textDocument": doc(film)}, &symbols); len(symbols) != 3 || symbols[1].Name != "m" {
		t.Errorf("%+v", symbols)
	}
}

// TestCancel: a request that waits can be cancelled, and one that fails does not end the server.
func TestCancel(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	release := make(chan struct{})
	cfg.Types = func(ctx context.Context) (pipeline.Types, error) {
		select {
		case <-release:
			return &panics{}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c := open(t, cfg, "")
	c.didOpen("/x.hcl", good)
	id, answer := c.begin("textDocument/hover", at("/x.hcl", 6, 8))
	c.notify("$/cancelRequest", map[string]any{"id": id})
	if m := c.await("hover", answer); m.Error == nil || m.Error.Code != -32800 {
		t.Errorf("%+v", m.Error)
	}
	close(release)
	c.notify("$/cancelRequest", map[string]any{"id": id}) // too late
	if m := c.call("textDocument/hover", at("/x.hcl", 6, 8)); m.Error == nil || m.Error.Code != -32603 {
		t.Errorf("%+v", m.Error)
	}
	c.must("textDocument/hover", at("/x.hcl", 0, 2), nil)
}

type panics struct{}

func (*panics) NodeType(string) (sdk.NodeType, bool) { panic("a catalog that fails") }
func (*panics) Names() []string                      { return nil }

// TestHammer edits, asks, and changes node types all at once.
func TestHammer(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	both := [2]*pipeline.Bundle{nodeTypes(t), nodeTypes(t)}
	var turn atomic.Int64
	cfg.Types = func(context.Context) (pipeline.Types, error) { return both[turn.Add(1)/3%2], nil }
	dir := files(t, map[string]string{"part.hcl": "pipeline \"part\" {}\n"})
	film := filepath.Join(dir, "film.hcl")
	c := open(t, cfg, dir)
	c.didOpen(film, good)
	var asking sync.WaitGroup
	for i := range 4 {
		asking.Go(func() {
			for j := range 50 {
				switch (i + j) % 5 {
				case 0:
					c.call("textDocument/completion", at(film, 8, 15))
				case 1:
					c.call("textDocument/documentSymbol", map[string]any{"textDocument": doc(film)})
				case 2:
					c.edit(film, 8, 11, 14, []string{"var", "loc"}[j%2])
				case 3:
					c.call("textDocument/references", at(film, 2, 12))
				case 4:
					c.call("textDocument/formatting", map[string]any{"textDocument": doc(film)})
				}
			}
		})
	}
	asking.Wait()
	c.change(film, good)
	c.untilProblems(film)
}

func TestDiskChanges(t *testing.T) {
	t.Parallel()
	dir := files(t, map[string]string{"part.hcl": "pipeline \"part\" {}\nvariable \"v\" {\n  type = string\n}\n"})
	film, part := filepath.Join(dir, "film.hcl"), filepath.Join(dir, "part.hcl")
	c := open(t, config(t), dir)
	c.didOpen(film, "pipeline \"film\" {}\nmodule \"m\" {\n  source = \"./part.hcl\"\n}\n")
	c.untilProblems(film, `missing input "v"`)
	if err := os.WriteFile(part, []byte("pipeline \"part\" {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []map[string]any{{"uri": protocol.URI(part), "type": 2}}})
	c.untilProblems(film)
	if err := os.Remove(part); err != nil {
		t.Fatal(err)
	}
	c.notify("textDocument/didSave", map[string]any{"textDocument": doc(film)})
	c.untilProblems(film, "there is no file part.hcl")
	var raw json.RawMessage
	c.must("textDocument/definition", at(film, 2, 16), &raw)
}

// TestTooMuch: a connection ends once more is open than may be, however it came to be.
func TestTooMuch(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.Documents, cfg.Bytes = 2, 1000
	for name, do := range map[string]func(c *client){
		"names": func(c *client) {
			for _, name := range []string{"/1.hcl", "/2.hcl"} {
				c.didOpen(name, "x = 1\n")
				c.notify("textDocument/didClose", map[string]any{"textDocument": doc(name)})
			}
			c.didOpen("/3.hcl", "x = 1\n")
		},
		"folders": func(c *client) {
			c.notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{"added": []map[string]string{{"uri": "file:///a"}, {"uri": "file:///b"}, {"uri": "file:///c"}}}})
		},
		"a long name": func(c *client) { c.didOpen("/"+strings.Repeat("x", 1001)+".hcl", "") },
		"one text":    func(c *client) { c.didOpen("/x.hcl", strings.Repeat("#", 1001)) },
		"a text that grows": func(c *client) {
			c.didOpen("/x.hcl", strings.Repeat("#", 600))
			c.notify("textDocument/didChange", map[string]any{"textDocument": doc("/x.hcl"), "contentChanges": []map[string]any{{
				"range": map[string]any{"start": map[string]int{"line": 0, "character": 0}, "end": map[string]int{"line": 0, "character": 0}}, "text": strings.Repeat("#", 600)}}})
		},
	} {
		c := open(t, cfg, "")
		do(c)
		if err := c.end(); !errors.Is(err, lsp.ErrTooMuch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
