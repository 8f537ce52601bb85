package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/lipsync/drawn"
	"github.com/myspinbot/spinbot/plugins/lipsync/face"
	"github.com/myspinbot/spinbot/plugins/lipsync/lips"
	"github.com/myspinbot/spinbot/plugins/lipsync/puppet"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

// need skips aloud on a person's machine; in CI a missing tool fails.
func need(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err == nil {
		return
	}
	const missing = "ffmpeg is missing; run scripts/setup"
	if os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip("SKIPPED: " + missing)
}

func kept(t testing.TB, name, media string, data []byte) sdk.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return sdk.Artifact{Digest: "sha256:" + strings.Repeat("0", 64), Path: path, Name: name, MediaType: media, Size: int64(len(data))}
}

func portrait(t testing.TB, l drawn.Look, side int) sdk.Artifact {
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, drawn.Portrait(l, side), &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return kept(t, "portrait.jpg", "image/jpeg", raw.Bytes())
}

// tone is a WAV that is loud and silent in turn, in seconds.
func tone(t testing.TB, lengths ...float64) sdk.Artifact {
	expr := "0"
	at := 0.0
	for i, l := range lengths {
		if i%2 == 0 {
			expr += fmt.Sprintf("+between(t,%g,%g)*0.5*sin(1400*t)", at, at+l)
		}
		at += l
	}
	path := filepath.Join(t.TempDir(), "speech.wav")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("aevalsrc='%s':d=%g:s=16000", expr, at), path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return sdk.Artifact{Path: path, Name: "speech.wav", MediaType: "audio/wav", Digest: "sha256:" + strings.Repeat("1", 64)}
}

// TestFind: mouth and eyes of faces of several tones are where they are drawn.
func TestFind(t *testing.T) {
	t.Parallel()
	for name, skin := range map[string]color.RGBA{"light": {240, 200, 175, 255}, "middle": drawn.Person.Skin, "brown": {150, 100, 75, 255}, "dark": {98, 62, 46, 255}} {
		l := drawn.Person
		l.Skin = skin
		if name == "dark" {
			l.Hair = color.RGBA{22, 18, 18, 255}
		}
		f, err := face.Find(drawn.Portrait(l, 512))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if math.Abs(f.Mouth.X-drawn.MouthX) > 0.02 || math.Abs(f.Mouth.Y-drawn.MouthY) > 0.025 {
			t.Errorf("%s: mouth %+v", name, f.Mouth)
		}
		if len(f.Eyes) != 2 || math.Abs(f.Eyes[0].Y-0.47) > 0.06 || math.Abs(f.Eyes[0].X-0.417) > 0.04 || math.Abs(f.Eyes[1].X-0.583) > 0.04 {
			t.Errorf("%s: eyes %+v", name, f.Eyes)
		}
	}
}

// TestTrack: lips close for b, p and m, round for u, spread for i, and rest in silence.
func TestTrack(t *testing.T) {
	t.Parallel()
	sounds := []lips.Sound{{Symbol: "m", Start: 0.2, End: 0.3}, {Symbol: "ɑː", Start: 0.3, End: 0.6}, {Symbol: "p", Start: 0.6, End: 0.7}, {Symbol: "uː", Start: 0.7, End: 1.0}, {Symbol: "iː", Start: 1.0, End: 1.3}}
	levels := make([]float64, 200)
	for i := 20; i < 130; i++ {
		levels[i] = 1
	}
	track := lips.Track(sounds, levels, 50, 25)
	at := func(s float64) lips.Shape { return track[int(s*25)] }
	if m, a, p, u, i := at(0.25), at(0.45), at(0.65), at(0.85), at(1.15); m.Open > 0.3 || a.Open < 0.75 || p.Open > 0.35 || u.Wide > -0.7 || i.Wide < 0.6 {
		t.Errorf("m %+v a %+v p %+v u %+v i %+v", m, a, p, u, i)
	}
	if s := at(1.9); s.Open > 0.02 {
		t.Errorf("in silence: %+v", s)
	}
	loud := lips.Track(nil, levels, 50, 25)
	if loud[20].Open < 0.6 || loud[48].Open > 0.05 {
		t.Errorf("by loudness: %+v, %+v", loud[20], loud[48])
	}
}

