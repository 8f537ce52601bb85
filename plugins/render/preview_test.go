package main

import (
	"errors"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// made is a file that ffmpeg makes.
func made(t *testing.T, name string, args ...string) sdk.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(append([]string{"-v", "error"}, args...), path)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return sdk.Artifact{Path: path, Name: name}
}

func TestThumbnail(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	for name, c := range map[string]struct {
		in   sdk.Artifact
		w, h int
	}{
		"a film":                   {made(t, "x.mp4", "-f", "lavfi", "-i", "color=red:s=640x360:d=0.2"), 320, 180},
		"a film that begins black": {made(t, "b.mp4", "-f", "lavfi", "-i", "color=black:s=640x360:d=0.6[a];color=red:s=640x360:d=4[b];[a][b]concat=n=2"), 320, 180},
		"a small picture":          {made(t, "x.png", "-f", "lavfi", "-i", "color=red:s=100x50", "-frames:v", "1"), 100, 50},
		"a tall picture":           {made(t, "x.webp", "-f", "lavfi", "-i", "color=red:s=640x1280", "-frames:v", "1"), 320, 640},
		"a GIF":                    {made(t, "x.gif", "-f", "lavfi", "-i", "color=red:s=640x360:d=0.2"), 320, 180},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := call(t, t.Context(), thumbnailNode(), t.TempDir(), sdk.Values{"media": c.in, "width": 320})
			if err != nil {
				t.Fatal(err)
			}
			a, _ := out["picture"].(sdk.Artifact)
			f, err := os.Open(a.Path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			img, err := jpeg.Decode(f)
			if err != nil || img.Bounds().Dx() != c.w || img.Bounds().Dy() != c.h {
				t.Fatalf("%v, %v", img.Bounds(), err)
			}
			if r, g, _, _ := img.At(c.w/2, c.h/2).RGBA(); r < 0xd000 || g > 0x2000 {
				t.Errorf("the colour is %x %x", r, g)
			}
		})
	}
}

func TestWaveform(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	// silence, then a tone at half of the greatest loudness
	in := made(t, "x.wav", "-f", "lavfi", "-i", "aevalsrc='if(lt(t,1),0,0.5*sin(2*PI*440*t))':d=2")
	for n, want := range map[int]int{2: 2, 10: 10, 4000: 200} {
		out, err := call(t, t.Context(), waveformNode(), t.TempDir(), sdk.Values{"media": in, "peaks": n})
		if err != nil {
			t.Fatal(err)
		}
		var wave waveformOut
		if err := sdk.Bind(out, &wave); err != nil || len(wave.Peaks) != want {
			t.Fatalf("%v %v", out, err)
		}
		peaks := wave.Peaks
		if first, last := peaks[0], peaks[want-1]; first > 0.01 || math.Abs(last-0.5) > 0.02 {
			t.Errorf("%d: %v to %v", n, first, last)
		}
		f, err := os.Open(wave.Picture.Path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		img, err := png.Decode(f)
		if err != nil || img.Bounds().Dx() != want {
			t.Fatalf("%v %v", img.Bounds(), err)
		}
		if _, _, _, alpha := img.At(want-1, 45).RGBA(); alpha == 0 {
			t.Error("the loud end is not drawn")
		}
		if _, _, _, alpha := img.At(0, 45).RGBA(); alpha != 0 {
			t.Error("silence is drawn loud")
		}
	}
}

// TestPreviewsRefuse: what is none, and what would have other files read.
func TestPreviewsRefuse(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	secret := made(t, "secret.mp4", "-f", "lavfi", "-i", "color=red:s=64x64:d=0.2", "-f", "lavfi", "-i", "sine=d=0.2")
	text := func(name, content string) sdk.Artifact {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return sdk.Artifact{Path: path, Name: name}
	}
	for _, in := range []sdk.Artifact{
		text("empty", ""), text("words", "plain words"), text("half.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
		text("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://"+secret.Path+"\n#EXT-X-ENDLIST\n"),
		text("list.txt", "ffconcat version 1.0\nfile '"+secret.Path+"'\n"),
		text("huge.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xff\xff\x00\x00\xff\xff\x08\x02\x00\x00\x00\x8d\xa1\x8f\x5e\x00\x00\x00\x00IEND\xaeB`\x82"),
	} {
		for _, n := range []sdk.Node{thumbnailNode(), waveformNode()} {
			_, err := call(t, t.Context(), n, t.TempDir(), sdk.Values{"media": in, "width": 320, "peaks": 800})
			var e *sdk.Error
			if !errors.As(err, &e) || !e.Permanent || !strings.Contains(e.Message, in.Name) {
				t.Errorf("%s of %s: %v", n.Type().Name, in.Name, err)
			}
		}
	}
}
