//go:build engines

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/voice/engine"
	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
	"github.com/myspinbot/spinbot/sdk"
)

// TestEngines speaks with, and listens by, the engines that VOICE_ENGINES names, a JSON file: gpt_sovits_url, hear_url, f5, a folder
// that testdata/tiny_f5.py filled, with f5-tts_infer-cli in PATH, and piper, the voice that testdata/tiny_piper.py made, with piper in PATH. docs/engines.md says which were run. What is not named is skipped.
func TestEngines(t *testing.T) {
	raw, err := os.ReadFile(os.Getenv("VOICE_ENGINES"))
	if err != nil {
		t.Fatalf("VOICE_ENGINES: %v", err)
	}
	var engines struct {
		SovitsURL string `json:"gpt_sovits_url"`
		HearURL   string `json:"hear_url"`
		F5        string `json:"f5"`
		Piper     string `json:"piper"`
	}
	if err := json.Unmarshal(raw, &engines); err != nil {
		t.Fatal(err)
	}
	voicetest.Need(t, "espeak-ng")
	s := &speaker{}
	if err := s.configure(config{Config: engine.Config{SovitsURL: engines.SovitsURL, PiperModel: engines.Piper}, HearURL: engines.HearURL}); err != nil {
		t.Fatal(err)
	}
	const said = "This is somebody who speaks for some time. It takes more than ten seconds, so that it is too long for some. " +
		"There are pauses between the sentences. At one of them it is cut. What is said after that is left out."
	sample, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": said, "engine": "espeak-ng"}})
	if err != nil || sample.Seconds < 12.5 {
		t.Fatalf("%g seconds, %v", sample.Seconds, err)
	}
	voice, err := makeProfile(t.Context(), profileIn{Sample: sample.Audio, Transcript: said, Name: "anna", Language: "en", Consent: true, Anyhow: true,
		Settings: map[string]any{"gpt-sovits": map[string]any{"top_k": 5}, "f5-tts": map[string]any{"nfe_step": 4, "load_vocoder_from_local": true,
			"model_cfg": filepath.Join(engines.F5, "tiny.yaml"), "ckpt_file": filepath.Join(engines.F5, "tiny.safetensors")}}}, &sdk.Task{Scratch: t.TempDir(), Owner: "bob", Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	speak := func(engine string) {
		began := time.Now()
		out, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Good evening. --help is no option.", "profile": voice.Profile, "consent": true, "engine": engine}})
		if err != nil || out.Engine != engine || out.Seconds <= 0 {
			t.Errorf("%+v, %v", out, err)
		}
		t.Logf("%s: %.1f seconds of speech in %s", engine, out.Seconds, time.Since(began).Round(100*time.Millisecond))
	}
	if engines.Piper != "" {
		lasts := map[float64]float64{}
		for _, rate := range []float64{165, 330} {
			began := time.Now()
			out, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Good evening. --help is no option.", "engine": "piper", "voice": "en-us", "rate": number(rate)}})
			if err != nil || out.Engine != "piper" || len(out.Words) != 6 || out.Words[2].Start-out.Words[1].End < 0.2 {
				t.Fatalf("%+v, %v", out, err)
			}
			lasts[rate] = out.Seconds
			t.Logf("piper at %g words a minute: %.2f seconds of speech in %s, the words %+v", rate, out.Seconds, time.Since(began).Round(100*time.Millisecond), out.Words)
		}
		if lasts[165] < 1.6*lasts[330] {
			t.Errorf("seconds by rate: %v", lasts)
		}
	}
	if engines.SovitsURL != "" {
		speak("gpt-sovits")
	}
	if engines.F5 != "" {
		where := filepath.Join(engines.F5, "run")
		if err := os.MkdirAll(where, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Chdir(where) // its local vocoder is looked for in ../checkpoints
		speak("f5-tts")
	}
	if engines.HearURL != "" {
		out, err := s.transcribe(t.Context(), transcribeIn{Audio: sample.Audio}, &sdk.Task{Scratch: t.TempDir()})
		if err != nil || len(out.Language) > 3 || len(out.Words) == 0 {
			t.Errorf("%+v, %v", out, err)
		}
		t.Logf("heard %d words, the first %+v, in the language %s", len(out.Words), out.Words[0], out.Language)
	}
}
