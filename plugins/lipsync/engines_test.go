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
			for _, speech := range [][]float64{{1, 0.5, 1}, {0.2}, {2, 0.5, 2, 1}} {
				if speech[0] != 1 && name != "infinitetalk" {
					continue // it alone makes clips
				}
				seconds := 0.0
				for _, s := range speech {
					seconds += s
				}
				task := sdk.Task{Scratch: t.TempDir()}
				began := time.Now()
				out, err := s.talk(t.Context(), talkIn{Portrait: portrait(t, drawn.Person, 256), Audio: tone(t, speech...), Consent: true, Engine: name, Height: 256},
					task.WithReporter(func(r sdk.Report) { t.Logf("%s %.2f %s", r.Kind, r.Fraction, r.Message) }))
				if err != nil {
					t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
				}
				own := name == "infinitetalk" // it has sizes of its own
				if out.Engine != name || out.Preview || !own && (out.Width != 256 || out.Height != 256) || math.Abs(out.Seconds-seconds) > 0.1 {
					t.Errorf("%+v", out)
				}
				streams, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,pix_fmt,sample_rate,nb_frames,duration", "-of", "compact", out.Video.Path).Output()
				t.Logf("%s: %.2f seconds of film, %d by %d, of %.2f of speech, in %s, %v\n%s", name, out.Seconds, out.Width, out.Height, seconds, time.Since(began).Round(time.Second), err, streams)
			}
		})
	}
}
