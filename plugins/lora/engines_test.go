//go:build engines

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest/tinyllama"
)

// TestEngines trains with the programs that LORA_ENGINES names, a JSON file: by each trainer's name its folder and Python, of those of
// images the base's folder and family, and options. docs/engines.md says which were run, and how. A trainer that is not named is skipped.
func TestEngines(t *testing.T) {
	raw, err := os.ReadFile(os.Getenv("LORA_ENGINES"))
	if err != nil {
		t.Fatalf("LORA_ENGINES: %v", err)
	}
	var engines map[string]struct {
		Folder, Python, Base, Family string
		Env                          map[string]string
		Resolution                   json.Number
		Options                      map[string]any
	}
	if err := json.Unmarshal(raw, &engines); err != nil {
		t.Fatal(err)
	}
	models, work := t.TempDir(), os.Getenv("LORA_WORK") // Python environments are kept there from one run to the next
	if err := os.Mkdir(filepath.Join(models, "tiny"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, raw := range tinyllama.Files() {
		if err := os.WriteFile(filepath.Join(models, "tiny", name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pictures := []any{drawn(t, "a.png", 96, 64, 9, 0), file(t, "a.txt", "text/plain", []byte("a face")), drawn(t, "b.png", 64, 64, 40, 1), file(t, "b.txt", "text/plain", []byte("a house"))}
	for _, name := range []string{"peft", "axolotl", "llama-factory", "diffusers", "ai-toolkit", "kohya"} {
		e, named := engines[name]
		if !named {
			continue
		}
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, job.Config{Models: models, Work: work, Trainers: map[string]job.Program{name: {Folder: e.Folder, Python: e.Python, Env: e.Env}}})
			v := in{"kind": "llm", "trainer": name, "dataset": texted(t, `{"text": "`+sentence+`"}`), "base": "tiny", "rank": json.Number("8"), "alpha": json.Number("16"), "steps": json.Number("60"),
				"learning_rate": json.Number("0.01"), "batch": json.Number("4"), "length": json.Number("64"), "save_every": json.Number("20"), "sample_prompts": []any{"hello"}, "options": e.Options}
			least := 60
			if e.Base != "" {
				v["kind"], v["dataset"], v["base"], v["family"] = "image", pictures, e.Base, e.Family
				v["batch"], v["steps"], v["save_every"], v["resolution"], v["learning_rate"] = json.Number("1"), json.Number("10"), json.Number("10"), e.Resolution, json.Number("0.001")
				least = 10
			}
			began := time.Now()
			out, err := d.do(t.Context(), t, v, nil)
			for _, r := range append(d.said(sdk.ReportLog), d.said(sdk.ReportProgress)...) {
				t.Logf("%s %.2f %s", r.Kind, r.Fraction, r.Message)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
			}
			about, err := inspectFile(out.Adapter.Path)
			if err != nil || about.Rank != 8 || about.Kind != out.Kind || len(about.Modules) == 0 {
				t.Errorf("%+v, %v", about, err)
			}
			if out.Steps != least || out.Loss <= 0 {
				t.Errorf("steps %d, loss %g", out.Steps, out.Loss)
			}
			t.Logf("%s: %d steps, loss %.3f, %d modules, %d samples, %d checkpoints, %s", name, out.Steps, out.Loss, len(about.Modules), len(out.Samples), len(d.said(sdk.ReportCheckpoint)), time.Since(began).Round(time.Second))
			for _, s := range out.Samples {
				if filepath.Ext(s.Path) == ".txt" {
					t.Logf("sample: %q", read(t, s.Path))
				}
			}
		})
	}
}
