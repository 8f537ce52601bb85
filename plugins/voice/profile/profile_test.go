package profile

import (
	"archive/zip"
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
)

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
		_, err := Read(voicetest.Kept(t, "p.voice", Media, raw), t.TempDir())
		voicetest.Explained(t, err, true, want)
	}
}

// TestExcerpt: engines that take no long sample get one that ends in a pause, and what is said up to there.
func TestExcerpt(t *testing.T) {
	t.Parallel()
	p := Profile{Transcript: "One and two and three. Four and five and six. Seven and eight and nine.", Language: "en"}
	long := audio.Sound{Rate: voicetest.Rate, Samples: voicetest.Speech(0.2, 4, 0.5, 4, 0.5, 4)}
	p.Sample = voicetest.Kept(t, "long.wav", "audio/wav", long.WAV()).Path
	for most, want := range map[float64]string{5: "One and two and three.", 9.8: "One and two and three. Four and five and six.", 20: p.Transcript} {
		got, err := p.Excerpt(t.Context(), t.TempDir(), most)
		if err != nil || got.Transcript != want {
			t.Errorf("%g: %q, %v", most, got.Transcript, err)
			continue
		}
		raw, err := os.ReadFile(got.Sample)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := audio.ReadWAV(raw); err != nil || s.Seconds() > most || (s.Seconds() < long.Seconds()) != (want != p.Transcript) {
			t.Errorf("%g: %g seconds, %v", most, s.Seconds(), err)
		}
	}
	p.Transcript = "Nothingbutoneword."
	if got, err := p.Excerpt(t.Context(), t.TempDir(), 9.8); err != nil || got.Sample != p.Sample {
		t.Errorf("%+v, %v", got, err)
	}
}
