package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/comfyui/comfytest"
	"github.com/myspinbot/spinbot/sdk"
)

// tensors is a safetensors file of nothing, as an artifact that comes to a task.
func tensors(t testing.TB, name, more string) *sdk.Artifact {
	t.Helper()
	a := picture(t, "file", "\x02\x00\x00\x00\x00\x00\x00\x00{}"+more)
	a.Name, a.Digest = name, "sha256:0123456789abcdef"
	return &a
}

// loraFlow is a workflow that loads a LoRA.
const loraFlow = `{"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "base.safetensors"}},
  "2": {"class_type": "LoraLoader", "inputs": {"model": ["1", 0], "clip": ["1", 1], "lora_name": "other.safetensors", "strength_model": 1, "strength_clip": 1}},
  "3": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1}},
  "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}}}`

// TestModelsDir: model files are put among the server's, once, and used by the names that it has for them.
func TestModelsDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := (&comfytest.Server{Checkpoints: []string{"base.safetensors"}, Models: []string{dir}}).Start(t)
	r := newManaged(t, config{URL: s.URL(), ModelsDir: dir})
	flow := func(key string, a *sdk.Artifact) error {
		_, err := r.workflow(t.Context(), workflowIn{Workflow: loraFlow, Models: map[string]sdk.Artifact{key: *a}}, r.task(t, ""))
		return err
	}
	lora := filepath.Join(dir, "loras", "spinbot", "Ink-v2.1-01234567.safetensors")
	if err := flow("LoraLoader.lora_name", tensors(t, "Ink v2.1.safetensors", "")); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(lora)
	if err != nil || before.Mode().Perm() != 0o644 {
		t.Fatal(err, before)
	}
	if err := flow("2.lora_name", tensors(t, "Ink v2.1.safetensors", "")); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(lora); err != nil || !os.SameFile(before, after) {
		t.Error("the same file was put there twice", err)
	}
	if err := flow("2.lora_name", tensors(t, "Ink v2.1.safetensors", " ")); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(lora); err != nil || os.SameFile(before, after) || after.Size() != 11 {
		t.Error("half a file stays", err)
	}
	in := sampling{Prompt: "x", Steps: 1, CFG: 7, Sampler: "euler", Scheduler: "normal", LoraFile: tensors(t, "../.weird\n.safetensors", ""), CheckFile: tensors(t, "tuned.ckpt", "")}
	out, err := r.sample(t.Context(), r.task(t, ""), in, nil, 1, blank)
	if err != nil || out.Checkpoint != "spinbot/tuned-01234567.safetensors" {
		t.Errorf("%+v, %v", out, err)
	}
	if all, err := r.resident(t.Context()); err != nil || len(all) != 4 { // two LoRAs, two checkpoints
		t.Errorf("%v", all)
	}
	for name, want := range map[string]int{"loras": 2, "checkpoints": 1} {
		if all, err := os.ReadDir(filepath.Join(dir, name, "spinbot")); err != nil || len(all) != want {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
	in.Lora = "other.safetensors"
	if _, err := r.sample(t.Context(), r.task(t, ""), in, nil, 1, blank); err == nil || !strings.Contains(err.Error(), "both lora and lora_file are given") {
		t.Error(err)
	}
}

// TestNoModelsDir: what stands in the way of a model file.
func TestNoModelsDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "loras"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := (&comfytest.Server{Checkpoints: []string{"base.safetensors"}}).Start(t)
	pickle := picture(t, "a.ckpt", "\x80\x02}q\x01(X")
	gone := sdk.Artifact{Path: filepath.Join(dir, "gone"), Name: "gone.safetensors"}
	for n, c := range []struct {
		dir, key string
		file     sdk.Artifact
		want     string
		lasting  bool
	}{
		{"", "2.lora_name", *tensors(t, "a.safetensors", ""), "where its models are is not known", true},
		{dir, "2.strength_model", *tensors(t, "a.safetensors", ""), "no input of a loader", true},
		{dir, "9.lora_name", *tensors(t, "a.safetensors", ""), `no node "9"`, true},
		{dir, "2.lora_name", pickle, "a.ckpt is no safetensors file", true},
		{dir, "2.lora_name", gone, "no such file", false},
		{dir, "2.lora_name", *tensors(t, "a.safetensors", ""), "not a directory", false},
		{t.TempDir(), "2.lora_name", *tensors(t, "a.safetensors", ""), "loras/spinbot/a-01234567.safetensors is in", true},
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			r := newManaged(t, config{URL: s.URL(), ModelsDir: c.dir})
			r.sees = 300 * time.Millisecond
			_, err := r.workflow(t.Context(), workflowIn{Workflow: loraFlow, Models: map[string]sdk.Artifact{c.key: c.file}}, r.task(t, ""))
			if e := sdk.AsError(err); e == nil || !strings.Contains(e.Message, c.want) || e.Permanent != c.lasting || c.lasting && e.Hint == "" {
				t.Errorf("%+v, want %q", e, c.want)
			}
		})
	}
}
