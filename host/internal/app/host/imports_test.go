package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk/client"
)

const workflow = `{
  "4": {"inputs": {"ckpt_name": "old/v1-5.safetensors"}, "class_type": "CheckpointLoaderSimple", "_meta": {"title": "Load Checkpoint"}},
  "6": {"inputs": {"text": "a bottle", "clip": ["4", 1]}, "class_type": "CLIPTextEncode", "_meta": {"title": "Positive"}},
  "7": {"inputs": {"text": "", "clip": ["4", 1]}, "class_type": "CLIPTextEncode"},
  "5": {"inputs": {"width": 512, "height": 512, "batch_size": 1}, "class_type": "EmptyLatentImage"},
  "3": {"inputs": {"seed": 18446744073709551615, "steps": 20, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
    "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}, "class_type": "KSampler"},
  "8": {"inputs": {"samples": ["3", 0], "vae": ["4", 2]}, "class_type": "VAEDecode"},
  "9": {"inputs": {"filename_prefix": "x", "images": ["8", 0]}, "class_type": "SaveImage"}
}`

// TestImport: a workflow that was uploaded becomes a pipeline, which is saved with the file that it reads.
func TestImport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, func(cfg *Config) { cfg.PipelineDirs = []string{dir} })
	t.Cleanup(func() { stop(t, h) })
	c := h.Client()
	put := func(name, content string) string {
		a, err := c.Upload(t.Context(), name, "", strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		return a.Digest
	}
	r, err := c.ImportComfyUI(t.Context(), client.Import{Artifact: put("Bottle of stars.json", workflow), File: "Bottle of stars.json"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "bottle_of_stars" || r.Nodes != 7 || len(r.Models) != 1 || r.Models[0] != (client.WantedModel{Kind: "checkpoints", Name: "old/v1-5.safetensors"}) || len(r.Variables) == 0 {
		t.Errorf("%+v", r)
	}
	saved, err := c.SavePipeline(t.Context(), r.Name, client.SavePipeline{Text: r.Text, Files: r.Files})
	if err != nil || saved.Pipeline.Name != r.Name {
		t.Fatalf("%+v %v", saved, err)
	}
	if !strings.Contains(saved.Pipeline.Reason, "comfyui.workflow") { // the plugin is not there: nothing else is wrong
		t.Error(saved.Pipeline.Reason)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "workflows", r.Name+".json")); err != nil || !strings.Contains(string(text), "18446744073709551615") {
		t.Errorf("%s %v", text, err)
	}
	_, err = c.SavePipeline(t.Context(), "other", client.SavePipeline{Text: r.Text, Files: map[string][]byte{"workflows/" + r.Name + ".json": []byte("{}")}})
	for what, is := range map[string]struct {
		err  error
		code string
		says string
	}{
		"another file of the name": {err, client.CodeConflict, "other content"},
		"no workflow":              {importOf(t, c, client.Import{Artifact: put("x.json", "{}"), File: "x.json"}), client.CodeUnsupported, `"x.json"`},
		"no media with one":        {importOf(t, c, client.Import{Artifact: put("x.png", "\x89PNG\r\n\x1a\n"), File: "x.png"}), client.CodeUnsupported, "PNG"},
		"nothing":                  {importOf(t, c, client.Import{Artifact: put("empty", ""), File: "empty"}), client.CodeUnsupported, ""},
		"a bad name":               {importOf(t, c, client.Import{Artifact: put("x.json", workflow), Name: "../x"}), client.CodeUnsupported, "name"},
		"an unknown file":          {importOf(t, c, client.Import{Artifact: "sha256:" + strings.Repeat("0", 64)}), client.CodeNotFound, "upload"},
		"no file":                  {importOf(t, c, client.Import{}), client.CodeBadRequest, ""},
	} {
		var p *client.Problem
		if !errors.As(is.err, &p) || p.Code != is.code || !strings.Contains(p.Detail+p.Fix, is.says) {
			t.Errorf("%s: %v", what, is.err)
		}
	}
}

func importOf(t *testing.T, c *client.Client, in client.Import) error {
	_, err := c.ImportComfyUI(t.Context(), in)
	return err
}
