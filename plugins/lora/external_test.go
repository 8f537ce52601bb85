//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/weights"
)

// program writes a shell script.
func script(t testing.TB, body string) string {
	path := filepath.Join(t.TempDir(), "trainer")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// ready is a LoRA of a kind that a scripted trainer can leave.
func ready(t testing.TB, kind string) string {
	name := "base_model.model.model.layers.0.self_attn.q_proj"
	sides := [2]string{".lora_A.weight", ".lora_B.weight"}
	if kind == "image" {
		name, sides = "lora_unet_x", [2]string{".lora_down.weight", ".lora_up.weight"}
	}
	path := filepath.Join(t.TempDir(), "ready.safetensors")
	if err := weights.Write(path, nil, []weights.New{{Name: name + sides[0], Shape: []int{1, 2}, Data: []float32{1, 2}}, {Name: name + sides[1], Shape: []int{2, 1}, Data: []float32{1, 2}}}); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestProgress: what real trainers print, as lines or drawn over, is understood.
func TestProgress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bar  string
		said string
		want point
	}{
		"kohya":      {`^steps:`, "running training / 学習開始\n  num batches per epoch / 1epochのバッチ数: 10\ncaching latents:  50%|█████     | 5/10 [00:01<00:01,  4.8it/s]\rsteps:   1%|          | 10/1000 [00:12<20:10,  1.22s/it, avr_loss=0.123]\r", point{Step: 10, Total: 1000, Loss: 0.123}},
		"ai-toolkit": {`^lora:`, "lora:   0%|          | 0/2000 [00:00<?, ?it/s]\rlora:   1%|          | 20/2000 [00:40<1:06:00,  2.00s/it, lr: 1.0e-04 loss: 3.456e-01]\n", point{Step: 20, Total: 2000, Loss: 0.3456, Rate: 1e-4}},
		"diffusers":  {`^Steps:`, "Map: 100%|██████████| 25/25 [00:00<00:00, 99.00 examples/s]\nSteps:   2%|▏         | 10/500 [00:11<09:05,  1.11s/it, loss=0.1, lr=0.0001]\r", point{Step: 10, Total: 500, Loss: 0.1, Rate: 1e-4}},
		"axolotl":    {`^\s*\d+%\|`, "  3%|▎         | 3/100 [00:03<01:40,  1.03s/it]\r{'loss': 1.23, 'grad_norm': 0.5, 'learning_rate': 2e-4, 'epoch': 0.1}\n", point{Step: 3, Total: 100, Loss: 1.23, Rate: 2e-4}},
		"quoted":     {`^\s*\d+%\|`, "  4%|▍         | 4/100 [00:04<01:36,  1.00s/it]\n{'loss': '1.5', 'grad_norm': '0.5', 'learning_rate': '0.0002', 'epoch': '0.1'}\n", point{Step: 4, Total: 100, Loss: 1.5, Rate: 2e-4}},
		"no number":  {`^steps:`, "steps:   1%|          | 10/1000 [00:12<20:10,  1.22s/it, avr_loss=nan]\n", point{Step: 10, Total: 1000}},
		"not a bar":  {`^steps:`, "loading 3/5 [ok]\nepoch 1/10\n", point{}},
	} {
		var task sdk.Task
		task.Scratch = t.TempDir()
		j := &job{task: &task}
		j.meter = newMeter(j.task, filepath.Join(t.TempDir(), "log"))
		l := &listener{j: j, bar: regexp.MustCompile(c.bar)}
		rest := []byte(c.said)
		for len(rest) > 0 {
			n, line, _ := byLineOrReturn(rest, true)
			l.line(string(line))
			rest = rest[n:]
		}
		got := j.meter.newest
		got.Seconds = 0
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestCommand: a program of the person's gets what it needs, says how far it is in a file, is gone on with after it was stopped, and leaves a
// LoRA, a configuration and samples.
func TestCommand(t *testing.T) {
	t.Parallel()
	made := ready(t, "llm")
	trainer := script(t, `set -eu
cat "$LORA_SETTINGS" "$LORA_DATA/texts.jsonl" > "$LORA_OUT/seen.txt"
echo "base is $LORA_BASE, resume is ${LORA_RESUME:-no}, extra is $EXTRA"
if [ -z "${LORA_RESUME:-}" ]; then
  echo '{"step": 5, "total": 10, "loss": 0.5, "learning_rate": 0.001, "message": "half way"}' >> "$LORA_PROGRESS"
  echo x > "$LORA_OUT/checkpoint-5"
  trap 'echo stopping; exit 3' TERM
  while :; do sleep 0.1; done
fi
echo '{"step": 10, "loss": 0.25}' >> "$LORA_PROGRESS"
echo hello > "$LORA_OUT/sample-1.txt"
echo '{}' > "$LORA_OUT/adapter_config.json"
cp `+made+` "$LORA_OUT/lora.safetensors"`)
	d := newDesk(t, config{Trainers: map[string]program{"command": {Command: []string{trainer}, Env: map[string]string{"EXTRA": "7"}}}})
	v := in{"kind": "llm", "trainer": "command", "dataset": texted(t, `{"text": "x"}`), "base": "some/model"}
	ctx, cancel := context.WithCancelCause(t.Context())
	var last []byte
	task := sdk.Task{Type: "lora.train", Inputs: v, Scratch: t.TempDir()}
	_, err := trainNode(d.shop).Run(ctx, task.WithReporter(func(r sdk.Report) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.reports = append(d.reports, r)
		if r.Kind == sdk.ReportCheckpoint {
			last = r.Checkpoint
			cancel(&sdk.Error{Cause: sdk.CauseCancelled, Message: "cancelled"})
		}
	}))
	if e := sdk.AsError(err); e == nil || e.Cause != sdk.CauseCancelled || last == nil {
		t.Fatalf("%v, %s", err, last)
	}
	out, err := d.do(t.Context(), t, v, last)
	if err != nil || out.Steps != 10 || out.Loss != 0.25 || out.Config == nil || len(out.Samples) != 1 || read(t, out.Samples[0].Path) != "hello\n" {
		t.Fatalf("%+v, %v", out, err)
	}
	var all strings.Builder
	for _, r := range d.said(sdk.ReportLog) {
		all.WriteString(r.Message + "\n")
	}
	for _, want := range []string{"base is some/model, resume is no, extra is 7", "half way", "stopping", "resume is 1"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("not said: %q in\n%s", want, all.String())
		}
	}
}

