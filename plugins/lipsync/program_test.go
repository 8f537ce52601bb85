package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/gif"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/plugins/lipsync/drawn"
	"github.com/myspinbot/spinbot/sdk"
)

// python is a script that stands in for an engine's Python, and gives its path.
func python(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func picture(t *testing.T, name string, img image.Image) sdk.Artifact {
	t.Helper()
	var raw bytes.Buffer
	err := png.Encode(&raw, img)
	if filepath.Ext(name) == ".gif" {
		raw.Reset()
		err = gif.Encode(&raw, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return kept(t, name, "image/png", raw.Bytes())
}

// speak has an engine, which a script stands in for, make the film of a portrait.
func speak(t *testing.T, s *stage, engine string, p program, face sdk.Artifact) (talkOut, error) {
	t.Helper()
	if err := s.configure(config{Engines: map[string]program{engine: p}}); err != nil {
		t.Fatal(err)
	}
	said := tone(t, 1)
	fine := filepath.Join(t.TempDir(), "fine.wav")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-i", said.Path, "-ar", "44100", fine).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	said.Path = fine
	return s.talk(t.Context(), talkIn{Portrait: face, Audio: said, Consent: true, Engine: engine, Height: 65}, &sdk.Task{Scratch: t.TempDir()})
}

// TestEngineFilm: engines get a portrait of the height that was asked for, whatever kind of picture it was, and their film comes out as
// one that browsers play, with the speech as it was given.
func TestEngineFilm(t *testing.T) {
	t.Parallel()
	need(t)
	odd := drawn.Portrait(drawn.Person, 301).SubImage(image.Rect(0, 0, 233, 301))
	for name, body := range map[string]string{
		"sadtalker":  `while [ $# -gt 0 ]; do case $1 in --source_image) face=$2 ;; --driven_audio) said=$2 ;; --result_dir) out=$2/2026_11_28_02.14.00.mp4 ;; esac; shift; done`,
		"latentsync": `while [ $# -gt 0 ]; do case $1 in --video_path) face=$2 ;; --audio_path) said=$2 ;; --video_out_path) out=$2 ;; esac; shift; done`,
		"wav2lip":    `while [ $# -gt 0 ]; do case $1 in --face) face=$2 ;; --audio) said=$2 ;; --outfile) out=$2 ;; esac; shift; done`,
	} {
		codec := "-c:v mpeg4 -vtag mp4v -ar 16000"
		if name == "wav2lip" {
			codec = "-c:v libx264 -pix_fmt yuv420p" // its last ffmpeg sees to that
		}
		out, err := speak(t, &stage{}, name, program{Folder: t.TempDir(), Python: python(t, "set -eu\n"+body+`
case $face in *.avi) loop= ;; *) loop="-loop 1 -framerate 25" ;; esac
ffmpeg -v error $loop -i $face -i $said -map 0:v -map 1:a -t 1 `+codec+` $out`)}, picture(t, "odd.gif", odd))
		if err != nil || out.Width != 50 || out.Height != 64 || out.Seconds < 0.95 || out.Seconds > 1.1 {
			t.Errorf("%s: %+v, %v", name, out, err)
			continue
		}
		raw, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,pix_fmt,sample_rate", "-of", "json", out.Video.Path).Output()
		var film struct {
			Streams []struct {
				Codec  string `json:"codec_name"`
				Pixels string `json:"pix_fmt"`
				Rate   string `json:"sample_rate"`
			}
		}
		if err == nil {
			err = json.Unmarshal(raw, &film)
		}
		if s := film.Streams; err != nil || len(s) != 2 || s[0].Codec != "h264" || s[0].Pixels != "yuv420p" || s[1].Codec != "aac" || s[1].Rate != "44100" {
			t.Errorf("%s: %s, %v", name, raw, err)
		}
	}
}

// TestEngineSaysWhy: what engines say when they fail is understood; most of these were said by the engine itself, run with such a picture or without such a file.
func TestEngineSaysWhy(t *testing.T) {
	t.Parallel()
	need(t)
	for _, c := range []struct{ engine, says, message, hint string }{
		{"sadtalker", "echo 'TypeError: exceptions must derive from BaseException'; exit 1", "sadtalker found no face in face.png", "seen from the front"},
		{"latentsync", "echo 'RuntimeError: Face not detected'; exit 1", "latentsync found no face in face.png", "seen from the front"},
		{"wav2lip", "echo 'ValueError: Face not detected! Ensure the video contains a face in all the frames.'; exit 1", "wav2lip found no face in face.png", "seen from the front"},
		{"sadtalker", "echo \"FileNotFoundError: [Errno 2] No such file or directory: './checkpoints/epoch_20.pth'\"; exit 1", "No such file", "checkpoints/SadTalker_V0.0.2_256.safetensors is not in"},
		{"latentsync", "echo 'RuntimeError: Model checkpoints/whisper/tiny.pt not found'; exit 1", "whisper/tiny.pt not found", "checkpoints/latentsync_unet.pt is not in"},
		{"latentsync", "echo \"ModuleNotFoundError: No module named 'omegaconf'\"; exit 1", "No module named 'omegaconf'", `latentsync = { python = "/…/bin/python" }`},
		{"latentsync", "echo 'Restoring 900 faces...'; kill -9 $$", "signal: killed: Restoring", "when memory runs out"},
		{"sadtalker", "echo \"Can't get the coeffs of the input\"", "sadtalker ended well and left no film: Can't get the coeffs", "version"},
		{"sadtalker", "while :; do echo 'Warning: out of memory, sleep for 1s'; done", "sadtalker ran out of device memory", "a smaller height"},
	} {
		_, err := speak(t, &stage{}, c.engine, program{Folder: t.TempDir(), Python: python(t, c.says)}, picture(t, "face.png", drawn.Portrait(drawn.Person, 64)))
		if e := sdk.AsError(err); e == nil || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) || e.Detail == "" || e.Permanent != strings.Contains(c.message, "no face") {
			t.Errorf("%s: %#v", c.says, e)
		}
	}
}

// TestEngineAlone: LatentSync has one folder for its films, so that two of its films are made one after the other.
func TestEngineAlone(t *testing.T) {
	t.Parallel()
	need(t)
	s, p := &stage{}, program{Folder: t.TempDir(), Python: python(t, `set -eu
while [ "$1" != --video_path ]; do shift; done; film=$2
while [ "$1" != --video_out_path ]; do shift; done
mkdir temp; ffmpeg -v error -i $film -c:v libx264 -pix_fmt yuv420p $2; rmdir temp`)}
	if err := s.configure(config{Engines: map[string]program{"latentsync": p}}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 3 {
		in, task := talkIn{Portrait: portrait(t, drawn.Person, 64), Audio: tone(t, 0.2), Consent: true, Engine: "latentsync", Height: 64}, &sdk.Task{Scratch: t.TempDir()}
		all.Go(func() {
			if _, err := s.talk(t.Context(), in, task); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
