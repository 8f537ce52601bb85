package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/myspinbot/spinbot/plugins/lipsync/drawn"
	"github.com/myspinbot/spinbot/sdk"
)

// onItsSide says in EXIF that a JPEG is to be turned by a quarter, clockwise.
const onItsSide = "\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"

// TestUpright: a portrait from a phone, whose pixels lie on their side, speaks upright, whoever moves its lips.
func TestUpright(t *testing.T) {
	t.Parallel()
	need(t)
	face := drawn.Portrait(drawn.Person, 320)
	lying := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for y := range 320 {
		for x := range 240 {
			lying.Set(y, 239-x, face.At(x+40, y))
		}
	}
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, lying, nil); err != nil {
		t.Fatal(err)
	}
	photo := kept(t, "phone.jpg", "image/jpeg", slices.Concat(raw.Bytes()[:2], []byte(onItsSide), raw.Bytes()[2:]))
	got := filepath.Join(t.TempDir(), "got.png")
	leave := filepath.Join(t.TempDir(), "engine")
	if err := os.WriteFile(leave, []byte("#!/bin/sh\nset -eu\ncp $1 "+got+"\nffmpeg -v error -loop 1 -framerate 25 -i $1 -i $2 -t 0.5 -pix_fmt yuv420p $3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, engine := range []string{"builtin", "command"} {
		s := &stage{}
		if err := s.configure(config{Engines: map[string]program{"command": {Command: []string{leave, "{portrait}", "{audio}", "{video}"}}}}); err != nil {
			t.Fatal(err)
		}
		out, err := s.talk(t.Context(), talkIn{Portrait: photo, Audio: tone(t, 0.5), Consent: true, Engine: engine, Height: 320, FPS: 25}, &sdk.Task{Scratch: t.TempDir()})
		if err != nil || out.Width != 240 || out.Height != 320 {
			t.Errorf("%s: %+v, %v", engine, out, err)
		}
	}
	f, err := os.Open(got)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, format, err := image.DecodeConfig(f); c.Width != 240 || c.Height != 320 || format != "png" || err != nil {
		t.Errorf("an engine got %s of %d by %d pixels, %v", format, c.Width, c.Height, err)
	}
}
