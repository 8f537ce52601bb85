//go:build engines

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// TestRealEngines makes pictures and a film larger with the Real-ESRGAN that RENDER_ENGINES names, a JSON file: under "realesrgan" its folder, with
// its models in models, and env, such as VK_DRIVER_FILES of a Vulkan that draws by the processor. docs/engines.md says what was run. "keep" is a
// folder to leave the larger ones in, to be looked at.
func TestRealEngines(t *testing.T) {
	raw, err := os.ReadFile(os.Getenv("RENDER_ENGINES"))
	if err != nil {
		t.Fatalf("RENDER_ENGINES: %v", err)
	}
	var engines map[string]struct {
		Folder, Picture, Keep string
		Env                   map[string]string
	}
	if err := json.Unmarshal(raw, &engines); err != nil {
		t.Fatal(err)
	}
	e := engines["realesrgan"]
	for k, v := range e.Env {
		t.Setenv(k, v)
	}
	t.Setenv("PATH", e.Folder+":"+os.Getenv("PATH"))
	of := func(name, kind string, args ...string) sdk.Artifact {
		path := filepath.Join(t.TempDir(), name)
		if out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error"}, args...), path)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return sdk.Artifact{Path: path, Name: name, MediaType: kind}
	}
	// neither black nor white: where Vulkan draws by the processor, the program makes what would be darker than black white
	source := []string{"-f", "lavfi", "-i", "testsrc2=s=47x31:d=1:r=5,lutrgb=r=64+val/2:g=64+val/2:b=64+val/2"}
	if e.Picture != "" {
		source = []string{"-loop", "1", "-framerate", "5", "-t", "1", "-i", e.Picture}
	}
	still := func(name, filter string) sdk.Artifact {
		return of(name, "image/"+filepath.Ext(name)[1:], append(append([]string{}, source...), "-frames:v", "1", "-vf", "crop=47:31,"+filter)...)
	}
	const part = "r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*lt(hypot(X-20,Y-16),14)'"
	media := map[string]sdk.Artifact{
		"plain.png": still("plain.png", "format=rgb24"), "clear.png": still("clear.png", "format=rgba,geq="+part), "deep.png": still("deep.png", "format=rgb48be"),
		"deepclear.png": still("deepclear.png", "format=rgba,geq="+part+",format=rgba64be"), "gray.png": still("gray.png", "format=gray"), "photo.jpg": still("photo.jpg", "format=yuvj420p"),
		"film.mp4": of("film.mp4", "video/mp4", append(append([]string{}, source...), "-f", "lavfi", "-i", "sine=d=1", "-vf", "crop=46:30", "-pix_fmt", "yuv420p")...),
	}
	try := func(file, model string, factor int) {
		t.Run(fmt.Sprint(file, "/", model, "/", factor), func(t *testing.T) {
			task := &sdk.Task{Type: "render.upscale", Scratch: t.TempDir(), Inputs: sdk.Values{"media": media[file], "engine": "realesrgan", "model": model, "factor": number(float64(factor))}}
			began := time.Now()
			r, err := upscaleNode().Run(t.Context(), task.WithReporter(func(r sdk.Report) { t.Logf("%s %.2f %s", r.Kind, r.Fraction, r.Message) }))
			if err != nil {
				t.Fatalf("%v\n%s", err, sdk.AsError(err).Detail)
			}
			was, is := facts(t, media[file]), facts(t, r.Outputs["media"])
			if is.Width != was.Width*factor || is.Height != was.Height*factor || math.Abs(is.Seconds-was.Seconds) > 0.2 || is.Audio != was.Audio {
				t.Errorf("%+v became %+v", was, is)
			}
			path := r.Outputs["media"].(sdk.Artifact).Path
			if got, want := seen(t, path), seen(t, media[file].Path); math.Abs(got-want) > 12 {
				t.Errorf("it is %.0f bright, and was %.0f", got, want)
			}
			if e.Keep != "" {
				raw, err := os.ReadFile(path)
				if err == nil {
					err = os.WriteFile(filepath.Join(e.Keep, fmt.Sprintf("%s-%d-%s%s", model, factor, file, filepath.Ext(path))), raw, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d by %d in %s", is.Width, is.Height, time.Since(began).Round(time.Second))
		})
	}
	for _, factor := range []int{2, 3, 4} {
		try("plain.png", movie, factor)
	}
	for _, factor := range []int{2, 3, 4} {
		try("plain.png", "realesrgan-x4plus", factor)
	}
	try("plain.png", "realesrgan-x4plus-anime", 4)
	for file := range media {
		try(file, movie, 2)
	}
	refused(t, upscaleNode(), sdk.Values{"media": media["plain.png"], "engine": "realesrgan", "model": "other"}, "has no model other")
	t.Setenv("VK_DRIVER_FILES", "/nowhere")
	t.Setenv("VK_ICD_FILENAMES", "/nowhere")
	refused(t, upscaleNode(), sdk.Values{"media": media["plain.png"], "engine": "realesrgan"}, "finds no GPU")
}

// seen is how bright the first picture is, from 0 to 255.
func seen(t *testing.T, path string) float64 {
	t.Helper()
	raw, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-frames:v", "1", "-vf", "format=gray,scale=1:1:flags=area", "-f", "rawvideo", "-").Output()
	if err != nil || len(raw) != 1 {
		t.Fatalf("%v, %d bytes", err, len(raw))
	}
	return float64(raw[0])
}
