package main

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/loud"
	"github.com/myspinbot/spinbot/sdk"
)

// TestFilm makes a small film from nothing, and looks at what came out.
func TestFilm(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	texts := []string{"Your graphics card is bored.", "It gets something to do, at last.", "Make one."}
	layouts := []string{"hook", "split", "end"}
	var scenes []any
	want := 0.0
	for i, text := range texts {
		words := spokenWords(text, 0.25)
		length := 0.25 * float64(len(words))
		out, err := call(t, t.Context(), clipNode(), t.TempDir(), sdk.Values{
			"layout": layouts[i], "text": text, "heading": "Heading", "points": []any{"one", "two"}, "picture": picture(t),
			"height": number(240), "seconds": number(length), "words": words, "fps": number(20), "index": number(float64(i)),
		})
		if err != nil {
			t.Fatal(err)
		}
		want += float(t, out["seconds"]) - 0.4
		scenes = append(scenes, map[string]any{"video": out["video"], "audio": tone(t, length), "words": words})
	}
	want += 0.4
	dir := t.TempDir()
	out, err := call(t, t.Context(), filmNode(), dir, sdk.Values{"scenes": scenes})
	if err != nil {
		t.Fatal(err)
	}
	if s := float(t, out["seconds"]); math.Abs(s-want) > 0.06 {
		t.Errorf("%v s long, want %v", s, want)
	}
	if l := float(t, out["loudness"]); math.Abs(l+14) > 0.5 {
		t.Errorf("%v LUFS, want -14", l)
	}
	video := out["video"].(sdk.Artifact)
	p, err := av.Probe(t.Context(), video.Path, "film")
	if err != nil {
		t.Fatal(err)
	}
	if p.Video != "h264" || p.Audio != "aac" || p.Width != 426 || p.Height != 240 || p.FPS != 20 || math.Abs(p.Seconds-want) > 0.1 {
		t.Errorf("the film is %+v", p)
	}
	raw, err := os.ReadFile(video.Path)
	if err != nil {
		t.Fatal(err)
	}
	if moov, mdat := strings.Index(string(raw), "moov"), strings.Index(string(raw), "mdat"); moov < 0 || moov > mdat {
		t.Errorf("not ready to stream: moov at %d, mdat at %d", moov, mdat)
	}
	srt, err := os.ReadFile(out["captions"].(sdk.Artifact).Path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(srt), "1\n00:00:00,450 --> 00:00:01,980\nYour graphics card is bored.\n\n2\n00:00:02,300 --> ") {
		t.Errorf("captions:\n%s", srt)
	}
	f, err := os.Open(out["thumbnail"].(sdk.Artifact).Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, kind, err := image.DecodeConfig(f); err != nil || kind != "jpeg" || c.Height != 240 {
		t.Errorf("thumbnail: %v %s %v", c, kind, err)
	}
}

// TestSilentFilm joins clips of other sizes without speech or music.
func TestSilentFilm(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	var scenes []any
	for _, h := range []float64{90, 120} {
		out, err := call(t, t.Context(), clipNode(), t.TempDir(), sdk.Values{"text": "No word", "height": number(h), "seconds": number(0), "fps": number(10)})
		if err != nil {
			t.Fatal(err)
		}
		scenes = append(scenes, map[string]any{"video": out["video"]})
	}
	for _, cross := range []float64{0, 0.3} {
		out, err := call(t, t.Context(), filmNode(), t.TempDir(), sdk.Values{"scenes": scenes, "music": "none", "cross_fade": number(cross)})
		if err != nil {
			t.Fatal(err)
		}
		if s, l := float(t, out["seconds"]), float(t, out["loudness"]); math.Abs(s-(2-cross)) > 0.01 || l != loud.Silence {
			t.Errorf("cross-fade %v: %v s, %v LUFS", cross, s, l)
		}
	}
}

func TestCard(t *testing.T) {
	t.Parallel()
	for _, layout := range []string{"hook", "title", "picture", "points", "split", "statement", "end"} {
		for name, in := range map[string]sdk.Values{
			"bare": {},
			"full": {"heading": "Donaudampfschifffahrtsgesellschaftskapitän 漢字 🚀", "text": strings.Repeat("Schön ", 60), "picture": picture(t),
				"points": []any{"a", "", strings.Repeat("x", 300), "d", "e"}, "number": number(99)},
		} {
			in["layout"], in["height"] = layout, number(91)
			out, err := call(t, t.Context(), cardNode(), t.TempDir(), in)
			if err != nil {
				t.Errorf("%s %s: %v", layout, name, err)
				continue
			}
			f, err := os.Open(out["image"].(sdk.Artifact).Path)
			if err != nil {
				t.Fatal(err)
			}
			if c, _, err := image.DecodeConfig(f); err != nil || c.Width != 160 || c.Height != 90 {
				t.Errorf("%s %s: %v %v", layout, name, c, err)
			}
			f.Close()
		}
	}
}

// TestRefused holds every kind of bad input against what the person is told.
func TestRefused(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	write := func(name, content string) sdk.Artifact {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return sdk.Artifact{Path: path, Name: name}
	}
	text := write("notes.png", "only text")
	header := "IHDR\x00\x01\x86\xa0\x00\x01\x86\xa0\x08\x02\x00\x00\x00" // 100,000 pixels square
	bomb := write("huge.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"+header+string(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(header)))))
	empty := tone(t, 0)
	clip, err := call(t, t.Context(), clipNode(), t.TempDir(), sdk.Values{"height": number(90), "seconds": number(0), "fps": number(5)})
	if err != nil {
		t.Fatal(err)
	}
	scene := func(video, audio any) []any { return []any{map[string]any{"video": video, "audio": audio}} }
	for name, c := range map[string]struct {
		node sdk.Node
		in   sdk.Values
		want string
	}{
		"text as picture":     {clipNode(), sdk.Values{"picture": text, "layout": "title"}, `"notes.png" is not a picture`},
		"picture too large":   {cardNode(), sdk.Values{"picture": bomb}, `"huge.png" has 100000 by 100000 pixels`},
		"no scenes":           {filmNode(), sdk.Values{"scenes": []any{}}, "no scene to make a film of"},
		"text as clip":        {filmNode(), sdk.Values{"scenes": scene(text, nil)}, `"notes.png" is no video`},
		"sound as clip":       {filmNode(), sdk.Values{"scenes": scene(tone(t, 1), nil)}, "no moving pictures"},
		"speech of no length": {filmNode(), sdk.Values{"scenes": scene(clip["video"], empty)}, `"speech.wav"`},
		"probe of text":       {probeNode(), sdk.Values{"media": text}, `"notes.png" is no video`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := call(t, t.Context(), c.node, t.TempDir(), c.in)
			if e := sdk.AsError(err); e == nil || !e.Permanent || e.Hint == "" || !strings.Contains(e.Message, c.want) {
				t.Errorf("got %v, want a permanent error with a hint that says %q", err, c.want)
			}
		})
	}
}

// TestCancel ends a clip in its middle.
func TestCancel(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("changed my mind")
	task := sdk.Task{Inputs: sdk.Values{"height": number(240), "seconds": number(600)}, Scratch: t.TempDir()}
	_, err := clipNode().Run(ctx, task.WithReporter(func(r sdk.Report) {
		if r.Fraction > 0 {
			cancel(why)
		}
	}))
	if !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func number(x float64) any {
	v, err := sdk.ValuesOf(struct{ X float64 }{x})
	if err != nil {
		panic(err)
	}
	return v["x"]
}

func float(t *testing.T, x any) float64 {
	t.Helper()
	var out struct{ X float64 }
	if err := sdk.Bind(sdk.Values{"x": x}, &out); err != nil {
		t.Fatal(err)
	}
	return out.X
}
