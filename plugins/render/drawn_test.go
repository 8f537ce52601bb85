package main

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// pretend puts a program in place of Real-ESRGAN into the PATH, that has a model and does as a script says.
func pretend(t *testing.T, script string) {
	t.Helper()
	bin := t.TempDir()
	if err := os.Mkdir(filepath.Join(bin, "models"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{esrgan: "#!/bin/sh\n" + script, "models/realesr-animevideov3-x2.param": "", "models/realesr-animevideov3-x3.param": "", "models/realesrgan-x4plus.param": ""} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

// draws is what draws as the program does: each picture $8 times as large.
const draws = `for f in "$2"/*.png; do echo 0.00% >&2; ffmpeg -v error -i "$f" -vf scale=$8*iw:$8*ih -update 1 "$4/$(basename "$f")" </dev/null; echo 50.00% >&2; done
`

// TestDrawnFaults: Real-ESRGAN ends well whatever goes wrong; what it says and leaves tells it. As the real one said it.
func TestDrawnFaults(t *testing.T) {
	needFFmpeg(t)
	for script, want := range map[string]string{
		"echo 'fopen /opt/models/other.param failed'; echo 'fopen /opt/models/other.bin failed'; echo 'find_blob_index_by_name data failed'\n" + draws: "has no model other (put other.param and .bin into the folder models beside it; it has realesr-animevideov3, realesrgan-x4plus)",
		"echo 'vkCreateInstance failed -9'; echo 'invalid gpu device'; exit 255":                                                                       "finds no GPU (it needs one with Vulkan",
		"echo 'vkAllocateMemory failed -2'; kill -SEGV $$":                                                                                             "ran out of device memory",
		"echo 'vkQueueSubmit failed -4'\n" + draws:                                                                                                     "vkQueueSubmit failed -4 (the GPU or its driver gave up",
		"echo 'decode image a.png failed'":                                                                                                             "decode image a.png failed",
		"exit 0":                                                                                                                                       "left 000001.png of 1 pictures missing or cut off",
		draws + `head -c 100 "$4/000001.png" >"$4/cut" && mv "$4/cut" "$4/000001.png"`:                                                                 "it has no end (see that there is room",
		draws + `: >"$4/000001.png"`:                                                                                                                   "it has no end",
	} {
		pretend(t, script)
		refused(t, upscaleNode(), sdk.Values{"media": picture(t), "engine": "realesrgan", "model": "other"}, want)
	}
	pretend(t, "echo 'fopen models/realesr-animevideov3-x4.param failed'")
	refused(t, upscaleNode(), sdk.Values{"media": picture(t), "engine": "realesrgan", "model": "realesr-animevideov3", "factor": number(4)}, "has no model realesr-animevideov3-x4 (its models realesr-animevideov3-x2, -x3 and -x4")
	// thousands of black pictures are not waited for
	pretend(t, "echo 'fopen models/other.param failed'; sleep 600")
	refused(t, upscaleNode(), sdk.Values{"media": picture(t), "engine": "realesrgan", "model": "other"}, "has no model other")
}

// TestDrawnProgress: how many pictures are drawn, and how much of each.
func TestDrawnProgress(t *testing.T) {
	needFFmpeg(t)
	pretend(t, "echo '[0 llvmpipe (LLVM 15.0.6, 256 bits)]  queueC=0[1]  queueG=0[1]  queueT=0[1]'; echo '[0 llvmpipe (LLVM 15.0.6, 256 bits)]  bugsbn1=0'\n"+draws)
	var said []string
	var last float64
	task := &sdk.Task{Type: "render.upscale", Scratch: t.TempDir(), Inputs: sdk.Values{"media": footage(t, "64", "48"), "engine": "realesrgan"}}
	_, err := upscaleNode().Run(t.Context(), task.WithReporter(func(r sdk.Report) {
		if strings.HasPrefix(r.Message, "drawing ") {
			if r.Fraction < last || r.Fraction > 1 {
				t.Errorf("%v after %v", r.Fraction, last)
			}
			last = r.Fraction
		}
		said = append(said, r.Message)
	}))
	if all := strings.Join(said, "\n"); err != nil || !strings.Contains(all, "drawing 20 of 20") || strings.Count(all, "draws by the processor") != 1 || last < 0.95 {
		t.Errorf("%v, %v\n%s", err, last, all)
	}
}

// TestUpscaleOdd: a film whose pictures are of unequal length stays as long as its sound, and one of a phone held upright stays upright.
func TestUpscaleOdd(t *testing.T) {
	needFFmpeg(t)
	pretend(t, draws)
	dir := t.TempDir()
	make := func(name string, args ...string) sdk.Artifact {
		path := filepath.Join(dir, name)
		if out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error"}, args...), path)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return sdk.Artifact{Path: path, Name: name, MediaType: "video/mp4"}
	}
	unequal := make("unequal.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=2", "-f", "lavfi", "-i", "testsrc=s=64x48:r=30:d=2", "-filter_complex", "[0][1]concat=n=2", "-vsync", "vfr", "-c:v", "libx264")
	upright := footage(t, "64", "48")
	raw, err := os.ReadFile(upright.Path)
	if err != nil {
		t.Fatal(err)
	}
	// its first track's matrix, at byte 44 of tkhd: a quarter turn
	at := bytes.Index(raw, []byte("tkhd")) + 44
	copy(raw[at:], "\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x30\x00\x00")
	upright.Name = "upright.mp4"
	if err := os.WriteFile(upright.Path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, engine := range []string{"ffmpeg", "realesrgan"} {
		for _, media := range []sdk.Artifact{unequal, upright} {
			out, err := call(t, t.Context(), upscaleNode(), t.TempDir(), sdk.Values{"media": media, "engine": engine})
			if err != nil {
				t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
			}
			was, is := facts(t, media), facts(t, out["media"])
			if math.Abs(was.Seconds-is.Seconds) > 0.15 || is.Width != 2*was.Width || is.Height != 2*was.Height || media.Name == "upright.mp4" && is.Width > is.Height {
				t.Errorf("%s: %s became %+v, was %+v", engine, media.Name, is, was)
			}
		}
	}
}

func TestDrawnFactor(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]int{"realesrgan-x4plus": 4, "realesrgan-x4plus-anime": 4, "realesrnet-x4plus": 4, "realesr-animevideov3": 3, "realesr-animevideov3-x2": 2, "realesrgan-x2plus": 2,
		"4x-UltraSharp": 4, "2x_digital": 2, "realesr-general-x4v3": 4, "mine": 4} {
		if got := drawnFactor(upscaleIn{Model: model, Factor: 3}); got != want {
			t.Errorf("%s: %d", model, got)
		}
	}
}
