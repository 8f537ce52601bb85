//go:build unix

package external

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/lora/job"
)

// clone lays out what a trainer's folder has to have, as diffusers' scripts lie in theirs.
func clone(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	scripts := filepath.Join(root, "examples", "dreambooth")
	for path, text := range map[string]string{filepath.Join(scripts, "requirements.txt"): "transformers\n-r more.txt\n-e .\n", filepath.Join(root, "src", "diffusers", "__init__.py"): "__version__ = \"0.37.1\"\n"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return scripts
}

// TestNeeds: what is installed for trainers that are run from their source is all that they import, and their list is read where it lies,
// since it may name files beside it and its own folder.
func TestNeeds(t *testing.T) {
	t.Parallel()
	p := job.Program{Folder: clone(t)}
	for name, want := range map[string][]string{"kohya": {"torch==2.6.0", "torchvision==0.21.0", "-r " + p.Folder + "/requirements.txt"}, "ai-toolkit": {"torchaudio==2.11.0", "-r " + p.Folder + "/requirements.txt"},
		"diffusers": {"peft==0.18.0", "diffusers @ file://", `# __version__ = "0.37.1"`},
		"axolotl":   {"axolotl==0.13.2", "peft==0.18.1", "torchvision==0.23.0"}} {
		needs, err := map[string]recipe{"kohya": kohya{}, "ai-toolkit": toolkit{}, "diffusers": diffusers{}, "axolotl": axolotl{}}[name].needs(p)
		for _, w := range want {
			if err != nil || !strings.Contains(needs, w+"\n") && !strings.Contains(needs, w+"/") {
				t.Errorf("%s: %q is not in %q, %v", name, w, needs, err)
			}
		}
	}
	if err := os.RemoveAll(filepath.Join(p.Folder, "..", "..", "src")); err != nil {
		t.Fatal(err)
	}
	if _, err := (diffusers{}).needs(p); err == nil || !strings.Contains(err.Error(), "does not lie in a clone") {
		t.Error(err)
	}
}

// TestPadding: a model that has nothing to fill up texts with gets its end of a text for that, however that is written.
func TestPadding(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{`{"eos_token": "</s>"}`: "</s>", `{"pad_token": null, "eos_token": {"content": "<|end|>", "lstrip": false}}`: "<|end|>", `{"pad_token": "<pad>", "eos_token": "</s>"}`: "", `{}`: "", `no`: ""} {
		base := t.TempDir()
		write(t, filepath.Join(base, "tokenizer_config.json"), config)
		if got := padding(base); got != want {
			t.Errorf("%s: %q, want %q", config, got, want)
		}
	}
	if got := padding("some/model"); got != "" {
		t.Errorf("%q", got)
	}
}

// TestToolkit: ai-toolkit's configuration has its own names for families, flow matching where a family is learned by that, a learning rate
// that falls, and options laid over group by group.
func TestToolkit(t *testing.T) {
	t.Parallel()
	for family, want := range map[string][]string{
		"sd15": {`"arch": "sd1"`, `"quantize": false`}, "lumina": {`"arch": "lumina2"`, `"noise_scheduler": "flowmatch"`}, "qwen": {`"arch": "qwen_image"`, `"sampler": "flowmatch"`},
		"flux": {`"arch": "flux"`, `"quantize": true`, `"end_factor": 0`, `"noise_offset": 0.1`, `"batch_size": 1`, `"training_seed": 7`, `"neg": ""`},
	} {
		j := &job.Job{Program: job.Program{Folder: t.TempDir()}, Work: t.TempDir(), Base: "some/base", In: job.Input{Family: family, Rank: 4, Steps: 9, Batch: 1, Schedule: "linear", Every: 5, Resolution: 512, Seed: 7,
			Samples: []string{"a prompt"}, Options: map[string]any{"train": map[string]any{"noise_offset": 0.1}}}}
		if err := os.MkdirAll(j.Data(), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(j.Data(), "a.png"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := toolkit{}.order(j, "python")
		if err != nil {
			t.Fatal(err)
		}
		text := read(t, o.args[len(o.args)-1])
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: %s is not in\n%s", family, w, text)
			}
		}
	}
	if _, err := (toolkit{}).order(&job.Job{In: job.Input{Family: "hunyuan"}}, ""); err == nil || !strings.Contains(err.Error(), "trains no models of the family hunyuan") {
		t.Error(err)
	}
}
