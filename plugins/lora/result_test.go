//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/weights"
)

// TestMarked: an adapter says what it is for, whoever has trained it, and has a GGUF where the shape of its base and its alpha are known.
func TestMarked(t *testing.T) {
	t.Parallel()
	d := newDesk(t, job.Config{})
	ours, err := d.do(t.Context(), t, in{"kind": "llm", "dataset": texted(t, `{"text": "x y"}`), "base_files": base(t), "steps": json.Number("2"), "rank": json.Number("4"), "alpha": json.Number("8")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain := unmarked(t, ours.Adapter.Path) // as PEFT leaves it
	for name, c := range map[string]struct {
		config string
		base   in
		alpha  float64
		gguf   bool
	}{
		"with its base":      {`{"lora_alpha": 8}`, in{"base_files": base(t)}, 8, true},
		"of a base by name":  {`{"lora_alpha": 8}`, in{"base": "some/model"}, 8, false},
		"that says no alpha": {`{}`, in{"base_files": base(t)}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trainer := script(t, fmt.Sprintf(`set -eu
cp %s "$LORA_OUT/adapter_model.safetensors"
echo '%s' > "$LORA_OUT/adapter_config.json"
echo '{"step": 7, "total": 7, "loss": 1}' >> "$LORA_PROGRESS"`, plain, c.config))
			d := newDesk(t, job.Config{Trainers: map[string]job.Program{"command": {Command: []string{trainer}}}})
			v := in{"kind": "llm", "trainer": "command", "dataset": texted(t, `{"text": "x y"}`)}
			for k, b := range c.base {
				v[k] = b
			}
			out, err := d.do(t.Context(), t, v, nil)
			if err != nil {
				t.Fatal(err)
			}
			about, err := inspectFile(out.Adapter.Path)
			if err != nil || about.Alpha != c.alpha || about.Base != out.Base || about.Rank != 4 || about.Metadata["spinbot.trainer"] != "command" || about.Metadata["spinbot.steps"] != "7" || about.Metadata["format"] != "pt" {
				t.Errorf("%+v, %v", about.Metadata, err)
			}
			if (out.GGUF != nil) != c.gguf {
				t.Fatalf("its GGUF is %+v", out.GGUF)
			}
			if c.gguf && read(t, out.GGUF.Path) != read(t, ours.GGUF.Path) {
				t.Error("of the same adapter the builtin trainer makes another GGUF")
			}
		})
	}
	// What has a place nowhere in a GGUF is no reason to lose the adapter.
	odd := filepath.Join(t.TempDir(), "odd.safetensors")
	name := "base_model.model.lm_head"
	if err := weights.Write(odd, nil, []weights.New{{Name: name + ".lora_A.weight", Shape: []int{1, 2}, Data: []float32{1, 2}}, {Name: name + ".lora_B.weight", Shape: []int{2, 1}, Data: []float32{1, 2}}}); err != nil {
		t.Fatal(err)
	}
	e := newDesk(t, job.Config{Trainers: map[string]job.Program{"command": {Command: []string{script(t, `cp `+odd+` "$LORA_OUT/a.safetensors"; echo '{"lora_alpha": 1}' > "$LORA_OUT/adapter_config.json"`)}}}})
	out, err := e.do(t.Context(), t, in{"kind": "llm", "trainer": "command", "dataset": texted(t, `{"text": "x"}`), "base_files": base(t)}, nil)
	if said := e.said(sdk.ReportLog); err != nil || out.GGUF != nil || len(said) == 0 {
		t.Errorf("%+v, %v, said %v", out, err, said)
	}
}

// unmarked gives an adapter without what we have written into it.
func unmarked(t testing.TB, path string) string {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []weights.New
	for name, s := range f.Tensors {
		data, err := f.Floats(name, s.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, weights.New{Name: name, Shape: s.Shape, Data: data})
	}
	to := filepath.Join(t.TempDir(), "plain.safetensors")
	if err := errors.Join(weights.Write(to, map[string]string{"format": "pt"}, all), f.Close()); err != nil {
		t.Fatal(err)
	}
	return to
}
