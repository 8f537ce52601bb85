package main

import (
	"archive/zip"
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

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

func recording(t testing.TB, s sound) sdk.Artifact {
	return kept(t, "sample.wav", "audio/wav", s.wav())
}

func kept(t testing.TB, name, media string, data []byte) sdk.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return sdk.Artifact{Digest: "sha256:" + strings.Repeat("0", 64), Path: path, Name: name, MediaType: media, Size: int64(len(data))}
}

// good is a recording that a voice can be made of.
func good() sound {
	s := speech(0.3, 6, 0.6, 6)
	s.rate = 24000 // so it takes two thirds of the time
	return s
}

// TestCheck: each fault of a recording is found and comes with advice.
func TestCheck(t *testing.T) {
	t.Parallel()
	noisy := good()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noisy.samples {
		noisy.samples[i] += float32(r.NormFloat64() * 0.05)
	}
	loud := good()
	for i := range loud.samples {
		loud.samples[i] = max(-1, min(1, loud.samples[i]*6))
	}
	phone := speech(0.3, 8)
	phone.rate = 8000
	quiet := speech(0.01, 10, 0.5)
	for name, c := range map[string]struct {
		of   sound
		good bool
		says string
	}{
		"good":   {good(), true, ""},
		"short":  {speech(0.3, 2, 0.3, 1), false, "3.0 seconds of speech"},
		"noisy":  {noisy, false, "louder than the noise"},
		"loud":   {loud, false, "cut off"},
		"phone":  {phone, false, "as a telephone"},
		"silent": {sound{16000, make([]float32, 16000)}, false, "nobody speaks"},
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
	out, err := makeProfile(t.Context(), profileIn{Sample: recording(t, good()), Transcript: "what I say", Name: "anna", Language: "de", Consent: true,
		Settings: map[string]any{"gpt-sovits": map[string]any{"top_k": json.Number("5")}, "f5-tts": map[string]any{"nfe_step": json.Number("16")}}},
		&sdk.Task{Scratch: dir, Owner: "bob", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return sdk.Artifact{Path: out.Profile.Path, Name: "profile.voice", MediaType: mediaVoice, Digest: "sha256:" + strings.Repeat("1", 64)}
}

// TestProfile: a voice is made with consent only, says who gave it, and is the same bytes each time.
func TestProfile(t *testing.T) {
	t.Parallel()
	_, err := makeProfile(t.Context(), profileIn{Sample: recording(t, good()), Transcript: "x", Name: "x"}, &sdk.Task{Scratch: t.TempDir()})
	explained(t, err, true, "nobody has said that they agreed", "consent = var.consent")
	_, err = makeProfile(t.Context(), profileIn{Sample: recording(t, speech(0.3, 1)), Transcript: "x", Name: "x", Consent: true}, &sdk.Task{Scratch: t.TempDir()})
	explained(t, err, true, "makes no good voice", "1.0 seconds of speech", "accept_poor")
	_, err = makeProfile(t.Context(), profileIn{Sample: kept(t, "x.wav", "audio/wav", []byte("RIFFxxxxWAVE")), Transcript: "x", Name: "x", Consent: true}, &sdk.Task{Scratch: t.TempDir()})
	explained(t, err, true, "holds no samples")
	one, two := made(t), made(t)
	a, err1 := os.ReadFile(one.Path)
	b, err2 := os.ReadFile(two.Path)
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Error("the same voice is other bytes", err1, err2)
	}
	p, err := readProfile(one, t.TempDir())
	if err != nil || p.Name != "anna" || p.Transcript != "what I say" || p.Consent.By != "bob" || p.Consent.At.Year() != 2026 {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestBadProfiles: what is no voice is refused.
func TestBadProfiles(t *testing.T) {
	t.Parallel()
	pack := func(files map[string]string) []byte {
		var raw bytes.Buffer
		w := zip.NewWriter(&raw)
		for name, text := range files {
			f, err := w.Create(name)
			if err == nil {
				_, err = f.Write([]byte(text))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return raw.Bytes()
	}
	for want, raw := range map[string][]byte{
		"is no voice":              []byte("what?"),
		"has no voice.json":        pack(map[string]string{"a": "b"}),
		"voice.json cannot be":     pack(map[string]string{"voice.json": "{"}),
		"of version 9":             pack(map[string]string{"voice.json": `{"version": 9, "transcript": "x"}`}),
		"has no sample.wav":        pack(map[string]string{"voice.json": `{"version": 1, "transcript": "x"}`}),
		"sample cannot be heard":   pack(map[string]string{"voice.json": `{"version": 1, "transcript": "x"}`, "sample.wav": "x"}),
		"voice.json of p.voice is": pack(map[string]string{"voice.json": strings.Repeat(" ", 2<<20)}),
	} {
		_, err := readProfile(kept(t, "p.voice", mediaVoice, raw), t.TempDir())
		explained(t, err, true, want)
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
		_, _ = w.Write(speech(0.3, 0.5, 0.3, 0.5).wav())
	}))
	t.Cleanup(srv.Close)
	s := &speaker{}
	if err := s.configure(config{SovitsURL: srv.URL}); err != nil {
		t.Fatal(err)
	}
	anna := made(t)
	out, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Guten Tag.", "profile": anna, "consent": true}})
	if err != nil || out.Engine != "gpt-sovits" || out.Voice != "anna" {
		t.Errorf("%+v, %v", out, err)
	}
	if path != "/tts" || asked["text"] != "Guten Tag." || asked["prompt_text"] != "what I say" || asked["text_lang"] != "de" || asked["prompt_lang"] != "de" || asked["top_k"] != 5.0 {
		t.Errorf("%s: %v", path, asked)
	}
	_, err = say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "profile": anna}})
	explained(t, err, true, "nobody has said that they agreed")
	_, err = say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "profile": anna, "consent": true, "engine": "http"}})
	explained(t, err, true, "none of the engines", "gpt-sovits and f5-tts")
	_, err = say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "engine": "gpt-sovits"}})
	explained(t, err, true, "speaks only with a profile")
	// Without one that imitates, another voice will do where that is said.
	need(t, "espeak-ng")
	plain := &speaker{}
	if err := plain.configure(config{Engines: []string{"espeak-ng"}}); err != nil {
		t.Fatal(err)
	}
	_, err = say(t, t.Context(), plain, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "profile": anna, "consent": true}})
	explained(t, err, true, "gpt-sovits: not configured", "f5-tts: not installed")
	if out, err := say(t, t.Context(), plain, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "profile": anna, "consent": true, "or_plain": true}}); err != nil || out.Engine != "espeak-ng" {
		t.Errorf("%+v, %v", out, err)
	}

	bin := t.TempDir()
	spoken := kept(t, "spoken.wav", "audio/wav", speech(0.3, 0.5).wav())
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
	if err != nil || !strings.Contains(string(args), "--ref_text what I say") || !strings.Contains(string(args), "--nfe_step 16") || !strings.HasSuffix(string(args), "--help me") {
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
	if err != nil || path != "/inference" || out.Text != "Guten Tag, Anna." || len(out.Words) != 3 || out.Words[1] != (word{"Tag,", 4.4, 6}) || len(out.Segments) != 1 || out.Segments[0].End != 8.2 || form["language"][0] != "de" {
		t.Errorf("%s %+v %v", path, out, err)
	}
	answer = `{"text": "Guten Tag, Anna."}`
	out, err = try(config{HearURL: srv.URL + "/v1", HearKey: "sesame", HearModel: "large"})
	if err != nil || path != "/v1/audio/transcriptions" || key != "Bearer sesame" || form["model"][0] != "large" || len(out.Words) != 3 || out.Words[2].End < 7 || out.Language != "de" {
		t.Errorf("%s %+v %v", path, out, err)
	}
	answer = "what?"
	_, err = try(config{HearURL: srv.URL})
	explained(t, err, false, "no transcript: what?")
	status = 503
	_, err = try(config{HearURL: srv.URL})
	explained(t, err, false, "503 Service Unavailable: what?")
	_, err = try(config{})
	explained(t, err, true, "no service", "SPINBOT_PLUGIN_VOICE_HEAR_URL")
	_, err = try(config{HearURL: "nowhere"})
	explained(t, err, true, "is none")
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
	need(t, "espeak-ng")
	s := &speaker{}
	if err := s.configure(config{Engines: []string{"espeak-ng"}}); err != nil {
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
	need(t, "ffmpeg")
	dir := t.TempDir()
	path := filepath.Join(dir, "sample.ogg")
	if _, err := command(t.Context(), good().wav(), "ffmpeg", "-v", "error", "-i", "-", path); err != nil {
		t.Fatal(err)
	}
	s, err := listen(t.Context(), sdk.Artifact{Path: path, Name: "sample.ogg"}, t.TempDir())
	if err != nil || s.seconds() < 5 {
		t.Error(s.seconds(), err)
	}
	_, err = listen(t.Context(), kept(t, "a.txt", "text/plain", []byte("just a text")), t.TempDir())
	explained(t, err, true, "a.txt cannot be heard")
	_, err = listen(t.Context(), recording(t, sound{rate: 16000}), t.TempDir())
	explained(t, err, true)
}

// TestNewTypes holds the node types to what hosts rely on.
func TestNewTypes(t *testing.T) {
	t.Parallel()
	sample := recording(t, good())
	sdktest.Suite{Cases: []sdktest.Case{
		{Type: "voice.check", Inputs: sdk.Values{"sample": sample}},
		{Type: "voice.profile", Inputs: sdk.Values{"sample": sample, "transcript": "x", "name": "anna", "consent": true}},
		{Name: "without consent", Type: "voice.profile", Inputs: sdk.Values{"sample": sample, "transcript": "x", "name": "anna"}, Fails: "agreed"},
		{Type: "voice.align", Inputs: sdk.Values{"audio": sample, "text": "one two"}},
		{Type: "voice.transcribe", Inputs: sdk.Values{"audio": sample}, Fails: "no service"},
	}}.Run(t, plugin())
}
