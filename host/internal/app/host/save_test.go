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

// TestShownAnew: what was answered of a run is not answered again once something of it has changed.
func TestShownAnew(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	c := h.Client()
	r, err := c.Submit(t.Context(), client.Submission{Pipeline: client.Source{Text: "pipeline \"x\" {}\nnode \"control.template\" \"a\" { template = \"Hello\" }\n"}})
	for seq := uint64(0); err == nil && !r.Ended(); r, err = c.Run(t.Context(), r.ID) { // as often as it can
		if r.Seq < seq {
			t.Fatalf("event %d after event %d", r.Seq, seq)
		}
		seq = r.Seq
	}
	if err != nil || r.State != "succeeded" {
		t.Fatalf("%+v %v", r, err)
	}
	for k := range 6 {
		if _, err := c.Pin(t.Context(), r.ID, k%2 == 0); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := c.Run(t.Context(), r.ID); err != nil || got.Pinned != (k%2 == 0) || got.Interrupted {
				t.Fatalf("%+v %v", got, err)
			}
		}
	}
	if _, err := c.Sweep(t.Context(), client.Sweep{OlderThan: "1ms"}); err != nil {
		t.Fatal(err)
	}
	var p *client.Problem
	if got, err := c.Run(t.Context(), r.ID); !errors.As(err, &p) || p.Code != client.CodeNotFound {
		t.Errorf("%+v %v", got, err)
	}
}

// TestDeclared: who checks a text, and who shows a run of it, learns what is in it and what needs what, for a graph.
func TestDeclared(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	c := h.Client()
	const text = `pipeline "two" {}
node "control.split_text" "parts" {
  text = "One. Two."
  by   = "sentences"
}
gate "sure" {
  message = "It has ${node.parts.count}."
}
`
	source := client.Source{Name: "two.hcl", Text: text}
	checked, err := c.Check(t.Context(), source, "")
	if err != nil || len(checked.Declared) != 2 {
		t.Fatalf("%+v %v", checked, err)
	}
	if parts := checked.Declared[0]; parts.ID != "parts" || parts.Kind != "node" || parts.Type != "control.split_text" || text[parts.Range.Start.Byte:parts.Range.Start.Byte+4] != "node" || text[parts.Range.End.Byte-1] != '}' || parts.Range.End.Line != 5 {
		t.Errorf("%+v", parts)
	}
	if sure := checked.Declared[1]; sure.ID != "gate.sure" || len(sure.Needs) != 1 || sure.Needs[0] != "parts" {
		t.Errorf("%+v", sure)
	}
	r, err := c.Submit(t.Context(), client.Submission{Pipeline: source})
	if err != nil || len(r.Nodes) != 2 || len(r.Nodes[1].Needs) != 1 || r.Nodes[1].Needs[0] != "parts" {
		t.Errorf("%+v %v", r, err)
	}
}
