// Package voicetest is what tests of the voice plugin share: sounds that look like speech, recordings as artifacts, what errors are to say.
package voicetest

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// Need skips aloud on a person's machine; in CI espeak-ng must be there. (flite is not to be had everywhere.)
func Need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" && program == "espeak-ng" {
		t.Fatalf("%s is missing; run scripts/setup", program)
	}
	t.Skipf("SKIPPED: %s is missing; run scripts/setup", program)
}

// Rate is how many samples a second Speech makes.
const Rate = 16000

// Speech makes a sound of speech and silence in turn, beginning with speech: lengths in seconds.
func Speech(level float64, lengths ...float64) []float32 {
	var samples []float32
	for i, l := range lengths {
		for range int(math.Round(l * Rate)) {
			x := 0.0
			if i%2 == 0 {
				x = level * math.Sin(2*math.Pi*200*float64(len(samples))/Rate)
			}
			samples = append(samples, float32(x))
		}
	}
	return samples
}

// Peak gives the loudest sample.
func Peak(samples []float32) (p float64) {
	for _, x := range samples {
		p = max(p, math.Abs(float64(x)))
	}
	return p
}

// Kept keeps bytes as an artifact.
func Kept(t testing.TB, name, media string, data []byte) sdk.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return sdk.Artifact{Digest: "sha256:" + strings.Repeat("0", 64), Path: path, Name: name, MediaType: media, Size: int64(len(data))}
}

// Explained wants an error that says all of these, and what to do next.
func Explained(t *testing.T, err error, permanent bool, says ...string) {
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
