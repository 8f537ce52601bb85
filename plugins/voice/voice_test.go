package main

import (
	"context"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// need skips aloud on a person's machine; in CI espeak-ng must be there. (flite is not to be had everywhere.)
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" && program == "espeak-ng" {
		t.Fatalf("%s is missing; run scripts/setup", program)
	}
	t.Skipf("SKIPPED: %s is missing; run scripts/setup", program)
}

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
	s, err := readWAV(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) != 44+2*len(s.samples) {
		t.Errorf("the WAV has %d bytes for %d samples; want 16-bit mono", len(raw), len(s.samples))
	}
	if out.Seconds <= 0 || math.Abs(out.Seconds-s.seconds()) > 0.0005 {
		t.Errorf("it says %v s, the WAV lasts %v s", out.Seconds, s.seconds())
	}
	if p := peak(s); p < 0.5 || p > peakLevel+0.001 {
		t.Errorf("its peak is %v; want %v at most, and not much less", p, peakLevel)
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
	if want, err := clean(text); err != nil || strings.Join(shown, " ") != want {
		t.Errorf("words %q; want those of %q (%v)", shown, want, err)
	}
}

func peak(s sound) (p float64) {
	for _, x := range s.samples {
		p = max(p, math.Abs(float64(x)))
	}
	return p
}

// speech makes a sound of speech and silence in turn, beginning with speech: lengths in seconds.
func speech(level float64, lengths ...float64) sound {
	s := sound{rate: 16000}
	for i, l := range lengths {
		for range int(math.Round(l * 16000)) {
			x := 0.0
			if i%2 == 0 {
				x = level * math.Sin(2*math.Pi*200*float64(len(s.samples))/16000)
			}
			s.samples = append(s.samples, float32(x))
		}
	}
	return s
}

func number(x float64) any {
	v, err := sdk.ValuesOf(struct{ X float64 }{x})
	if err != nil {
		panic(err)
	}
	return v["x"]
}

// explained wants an error that says all of these, and what to do next.
func explained(t *testing.T, err error, permanent bool, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", says)
	}
	e := sdk.AsError(err)
	if e.Hint == "" || e.Permanent != permanent {
		t.Errorf("hint %q, permanent %v; want a hint and %v", e.Hint, e.Permanent, permanent)
	}
	for _, s := range says {
		if !strings.Contains(e.Error(), s) {
			t.Errorf("got %q; want it to say %q", e.Error(), s)
		}
	}
}