// TestTrainerFails: each way to fail has its own words and cause.
func TestTrainerFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, want string
		cause      sdk.Cause
	}{
		"dies":        {"echo 'Traceback (most recent call last):'; echo 'ValueError: no such optimizer' >&2; exit 1", "exit status 1: ValueError: no such optimizer", sdk.CauseFailed},
		"killed":      {"echo going; kill -9 $$", "signal: killed: going", sdk.CauseFailed},
		"memory":      {"printf 'steps: 1%%|  | 1/10 [00:01]\\rtorch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB\\n'; exit 1", "out of device memory", sdk.CauseOOM},
		"no file":     {"exit 0", "ended well and left no LoRA", sdk.CauseFailed},
		"other file":  {`echo x > "$LORA_OUT/lora.safetensors"`, "is no LoRA", sdk.CauseFailed},
		"other kind":  {`cp ` + ready(t, "image") + ` "$LORA_OUT/lora.safetensors"`, "of the kind image, not llm", sdk.CauseFailed},
		"grandchild":  {"sleep 600 & echo gone; exit 2", "exit status 2: gone", sdk.CauseFailed},
		"long line":   {"head -c 3000000 /dev/zero | tr '\\0' x; echo; exit 4", "exit status 4", sdk.CauseFailed},
		"no newlines": {"printf 'last words'; exit 5", "exit status 5: last words", sdk.CauseFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, config{Trainers: map[string]program{"command": {Command: []string{script(t, c.body)}}}})
			_, err := d.do(t.Context(), t, in{"kind": "llm", "trainer": "command", "dataset": texted(t, `{"text": "x"}`), "base": "x"}, nil)
			if e := sdk.AsError(err); e == nil || e.Cause != c.cause || !strings.Contains(e.Message, c.want) || e.Hint == "" {
				t.Errorf("%+v, want %q", e, c.want)
			}
		})
	}
	d := newDesk(t, config{Trainers: map[string]program{"command": {Command: []string{"/no/such/program"}}}})
	if _, err := d.do(t.Context(), t, in{"kind": "llm", "trainer": "command", "dataset": texted(t, `{"text": "x"}`), "base": "x"}, nil); err == nil || !strings.Contains(err.Error(), "cannot be started") {
		t.Error(err)
	}
}

