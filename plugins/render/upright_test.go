package main

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// onItsSide says in EXIF that a JPEG is to be turned by a quarter, clockwise.
const onItsSide = "\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"

// TestUpright: a photo from a phone, whose pixels lie on their side, is measured and used as it is seen.
func TestUpright(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	photo := made(t, "x.jpg", "-f", "lavfi", "-i", "testsrc=s=128x64", "-frames:v", "1")
	raw, err := os.ReadFile(photo.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(photo.Path, slices.Concat(raw[:2], []byte(onItsSide), raw[2:]), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		node sdk.Node
		in   sdk.Values
		made string // the picture among the outputs
		w, h int
	}{
		"probe":     {probeNode(), sdk.Values{"media": photo}, "", 64, 128},
		"resize":    {resizeNode(), sdk.Values{"picture": photo}, "image", 128, 256},
		"upscale":   {upscaleNode(), sdk.Values{"media": photo, "factor": number(2)}, "media", 128, 256},
		"thumbnail": {thumbnailNode(), sdk.Values{"media": photo, "width": 320}, "picture", 64, 128},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := call(t, t.Context(), c.node, t.TempDir(), c.in)
			if err != nil {
				t.Fatal(err)
			}
			if a, is := out[c.made].(sdk.Artifact); is {
				if out, err = call(t, t.Context(), probeNode(), t.TempDir(), sdk.Values{"media": a}); err != nil {
					t.Fatal(err)
				}
			}
			if got := fmt.Sprint(out["width"], " by ", out["height"]); got != fmt.Sprint(c.w, " by ", c.h) {
				t.Errorf("%s, want %d by %d", got, c.w, c.h)
			}
		})
	}
}
