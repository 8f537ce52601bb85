//go:build unix

package tune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// bench is a folder of a trainer, a Python that is a script, and what was said.
type bench struct {
	folder, python string

	mu    sync.Mutex
	said  []string
	saved []int
}

// newBench lays out what a trainer's folder has to have. body is what the scripted Python does with its arguments.
func newBench(t *testing.T, body string) *bench {
	t.Helper()
	b := &bench{folder: t.TempDir()}
	configs := filepath.Join(b.folder, "GPT_SoVITS", "configs")
	if err := os.MkdirAll(configs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(configs, "s2.json"), []byte(`{"train": {"epochs": 100, "seed": 1234}, "data": {"sampling_rate": 32000}, "model": {}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	b.python = filepath.Join(b.folder, "python")
	if err := os.WriteFile(b.python, []byte("#!/bin/sh\nset -u\necho \"$@\" >>"+b.folder+"/args\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) run(ctx context.Context, t *testing.T, engine string, change func(*Job)) (Trained, error) {
	t.Helper()
	task := sdk.Task{Scratch: t.TempDir(), Devices: []string{"GPU-1"}}
	j := &Job{Program: Program{b.folder, b.python}, ID: "a1", Work: t.TempDir(), Language: "en-us", Epochs: 4, Batch: 2, Every: 3, Clips: []Clip{{"/clips/1.wav", "Hello | there."}, {"/clips/2.wav", "And\nagain."}}, Rate: 1e-5}
	j.Task = task.WithReporter(func(r sdk.Report) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.said = append(b.said, fmt.Sprintf("%.2f %s", r.Fraction, r.Message))
	})
	j.Saved = func(epoch int) error { b.saved = append(b.saved, epoch); return nil }
	if change != nil {
		change(j)
	}
	return Run(ctx, engine, j)
}

// f5Script is what F5-TTS' scripts print and leave, its bars drawn over.
const f5Script = `case "$*" in
*prepare_csv_wavs*)
	printf '\nProcessing 2 audio files using 1 workers...\nProcessing chunk 1/1: 100%%|##########| 2/2 [00:00<00:00, 99.00it/s]\r\nFor spinbot_a1_pinyin, sample count: 2\n'
	mkdir -p "$4" ;;
*finetune_cli.py*)
	out=` + "`dirname $0`" + `/ckpts/spinbot_a1; mkdir -p $out
	printf '\nvocab :  2545\n\nvocoder :  vocos\nLoading dataset ...\n'
	printf 'Epoch 1/4:   0%%|          | 0/1 [00:00<?, ?update/s]\rEpoch 1/4: 100%%|##########| 1/1 [00:01<00:00,  1.00s/update, loss=0.71, update=1]\r'
	printf 'Epoch 4/4: 100%%|##########| 1/1 [00:01<00:00,  1.00s/update, loss=0.512, update=4]\nSaved last checkpoint at update 4\n'
	echo weights >$out/model_last.pt ;;
*prune.py*) cp "$2" "$3" ;;
esac`

// sovitsScript is what those of GPT-SoVITS print and leave.
const sovitsScript = `work() { sed -n 's/.*"half_weights_save_dir": "\(.*\)".*/\1/p; s/.*"save_weight_dir": "\(.*\)".*/\1/p' "$1"; }
case "$*" in
*1-get-text*) echo clip-00001.wav; mkdir -p $opt_dir; printf 'clip-00001.wav\tHH AH0\t[1]\thello\n' >$opt_dir/2-name2text-0.txt ;;
*2-get-hubert*) test -s $opt_dir/2-name2text.txt ;;
*3-get-semantic*) printf 'clip-00001.wav\t1 2 3\n' >$opt_dir/6-name2semantic-0.tsv ;;
*s2_train.py*)
	printf 'start training from epoch 1\n  0%%|          | 0/2 [00:00<?, ?it/s]\r100%%|##########| 2/2 [00:01<00:00,  1.90it/s]\n' >&2
	printf 'INFO:a1:Train Epoch: 3 [50%%]\nINFO:a1:====> Epoch: 4\ntraining done\n' >&2
	echo G >$opt_dir/logs_s2_v2/G_233333333333.pth; echo s >` + "`work $4`" + `/a1_e4_s8.pth ;;
*s1_train.py*)
	head -1 $opt_dir/6-name2semantic.tsv | grep -q semantic_audio || exit 9
	printf 'ckpt_path: None\nEpoch 0: 100%%|##########| 2/2 [00:01<00:00, v_num=0, total_loss_step=2.5e+3, lr_step=0.002]\rEpoch 3: 100%%|##########| 2/2 [00:01<00:00, v_num=0, total_loss_step=1.5e+3, lr_step=0.002]\n'
	echo g >` + "`work $4`" + `/a1-e4.ckpt ;;
