package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/ollama/ollamatest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// real starts a managed Ollama with the tiny model.
func real(t testing.TB) (*rig, string) {
	t.Helper()
	r := newRig(t, in{"managed": true, "program": ollamatest.Program(t), "models": t.TempDir(), "load_timeout": "2m", "env": map[string]any{"OLLAMA_NUM_PARALLEL": "4"}})
	t.Cleanup(r.managed.Close)
	c, err := r.reach(t.Context(), r.task(t))
	if err != nil {
		t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
	}
	ollamatest.MakeTiny(t, c.Base.String())
	return r, c.Base.String()
}

// TestReal runs what holds for every Ollama on a real one.
func TestReal(t *testing.T) {
	t.Parallel()
	_, url := real(t)
	sdktest.Suite{Config: in{"url": url}, Cases: both(t)}.Run(t, plugin(&server{}))
}

// TestRealAdapter: an adapter changes what the model says, and without it nothing is changed.
func TestRealAdapter(t *testing.T) {
	t.Parallel()
	r, _ := real(t)
	adapter, config := peft(t), file(t, "adapter_config.json", `{"r": 2, "lora_alpha": 64}`)
	if _, err := r.create(t.Context(), createIn{Model: "tuned", From: "tiny", Adapter: &adapter, Config: &config}, r.task(t)); err != nil {
		t.Fatal(err)
	}
	say := func(model string) string {
		n, zero := 24, 0.0
		out, err := r.generate(t.Context(), generateIn{common: common{Model: model, Options: options{NumPredict: &n, Temperature: &zero}}, Prompt: "hello"}, r.task(t))
		if err != nil {
			t.Fatal(err)
		}
		return out.Text
	}
	if tiny, tuned := say("tiny"), say("tuned"); tiny == tuned || tiny != say("tiny") {
		t.Errorf("tiny says %q, tuned %q", tiny, tuned)
	}
}

// TestRealTools: Ollama takes tools, calls and results in the form in which they are sent, and refuses a model whose template has none. What
// the tiny model says is noise, so it makes no call.
func TestRealTools(t *testing.T) {
	t.Parallel()
	r, _ := real(t)
	c, err := r.reach(t.Context(), r.task(t))
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := c.Ask(t.Context(), "POST", "/api/create", map[string]any{"model": "tooled", "from": "tiny", "stream": false,
		"template": `{{ range .Tools }}{{ .Function.Name }}{{ end }}{{ range .Messages }}{{ .Role }}{{ .Content }}{{ range .ToolCalls }}{"name": "{{ .Function.Name }}", "parameters": {{ .Function.Arguments }}}{{ end }}{{ end }}`}, &got); err != nil {
		t.Fatal(err)
	}
	ask := func(model string) error {
		task := r.task(t)
		task.Inputs = in{"model": model, "tools": []any{tool("web.find")}, "messages": []any{map[string]any{"role": "user", "content": "who?"}, made("call_1")},
			"results": map[string]any{"call_1": map[string]any{"names": []any{"Ada"}}}, "options": map[string]any{"num_predict": json.Number("4"), "temperature": json.Number("0")}}
		res, err := chatNode(r.server).Run(t.Context(), task)
		if all, _ := res.Outputs["messages"].([]any); err == nil && len(all) != 4 {
			t.Errorf("%v", res.Outputs)
		}
		return err
	}
	if err := ask("tooled"); err != nil {
		t.Error(err)
	}
	if err := ask("tiny"); err == nil || !strings.Contains(err.Error(), "does not support tools") {
		t.Errorf("a model without tools: %v", err)
	}
}

