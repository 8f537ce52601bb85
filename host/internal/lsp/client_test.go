package lsp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/lsp"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
)

const patience = 60 * time.Second

// client is an editor that speaks to a server over pipes.
type client struct {
	tb     testing.TB
	stream *protocol.Stream
	hangUp func()
	ended  chan error

	mu       sync.Mutex
	id       int
	answers  map[int]chan message
	problems map[string][]protocol.Diagnostic // by URI, as published last
	shown    []string
	changed  chan struct{} // closed and made anew at every notification
	requests []string      // of the server
}

type message struct {
	ID     *json.RawMessage `json:"id"`
	Method string           `json:"method"`
	Params json.RawMessage  `json:"params"`
	Result json.RawMessage  `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func nodeTypes(tb testing.TB) *pipeline.Bundle {
	tb.Helper()
	data, err := os.ReadFile("../core/pipeline/testdata/types.json")
	if err != nil {
		tb.Fatal(err)
	}
	b := &pipeline.Bundle{}
	if err := json.Unmarshal(data, &b.Types); err != nil {
		tb.Fatal(err)
	}
	return b
}

func config(tb testing.TB) lsp.Config {
	types := nodeTypes(tb)
	return lsp.Config{
		Types: func(context.Context) (pipeline.Types, error) { return types, nil },
		Log:   slog.New(slog.NewTextHandler(io.Discard, nil)), Rest: time.Millisecond, Look: time.Millisecond,
	}
}

// connect starts a server and a client of it, which has said nothing yet.
func connect(tb testing.TB, cfg lsp.Config) *client {
	tb.Helper()
	serverIn, toServer := io.Pipe()
	fromServer, serverOut := io.Pipe()
	c := &client{
		tb: tb, stream: protocol.NewStream(fromServer, toServer), hangUp: func() { toServer.Close() }, ended: make(chan error, 1),
		answers: map[int]chan message{}, problems: map[string][]protocol.Diagnostic{}, changed: make(chan struct{}),
	}
	var reading sync.WaitGroup
	reading.Go(c.read)
	go func() {
		err := lsp.Serve(context.Background(), cfg, serverIn, serverOut)
		serverOut.Close()
		reading.Wait()
		c.ended <- err
	}()
	tb.Cleanup(func() {
		c.hangUp()
		c.end()
	})
	return c
}

// open is connect, and the greetings.
func open(tb testing.TB, cfg lsp.Config, folder string) *client {
	tb.Helper()
	c := connect(tb, cfg)
	params := map[string]any{"capabilities": map[string]any{"textDocument": map[string]any{
		"completion":     map[string]any{"completionItem": map[string]any{"snippetSupport": true}},
		"documentSymbol": map[string]any{"hierarchicalDocumentSymbolSupport": true},
	}}}
	if folder != "" {
		params["workspaceFolders"] = []map[string]string{{"uri": protocol.URI(folder), "name": "x"}}
	}
	c.must("initialize", params, nil)
	c.notify("initialized", map[string]any{})
	return c
}

func (c *client) read() {
	for {
		data, err := c.stream.Recv()
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			c.tb.Errorf("%s: %v", data, err)
			return
		}
		c.take(m)
	}
}

func (c *client) take(m message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case m.Method == "textDocument/publishDiagnostics":
		var p protocol.PublishDiagnosticsParams
		if err := json.Unmarshal(m.Params, &p); err != nil || p.Diagnostics == nil {
			c.tb.Errorf("%s: %v", m.Params, err)
		}
		c.problems[p.URI] = p.Diagnostics
	case m.Method == "window/showMessage":
		c.shown = append(c.shown, string(m.Params))
	case m.Method != "":
		c.requests = append(c.requests, m.Method)
		answer := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":null}`, *m.ID)
		go func() { _ = c.stream.Send([]byte(answer)) }()
	case m.ID != nil:
		var id int
		if json.Unmarshal(*m.ID, &id) != nil {
			id = -1
		}
		if ch := c.answers[id]; ch != nil {
			ch <- m
		}
	default:
		if ch := c.answers[-1]; ch != nil {
			ch <- m
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *client) send(m map[string]any) {
	m["jsonrpc"] = "2.0"
	data, err := json.Marshal(m)
	if err == nil {
		err = c.stream.Send(data)
	}
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		c.tb.Error(err)
	}
}

