package shorts_test

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/shorts"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

func need(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("ffmpeg is missing; " + av.InstallHint)
	}
	t.Skip("SKIPPED: ffmpeg is missing; " + av.InstallHint)
}

// made is a file that ffmpeg makes.
func made(t *testing.T, name, media string, args ...string) sdk.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error"}, args...), path)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return sdk.Artifact{Digest: "sha256:" + strings.Repeat("0", 64), Path: path, Name: name, MediaType: media, Size: info.Size()}
}

// footage is a film of three seconds: its left half is red, its right half blue; a tone is heard in its last second.
func footage(t *testing.T) sdk.Artifact {
	return made(t, "it's [a] film.mp4", "video/mp4", "-f", "lavfi", "-i", "color=red:s=160x90:r=10:d=3", "-f", "lavfi", "-i", "color=blue:s=80x90:r=10:d=3", "-f", "lavfi", "-i", "aevalsrc=0.4*sin(1400*t)*gt(t\\,2):d=3:s=22050",
		"-filter_complex", "[0][1]overlay=80:0", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
}

func speech(t *testing.T, seconds string) sdk.Artifact {
	return made(t, "speech.wav", "audio/wav", "-f", "lavfi", "-i", "aevalsrc=0.4*sin(1400*t):d="+seconds+":s=16000")
}

func n(v float64) json.Number { return json.Number(fmt.Sprint(v)) }

// frame is what a film shows at a time.
func frame(t testing.TB, a sdk.Artifact, at string) image.Image {
	t.Helper()
	raw, err := exec.Command("ffmpeg", "-v", "error", "-ss", at, "-i", a.Path, "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// lit is how bright a pixel is, from 0 to 255.
func lit(img image.Image, x, y int) int {
	return int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
}

func reddish(img image.Image, x, y int) bool {
	r, _, b, _ := img.At(x, y).RGBA()
	return r > 2*b
}

// shape checks size, length and sound of a film.
func shape(t testing.TB, v sdk.Values, w, h int, seconds float64, sound bool) sdk.Artifact {
	t.Helper()
	a := v["video"].(sdk.Artifact)
	f, err := av.Probe(t.Context(), a.Path, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	if f.Width != w || f.Height != h || f.Seconds < seconds-0.15 || f.Seconds > seconds+0.15 || (f.Audio != "") != sound {
		t.Errorf("%+v, want %dx%d and %.1f s", f, w, h, seconds)
	}
	return a
}

func TestReframe(t *testing.T) {
	t.Parallel()
	need(t)
	film := footage(t)
	silent := made(t, "silent.mp4", "video/mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:r=5:d=1", "-pix_fmt", "yuv420p")
	in := func(more sdk.Values) sdk.Values {
		v := sdk.Values{"video": film, "width": n(90), "height": n(160)}
		for k, x := range more {
			v[k] = x
		}
		return v
	}
	sdktest.Suite{Cases: []sdktest.Case{
		{Name: "crop looks left", Type: "render.reframe", Inputs: in(sdk.Values{"x": n(0), "start": n(1), "seconds": n(1.5)}), Want: func(t testing.TB, v sdk.Values) {
			a := shape(t, v, 90, 160, 1.5, true)
			if img := frame(t, a, "0.5"); !reddish(img, 5, 80) || !reddish(img, 84, 80) {
				t.Error("the right half is seen")
			}
		}},
		{Name: "crop looks right, to the end", Type: "render.reframe", Inputs: in(sdk.Values{"x": n(1), "start": n(2), "seconds": n(60)}), Want: func(t testing.TB, v sdk.Values) {
			if img := frame(t, shape(t, v, 90, 160, 1, true), "0.5"); reddish(img, 5, 80) {
				t.Error("the left half is seen")
			}
		}},
		{Name: "blur shows all", Type: "render.reframe", Inputs: in(sdk.Values{"fit": "blur", "title": "A title that takes two lines", "loudness": n(0)}), Want: func(t testing.TB, v sdk.Values) {
			img := frame(t, shape(t, v, 90, 160, 3, true), "0.5")
			if !reddish(img, 5, 80) || reddish(img, 84, 80) {
				t.Error("not all is seen")
			}
		}},
		{Name: "without sound", Type: "render.reframe", Inputs: in(sdk.Values{"video": silent}), Want: func(t testing.TB, v sdk.Values) { shape(t, v, 90, 160, 1, false) }},
		{Name: "behind its end", Type: "render.reframe", Inputs: in(sdk.Values{"start": n(3.5)}), Fails: "is 3.0 seconds long, and the piece begins at 3.5"},
		{Name: "a sound", Type: "render.reframe", Inputs: in(sdk.Values{"video": speech(t, "0.2")}), Fails: "has no moving pictures"},
		{Name: "no film", Type: "render.reframe", Inputs: in(sdk.Values{"video": damaged(t)}), Fails: "bad.mp4"},
	}}.Run(t, plugin())
}

func TestAudiogram(t *testing.T) {
	t.Parallel()
	need(t)
	picture := made(t, "p.png", "image/png", "-f", "lavfi", "-i", "color=navy:s=320x180", "-frames:v", "1")
	sdktest.Suite{Cases: []sdktest.Case{
		{Name: "a picture behind", Type: "render.audiogram", Inputs: sdk.Values{"audio": footage(t), "picture": picture, "width": n(180), "height": n(320), "fps": n(10), "start": n(1), "seconds": n(2)}, Want: func(t testing.TB, v sdk.Values) {
			a := shape(t, v, 180, 320, 2, true)
			// A second of silence, then a tone: the bars that come are dim at the right of the middle, and lit at its left once they are heard.
			begin, end := frame(t, a, "0"), frame(t, a, "1.8")
			y := (320 - 30) * 43 / 100
			high := func(img image.Image, from, to int) (most int) {
				for x := from; x < to; x++ {
					most = max(most, lit(img, x, y+15))
				}
				return most
			}
			if dark, heard := high(begin, 20, 88), high(end, 60, 88); heard < 200 || dark > 60 {
				t.Errorf("at the left of the middle: %d in silence, %d with the tone", dark, heard)
			}
			if comes := high(begin, 92+24, 92+60); comes < 60 || comes > 200 {
				t.Errorf("what comes is %d bright", comes)
			}
		}},
		{Name: "the house's background, with a title", Type: "render.audiogram", Inputs: sdk.Values{"audio": speech(t, "0.7"), "width": n(181), "height": n(181), "fps": n(10), "title": "Öl & „Wasser“ — 100%: it's [x]"}, Want: func(t testing.TB, v sdk.Values) {
			shape(t, v, 180, 180, 0.7, true)
		}},
		{Name: "too long", Type: "render.audiogram", Inputs: sdk.Values{"audio": speech(t, "181")}, Fails: "too long for moving bars"},
		{Name: "a picture that is none", Type: "render.audiogram", Inputs: sdk.Values{"audio": speech(t, "0.3"), "picture": speech(t, "0.1")}, Fails: "is no picture"},
		{Name: "no sound", Type: "render.audiogram", Inputs: sdk.Values{"audio": picture}, Fails: "has no sound"},
		{Name: "no file of sound", Type: "render.audiogram", Inputs: sdk.Values{"audio": damaged(t)}, Fails: "bad.mp4"},
	}}.Run(t, plugin())
}

func plugin() sdk.Plugin {
	return sdk.Plugin{Name: "render", Version: "0.1.0", Description: "Short films", Nodes: shorts.Nodes()}
}

func damaged(t *testing.T) sdk.Artifact {
	path := filepath.Join(t.TempDir(), "bad.mp4")
	if err := os.WriteFile(path, []byte("what?"), 0o600); err != nil {
		t.Fatal(err)
	}
	return sdk.Artifact{Digest: "sha256:" + strings.Repeat("0", 64), Path: path, Name: "bad.mp4", MediaType: "video/mp4", Size: 5}
}