// TestDraw: an open mouth is dark, and nothing else of the face changes; a portrait at rest stays as it is.
func TestDraw(t *testing.T) {
	t.Parallel()
	const side = 256
	img := drawn.Portrait(drawn.Person, side)
	f, err := face.Find(img)
	if err != nil {
		t.Fatal(err)
	}
	p := puppet.New(img, f, side, side)
	rest, open := make([]byte, side*side*3), make([]byte, side*side*3)
	p.Draw(puppet.Pose{}, rest)
	p.Draw(puppet.Pose{Shape: lips.Shape{Open: 1}}, open)
	luma := func(pix []byte, x, y float64) int {
		i := 3 * (int(y*side)*side + int(x*side))
		return int(pix[i]) + int(pix[i+1]) + int(pix[i+2])
	}
	if is, was := luma(open, 0.5, 0.68), luma(rest, 0.5, 0.68); is > was*2/3 {
		t.Errorf("the open mouth has brightness %d, closed %d", is, was)
	}
	for _, at := range [][2]float64{{0.5, 0.3}, {0.42, 0.47}, {0.1, 0.1}, {0.5, 0.95}, {0.28, 0.66}} {
		if is, was := luma(open, at[0], at[1]), luma(rest, at[0], at[1]); is != was {
			t.Errorf("at %v it changes from %d to %d", at, was, is)
		}
	}
}

// TestBlink: of an eye that is shut no white is left, and a blink shuts it in some frame.
func TestBlink(t *testing.T) {
	t.Parallel()
	const side = 512
	img := drawn.Portrait(drawn.Person, side)
	f, err := face.Find(img)
	if err != nil {
		t.Fatal(err)
	}
	white := func(shut float64) (n int) {
		pix := make([]byte, side*side*3)
		puppet.New(img, f, side, side).Draw(puppet.Pose{Shut: shut}, pix)
		for y := side * 44 / 100; y < side*50/100; y++ {
			for x := side * 36 / 100; x < side*64/100; x++ {
				if pix[3*(y*side+x)+2] > drawn.Person.Skin.B+45 { // skin is less blue
					n++
				}
			}
		}
		return n
	}
	if open, half, shut := white(0), white(0.5), white(1); shut > 0 || half >= open || half == 0 {
		t.Errorf("of %d white pixels %d are left when half shut, %d when shut", open, half, shut)
	}
	shut := 0
	for seed := range uint64(20) {
		for _, pose := range perform(make([]lips.Shape, 250), 25, seed, false) {
			if pose.Shut == 1 {
				shut++
			}
		}
	}
	if shut < 20*2 { // ten seconds each
		t.Errorf("in twenty films of ten seconds eyes are shut in %d frames", shut)
	}
}

// TestTalk: a film of the right length and size comes out, with its sound.
func TestTalk(t *testing.T) {
	t.Parallel()
	need(t)
	sdktest.Suite{Cases: []sdktest.Case{
		{Name: "by loudness", Type: "lipsync.talk", Inputs: sdk.Values{"portrait": portrait(t, drawn.Person, 300), "audio": tone(t, 0.4, 0.2, 0.4), "consent": true, "height": json.Number("128")}, Want: func(t testing.TB, v sdk.Values) {
			if v["engine"] != "builtin" || v["preview"] != true || v["width"] != json.Number("128") || v["seconds"] != json.Number("1") {
				t.Errorf("%v", v)
			}
		}},
		{Name: "by sounds", Type: "lipsync.talk", Inputs: sdk.Values{"portrait": portrait(t, drawn.Person, 300), "audio": tone(t, 0.5), "consent": true, "height": json.Number("64"), "still": true,
			"phonemes": []any{sdk.Values{"symbol": "ɑː", "start": json.Number("0"), "end": json.Number("0.5")}}}},
		{Name: "without consent", Type: "lipsync.talk", Inputs: sdk.Values{"portrait": portrait(t, drawn.Person, 64), "audio": tone(t, 0.1)}, Fails: "nobody has said that they agreed"},
		{Name: "no face", Type: "lipsync.talk", Inputs: sdk.Values{"portrait": blank(t), "audio": tone(t, 0.1), "consent": true}, Fails: "no face was found"},
		{Name: "no face, a place", Type: "lipsync.talk", Inputs: sdk.Values{"portrait": blank(t), "audio": tone(t, 0.1), "consent": true, "height": json.Number("64"),
			"mouth": sdk.Values{"x": json.Number("0.5"), "y": json.Number("0.6"), "width": json.Number("0.2"), "height": json.Number("0.05")}}},
		{Name: "no picture", Type: "lipsync.talk", Inputs: sdk.Values{"portrait": kept(t, "a.png", "image/png", []byte("what?")), "audio": tone(t, 0.1), "consent": true}, Fails: "cannot be read as a picture"},
		{Name: "no sound", Type: "lipsync.talk", Inputs: sdk.Values{"portrait": portrait(t, drawn.Person, 64), "audio": kept(t, "a.wav", "audio/wav", []byte("what?")), "consent": true}, Fails: "cannot be heard"},
		{Name: "no engine", Type: "lipsync.talk", Inputs: sdk.Values{"portrait": portrait(t, drawn.Person, 64), "audio": tone(t, 0.1), "consent": true, "engine": "wav2lip"}, Fails: "not known where the engine wav2lip is"},
	}}.Run(t, plugin())
}

