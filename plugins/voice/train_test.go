//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/engine"
	"github.com/myspinbot/spinbot/plugins/voice/profile"
	"github.com/myspinbot/spinbot/plugins/voice/tune"
	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

// fakeF5 is a folder of F5-TTS whose Python is a script: it trains when there is a file go beside it, else it saves and dies.
func fakeF5(t *testing.T) tune.Program {
	t.Helper()
	dir := t.TempDir()
	body := `#!/bin/sh
set -eu
here=` + dir + `
case "$*" in
*finetune_cli.py*)
	for a; do case $a in spinbot_*) out=$here/ckpts/$a ;; esac; done
	mkdir -p $out
	if [ -e $out/model_last.pt ]; then echo 'goes on'; fi
	printf 'Epoch 1/2: 100%%|##########| 1/1 [00:01<00:00, loss=0.6, update=1]\r'
	echo model >$out/model_last.pt
	[ -e $here/go ] || { echo 'Bus error'; exit 7; } ;;
*prune.py*) cp "$2" "$3" ;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, "python"), []byte(body), 0o700); err != nil {
		t.Fatal(err)
	}
	return tune.Program{Folder: dir, Python: filepath.Join(dir, "python")}
}

func release(t *testing.T, p tune.Program) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.Folder, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// clip is a recording of seconds.
func clip(t *testing.T, seconds float64) sdk.Artifact {
	return recording(t, speech(0.3, seconds))
}

// TestTrain: a training that died goes on from its checkpoint, and makes a voice with its model, which F5-TTS is given.
func TestTrain(t *testing.T) {
	p := fakeF5(t)
	s := &speaker{}
	if err := s.configure(config{Work: t.TempDir(), Trainers: map[string]tune.Program{"f5-tts": p}}); err != nil {
		t.Fatal(err)
	}
	in := sdk.Values{"clips": []any{clip(t, 3), clip(t, 7), clip(t, 2)}, "transcripts": []any{"one", "two  two", "three"}, "name": "anna", "engine": "f5-tts", "epochs": json.Number("2"), "consent": true}
	var mu sync.Mutex
	var saved []byte
	var said []string
	attempt := func(from []byte) (trainOut, error) {
		task := sdk.Task{Inputs: in, Scratch: t.TempDir(), Owner: "bo", Checkpoint: from}
		res, err := trainNode(s).Run(t.Context(), task.WithReporter(func(r sdk.Report) {
			mu.Lock()
			defer mu.Unlock()
			if r.Kind == sdk.ReportCheckpoint {
				saved = r.Checkpoint
			}
			said = append(said, r.Message)
		}))
		var out trainOut
		if err == nil {
			err = sdk.Bind(res.Outputs, &out)
		}
		return out, err
	}
	_, err := attempt(nil)
	if e := sdk.AsError(err); e == nil || !strings.Contains(e.Message, "Bus error") || e.Permanent || saved == nil {
		t.Fatalf("%v, saved %s", err, saved)
	}
	release(t, p)
	out, err := attempt(saved)
	if err != nil || out.Engine != "f5-tts" || out.Loss != 0.6 || out.Seconds < 11 || !slices.Contains(said, "goes on") {
		t.Fatalf("%+v, %v, said %q", out, err, said)
	}
	if left, err := os.ReadDir(s.config.Work); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	voice := out.Profile
	voice.Name = "anna.voice"
	read, err := profile.Read(voice, t.TempDir())
	if err != nil || read.Transcript != "two two" || read.Consent.By != "bo" || !slices.Equal(engine.Cloners(read), []string{"f5-tts", "gpt-sovits"}) {
		t.Errorf("%+v, %v", read, err)
	}
	if raw, err := os.ReadFile(read.Models["f5-tts"]["ckpt_file"]); err != nil || string(raw) != "model\n" {
		t.Errorf("%q, %v", raw, err)
	}

	bin := t.TempDir()
	program := "#!/bin/sh\nset -eu\nwhile [ $# -gt 0 ]; do case $1 in --output_dir) out=$2 ;; --ckpt_file) cat $2 >" + bin + "/got ;; esac; shift; done\ncp " + clip(t, 0.5).Path + " \"$out/f5.wav\"\n"
	if err := os.WriteFile(filepath.Join(bin, "f5-tts_infer-cli"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	spoke, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hello", "profile": voice, "consent": true}})
	if got, _ := os.ReadFile(filepath.Join(bin, "got")); err != nil || spoke.Engine != "f5-tts" || string(got) != "model\n" {
		t.Errorf("%+v, %v, it got %q", spoke, err, got)
	}
}

// TestTrainRefuses: consent, what does not fit together, and where trainers are.
func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	s := &speaker{}
	if err := s.configure(config{Work: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	silent := recording(t, audio.Sound{Samples: make([]float32, 24000), Rate: 24000})
	for want, change := range map[string]func(*trainIn){
		"nobody has said that they agreed": func(in *trainIn) { in.Consent = false },
		"there are 1 clips and 2":          func(in *trainIn) { in.Transcripts = []string{"a", "b"} },
		"nothing is said in clip 1":        func(in *trainIn) { in.Transcripts = []string{" "} },
		"is silent":                        func(in *trainIn) { in.Clips = []sdk.Artifact{silent} },
		"cannot be heard": func(in *trainIn) {
			in.Clips = []sdk.Artifact{voicetest.Kept(t, "a.mp3", "audio/mpeg", []byte("what?"))}
		},
		"it is not known where gpt-sovits is": func(*trainIn) {},
	} {
		in := trainIn{Clips: []sdk.Artifact{clip(t, 1)}, Transcripts: []string{"a"}, Name: "anna", Language: "en", Engine: "gpt-sovits", Epochs: 1, Batch: 1, Every: 1, Consent: true}
		change(&in)
		task := sdk.Task{Scratch: t.TempDir()}
		_, err := s.train(t.Context(), in, &task)
		voicetest.Explained(t, err, true, want)
	}
	for want, c := range map[string]config{
		"no trainer is called": {Trainers: map[string]tune.Program{"piper": {}}}, "is not absolute": {Work: "here"}, "trainers.f5-tts.folder": {Trainers: map[string]tune.Program{"f5-tts": {Folder: "here"}}},
	} {
		voicetest.Explained(t, (&speaker{}).configure(c), true, want)
	}
}

// TestTrainNode runs the node type as a host would.
func TestTrainNode(t *testing.T) {
	t.Parallel()
	p := fakeF5(t)
	release(t, p)
	sdktest.Suite{Config: sdk.Values{"work": t.TempDir(), "trainers": sdk.Values{"f5-tts": sdk.Values{"folder": p.Folder, "python": p.Python}}}, Cases: []sdktest.Case{
		{Name: "trains", Type: "voice.train", Inputs: sdk.Values{"clips": []any{clip(t, 4)}, "transcripts": []any{"one"}, "name": "anna", "engine": "f5-tts", "consent": true}},
		{Name: "without consent", Type: "voice.train", Inputs: sdk.Values{"clips": []any{clip(t, 1)}, "transcripts": []any{"one"}, "name": "anna"}, Fails: "nobody has said that they agreed"},
	}}.Run(t, plugin())
}

// TestTrainedSovits: the service is told the voice's models, and gets its own back, whatever happens; unless nobody trusts them.
func TestTrainedSovits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	model := filepath.Join(dir, "m")
	if err := os.WriteFile(model, []byte("model"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "anna.voice")
	p := profile.Profile{Version: profile.Version, Name: "anna", Language: "en", Transcript: "hello", Models: map[string]map[string]string{"gpt-sovits": {"gpt": "models/gpt.ckpt", "sovits": "models/sovits.pth"}}}
	if err := p.Write(path, good(), map[string]string{"models/gpt.ckpt": model, "models/sovits.pth": model}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	voice := voicetest.Kept(t, "anna.voice", profile.Media, raw)
	var asked []string
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		weights := r.URL.Query().Get("weights_path")
		if filepath.IsAbs(weights) {
			if got, err := os.ReadFile(weights); err != nil || string(got) != "model" {
				t.Errorf("%s: %q, %v", weights, got, err)
			}
		}
		asked = append(asked, fmt.Sprintf("%s %v", r.URL.Path, filepath.IsAbs(weights)))
		if r.URL.Path == "/tts" {
			w.WriteHeader(status)
			_, _ = w.Write(speech(0.3, 0.5).WAV())
		}
	}))
	t.Cleanup(srv.Close)
	speakWith := func(trust bool) (sayOut, error) {
		s := &speaker{}
		if err := s.configure(config{Work: dir, Config: engine.Config{SovitsURL: srv.URL, TrustModels: trust}}); err != nil {
			t.Fatal(err)
		}
		return say(t, context.Background(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "profile": voice, "consent": true, "engine": "gpt-sovits"}})
	}
	_, err = speakWith(false)
	voicetest.Explained(t, err, true, "may hold programs: set trust_models = true")
	want := []string{"/set_gpt_weights true", "/set_sovits_weights true", "/tts false", "/set_gpt_weights false", "/set_sovits_weights false"}
	if out, err := speakWith(true); err != nil || out.Engine != "gpt-sovits" || !slices.Equal(asked, want) {
		t.Errorf("%+v, %v, asked %q", out, err, asked)
	}
	asked, status = nil, http.StatusInternalServerError
	if _, err := speakWith(true); err == nil || !slices.Equal(asked, want) {
		t.Errorf("%v, asked %q", err, asked)
	}
}
