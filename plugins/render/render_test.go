package main

import (
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/sdk"
)

// needFFmpeg skips aloud on a person's machine; in CI a missing tool fails.
func needFFmpeg(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("ffmpeg is missing; " + av.InstallHint)
	}
	t.Skip("SKIPPED: ffmpeg is missing; " + av.InstallHint)
}

// call runs a node and checks its outputs against its schema.
func call(t *testing.T, ctx context.Context, n sdk.Node, scratch string, in sdk.Values) (sdk.Values, error) {
	t.Helper()
	r, err := n.Run(ctx, &sdk.Task{Type: n.Type().Name, Inputs: in, Scratch: scratch})
	if err == nil {
		if bad := n.Type().Outputs.Check(r.Outputs); len(bad) > 0 {
			t.Errorf("%s: outputs do not fit the schema: %v", n.Type().Name, bad)
		}
	}
	return r.Outputs, err
}

// tone writes a WAV file that stands for speech: bursts of a tone, 16-bit mono.
func tone(t *testing.T, seconds float64) sdk.Artifact {
	t.Helper()
	const rate = 22050
	n := int(seconds * rate)
	le := binary.LittleEndian
	b := append([]byte("RIFF"), le.AppendUint32(nil, uint32(36+2*n))...)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, 2*rate)
	b = append(b, "\x02\x00\x10\x00data"...)
	b = le.AppendUint32(b, uint32(2*n))
	for i := range n {
		at := float64(i) / rate
		burst := math.Max(0, math.Sin(2*math.Pi*3*at))
		b = le.AppendUint16(b, uint16(int16(14000*burst*math.Sin(2*math.Pi*220*at))))
	}
	path := filepath.Join(t.TempDir(), "speech.wav")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return sdk.Artifact{Path: path, Name: "speech.wav", MediaType: "audio/wav"}
}

func picture(t *testing.T) sdk.Artifact {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for y := range 48 {
		for x := range 64 {
			img.SetRGBA(x, y, color.RGBA{uint8(4 * x), uint8(5 * y), 128, 255})
		}
	}
	path := filepath.Join(t.TempDir(), "p.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	return sdk.Artifact{Path: path, Name: "p.png", MediaType: "image/png"}
}

func spokenWords(text string, each float64) []any {
	var out []any
	for i, w := range strings.Fields(text) {
		out = append(out, map[string]any{"text": w, "start": number(float64(i) * each), "end": number(float64(i+1)*each - 0.02)})
	}
	return out
}

// TestManifest checks what the plugin says of itself.
func TestManifest(t *testing.T) {
	t.Parallel()
	m := plugin().Manifest()
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("plugin.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"` + m.Name + `"`, `"` + m.Version + `"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("plugin.hcl does not say %s", want)
		}
	}
}
