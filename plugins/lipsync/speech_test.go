package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/lipsync/drawn"
	"github.com/myspinbot/spinbot/sdk"
)

// infinite is a stage with a program in place of InfiniteTalk, and its models where they are had.
func infinite(t *testing.T, script string, models bool, args ...string) *stage {
	t.Helper()
	dir := t.TempDir()
	python := filepath.Join(dir, "python")
	if err := os.WriteFile(python, []byte("#!/bin/sh\nset -eu\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Wan2.1-I2V-14B-480P", "chinese-wav2vec2-base", "InfiniteTalk/single/infinitetalk.safetensors"} {
		if err := os.MkdirAll(filepath.Join(dir, "weights", name), 0o700); models && err != nil {
			t.Fatal(err)
		}
	}
	if !models {
		if err := os.RemoveAll(filepath.Join(dir, "weights")); err != nil {
			t.Fatal(err)
		}
	}
	s := &stage{}
	if err := s.configure(config{Engines: map[string]program{"infinitetalk": {Folder: dir, Python: python, Args: args}}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// speaks makes what InfiniteTalk does of speech: a film of whole pictures with the speech at 16 kHz; it refuses 81 pictures or fewer, and makes
// 81 in the mode clip.
const speaks = `mode= in= out=
while [ $# -gt 0 ]; do case $1 in --mode) mode=$2 ;; --input_json) in=$2 ;; --save_file) out=$2 ;; esac; shift; done
heard=$(sed 's/.*"person1":"\([^"]*\)".*/\1/' "$in")
long=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$heard")
n=$(echo "$long" | awk '{print int($1*25)}')
[ "$n" -gt 81 ] || { echo "AssertionError: Aduio file not exists or length not satisfies frame nums."; exit 1; }
[ "$mode" != clip ] || n=81
echo ' 50%|#####     | 1/2 [00:01<00:01,  1.00s/it]'
echo '100%|##########| 2/2 [00:02<00:00,  1.00s/it]'
[ "$mode" = clip ] || echo ' 50%|#####     | 1/2 [00:01<00:01,  1.00s/it]'
echo 'Saving video:  50%|#####     | 41/82 [00:01<00:01,  1.00s/it]'
ffmpeg -v error -f lavfi -i color=red:s=64x48:r=25 -i "$heard" -c:a aac -ar 16000 -frames:v $n -shortest "$out.mp4" </dev/null`

// TestShortSpeech: InfiniteTalk gets speech that it takes; the film is as long as the speech, and has it as it is.
func TestShortSpeech(t *testing.T) {
	t.Parallel()
	need(t)
	s := infinite(t, speaks, true)
	for _, c := range []struct {
		seconds, most float64
	}{{0.2, 1}, {3.24, 1}, {3.26, 1}, {3.3, 0.75}, {6, 0.75}} {
		path := filepath.Join(t.TempDir(), "speech.wav")
		if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("sine=d=%g:r=48000", c.seconds), path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var most float64
		task := sdk.Task{Scratch: t.TempDir()}
		out, err := s.talk(t.Context(), talkIn{Portrait: portrait(t, drawn.Person, 64), Audio: sdk.Artifact{Path: path, Name: "speech.wav"}, Consent: true, Engine: "infinitetalk", Height: 64},
			task.WithReporter(func(r sdk.Report) { most = max(most, r.Fraction) }))
		if err != nil {
			t.Errorf("%g seconds: %v\n%s", c.seconds, err, sdk.AsError(err).Detail)
			continue
		}
		rate, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "stream=sample_rate", "-of", "csv=p=0", out.Video.Path).Output()
		if err != nil || strings.TrimSpace(string(rate)) != "48000" || math.Abs(out.Seconds-c.seconds) > 0.045 || c.seconds < 6 && most != c.most {
			t.Errorf("%g seconds: %+v, sound of %s Hz, %g made, %v", c.seconds, out, rate, most, err)
		}
	}
}

// TestModelsUnread: what is not read need not be there.
func TestModelsUnread(t *testing.T) {
	t.Parallel()
	e, p := engineOf("infinitetalk"), program{Folder: t.TempDir()}
	args := []string{"--ckpt_dir", p.Folder, "--infinitetalk_dir", "/nowhere", "--infinitetalk_dir", "/not/here/either"}
	if err := e.there("infinitetalk", p, args); err == nil || strings.Contains(err.Error(), "/nowhere") || !strings.Contains(err.Error(), "/not/here/either") {
		t.Error(err)
	}
	if err := e.there("infinitetalk", p, append(args, "--quant", "fp8")); err != nil {
		t.Error(err)
	}
}

// TestClips: how many bars there will be, and how much is made by them.
func TestClips(t *testing.T) {
	t.Parallel()
	b := engineOf("infinitetalk").bound
	for seconds, want := range map[float64]int{0.2: 1, 3.27: 1, 3.3: 2, 6.1: 2, 6.2: 3, 60: 21} {
		if got := b.clips(seconds); got != want {
			t.Errorf("%g seconds: %d clips", seconds, got)
		}
	}
	c := clips{all: 2}
	for _, step := range []struct {
		line string
		want float64
	}{{"INFO: Generating", -1}, {"0%|          | 0/40 [00:00<?, ?it/s]", 0}, {"50%|#####     | 20/40 [00:20<00:20,  1.00s/it]", 0.25}, {"100%|##########| 40/40 [00:40<00:00,  1.00s/it]", 0.5},
		{"0%|          | 0/40 [00:00<?, ?it/s]", 0.5}, {"50%|#####     | 20/40 [00:20<00:20,  1.00s/it]", 0.75}, {"Saving video: 10%|#  | 1/10 [00:00<?, ?it/s]", -1}} {
		if got := c.share(step.line); got != step.want {
			t.Errorf("%s: %g", step.line, got)
		}
	}
	if got := (&clips{}).share("0%|  | 0/40 [00:00<?, ?it/s]"); got != -1 {
		t.Error(got)
	}
}

// TestModelsMissing: what an engine lacks is told before it is started, and what it says of it with what to do.
func TestModelsMissing(t *testing.T) {
	t.Parallel()
	need(t)
	in := talkIn{Portrait: portrait(t, drawn.Person, 64), Audio: tone(t, 4), Consent: true, Engine: "infinitetalk", Height: 64}
	for want, s := range map[string]*stage{
		"lacks models: there is no ": infinite(t, "exit 0", false),
		"no /nowhere/wav2vec (get":   infinite(t, "exit 0", true, "--wav2vec_dir", "/nowhere/wav2vec"),
		"there is no ":               infinite(t, "exit 0", true, "--ckpt_dir", "elsewhere"),
		"ModuleNotFoundError: No module named 'xfuser' (name the Python of its environment":            infinite(t, `echo "ModuleNotFoundError: No module named 'xfuser'"; exit 1`, true),
		"ImportError: cannot import name 'ArgSpec' from 'inspect' (name the Python of its environment": infinite(t, `echo "ImportError: cannot import name 'ArgSpec' from 'inspect'"; exit 1`, true),
		"(see that all its models are there":                                                           infinite(t, `echo "FileNotFoundError: [Errno 2] No such file or directory: 'a/models_t5.pth'"; exit 1`, true),
		"(it needs a GPU of NVIDIA":                                                                    infinite(t, `echo "AssertionError: Torch not compiled with CUDA enabled"; exit 1`, true),
		"signal: killed: loading (it was killed, as systems do":                                        infinite(t, "echo loading; kill -9 $$", true),
		"ran out of device memory":                                                                     infinite(t, "echo 'torch.OutOfMemoryError: CUDA out of memory.'; exit 1", true),
	} {
		if _, err := s.talk(t.Context(), in, &sdk.Task{Scratch: t.TempDir()}); err == nil || !strings.Contains(err.Error(), want) || sdk.AsError(err).Hint == "" {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
