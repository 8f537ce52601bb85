//go:build engines

package main

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/lipsync/drawn"
	"github.com/myspinbot/spinbot/sdk"
)

// TestRealEngines has portraits speak with the engines that LIPSYNC_ENGINES names, a JSON file: by each engine's name its folder and Python.
// docs/engines.md says which were run, and scripts in testdata make models. What is not named is skipped.
func TestRealEngines(t *testing.T) {
	raw, err := os.ReadFile(os.Getenv("LIPSYNC_ENGINES"))
	if err != nil {
		t.Fatalf("LIPSYNC_ENGINES: %v", err)
	}
	var engines map[string]program
	if err := json.Unmarshal(raw, &engines); err != nil {
		t.Fatal(err)
	}
	for _, name := range programs() {
		p, named := engines[name]
		if !named {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := &stage{}
			if err := s.configure(config{Engines: map[string]program{name: p}}); err != nil {
				t.Fatal(err)
			}
			task := sdk.Task{Scratch: t.TempDir()}
			began := time.Now()
			out, err := s.talk(t.Context(), talkIn{Portrait: portrait(t, drawn.Person, 256), Audio: tone(t, 1, 0.5, 1), Consent: true, Engine: name, Height: 256},
				task.WithReporter(func(r sdk.Report) { t.Logf("%s %s", r.Kind, r.Message) }))
			if err != nil {
				t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
			}
			if out.Engine != name || out.Preview || out.Width != 256 || out.Height != 256 || math.Abs(out.Seconds-2.5) > 0.1 {
				t.Errorf("%+v", out)
			}
			streams, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,pix_fmt,sample_rate,nb_frames,duration", "-of", "compact", out.Video.Path).Output()
			t.Logf("%s: %.2f seconds of film in %s, %v\n%s", name, out.Seconds, time.Since(began).Round(time.Second), err, streams)
		})
	}
}