esac`

// TestTrains: both trainers are told what they want, and their models found.
func TestTrains(t *testing.T) {
	t.Parallel()
	b := newBench(t, f5Script)
	var list string
	out, err := b.run(t.Context(), t, "f5-tts", func(j *Job) { list = filepath.Join(j.Work, "clips.csv") })
	if err != nil || out.Epochs != 4 || out.Loss != 0.512 || !strings.HasSuffix(out.Models["ckpt_file"], ".safetensors") || read(t, out.Models["ckpt_file"]) != "weights\n" {
		t.Errorf("%+v, %v", out, err)
	}
	if got := read(t, list); got != "audio_file|text\n/clips/1.wav|Hello   there.\n/clips/2.wav|And again.\n" {
		t.Errorf("list %q", got)
	}
	if args := read(t, filepath.Join(b.folder, "args")); !strings.Contains(args, "--finetune") || !strings.Contains(args, "--epochs 4") || !strings.Contains(args, "--last_per_updates 3") || !strings.Contains(args, "--learning_rate 1e-05") {
		t.Errorf("args %s", args)
	}
	if all := strings.Join(b.said, "\n"); !strings.Contains(all, "training F5-TTS: epoch 1 of 4") || !strings.Contains(all, "vocab :  2545") || strings.Contains(all, "%|") {
		t.Errorf("said %s", all)
	}
	if _, err := os.Stat(filepath.Join(b.folder, "ckpts", "spinbot_a1")); !os.IsNotExist(err) {
		t.Errorf("its checkpoints are left: %v", err)
	}

	b = newBench(t, sovitsScript+"\necho \"$version $PYTHONPATH\" >>"+"`dirname $0`/env")
	var work string
	out, err = b.run(t.Context(), t, "gpt-sovits", func(j *Job) { work = j.Work })
	if err != nil || out.Epochs != 4 || read(t, out.Models["gpt"]) != "g\n" || read(t, out.Models["sovits"]) != "s\n" {
		t.Fatalf("%+v, %v, said %s", out, err, strings.Join(b.said, "\n"))
	}
	var s2 struct {
		Train map[string]any
		Data  map[string]any
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(work, "s2.json"))), &s2); err != nil || s2.Train["epochs"] != 4.0 || s2.Train["save_every_epoch"] != 2.0 || s2.Train["seed"] != 1234.0 || s2.Data["sampling_rate"] != 32000.0 {
		t.Errorf("%+v, %v", s2, err)
	}
	if env := read(t, filepath.Join(b.folder, "env")); !strings.HasPrefix(env, "v2 "+work+"/pin:"+b.folder) || !strings.Contains(read(t, filepath.Join(work, "pin", "sitecustomize.py")), "CUDA_VISIBLE_DEVICES") {
		t.Errorf("env %s", env)
	}
	if len(b.saved) == 0 {
		t.Error("its checkpoint was not seen")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestFails: each way in which trainers go wrong is told, with what to do.
func TestFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		engine, body, want string
		change             func(*Job)
		oom                bool
	}{
		"dies":                {"f5-tts", "echo 'RuntimeError: no data' >&2; exit 1", "preparing the recordings ended with exit status 1: RuntimeError: no data", nil, false},
		"out of memory":       {"f5-tts", "case \"$*\" in *finetune*) printf ' 10%%|# | 1/9 [00:01\\rtorch.OutOfMemoryError: CUDA out of memory.\\n'; exit 1;; esac", "training F5-TTS ran out of device memory", nil, true},
		"writes no file":      {"f5-tts", "exit 0", "left no model ckpt_file", nil, false},
		"sovits writes none":  {"gpt-sovits", "case \"$*\" in *get-text*) mkdir -p $opt_dir; echo x >$opt_dir/2-name2text-0.txt;; esac", "left no model", nil, false},
		"nothing can be read": {"gpt-sovits", "mkdir -p $opt_dir; echo >$opt_dir/2-name2text-0.txt", "could read none of the recordings", nil, false},
		"another folder":      {"gpt-sovits", "", "is not the folder of GPT-SoVITS", func(j *Job) { j.Folder = j.Work }, false},
		"not known":           {"gpt-sovits", "", "not known where gpt-sovits is", func(j *Job) { j.Folder = "" }, false},
		"language of neither": {"gpt-sovits", "", `learns no "de"`, func(j *Job) { j.Language = "de" }, false},
		"language of f5":      {"f5-tts", "", `learns no "ja"`, func(j *Job) { j.Language = "ja" }, false},
		"no Python":           {"f5-tts", "", "cannot be started", func(j *Job) { j.Python = "/no/python" }, false},
		"configuration broken": {"gpt-sovits", "", "cannot be read", func(j *Job) {
			_ = os.WriteFile(filepath.Join(j.Folder, "GPT_SoVITS/configs/s2.json"), []byte("{"), 0o600)
		}, false},
	} {
		_, err := newBench(t, c.body).run(t.Context(), t, c.engine, c.change)
		var e *sdk.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, c.want) || e.Hint == "" || (e.Cause == sdk.CauseOOM) != c.oom {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStops: a slow trainer is stopped with its task, and what it has saved stays.
func TestStops(t *testing.T) {
	t.Parallel()
	b := newBench(t, `case "$*" in *finetune*) mkdir -p `+"`dirname $0`/ckpts/spinbot_a1; echo half >`dirname $0`/ckpts/spinbot_a1/model_last.pt"+`; echo begun; sleep 600 & wait;; esac`)
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := b.run(ctx, t, "f5-tts", func(j *Job) {
		j.Saved = func(int) error {
			cancel(&sdk.Error{Cause: sdk.CauseCancelled, Message: "cancelled by anna"})
			return nil
		}
	})
	if err == nil || !strings.Contains(err.Error(), "by anna") || read(t, filepath.Join(b.folder, "ckpts", "spinbot_a1", "model_last.pt")) != "half\n" {
		t.Error(err)
	}
}
