package main

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/comfyui/prompt"
	"github.com/myspinbot/spinbot/sdk"
)

// TestRealCheckpoint samples on a real server, which COMFYUI_URL names, with a checkpoint of its, which COMFYUI_CHECKPOINT names. That may be of random
// numbers. Started with --preview-method latent2rgb, the server shows previews.
func TestRealCheckpoint(t *testing.T) {
	url, checkpoint := os.Getenv("COMFYUI_URL"), os.Getenv("COMFYUI_CHECKPOINT")
	if url == "" || checkpoint == "" {
		t.Skip("COMFYUI_URL and COMFYUI_CHECKPOINT are not set")
	}
	r := newRig(t, url)
	in := textIn{sampling: sampling{Checkpoint: checkpoint, Prompt: "x", Steps: 6, CFG: 7, Sampler: "euler", Scheduler: "normal", Strength: 1}, Width: 64, Height: 64, Count: 1}
	draw := func(ctx context.Context) error {
		_, err := r.sample(ctx, r.task(t, ""), in.sampling, nil, 1, func(p prompt.Prompt) []any {
			p["latent"] = node("EmptyLatentImage", map[string]any{"width": in.Width, "height": in.Height, "batch_size": in.Count})
			return from("latent", 0)
		})
		return err
	}
	if err := draw(t.Context()); err != nil {
		t.Fatal(err)
	}
	steps, looks := 0, 0
	for _, rep := range r.reports {
		t.Logf("%s %.2f %s", rep.Kind, rep.Fraction, rep.Message)
		if strings.Contains(rep.Message, " of 6") {
			steps++
		}
		if rep.Kind == sdk.ReportPreview {
			looks++
		}
	}
	if steps == 0 {
		t.Error("no step was told")
	}
	t.Logf("%d steps, %d previews", steps, looks)
	in.Steps = 1000
	for _, c := range []struct {
		name, want string
		stop       func(cancel func())
	}{
		{"cancelled", "context canceled", func(cancel func()) { cancel() }},
		{"interrupted by somebody", "somebody interrupted the prompt in ComfyUI, at KSampler (node sampler)", func(func()) {
			if err := r.outside.Ask(t.Context(), http.MethodPost, "/interrupt", nil, map[string]any{}, nil); err != nil {
				t.Error(err)
			}
		}},
	} {
		r.reports = nil
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() { failed <- draw(ctx) }()
		until(t, "it samples", func() bool { return strings.Contains(r.last(sdk.ReportProgress), "of 1000") })
		c.stop(cancel)
		if err := <-failed; err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		cancel()
		until(t, "it is idle", func() bool { n, err := r.waiting(t.Context(), r.outside); return err == nil && n == 0 })
	}
}

// TestRealMemory has a real server, which COMFYUI_URL names, make a picture of four terabytes.
func TestRealMemory(t *testing.T) {
	url := os.Getenv("COMFYUI_URL")
	if url == "" {
		t.Skip("COMFYUI_URL is not set")
	}
	r := newRig(t, url)
	_, err := r.workflow(t.Context(), workflowIn{Workflow: saved, Inputs: map[string]any{"Canvas.width": 16384, "Canvas.height": 16384, "Canvas.batch_size": 4096}}, r.task(t, ""))
	if e := sdk.AsError(err); e == nil || e.Cause != sdk.CauseOOM {
		t.Errorf("%+v", e)
	}
}

// TestRealManaged starts the ComfyUI in the folder that COMFYUI_FOLDER names, on the CPU, with the Python that COMFYUI_PYTHON names.
func TestRealManaged(t *testing.T) {
	folder := os.Getenv("COMFYUI_FOLDER")
	if folder == "" {
		t.Skip("COMFYUI_FOLDER is not set")
	}
	r := newManaged(t, config{URL: "http://127.0.0.1:8188", Managed: true, Folder: folder, Python: os.Getenv("COMFYUI_PYTHON"), Data: t.TempDir(), StartTimeout: 5 * time.Minute})
	t.Cleanup(r.managed.Close)
	out, err := r.workflow(t.Context(), workflowIn{Workflow: saved}, r.task(t, ""))
	if err != nil || len(out.Images) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	t.Log(out.Versions, r.last(sdk.ReportProgress))
	if _, err := r.workflow(t.Context(), workflowIn{Workflow: graph("NoSuchClass")}, r.task(t, "")); err == nil || !strings.Contains(err.Error(), "lacks the node classes NoSuchClass") {
		t.Error(err)
	}
}
