package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

// TestPlugin holds every node type to what hosts rely on.
func TestPlugin(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	type in = sdk.Values
	film, img, sound, words := footage(t, "64", "48"), picture(t), tone(t, 0.5), spokenWords("one two", 0.3)
	for _, a := range []*sdk.Artifact{&film, &img, &sound} {
		a.Digest = "sha256:" + strings.Repeat("0", 64)
	}
	bad := sdk.Artifact{Path: film.Path + ".none", Name: "none.mp4", MediaType: "video/mp4", Digest: film.Digest}
	cases := []sdktest.Case{
		{Type: "render.card", Inputs: in{"layout": "statement", "text": "Hello", "height": number(90)}},
		{Type: "render.clip", Inputs: in{"layout": "statement", "text": "Hello", "height": number(90), "seconds": number(0), "fps": number(5)}},
		{Type: "render.film", Inputs: in{"scenes": []any{in{"video": film, "audio": sound, "words": words}}, "music": "none"}},
		{Name: "no scene", Type: "render.film", Inputs: in{"scenes": []any{}}, Fails: "there is no scene"},
		{Type: "render.probe", Inputs: in{"media": film}},
		{Name: "no file", Type: "render.probe", Inputs: in{"media": bad}, Fails: "is no video, sound or picture"},
		{Type: "render.resize", Inputs: in{"picture": img}},
		{Type: "render.thumbnail", Inputs: in{"media": film}},
		{Type: "render.waveform", Inputs: in{"media": sound}},
		{Type: "render.captions", Inputs: in{"video": film, "words": words}},
		{Type: "render.upscale", Inputs: in{"media": img}},
		{Name: "upscale a film", Type: "render.upscale", Inputs: in{"media": film}, Want: func(t testing.TB, v sdk.Values) {
			if v["encoder"] != "libx264" {
				t.Errorf("encoded by %v", v["encoder"])
			}
		}},
		{Type: "render.convert", Inputs: in{"media": film, "format": "mp3"}},
		{Name: "convert to hevc", Type: "render.convert", Inputs: in{"media": film, "format": "mp4", "codec": "hevc", "hwaccel": "off"}, Want: func(t testing.TB, v sdk.Values) {
			if v["encoder"] != "libx265" {
				t.Errorf("encoded by %v", v["encoder"])
			}
		}},
		{Type: "render.music", Inputs: in{"media": film, "music": sound}},
		{Type: "render.level", Inputs: in{"media": sound}},
		{Type: "render.reframe", Inputs: in{"video": film, "width": number(48), "height": number(64), "loudness": number(0)}},
		{Type: "render.audiogram", Inputs: in{"audio": sound, "width": number(128), "height": number(128), "fps": number(5), "loudness": number(0)}},
		{Type: "render.compose", Inputs: in{"layers": []any{in{"media": img}, in{"media": film, "width": number(0.5)}}, "width": number(64), "height": number(48), "fps": number(5)}},
	}
	p := plugin()
	for _, nt := range p.Manifest().NodeTypes {
		if !slices.ContainsFunc(cases, func(c sdktest.Case) bool { return c.Type == nt.Name && c.Fails == "" }) {
			t.Errorf("nothing is tried with %s", nt.Name)
		}
	}
	sdktest.Suite{Cases: cases}.Run(t, p)
}
