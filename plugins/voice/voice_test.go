package main

import (
	"context"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/timing"
	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
	"github.com/myspinbot/spinbot/sdk"
)

// say runs the node type and checks its outputs against its schema.
func say(t *testing.T, ctx context.Context, s *speaker, task *sdk.Task) (sayOut, error) {
	t.Helper()
	if task.Scratch == "" {
		task.Scratch = t.TempDir()
	}
	n := sayNode(s)
	r, err := n.Run(ctx, task)
	var out sayOut
	if err != nil {
		return out, err
	}
	if bad := n.Type().Outputs.Check(r.Outputs); len(bad) > 0 {
		t.Errorf("outputs do not fit the schema: %v", bad)
	}
	if err := sdk.Bind(r.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	return out, nil
}

// check holds what was said against what was promised.
func check(t testing.TB, text string, out sayOut) {
	t.Helper()
	raw, err := os.ReadFile(out.Audio.Path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := audio.ReadWAV(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) != 44+2*len(s.Samples) {
		t.Errorf("the WAV has %d bytes for %d samples; want 16-bit mono", len(raw), len(s.Samples))
	}
	if out.Seconds <= 0 || math.Abs(out.Seconds-s.Seconds()) > 0.0005 {
		t.Errorf("it says %v s, the WAV lasts %v s", out.Seconds, s.Seconds())
	}
	if p := voicetest.Peak(s.Samples); p < 0.5 || p > 0.709 {
		t.Errorf("its peak is %v; want -3 dBFS at most, and not much less", p)
	}
	var shown []string
	at := 0.0
	for i, w := range out.Words {
		shown = append(shown, w.Text)
		if w.Start < at || w.End <= w.Start || w.End > out.Seconds {
			t.Errorf("word %d, %q, is said from %v to %v, after %v, within %v s", i, w.Text, w.Start, w.End, at, out.Seconds)
		}
		at = w.End
	}
	if want, err := timing.Clean(text); err != nil || strings.Join(shown, " ") != want {
		t.Errorf("words %q; want those of %q (%v)", shown, want, err)
	}
}

func number(x float64) any {
	v, err := sdk.ValuesOf(struct{ X float64 }{x})
	if err != nil {
		panic(err)
	}
	return v["x"]
}

// speech is what voicetest.Speech makes.
func speech(level float64, lengths ...float64) audio.Sound {
	return audio.Sound{Rate: voicetest.Rate, Samples: voicetest.Speech(level, lengths...)}
}