// TestStops: a trainer that is told to stop may save and end by itself, and the cause is why it was told.
func TestStops(t *testing.T) {
	t.Parallel()
	d := newDesk(t, config{Trainers: map[string]program{"command": {Command: []string{script(t, `trap 'echo saving; exit 0' TERM
echo '{"step": 1, "total": 2, "message": "begun"}' >> "$LORA_PROGRESS"
while :; do sleep 0.05; done`)}}}})
	ctx, cancel := context.WithCancelCause(t.Context())
	task := sdk.Task{Type: "lora.train", Inputs: in{"kind": "llm", "trainer": "command", "dataset": texted(t, `{"text": "x"}`), "base": "x"}, Scratch: t.TempDir()}
	began := time.Now()
	_, err := trainNode(d.shop).Run(ctx, task.WithReporter(func(r sdk.Report) {
		if r.Message == "begun" {
			cancel(&sdk.Error{Cause: sdk.CausePreempted, Message: "gave way"})
		}
	}))
	if e := sdk.AsError(err); e == nil || e.Cause != sdk.CausePreempted {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > grace {
		t.Errorf("it took %s", took)
	}
}

// TestRecipes: each trainer gets a configuration and a command line that say what the node says.
func TestRecipes(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	if err := os.WriteFile(filepath.Join(source, "requirements.txt"), []byte("torch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pictures := []any{drawn(t, "a.png", 64, 64, 9, 0), file(t, "a.txt", "text/plain", []byte("a face"))}
	words := texted(t, `{"prompt": "a", "completion": "b"}`)
	for name, c := range map[string]struct {
		kind, where string
		args, files []string // patterns of its arguments, and of what stands in the files that they name
	}{
		"kohya": {"image", "out/lora.safetensors", []string{"sdxl_train_network.py", "--network_dim=8", "--network_alpha=8", "--max_train_steps=40", "--learning_rate=0.002", "--dataset_config=.*dataset.toml",
			"--sample_prompts=.*prompts.txt", "--noise_offset=0.1", "--cache_latents( |$)"}, []string{`resolution = 512`, `batch_size = 2`, `image_dir = ".*data"`, "a prompt"}},
		"ai-toolkit":    {"image", "out/lora/lora_000000040.safetensors", []string{"run.py .*toolkit.yaml"}, []string{`"linear": 8`, `"steps": 40`, `"arch": "sdxl"`, `"noise_offset": "?0.1"?`, `"a prompt"`}},
		"diffusers":     {"image", "out/pytorch_lora_weights.safetensors", []string{"train_dreambooth_lora_sdxl.py", "--rank=8", "--instance_prompt=a prompt", "--noise_offset=0.1"}, nil},
		"peft":          {"llm", "out/adapter_model.safetensors", []string{"peft.py .*peft.json"}, []string{`"rank": 8`, `"learning_rate": 0.002`, `"completion":"b"`, "AutoModelForCausalLM"}},
		"axolotl":       {"llm", "out/adapter_model.safetensors", []string{"-m axolotl.cli.main train .*axolotl.yaml"}, []string{`"lora_r": 8`, `"field_output": "completion"`, `"max_steps": 40`}},
		"llama-factory": {"llm", "out/adapter_model.safetensors", []string{"-m llamafactory.cli train .*factory.yaml"}, []string{`"lora_rank": 8`, `"stage": "sft"`, `"response": "completion"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			work := t.TempDir()
			python := script(t, fmt.Sprintf(`set -eu
for a; do f=${a#*=}; case $f in *.toml|*.txt|*.yaml|*.json|*.py) [ -f "$f" ] && cat "$f"; esac; done
cat train.jsonl dataset_info.json 2>/dev/null || true
echo "$@"
out=$(echo %s/jobs/*)/%s; mkdir -p "$(dirname "$out")"; cp %s "$out"`, work, c.where, ready(t, c.kind)))
			dataset := words
			if c.kind == "image" {
				dataset = pictures
			}
			d := newDesk(t, config{Work: work, Trainers: map[string]program{name: {Folder: source, Python: python}}})
			out, err := d.do(t.Context(), t, in{"kind": c.kind, "trainer": name, "dataset": dataset, "base": "some/base", "rank": json.Number("8"), "steps": json.Number("40"), "learning_rate": json.Number("0.002"),
				"batch": json.Number("2"), "resolution": json.Number("512"), "sample_prompts": []any{"a prompt"}, "options": in{"noise_offset": json.Number("0.1"), "cache_latents": true}}, nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
			}
			if about, err := inspectFile(out.Adapter.Path); err != nil || about.Kind != c.kind || out.Adapter.MediaType != mediaOf(c.kind) {
				t.Errorf("%+v, %v", about, err)
			}
			var all strings.Builder
			for _, r := range append(d.said(sdk.ReportLog), d.said(sdk.ReportProgress)...) {
				all.WriteString(r.Message + "\n")
			}
			for _, want := range append(c.args, c.files...) {
				if !regexp.MustCompile(want).MatchString(all.String()) {
					t.Errorf("%q is not in\n%s", want, all.String())
				}
			}
		})
	}
}

// TestEnvironment: what a trainer needs is installed once, by uv if that is there, and one that cannot be made says what to do.
func TestEnvironment(t *testing.T) {
	bin := t.TempDir()
	count := filepath.Join(bin, "count")
	uv := `#!/bin/sh
set -eu
echo "$@" >> ` + count + `
case "$1" in
venv) mkdir -p "$3/bin"; printf '#!/bin/sh\nmkdir -p out; cp ` + ready(t, "llm") + ` out/adapter_model.safetensors\n' > "$3/bin/python"; chmod 700 "$3/bin/python" ;;
pip) [ -z "${FAIL:-}" ] || { echo 'error: no route to the index' >&2; exit 1; }; grep -q '^torch==' "$6" ;;
esac
`
	if err := os.WriteFile(filepath.Join(bin, "uv"), []byte(uv), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("FAIL", "1")
	d := newDesk(t, config{})
	v := in{"kind": "llm", "trainer": "peft", "dataset": texted(t, `{"text": "x"}`), "base": "some/base"}
	if _, err := d.do(t.Context(), t, v, nil); err == nil || !strings.Contains(err.Error(), "no route to the index") || !strings.Contains(err.Error(), "name a Python") {
		t.Error(err)
	}
	t.Setenv("FAIL", "")
	for range 2 {
		if _, err := d.do(t.Context(), t, v, nil); err != nil {
			t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
		}
	}
	if n := strings.Count(read(t, count), "venv "); n != 2 {
		t.Errorf("it was made %d times:\n%s", n, read(t, count))
	}
}
