package host

import (
	"errors"
	"testing"

	"github.com/myspinbot/spinbot/sdk/client"
)

// TestSavePipeline: a pipeline is written, run and removed over the API, and two who change it notice.
func TestSavePipeline(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, func(cfg *Config) { cfg.PipelineDirs = []string{dir} })
	t.Cleanup(func() { stop(t, h) })
	c := h.Client()
	const text = "pipeline \"six\" {}\noutput \"six\" { value = 2 * 3 }\n"
	saved, err := c.SavePipeline(t.Context(), "six", client.SavePipeline{Text: text})
	if err != nil || saved.Pipeline.Name != "six" || saved.Pipeline.State != "ready" || saved.Version == "" {
		t.Fatalf("%+v %v", saved, err)
	}
	r, err := c.Submit(t.Context(), client.Submission{Pipeline: client.Source{Saved: "six"}})
	if err != nil || r.Pipeline != "six" {
		t.Fatalf("%+v %v", r, err)
	}
	code := func(err error) string {
		var p *client.Problem
		if !errors.As(err, &p) {
			t.Errorf("no problem: %v", err)
			return ""
		}
		return p.Code
	}
	if _, err := c.SavePipeline(t.Context(), "six", client.SavePipeline{Text: "x"}); code(err) != client.CodeStale {
		t.Error(err)
	}
	if _, err := c.SavePipeline(t.Context(), "six.test", client.SavePipeline{Text: text}); code(err) != client.CodeBadRequest {
		t.Error(err)
	}
	broken, err := c.SavePipeline(t.Context(), "six", client.SavePipeline{Text: "pipeline \"six\" {}\noutput \"six\" { value = none([]) }\n", Version: saved.Version})
	if err != nil || broken.Pipeline.State != "broken" || len(broken.Pipeline.Diagnostics) == 0 {
		t.Errorf("%+v %v", broken, err)
	}
	if _, err := c.Submit(t.Context(), client.Submission{Pipeline: client.Source{Saved: "six"}}); code(err) != client.CodeInvalidPipeline {
		t.Error(err)
	}
	if err := c.RemovePipeline(t.Context(), "six", saved.Version); code(err) != client.CodeStale {
		t.Error(err)
	}
	if err := c.RemovePipeline(t.Context(), "six", broken.Version); err != nil {
		t.Error(err)
	}
	if _, err := c.PipelineText(t.Context(), "six"); code(err) != client.CodeNotFound {
		t.Error(err)
	}
}
