package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/comfyui/api"
	"github.com/myspinbot/spinbot/plugins/comfyui/comfytest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// BenchmarkPrompt measures what the plugin and the way to it add to a prompt: its time as a host asks for it, less that of queueing it,
// asking for its end and fetching the picture without more.
func BenchmarkPrompt(b *testing.B) {
	s := (&comfytest.Server{Packs: map[string]string{}}).Start(b)
	c, stop, err := wire.InProcess(plugin(&server{}))
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	if err := c.Configure(b.Context(), sdk.Values{"url": s.URL()}); err != nil {
		b.Fatal(err)
	}
	var plain, ours time.Duration
	for b.Loop() {
		began := time.Now()
		direct(b, s.URL())
		plain += time.Since(began)
		began = time.Now()
		task := sdk.Task{Type: "comfyui.workflow", Scratch: b.TempDir(), Inputs: sdk.Values{"workflow": saved}}
		if _, err := c.Run(b.Context(), &task, time.Second); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(began)
	}
	b.ReportMetric(float64(ours-plain)/float64(b.N)/1e6, "added-ms")
}

// direct is a prompt without the plugin.
func direct(b *testing.B, base string) {
	u, err := url.Parse(base)
	if err != nil {
		b.Fatal(err)
	}
	p := api.New(u, nil, "")
	var got struct {
		ID string `json:"prompt_id"`
	}
	if err := p.Ask(b.Context(), http.MethodPost, "/prompt", nil, map[string]any{"prompt": json.RawMessage(saved)}, &got); err != nil {
		b.Fatal(err)
	}
	for tick := time.Tick(time.Millisecond); ; <-tick {
		var history map[string]*entry
		if err := p.Ask(b.Context(), http.MethodGet, "/history/"+got.ID, nil, nil, &history); err != nil {
			b.Fatal(err)
		}
		e := history[got.ID]
		if e == nil {
			continue
		}
		f := e.Outputs["3"]["images"].([]any)[0].(map[string]any)
		q := url.Values{"filename": {f["filename"].(string)}, "type": {f["type"].(string)}}
		res, err := http.Get(base + "/view?" + q.Encode())
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
		return
	}
}
