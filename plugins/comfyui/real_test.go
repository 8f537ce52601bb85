package main

import (
	"cmp"
	"context"
	"errors"
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
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	in.Steps = 1000
	go func() {
		for i := 0; i < 600 && !strings.Contains(r.last(sdk.ReportProgress), "of 1000"); i++ {
			time.Sleep(100 * time.Millisecond)
		}
		cancel(errors.New("enough"))
	}()
	began := time.Now()
	err := draw(ctx)
	t.Logf("cancelled: %v, after %v", err, time.Since(began))
	until(t, "it is idle", func() bool { n, err := r.waiting(t.Context(), r.outside); return err == nil && n == 0 })
	t.Logf("idle after %v; %s", time.Since(began), cmp.Or(r.last(sdk.ReportLog), "no log"))
}
