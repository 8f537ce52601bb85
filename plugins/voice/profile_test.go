package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/engine"
	"github.com/myspinbot/spinbot/plugins/voice/profile"
	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/plugins/voice/timing"
	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

func recording(t testing.TB, s audio.Sound) sdk.Artifact {
	return voicetest.Kept(t, "sample.wav", "audio/wav", s.WAV())
}

// good is a recording that a voice can be made of.
func good() audio.Sound {
	s := speech(0.3, 6, 0.6, 6)
	s.Rate = 24000 // so it takes two thirds of the time
	return s
}

// TestCheck: each fault of a recording is found and comes with advice.
func TestCheck(t *testing.T) {
	t.Parallel()
	noisy := good()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noisy.Samples {
		noisy.Samples[i] += float32(r.NormFloat64() * 0.05)
	}
	loud := good()
	for i := range loud.Samples {
		loud.Samples[i] = max(-1, min(1, loud.Samples[i]*6))
	}
	phone := speech(0.3, 8)
	phone.Rate = 8000
	quiet := speech(0.01, 10, 0.5)
	for name, c := range map[string]struct {
		of   audio.Sound
		good bool
		says string
	}{
		"good":   {good(), true, ""},
		"short":  {speech(0.3, 2, 0.3, 1), false, "3.0 seconds of speech"},
		"noisy":  {noisy, false, "louder than the noise"},
		"loud":   {loud, false, "cut off"},
		"phone":  {phone, false, "as a telephone"},
		"silent": {audio.Sound{Rate: 16000, Samples: make([]float32, 16000)}, false, "nobody speaks"},
		"quiet":  {quiet, true, "more gain"},
		"long":   {speech(0.3, 31, 0.2, 4), true, "the first 30 are of use"},
	} {
		got := judge(c.of, checkIn{Shortest: 6, Longest: 30})
		if got.Good != c.good || !strings.Contains(got.advised(), c.says) || c.says == "" && len(got.Advice) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func made(t testing.TB) sdk.Artifact {
	t.Helper()
	dir := t.TempDir()
	out, err := makeProfile(t.Context(), profileIn{Sample: recording(t, good()), Transcript: "what I say", Name: "anna", Language: "en-us", Consent: true,
		Settings: map[string]any{"gpt-sovits": map[string]any{"top_k": json.Number("5")}, "f5-tts": map[string]any{"nfe_step": json.Number("16"), "load_vocoder_from_local": true, "no_legacy_text": false}}},
		&sdk.Task{Scratch: dir, Owner: "bob", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return sdk.Artifact{Path: out.Profile.Path, Name: "profile.voice", MediaType: profile.Media, Digest: "sha256:" + strings.Repeat("1", 64)}
}

// TestProfile: a voice is made with consent only, says who gave it, and is the same bytes each time.
func TestProfile(t *testing.T) {
	t.Parallel()
	_, err := makeProfile(t.Context(), profileIn{Sample: recording(t, good()), Transcript: "x", Name: "x"}, &sdk.Task{Scratch: t.TempDir()})
	voicetest.Explained(t, err, true, "nobody has said that they agreed", "consent = var.consent")
	_, err = makeProfile(t.Context(), profileIn{Sample: recording(t, speech(0.3, 1)), Transcript: "x", Name: "x", Consent: true}, &sdk.Task{Scratch: t.TempDir()})
	voicetest.Explained(t, err, true, "makes no good voice", "1.0 seconds of speech", "accept_poor")
	_, err = makeProfile(t.Context(), profileIn{Sample: voicetest.Kept(t, "x.wav", "audio/wav", []byte("RIFFxxxxWAVE")), Transcript: "x", Name: "x", Consent: true}, &sdk.Task{Scratch: t.TempDir()})
	voicetest.Explained(t, err, true, "holds no samples")
	one, two := made(t), made(t)
	a, err1 := os.ReadFile(one.Path)
	b, err2 := os.ReadFile(two.Path)
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Error("the same voice is other bytes", err1, err2)
	}
	p, err := profile.Read(one, t.TempDir())
	if err != nil || p.Name != "anna" || p.Transcript != "what I say" || p.Consent.By != "bob" || p.Consent.At.Year() != 2026 {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestClone: GPT-SoVITS gets the sample, its words and the settings; F5-TTS the same on its command line.
func TestClone(t *testing.T) {
	var asked map[string]any
	var path string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		if ref, _ := asked["ref_audio_path"].(string); ref != "" {
			if _, err := os.Stat(ref); err != nil {
				t.Error(err)
			}
		}
		_, _ = w.Write(speech(0.3, 0.5, 0.3, 0.5).WAV())
	}))
	t.Cleanup(srv.Close)
	s := &speaker{}
	if err := s.configure(config{Config: engine.Config{SovitsURL: srv.URL}}); err != nil {
		t.Fatal(err)
	}
	anna := made(t)
	out, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Guten Tag.", "profile": anna, "consent": true}})
	if err != nil || out.Engine != "gpt-sovits" || out.Voice != "anna" {
		t.Errorf("%+v, %v", out, err)
	}
	if path != "/tts" || asked["text"] != "Guten Tag." || asked["prompt_text"] != "what I say" || asked["text_lang"] != "en" || asked["prompt_lang"] != "en" || asked["top_k"] != 5.0 {
		t.Errorf("%s: %v", path, asked)
	}
	path = ""
	_, err = say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Guten Tag.", "profile": anna, "consent": true, "engine": "gpt-sovits", "voice": "de"}})
	voicetest.Explained(t, err, true, `speaks no "de"`, "en, zh, ja, ko, yue")
	if path != "" {
		t.Errorf("it was asked %s", path)
	}
	_, err = say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "profile": anna}})
	voicetest.Explained(t, err, true, "nobody has said that they agreed")
	_, err = say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "profile": anna, "consent": true, "engine": "http"}})
	voicetest.Explained(t, err, true, "none of the engines", "gpt-sovits and f5-tts")
	_, err = say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "engine": "gpt-sovits"}})
	voicetest.Explained(t, err, true, "speaks only with a profile")
	// Without one that imitates, another voice will do where that is said.
	voicetest.Need(t, "espeak-ng")
	plain := &speaker{}
	if err := plain.configure(config{Config: engine.Config{Engines: []string{"espeak-ng"}}}); err != nil {
		t.Fatal(err)
	}
	_, err = say(t, t.Context(), plain, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "profile": anna, "consent": true}})
	voicetest.Explained(t, err, true, "gpt-sovits: not configured", "f5-tts: not installed")
	if out, err := say(t, t.Context(), plain, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "profile": anna, "consent": true, "or_plain": true}}); err != nil || out.Engine != "espeak-ng" {
		t.Errorf("%+v, %v", out, err)
	}

	bin := t.TempDir()
	spoken := voicetest.Kept(t, "spoken.wav", "audio/wav", speech(0.3, 0.5).WAV())
	program := "#!/bin/sh\nset -eu\necho \"$@\" > " + bin + "/args\nwhile [ $# -gt 0 ]; do case $1 in --output_dir) out=$2 ;; --gen_file) cat \"$2\" >> " + bin + "/args ;; esac; shift; done\ncp " + spoken.Path + " \"$out/f5.wav\"\n"
	if err := os.WriteFile(filepath.Join(bin, "f5-tts_infer-cli"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	out, err = say(t, t.Context(), plain, &sdk.Task{Inputs: sdk.Values{"text": "--help me", "profile": anna, "consent": true}})
	if err != nil || out.Engine != "f5-tts" || out.Voice != "anna" {
		t.Errorf("%+v, %v", out, err)
	}
	args, err := os.ReadFile(filepath.Join(bin, "args"))
	if err != nil || !strings.Contains(string(args), "--ref_text=what I say") || !strings.Contains(string(args), "--nfe_step 16") || strings.Contains(string(args), "legacy") || strings.Contains(string(args), "true") || !strings.Contains(string(args), "--load_vocoder_from_local") || !strings.HasSuffix(string(args), "--help me") {
		t.Errorf("%s, %v", args, err)
	}
}

// TestTranscribe: both kinds of services are understood, and their failures told.
func TestTranscribe(t *testing.T) {
	t.Parallel()
	answer, status := "", 200
	var path, key string
	var form map[string][]string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, key = r.URL.Path, r.Header.Get("Authorization")
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Error(err)
			return
		}
		form = r.MultipartForm.Value
		if f, _, err := r.FormFile("file"); err != nil {
			t.Error(err)
		} else {
			_ = f.Close()
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(srv.Close)
	try := func(c config) (transcribeOut, error) {
		s := &speaker{}
		if err := s.configure(c); err != nil {
			t.Fatal(err)
		}
		return s.transcribe(t.Context(), transcribeIn{Audio: recording(t, good()), Language: "de", Prompt: "Anna"}, &sdk.Task{Scratch: t.TempDir()})
	}
	answer = `{"text": " Guten Tag,\n Anna.", "language": "german", "duration": 8.4, "segments": [{"text": " Guten Tag, Anna.", "start": 0.1, "end": 8.2, "words": [{"word": " Guten", "start": 0.1, "end": 4}, {"word": " Tag,", "start": 4.4, "end": 6}, {"word": "Anna.", "start": 6, "end": 8.2}]}]}`
	out, err := try(config{HearURL: srv.URL})
	if err != nil || path != "/inference" || out.Text != "Guten Tag, Anna." || len(out.Words) != 3 || out.Words[1] != (timing.Word{Text: "Tag,", Start: 4.4, End: 6}) || len(out.Segments) != 1 || out.Segments[0].End != 8.2 || out.Language != "de" || form["language"][0] != "de" {
		t.Errorf("%s %+v %v", path, out, err)
	}
	answer = `{"text": "Guten Tag, Anna."}`
	out, err = try(config{HearURL: srv.URL + "/v1", HearKey: "sesame", HearModel: "large"})
	if err != nil || path != "/v1/audio/transcriptions" || key != "Bearer sesame" || form["model"][0] != "large" || len(out.Words) != 3 || out.Words[2].End < 7 || out.Language != "de" {
		t.Errorf("%s %+v %v", path, out, err)
	}
	// What whisper.cpp's server 1.9.3 said of 2.7 seconds, with a model of random numbers: it reaches beyond the end. Asked without a language
	// it takes English for granted, so it is told to find out; other services are not, which know no "auto".
	heard, err := os.ReadFile("testdata/whisper-server.json")
	if err != nil {
		t.Fatal(err)
	}
	answer = string(heard)
	for _, at := range []string{"", "/v1"} {
		s := &speaker{}
		if err := s.configure(config{HearURL: srv.URL + at}); err != nil {
			t.Fatal(err)
		}
		out, err = s.transcribe(t.Context(), transcribeIn{Audio: recording(t, speech(0.3, 2.4))}, &sdk.Task{Scratch: t.TempDir()})
		if err != nil || out.Language != "de" || out.Text != "rendre" || len(out.Words) != 1 || out.Words[0] != (timing.Word{Text: "rendre", Start: 0.57, End: out.Seconds}) || out.Segments[0].End != out.Seconds {
			t.Errorf("%s: %+v %v", at, out, err)
		}
		if got := strings.Join(form["language"], " "); got != map[string]string{"": "auto", "/v1": ""}[at] {
			t.Errorf("%s: it was asked for the language %q", at, got)
		}
	}
	answer = "what?"
	_, err = try(config{HearURL: srv.URL})
	voicetest.Explained(t, err, false, "no transcript: what?")
	status = 503
	_, err = try(config{HearURL: srv.URL})
	voicetest.Explained(t, err, false, "503 Service Unavailable: what?")
	_, err = try(config{})
	voicetest.Explained(t, err, true, "no service", "SPINBOT_PLUGIN_VOICE_HEAR_URL")
	_, err = try(config{HearURL: "nowhere"})
	voicetest.Explained(t, err, true, "is none")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &speaker{}
	if err := s.configure(config{HearURL: srv.URL}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.transcribe(ctx, transcribeIn{Audio: recording(t, good())}, &sdk.Task{Scratch: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Error(err)
	}
}

// TestAlignNode: words and sounds follow each other through the recording of a real voice.
func TestAlignNode(t *testing.T) {
	t.Parallel()
	voicetest.Need(t, "espeak-ng")
	s := &speaker{}
	if err := s.configure(config{Config: engine.Config{Engines: []string{"espeak-ng"}}}); err != nil {
		t.Fatal(err)
	}
	spoken, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": sentence}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := alignNode().Run(t.Context(), &sdk.Task{Inputs: sdk.Values{"audio": spoken.Audio, "text": sentence}, Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var out alignOut
	if err := sdk.Bind(r.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Words) != len(strings.Fields(sentence)) || len(out.Phonemes) < 2*len(out.Words) || out.Words[0] != spoken.Words[0] {
		t.Errorf("%+v", out)
	}
	at := 0.0
	for _, p := range out.Phonemes {
		if p.Start < at-0.002 || p.End < p.Start || p.End > out.Seconds+0.01 || p.Symbol == "" || strings.ContainsAny(p.Symbol, "ˈ_() ") {
			t.Errorf("%+v after %v", p, at)
		}
		at = p.End
	}
}

// TestOtherForms: what is no WAV is read by ffmpeg; what is no sound at all is told.
func TestOtherForms(t *testing.T) {
	t.Parallel()
	voicetest.Need(t, "ffmpeg")
	dir := t.TempDir()
	path := filepath.Join(dir, "sample.ogg")
	if _, err := program.Run(t.Context(), good().WAV(), "ffmpeg", "-v", "error", "-i", "-", path); err != nil {
		t.Fatal(err)
	}
	s, err := audio.Listen(t.Context(), sdk.Artifact{Path: path, Name: "sample.ogg"}, t.TempDir())
	if err != nil || s.Seconds() < 5 {
		t.Error(s.Seconds(), err)
	}
	_, err = audio.Listen(t.Context(), voicetest.Kept(t, "a.txt", "text/plain", []byte("just a text")), t.TempDir())
	voicetest.Explained(t, err, true, "a.txt cannot be heard")
	_, err = audio.Listen(t.Context(), recording(t, audio.Sound{Rate: 16000}), t.TempDir())
	voicetest.Explained(t, err, true)
}

// TestNewTypes holds the node types to what hosts rely on.
func TestNewTypes(t *testing.T) {
	t.Parallel()
	sample := recording(t, good())
	heard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"text": "one two"}`)) }))
	t.Cleanup(heard.Close)
	sdktest.Suite{Config: sdk.Values{"hear_url": heard.URL + "/v1"}, Cases: []sdktest.Case{{Type: "voice.transcribe", Inputs: sdk.Values{"audio": sample}}}}.Run(t, plugin())
	sdktest.Suite{Cases: []sdktest.Case{
		{Type: "voice.check", Inputs: sdk.Values{"sample": sample}},
		{Type: "voice.profile", Inputs: sdk.Values{"sample": sample, "transcript": "x", "name": "anna", "consent": true}},
		{Name: "without consent", Type: "voice.profile", Inputs: sdk.Values{"sample": sample, "transcript": "x", "name": "anna"}, Fails: "agreed"},
		{Type: "voice.align", Inputs: sdk.Values{"audio": sample, "text": "one two"}},
		{Type: "voice.transcribe", Inputs: sdk.Values{"audio": sample}, Fails: "no service"},
	}}.Run(t, plugin())
}
