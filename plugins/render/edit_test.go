package main

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/loud"
	"github.com/myspinbot/spinbot/sdk"
)

// footage is a film of two seconds with a tone in its first.
func footage(t *testing.T, w, h string) sdk.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it's [a] film, 100%: é.mp4")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s="+w+"x"+h+":r=10:d=2", "-f", "lavfi", "-i", "aevalsrc=0.3*sin(1400*t)*lt(t\\,1):d=2:s=22050",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return sdk.Artifact{Path: path, Name: filepath.Base(path), MediaType: "video/mp4"}
}

func facts(t *testing.T, v any) av.Facts {
	t.Helper()
	a := v.(sdk.Artifact)
	p, err := av.Probe(t.Context(), a.Path, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func refused(t *testing.T, n sdk.Node, in sdk.Values, want string) {
	t.Helper()
	_, err := call(t, t.Context(), n, t.TempDir(), in)
	if err == nil || !strings.Contains(err.Error(), want) || sdk.AsError(err).Hint == "" {
		t.Errorf("%v, want %q", err, want)
	}
}

// TestCaptions: captions are in the picture, each word lit while it is said, and come as files; odd words and folders do no harm.
func TestCaptions(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	for _, style := range []string{"highlight", "box", "plain"} {
		scratch := filepath.Join(t.TempDir(), "it's; [a] folder: 1,2")
		if err := os.Mkdir(scratch, 0o700); err != nil {
			t.Fatal(err)
		}
		out, err := call(t, t.Context(), captionsNode(), scratch, sdk.Values{"video": footage(t, "320", "180"), "words": spokenWords(`Say {\b1}this\N now, please. And that.`, 0.3), "style": style, "place": "middle", "size": number(12)})
		if err != nil {
			t.Fatalf("%s: %v\n%s", style, err, sdk.AsError(err).Detail)
		}
		if p := facts(t, out["video"]); p.Width != 320 || p.Seconds < 1.9 || p.Audio == "" {
			t.Errorf("%+v", p)
		}
		ass, err := os.ReadFile(out["ass"].(sdk.Artifact).Path)
		if err != nil {
			t.Fatal(err)
		}
		events := strings.Count(string(ass), "Dialogue:")
		if want := map[string]int{"highlight": 6, "box": 2, "plain": 2}[style]; events != want || strings.Contains(string(ass), `{\b1}`) || strings.Contains(string(ass), `\N`) {
			t.Errorf("%s: %d lines\n%s", style, events, ass)
		}
		srt, err := os.ReadFile(out["captions"].(sdk.Artifact).Path)
		if err != nil || !strings.HasPrefix(string(srt), "1\n00:00:00,000 --> ") {
			t.Errorf("%s, %v", srt, err)
		}
		// The middle is brighter than in the film without: letters are white.
		if style == "plain" {
			if with, without := middle(t, out["video"].(sdk.Artifact)), middle(t, footage(t, "320", "180")); with == without {
				t.Error("the pictures are the same")
			}
		}
	}
	refused(t, captionsNode(), sdk.Values{"video": tone(t, 0.2), "words": spokenWords("x", 0.1)}, "no moving pictures")
}

// middle gives a frame's pixels in the middle.
func middle(t *testing.T, a sdk.Artifact) string {
	t.Helper()
	raw, err := exec.Command("ffmpeg", "-v", "error", "-ss", "0.4", "-i", a.Path, "-frames:v", "1", "-vf", "crop=200:40", "-f", "rawvideo", "-pix_fmt", "gray", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestUpscale: pictures and films get larger, by ffmpeg and by a program in place of Real-ESRGAN.
func TestUpscale(t *testing.T) {
	needFFmpeg(t)
	for name, c := range map[string]struct {
		media sdk.Artifact
		w     int
	}{"picture": {picture(t), 64}, "film": {footage(t, "64", "48"), 64}} {
		out, err := call(t, t.Context(), upscaleNode(), t.TempDir(), sdk.Values{"media": c.media, "factor": number(3)})
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, sdk.AsError(err).Detail)
		}
		if p := facts(t, out["media"]); p.Width != 3*c.w || p.Height != 3*48 || name == "film" && (p.Audio == "" || p.Seconds < 1.9) {
			t.Errorf("%s: %+v", name, p)
		}
	}
	refused(t, upscaleNode(), sdk.Values{"media": tone(t, 0.2)}, "give a picture or a film")
	refused(t, upscaleNode(), sdk.Values{"media": picture(t), "engine": "realesrgan"}, "is not installed")
	bin := t.TempDir()
	tool := "#!/bin/sh\nset -eu\ncase \"$6 $8\" in \"realesrgan-x4plus 4\"|\"realesr-animevideov3 2\") ;; *) exit 9 ;; esac\nfor f in \"$2\"/*.png; do ffmpeg -v error -i \"$f\" -vf scale=$8*iw:$8*ih,negate -update 1 \"$4/$(basename \"$f\")\" </dev/null; done\n"
	if err := os.WriteFile(filepath.Join(bin, "realesrgan-ncnn-vulkan"), []byte(tool), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	out, err := call(t, t.Context(), upscaleNode(), t.TempDir(), sdk.Values{"media": footage(t, "64", "48"), "engine": "realesrgan"})
	if err != nil {
		t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
	}
	if p := facts(t, out["media"]); p.Width != 128 || p.Audio == "" || p.Seconds < 1.9 {
		t.Errorf("%+v", p)
	}
	if out, err := call(t, t.Context(), upscaleNode(), t.TempDir(), sdk.Values{"media": picture(t), "engine": "realesrgan", "model": "realesr-animevideov3"}); err != nil || facts(t, out["media"]).Width != 2*facts(t, picture(t)).Width {
		t.Errorf("%v, %v", out, err)
	}
	refused(t, upscaleNode(), sdk.Values{"media": picture(t), "engine": "realesrgan", "model": "other"}, "realesrgan-ncnn-vulkan ended with exit status 9")
}

// TestConvert: each form comes out as what it is called.
func TestConvert(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	film := footage(t, "64", "48")
	for format, form := range forms {
		out, err := call(t, t.Context(), convertNode(), t.TempDir(), sdk.Values{"media": film, "format": format, "start": number(0.5), "seconds": number(1), "height": number(24), "fps": number(5)})
		if err != nil {
			t.Errorf("%s: %v\n%s", format, err, sdk.AsError(err).Detail)
			continue
		}
		a := out["media"].(sdk.Artifact)
		p := facts(t, a)
		if a.MediaType != form.media || !strings.HasSuffix(a.Name, "."+format) || form.kind != "picture" && (p.Seconds < 0.9 || p.Seconds > 1.3) || form.kind != "audio" && p.Height != 24 || form.kind == "audio" && p.Audio == "" {
			t.Errorf("%s: %+v %+v", format, a, p)
		}
	}
	refused(t, convertNode(), sdk.Values{"media": tone(t, 0.2), "format": "png"}, "has nothing for it")
	refused(t, convertNode(), sdk.Values{"media": picture(t), "format": "mp3"}, "has nothing for it")
}

// TestMusic: music lies under speech, gives way to it, is repeated, and ends with it.
func TestMusic(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	loud := func(v any, from string) float64 {
		raw, err := exec.Command("ffmpeg", "-v", "error", "-ss", from, "-t", "0.4", "-i", v.(sdk.Artifact).Path, "-af", "highpass=f=2500,highpass=f=2500", "-f", "s16le", "-ac", "1", "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		for i := 0; i+1 < len(raw); i += 2 {
			x := float64(int16(uint16(raw[i]) | uint16(raw[i+1])<<8))
			sum += x * x
		}
		return 10 * math.Log10(sum/float64(len(raw)/2)+1)
	}
	path := filepath.Join(t.TempDir(), "music.wav") // half a second of 4,000 Hz: far above the film's tone
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "aevalsrc=0.3*sin(2*PI*4000*t):d=0.5:s=22050", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	music := sdk.Artifact{Path: path, Name: "music.wav", MediaType: "audio/wav"}
	out, err := call(t, t.Context(), musicNode(), t.TempDir(), sdk.Values{"media": footage(t, "64", "48"), "music": music, "volume": number(0), "fade": number(0), "duck": number(12)})
	if err != nil {
		t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
	}
	if p := facts(t, out["media"]); p.Video == "" || p.Seconds < 1.9 || p.Seconds > 2.2 {
		t.Errorf("%+v", p)
	}
	if spoken, silent := loud(out["media"], "0.4"), loud(out["media"], "1.5"); silent < 40 || silent-spoken < 6 || silent-spoken > 24 {
		t.Errorf("the music is %.1f dB where somebody speaks and %.1f where nobody does", spoken, silent)
	}
	if out, err = call(t, t.Context(), musicNode(), t.TempDir(), sdk.Values{"media": tone(t, 1), "music": music, "duck": number(0)}); err != nil || out["media"].(sdk.Artifact).MediaType != "audio/mp4" {
		t.Error(out, err)
	}
	refused(t, musicNode(), sdk.Values{"media": picture(t), "music": music}, "no sound to lay music under")
	refused(t, musicNode(), sdk.Values{"media": tone(t, 0.2), "music": picture(t)}, "has no sound")
}

// TestCompose: layers lie upon each other, from and until, with the first film's sound.
func TestCompose(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	in := sdk.Values{"width": number(160), "height": number(90), "fps": number(10), "layers": []any{
		map[string]any{"media": picture(t)}, map[string]any{"media": footage(t, "64", "48"), "x": number(0.8), "y": number(0.8), "width": number(0.3), "from": number(0.5), "opacity": number(0.5)}}}
	out, err := call(t, t.Context(), composeNode(), t.TempDir(), in)
	if err != nil {
		t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
	}
	if p := facts(t, out["video"]); p.Width != 160 || p.Height != 90 || p.Seconds < 2.4 || p.Seconds > 2.7 || p.Audio == "" {
		t.Errorf("%+v", p)
	}
	in = sdk.Values{"width": number(64), "height": number(36), "layers": []any{map[string]any{"media": picture(t)}}, "audio": tone(t, 0.7)}
	if out, err = call(t, t.Context(), composeNode(), t.TempDir(), in); err != nil || float(t, out["seconds"]) < 0.69 {
		t.Error(out, err)
	}
	delete(in, "audio")
	refused(t, composeNode(), in, "only pictures")
	in["layers"] = []any{map[string]any{"media": tone(t, 0.1)}}
	refused(t, composeNode(), in, "has no pictures")
}

// TestLevel: films and sounds come out as loud as was asked; what is silent stays so, and what has no sound is refused.
func TestLevel(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	for name, media := range map[string]sdk.Artifact{"film": footage(t, "64", "48"), "sound": tone(t, 2)} {
		out, err := call(t, t.Context(), levelNode(), t.TempDir(), sdk.Values{"media": media, "loudness": number(-20)})
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, sdk.AsError(err).Detail)
		}
		if p, l := facts(t, out["media"]), float(t, out["loudness"]); math.Abs(l+20) > 0.7 || (p.Video != "") != (name == "film") || p.Seconds < 1.9 {
			t.Errorf("%s: %.1f LUFS, %+v", name, l, p)
		}
	}
	path := filepath.Join(t.TempDir(), "silent.wav")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "anullsrc=r=8000:d=1", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := call(t, t.Context(), levelNode(), t.TempDir(), sdk.Values{"media": sdk.Artifact{Path: path, Name: "silent.wav", MediaType: "audio/wav"}})
	if err != nil || float(t, out["loudness"]) != loud.Silence {
		t.Error(out, err)
	}
	refused(t, levelNode(), sdk.Values{"media": picture(t)}, "has no sound")
}
