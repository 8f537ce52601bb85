//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/lora/job"
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
	d := newDesk(t, job.Config{Trainers: map[string]job.Program{"command": {Command: []string{trainer}, Env: map[string]string{"EXTRA": "7"}}}})
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
	axolotl, err := filepath.Abs(filepath.Join("testdata", "axolotl-refused.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body, want string
		cause      sdk.Cause
	}{
		"recorded":    {"cat " + axolotl + "; exit 1", "exit status 1: ImportError: Found an incompatible version of torchao", sdk.CauseFailed},
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
			d := newDesk(t, job.Config{Trainers: map[string]job.Program{"command": {Command: []string{script(t, c.body)}}}})
			_, err := d.do(t.Context(), t, in{"kind": "llm", "trainer": "command", "dataset": texted(t, `{"text": "x"}`), "base": "x"}, nil)
			if e := sdk.AsError(err); e == nil || e.Cause != c.cause || !strings.Contains(e.Message, c.want) || e.Hint == "" {
				t.Errorf("%+v, want %q", e, c.want)
			}
		})
	}
	d := newDesk(t, job.Config{Trainers: map[string]job.Program{"command": {Command: []string{"/no/such/program"}}}})
	if _, err := d.do(t.Context(), t, in{"kind": "llm", "trainer": "command", "dataset": texted(t, `{"text": "x"}`), "base": "x"}, nil); err == nil || !strings.Contains(err.Error(), "cannot be started") {
		t.Error(err)
	}
}

