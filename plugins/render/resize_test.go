package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// TestResize: the picture has its new size, and the same colours where they were.
func TestResize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		factor float64
		w, h   int
	}{{2, 128, 96}, {0.5, 32, 24}, {1.5, 96, 72}, {0.05, 3, 2}} {
		out, err := call(t, t.Context(), resizeNode(), t.TempDir(), sdk.Values{"picture": picture(t), "factor": number(c.factor)})
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(out["image"].(sdk.Artifact).Path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		img, err := png.Decode(f)
		if err != nil || img.Bounds() != image.Rect(0, 0, c.w, c.h) || fmt.Sprintf("%v %v", out["width"], out["height"]) != fmt.Sprintf("%d %d", c.w, c.h) {
			t.Fatalf("×%v: %v, %v, %v", c.factor, img.Bounds(), out, err)
		}
		got, want := color.NRGBAModel.Convert(img.At(c.w/2, c.h/2)).(color.NRGBA), color.NRGBA{4 * 32, 5 * 24, 128, 255}
		if c.w > 3 && (far(got.R, want.R) || far(got.G, want.G) || far(got.B, want.B) || got.A != 255) {
			t.Errorf("×%v: %v in the middle, want about %v", c.factor, got, want)
		}
	}
}

// far says that two shades can be told apart.
func far(a, b uint8) bool { return max(a, b)-min(a, b) > 8 }

// TestResizeRefuses: what is no picture, and what would be too large.
func TestResizeRefuses(t *testing.T) {
	t.Parallel()
	large := filepath.Join(t.TempDir(), "large.png")
	f, err := os.Create(large)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, image.NewGray(image.Rect(0, 0, 1300, 1300))); err != nil {
		t.Fatal(err)
	}
	f.Close()
	text := filepath.Join(t.TempDir(), "notes.png")
	if err := os.WriteFile(text, []byte("only text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{large: `"large.png" would have 10400 by 10400 pixels`, text: `"notes.png" is not a picture`} {
		_, err := call(t, t.Context(), resizeNode(), t.TempDir(), sdk.Values{"picture": sdk.Artifact{Path: path, Name: filepath.Base(path)}, "factor": number(8)})
		if e := sdk.AsError(err); e == nil || !e.Permanent || e.Hint == "" || !strings.Contains(e.Message, want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