func (c *client) notify(method string, params any) {
	c.send(map[string]any{"method": method, "params": params})
}

// begin sends a request and gives where its answer will arrive.
func (c *client) begin(method string, params any) (id int, answer chan message) {
	c.mu.Lock()
	c.id++
	id, answer = c.id, make(chan message, 1)
	c.answers[id] = answer
	c.mu.Unlock()
	c.send(map[string]any{"id": id, "method": method, "params": params})
	return id, answer
}

func (c *client) await(method string, answer chan message) message {
	c.tb.Helper()
	select {
	case m := <-answer:
		return m
	case <-time.After(patience):
		c.tb.Fatalf("%s was not answered", method)
		return message{}
	}
}

func (c *client) call(method string, params any) message {
	c.tb.Helper()
	_, answer := c.begin(method, params)
	return c.await(method, answer)
}

// must calls and takes the result in.
func (c *client) must(method string, params, result any) {
	c.tb.Helper()
	m := c.call(method, params)
	if m.Error != nil {
		c.tb.Fatalf("%s: %d %s", method, m.Error.Code, m.Error.Message)
	}
	if result != nil {
		if err := json.Unmarshal(m.Result, result); err != nil {
			c.tb.Fatalf("%s: %s: %v", method, m.Result, err)
		}
	}
}

// until waits for the server to have told something.
func (c *client) until(what string, ok func() bool) {
	c.tb.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		done, changed := ok(), c.changed
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			c.mu.Lock()
			defer c.mu.Unlock()
			c.tb.Fatalf("never: %s; problems are %v, messages %v", what, c.problems, c.shown)
		}
	}
}

// untilProblems waits until what is wrong with a file is just this: the beginnings of the messages, in order.
func (c *client) untilProblems(file string, want ...string) {
	c.tb.Helper()
	c.until(fmt.Sprintf("%s has the problems %q", file, want), func() bool {
		got, known := c.problems[protocol.URI(file)]
		if !known || len(got) != len(want) {
			return false
		}
		for i := range got {
			if !strings.HasPrefix(got[i].Message, want[i]) {
				return false
			}
		}
		return true
	})
}

func (c *client) end() error {
	c.tb.Helper()
	select {
	case err := <-c.ended:
		c.ended <- err
		return err
	case <-time.After(patience):
		c.tb.Fatal("the server did not end")
		return nil
	}
}

func doc(file string) map[string]any { return map[string]any{"uri": protocol.URI(file)} }

func (c *client) didOpen(file, src string) {
	c.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": protocol.URI(file), "languageId": "hcl", "version": 1, "text": src,
	}})
}

// change replaces the whole text.
func (c *client) change(file, src string) {
	c.notify("textDocument/didChange", map[string]any{"textDocument": doc(file), "contentChanges": []map[string]any{{"text": src}}})
}

// edit replaces a stretch.
func (c *client) edit(file string, line, from, to int, with string) {
	c.notify("textDocument/didChange", map[string]any{"textDocument": doc(file), "contentChanges": []map[string]any{{
		"range": protocol.Range{Start: protocol.Position{Line: line, Character: from}, End: protocol.Position{Line: line, Character: to}}, "text": with,
	}}})
}

func at(file string, line, character int) map[string]any {
	return map[string]any{"textDocument": doc(file), "position": protocol.Position{Line: line, Character: character}}
}

// files writes files into a folder of their own.
func files(tb testing.TB, named map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, src := range named {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}