// TestStops: a trainer that is told to stop may save and end by itself, and the cause is why it was told.
func TestStops(t *testing.T) {
	t.Parallel()
	saved := filepath.Join(t.TempDir(), "saved")
	d := newDesk(t, job.Config{Trainers: map[string]job.Program{"command": {Command: []string{script(t, `trap 'touch `+saved+`; exit 0' TERM
echo '{"step": 1, "total": 2, "message": "begun"}' >> "$LORA_PROGRESS"
while :; do sleep 0.05; done`)}}}})
	ctx, cancel := context.WithCancelCause(t.Context())
	task := sdk.Task{Type: "lora.train", Inputs: in{"kind": "llm", "trainer": "command", "dataset": texted(t, `{"text": "x"}`), "base": "x"}, Scratch: t.TempDir()}
	_, err := trainNode(d.shop).Run(ctx, task.WithReporter(func(r sdk.Report) {
		if r.Message == "begun" {
			cancel(&sdk.Error{Cause: sdk.CausePreempted, Message: "gave way"})
		}
	}))
	if e := sdk.AsError(err); e == nil || e.Cause != sdk.CausePreempted {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(saved); err != nil {
		t.Errorf("it was killed before it could save: %v", err)
	}
}

// TestSlow: of a trainer whose steps take long each is told when it is done, and it is waited for.
func TestSlow(t *testing.T) {
	t.Parallel()
	next := filepath.Join(t.TempDir(), "next")
	trainer := script(t, `printf '\r  0%%|          | 0/2 [00:00<?, ?it/s]\r 50%%|#####     | 1/2 [00:40<00:40, 40.00s/it, loss=0.5]'
while [ ! -e `+next+` ]; do sleep 0.05; done
printf '\r100%%|##########| 2/2 [01:20<00:00, 40.00s/it, loss=0.25]\n'
cp `+ready(t, "llm")+` "$LORA_OUT/lora.safetensors"`)
	trainers := map[string]job.Program{"command": {Command: []string{trainer}}}
	d := newDesk(t, job.Config{Trainers: trainers})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var told []string
	task := sdk.Task{Type: "lora.train", Inputs: in{"kind": "llm", "trainer": "command", "dataset": texted(t, `{"text": "x"}`), "base": "x"}, Scratch: t.TempDir()}
	_, err := trainNode(d.shop).Run(ctx, task.WithReporter(func(r sdk.Report) {
		told = append(told, r.Message)
		if strings.HasPrefix(r.Message, "step 1 of 2") {
			if err := os.WriteFile(next, nil, 0o600); err != nil {
				t.Error(err)
			}
		}
	}))
	if err != nil || !slices.Contains(told, "step 2 of 2, loss 0.25") {
		t.Errorf("%v, told %q", err, told)
	}
}

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

// TestRecipes: each trainer gets a configuration and a command line that say what the node says.
func TestRecipes(t *testing.T) {
	t.Parallel()
	source := clone(t)
	pictures := []any{drawn(t, "a.png", 64, 64, 9, 0), file(t, "a.txt", "text/plain", []byte("a face"))}
	words := texted(t, `{"prompt": "a", "completion": "b"}`)
	for name, c := range map[string]struct {
		kind, where string
		args, files []string // patterns of its arguments, and of what stands in the files that they name
	}{
		"kohya": {"image", "out/lora.safetensors", []string{"sdxl_train_network.py", "--network_dim=8", "--network_alpha=8", "--max_train_steps=40", "--learning_rate=0.002", "--dataset_config=.*dataset.toml",
			"--sample_prompts=.*prompts.txt", "--noise_offset=0.1", "--cache_latents( |$)"}, []string{`resolution = 512`, `batch_size = 2`, `image_dir = ".*data"`, `min_bucket_reso = 256`, `a prompt --w 512 --h 512 --d 0`}},
		"ai-toolkit":    {"image", "out/lora/lora_000000040.safetensors", []string{"run.py .*toolkit.yaml"}, []string{`"linear": 8`, `"steps": 40`, `"arch": "sdxl"`, `"noise_offset": "?0.1"?`, `"a prompt"`}},
		"diffusers":     {"image", "out/pytorch_lora_weights.safetensors", []string{"train_dreambooth_lora_sdxl.py", "--rank=8", "--instance_prompt=a prompt", "--noise_offset=0.1", "--instance_data_dir=.*/pictures", "(?m)^a.png$"}, []string{"reads? no captions"}},
		"peft":          {"llm", "out/adapter_model.safetensors", []string{"train_peft.py .*peft.json"}, []string{`"rank": 8`, `"learning_rate": 0.002`, `"completion":"b"`, "AutoModelForCausalLM"}},
		"axolotl":       {"llm", "out/adapter_model.safetensors", []string{"-m accelerate.commands.launch -m axolotl.cli.train .*axolotl.yaml"}, []string{`"lora_r": 8`, `"field_output": "completion"`, `"max_steps": 40`, "tracked: 1"}},
		"llama-factory": {"llm", "out/adapter_model.safetensors", []string{"-m llamafactory.cli train .*factory.yaml"}, []string{`"lora_rank": 8`, `"stage": "sft"`, `"packing": false`, `"response": "completion"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			work := t.TempDir()
			python := script(t, fmt.Sprintf(`set -eu
for a; do f=${a#*=}; case $f in *.toml|*.txt|*.yaml|*.json|*.py) [ -f "$f" ] && cat "$f"; esac; done
cat train.jsonl dataset_info.json 2>/dev/null || true
for a; do case $a in --instance_data_dir=*) ls "${a#*=}" ;; esac; done
echo "$@"
echo "tracked: ${AXOLOTL_DO_NOT_TRACK:-}"
beside
out=$(echo %s/jobs/*)/%s; mkdir -p "$(dirname "$out")/samples/.thumbs"; cp %s "$out"; echo x > "$(dirname "$out")/samples/a.jpg"`, work, c.where, ready(t, c.kind)))
			// A trainer looks for programs that lie beside its Python, such as accelerate and torchrun.
			if err := os.WriteFile(filepath.Join(filepath.Dir(python), "beside"), []byte("#!/bin/sh\necho what lies beside Python is found\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			dataset := words
			if c.kind == "image" {
				dataset = pictures
			}
			d := newDesk(t, job.Config{Work: work, Trainers: map[string]job.Program{name: {Folder: source, Python: python}}})
			out, err := d.do(t.Context(), t, in{"kind": c.kind, "trainer": name, "dataset": dataset, "base": "some/base", "rank": json.Number("8"), "steps": json.Number("40"), "learning_rate": json.Number("0.002"),
				"batch": json.Number("2"), "resolution": json.Number("512"), "sample_prompts": []any{"a prompt"}, "options": in{"noise_offset": json.Number("0.1"), "cache_latents": true}}, nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
			}
			if about, err := inspectFile(out.Adapter.Path); err != nil || about.Kind != c.kind || out.Adapter.MediaType != mediaOf(c.kind) {
				t.Errorf("%+v, %v", about, err)
			}
			if name == "ai-toolkit" && len(out.Samples) != 1 { // its folder of them has another in it
				t.Errorf("samples: %+v", out.Samples)
			}
			var all strings.Builder
			for _, r := range append(d.said(sdk.ReportLog), d.said(sdk.ReportProgress)...) {
				all.WriteString(r.Message + "\n")
			}
			for _, want := range slices.Concat(c.args, c.files, []string{"what lies beside Python is found"}) {
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
	d := newDesk(t, job.Config{})
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