func blank(t testing.TB) sdk.Artifact {
	img := drawn.Portrait(drawn.Person, 64)
	for i := range img.Pix {
		img.Pix[i] = uint8(255 - 30*(i%4/3))
	}
	var raw bytes.Buffer
	if err := png.Encode(&raw, img); err != nil {
		t.Fatal(err)
	}
	return kept(t, "blank.png", "image/png", raw.Bytes())
}

// TestBench: what engines hand to a shell has a plain path, whatever the task's folder and the files are called; what is left elsewhere is
// taken from there.
func TestBench(t *testing.T) {
	t.Parallel()
	need(t)
	dir := t.TempDir()
	engine := filepath.Join(dir, "engine")
	if err := os.WriteFile(engine, []byte("#!/bin/sh\nset -eu\necho \"$1 $2\" > "+dir+"/args\nffmpeg -v error -f lavfi -i color=red:s=64x48:d=1 $3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := &stage{}
	if err := s.configure(config{Engines: map[string]program{"command": {Command: []string{engine, "{portrait}", "{audio}", "{video}"}}}}); err != nil {
		t.Fatal(err)
	}
	odd := filepath.Join(t.TempDir(), "a. b;c")
	if err := os.Mkdir(odd, 0o700); err != nil {
		t.Fatal(err)
	}
	in := talkIn{Portrait: portrait(t, drawn.Person, 64), Audio: tone(t, 0.2), Consent: true, Engine: "command", Height: 64}
	out, err := s.talk(t.Context(), in, &sdk.Task{Scratch: odd})
	if err != nil || filepath.Dir(out.Video.Path) != odd || out.Width != 64 {
		t.Fatalf("%+v, %v", out, err)
	}
	args, err := os.ReadFile(filepath.Join(dir, "args"))
	if err != nil || !regexp.MustCompile(`^[A-Za-z0-9_/-]+\.jpg [A-Za-z0-9_/-]+\.wav\n$`).Match(args) {
		t.Errorf("%s, %v", args, err)
	}
	if left, err := os.Stat(strings.Fields(string(args))[0]); err == nil {
		t.Errorf("left behind: %s", left.Name())
	}
	in.Audio.Name = "x.wav;rm"
	if _, err := s.talk(t.Context(), in, &sdk.Task{Scratch: odd}); err == nil || !strings.Contains(err.Error(), "says not what it is") {
		t.Error(err)
	}
}

// TestAlone: an engine that has one folder for its files runs once at a time, and who waits can be called off.
func TestAlone(t *testing.T) {
	t.Parallel()
	s := &stage{}
	if err := s.configure(config{}); err != nil {
		t.Fatal(err)
	}
	done, err := s.alone(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("called off"))
	if _, err := s.alone(ctx); err == nil || err.Error() != "called off" {
		t.Error(err)
	}
	done()
	if done, err = s.alone(t.Context()); err != nil {
		t.Fatal(err)
	}
	done()
}

// TestEngines: programs get portrait and speech, and what they leave is taken; how they fail is told.
func TestEngines(t *testing.T) {
	t.Parallel()
	need(t)
	dir := t.TempDir()
	film := filepath.Join(dir, "film.mp4")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=red:s=64x48:d=1", film).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	script := func(body string) string {
		path := filepath.Join(t.TempDir(), "engine")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(name string, p program) (talkOut, error) {
		s := &stage{}
		if err := s.configure(config{Engines: map[string]program{name: p}}); err != nil {
			t.Fatal(err)
		}
		return s.talk(t.Context(), talkIn{Portrait: portrait(t, drawn.Person, 64), Audio: tone(t, 0.2), Consent: true, Engine: name, Height: 64}, &sdk.Task{Scratch: t.TempDir()})
	}
	// Each leaves the film at the last argument that ends in .mp4, or in the folder that it is told.
	leave := script(`set -eu
echo "$@" > ` + dir + `/args
for a; do case $a in *.mp4) out=$a ;; */talk) out=$a.mp4 ;; esac; done
cp ` + film + ` "${out:-$(dirname "$(echo "$@" | tr ' ' '\n' | grep -E '(audio|heard).wav')")/x.mp4}"`)
	// These stand in the argument parsers of the sources that docs/engines.md names.
	for _, models := range []string{"Wan2.1-I2V-14B-480P", "chinese-wav2vec2-base", "InfiniteTalk/single/infinitetalk.safetensors"} {
		if err := os.MkdirAll(filepath.Join(dir, "weights", models), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"wav2lip": "--checkpoint_path", "sadtalker": "--driven_audio", "latentsync": "--temp_dir", "infinitetalk": "--max_frame_num 90000 --audio_save_dir"} {
		out, err := run(name, program{Folder: dir, Python: leave})
		if err != nil || out.Width != 64 || out.Height != 48 || out.Preview || out.Engine != name {
			t.Errorf("%s: %+v, %v", name, out, err)
			continue
		}
		args, err := os.ReadFile(filepath.Join(dir, "args"))
		if err != nil || !strings.Contains(string(args), want) {
			t.Errorf("%s: %s, %v", name, args, err)
		}
	}
	if out, err := run("command", program{Command: []string{script("cp " + film + " $3"), "{portrait}", "{audio}", "{video}"}}); err != nil || out.Seconds != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	for want, body := range map[string]string{"ended with exit status 3: no model": "echo no model >&2; exit 3", "ran out of device memory": "echo 'CUDA out of memory'; exit 1", "left no film": "exit 0", "cannot be read": "echo x > $3"} {
		if _, err := run("command", program{Command: []string{script(body), "{portrait}", "{audio}", "{video}"}}); err == nil || !strings.Contains(err.Error(), want) || sdk.AsError(err).Hint == "" {
			t.Errorf("%v, want %q", err, want)
		}
	}
	// LatentSync's own ffmpeg may fail unseen: what it wanted to join is no film.
	if _, err := run("latentsync", program{Folder: dir, Python: script(`while [ "$1" != --temp_dir ]; do shift; done; mkdir "$2"; cp ` + film + ` "$2/video.mp4"`)}); err == nil || !strings.Contains(err.Error(), "left no film") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &stage{}
	if err := s.configure(config{Engines: map[string]program{"command": {Command: []string{script("echo begun; sleep 600 & wait")}}}}); err != nil {
		t.Fatal(err)
	}
	task := sdk.Task{Scratch: t.TempDir()}
	began := time.Now()
	_, err := s.talk(ctx, talkIn{Portrait: portrait(t, drawn.Person, 64), Audio: tone(t, 0.2), Consent: true, Engine: "command"}, task.WithReporter(func(r sdk.Report) {
		if r.Message == "begun" {
			cancel(&sdk.Error{Cause: sdk.CauseCancelled, Message: "cancelled by anna"})
		}
	}))
	if err == nil || !strings.Contains(err.Error(), "by anna") || time.Since(began) > time.Minute {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	for want, c := range map[string]config{"no engine is called": {Engines: map[string]program{"x": {}}}, "is not absolute": {Engines: map[string]program{"wav2lip": {Folder: "here"}}}} {
		if err := (&stage{}).configure(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// BenchmarkTalk is the builtin engine at 512 by 512: how many times faster than the speech it is.
func BenchmarkTalk(b *testing.B) {
	need(b)
	in := talkIn{Portrait: portrait(b, drawn.Person, 512), Audio: tone(b, 1.5, 0.2, 1.5, 0.3, 1.5), Consent: true, Engine: "builtin", Height: 512, FPS: 25}
	var seconds, took float64
	for b.Loop() {
		began := time.Now()
		out, err := (&stage{}).talk(b.Context(), in, &sdk.Task{Scratch: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		seconds, took = seconds+out.Seconds, took+time.Since(began).Seconds()
	}
	b.ReportMetric(seconds/took, "x-realtime")
}
