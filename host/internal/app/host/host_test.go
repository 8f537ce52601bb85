package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/control/dist"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest/nodes"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

// TestMain lets this binary be a plugin too: the host starts it as one.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == pluginName {
		serve.Plugin(nodes.Plugin())
		return
	}
	if at := os.Getenv(holdAt); at != "" {
		hold(at)
		return
	}
	dir, err := os.MkdirTemp("", "spinbot-known-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	known = dir
	code := pgtest.Main(m)
	os.RemoveAll(dir)
	os.Exit(code)
}

// known is where compiled modules, and what plugins and modules say of themselves, are kept for all tests; the first test asks.
var (
	known string
	first sync.Mutex
)

const pluginName = "test"

// open makes a host over a fresh state directory, with the plugin "test" accepted.
func open(tb testing.TB, change ...func(*Config)) *Host {
	tb.Helper()
	if _, ok := dist.Sum(); !ok {
		if os.Getenv("CI") != "" {
			tb.Fatal("the control nodes are not built into this test: make control")
		}
		tb.Skip("the control nodes are not built into this test: make control")
	}
	ctx := context.Background()
	state, err := local.At(filepath.Join(tb.TempDir(), "s"))
	if err != nil {
		tb.Fatal(err)
	}
	folder := filepath.Join(state.Plugins(), pluginName)
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := link(self, filepath.Join(folder, pluginName)); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "plugin.hcl"), []byte("name = \"test\"\nversion = \"1.0.0\"\n"), 0o644); err != nil {
		tb.Fatal(err)
	}
	knows(tb, state)
	lock, err := state.TryLock()
	if err != nil {
		tb.Fatal(err)
	}
	cfg := Config{State: state, Lock: lock, Version: "test", PluginDirs: []string{state.Plugins()}, Parallel: 256, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg)
	}
	h, err := Open(ctx, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := h.Close(ctx); err != nil {
			tb.Error(err)
		}
	})
	first.Lock()
	defer first.Unlock()
	if _, err := h.catalog.Accept(ctx, pluginName); err != nil {
		tb.Fatal(err)
	}
	return h
}

// knows has a state directory share what is known.
func knows(tb testing.TB, state local.State) {
	tb.Helper()
	for dir, shared := range map[string]string{
		state.Manifests(): filepath.Join(known, "manifests"),
		state.Modules():   cmp.Or(os.Getenv("SPINBOT_TEST_MODULES"), filepath.Join(known, "modules")), // see the Makefile
	} {
		if err := errors.Join(os.MkdirAll(shared, 0o700), os.Remove(dir), os.Symlink(shared, dir)); err != nil {
			tb.Fatal(err)
		}
	}
}

// link gives a file a second name, or makes a second file where that cannot be.
func link(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o700)
}

// parse checks a pipeline against the host's node types.
func (h *Host) parse(tb testing.TB, text string) *pipeline.Pipeline {
	tb.Helper()
	v, err := h.catalog.View(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	p, found := load.Load(pipeline.Bundle{File: "p.hcl", Files: map[string][]byte{"p.hcl": []byte(text)}}.FS(), "p.hcl", v)
	if found.HasErrors() {
		tb.Fatal(found.Error())
	}
	return p
}

// caption is about what a scene of a film says.
const caption = "A pipeline file makes a real video: the whole path, end to end, on one machine with nothing else running, and every step of it is on disk before it is taken."

// chain is a pipeline of nodes that need one another: %s of node i is written by body.
func chain(n int, body func(i int, before string) string) string {
	var b strings.Builder
	b.WriteString("pipeline \"chain\" {}\n")
	before := fmt.Sprintf("%q", caption)
	for i := range n {
		text, out := body(i, before), ""
		text, out, _ = strings.Cut(text, "→")
		fmt.Fprintf(&b, "%s\n", text)
		before = out
	}
	fmt.Fprintf(&b, "output \"last\" {\n  value = %s\n}\n", before)
	return b.String()
}

func controlNode(i int, before string) string {
	return fmt.Sprintf("node \"control.split_text\" \"n%d\" {\n  text = %s\n}→node.n%d.chunks[0]", i, before, i)
}

func pluginNode(i int, before string) string {
	return fmt.Sprintf("node \"test.echo\" \"n%d\" {\n  value = %s\n}→node.n%d.value", i, before, i)
}

// finish runs the pipeline to its end.
func (h *Host) finish(tb testing.TB, p *pipeline.Pipeline) *progress.State {
	ctx := context.Background()
	id, err := h.engine.Submit(ctx, engine.Submission{Pipeline: p, Inputs: sdk.Values{}})
	if err != nil {
		tb.Error(err)
		return nil
	}
	s, err := h.engine.Wait(ctx, id)
	if err != nil || s.Status != run.Succeeded {
		tb.Errorf("%s: %v %+v", id, err, s)
		return nil
	}
	return s
}

// TestHost runs control nodes and plugin nodes that need one another, from the file to the output.
func TestHost(t *testing.T) {
	t.Parallel()
	h := open(t)
	s := h.finish(t, h.parse(t, chain(6, func(i int, before string) string {
		if i%2 == 0 {
			return controlNode(i, before)
		}
		return pluginNode(i, before)
	})))
	if s == nil {
		return
	}
	if last, _ := s.Outputs["last"].(string); last == "" || !strings.HasPrefix(caption, last) {
		t.Errorf("outputs %+v", s.Outputs)
	}
}