// TestRealKilled: a managed Ollama that is killed midway fails the task with its last words, leaves no process behind, and is started anew for
// the next.
func TestRealKilled(t *testing.T) {
	t.Parallel()
	r, _ := real(t)
	endless, hot := -1, 1.0
	said := func() int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.reports) }
	before := said()
	got := make(chan error, 1)
	go func() {
		_, err := r.chat(t.Context(), chatIn{common: common{Model: "tiny", Options: options{NumPredict: &endless, Temperature: &hot}}, Prompt: "hello"}, r.task(t))
		got <- err
	}()
	until(t, "it speaks", func() bool { return said() > before })
	pid := r.managed.Pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := sdk.AsError(<-got); e == nil || !strings.HasPrefix(e.Message, "the managed Ollama ended: ") || e.Detail == "" {
		t.Errorf("%+v", e)
	}
	until(t, "its runners are gone", func() bool { return len(group(t, pid)) == 0 })
	if all, err := r.resident(t.Context()); err != nil || all != nil {
		t.Errorf("resident of none: %v, %v", all, err)
	}
	if out, err := r.list(t.Context(), struct{}{}, r.task(t)); err != nil || len(out.Models) != 1 || !r.told("is started anew") {
		t.Errorf("%+v, %v", out, err)
	}
}

// group gives the processes of a group that live.
func group(t testing.TB, id int) (pids []string) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // gone
		}
		var state string
		var parent, of int
		if _, err := fmt.Sscan(string(raw[strings.LastIndexByte(string(raw), ')')+1:]), &state, &parent, &of); err == nil && of == id && state != "Z" {
			pids = append(pids, path)
		}
	}
	return pids
}

// TestManaged: a program that is not there, ends, or does not answer says so.
func TestManaged(t *testing.T) {
	t.Parallel()
	script := func(text string) string {
		path := filepath.Join(t.TempDir(), "ollama")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for program, want := range map[string]string{"/no/such/ollama": "cannot start", script("echo no room; exit 1"): "no room", script("echo $OLLAMA_MODELS; exec sleep 60"): "here"} {
		r := newRig(t, in{"managed": true, "program": program, "models": "/from/here", "load_timeout": "500ms"})
		_, err := r.ask(t.Context(), t, "tiny")
		if e := sdk.AsError(err); e == nil || !strings.Contains(e.Message+e.Detail, want) || e.Hint == "" {
			t.Errorf("%s: %+v, want %q", program, e, want)
		}
		if all, err := r.resident(t.Context()); err != nil || all != nil {
			t.Errorf("%s: %v, %v", program, all, err)
		}
	}
}

// BenchmarkReal measures what the plugin and the way to it cost: tokens/s of asking it as a host does, in per cent of asking Ollama, and how
// much later the first one comes.
func BenchmarkReal(b *testing.B) {
	_, url := real(b)
	const tokens = 1500
	ollamatest.Direct(b, url, tokens, func() {}) // loads it
	c, stop, err := wire.InProcess(plugin(&server{}))
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	if err := c.Configure(b.Context(), in{"url": url}); err != nil {
		b.Fatal(err)
	}
	var direct, ours, directFirst, oursFirst time.Duration
	scratch := b.TempDir()
	for b.Loop() {
		began := time.Now()
		ollamatest.Direct(b, url, tokens, func() { directFirst += time.Since(began) })
		direct += time.Since(began)
		began = time.Now()
		var first sync.Once
		task := sdk.Task{Type: "ollama.chat", Scratch: scratch,
			Inputs: in{"model": "tiny", "prompt": "hello", "options": map[string]any{"num_predict": tokens, "temperature": 1, "seed": 1}}}
		out, err := c.Run(b.Context(), task.WithReporter(func(r sdk.Report) {
			if r.Kind == sdk.ReportProgress && r.Message != "" {
				first.Do(func() { oursFirst += time.Since(began) })
			}
		}), time.Second)
		if err != nil || out.Outputs["tokens"] != json.Number(strconv.Itoa(tokens)) {
			b.Fatalf("%v, %v", out.Outputs, err)
		}
		ours += time.Since(began)
	}
	b.ReportMetric(100*float64(direct)/float64(ours), "tokens-%")
	b.ReportMetric(float64(oursFirst-directFirst)/float64(b.N)/1e6, "first-ms")
}
