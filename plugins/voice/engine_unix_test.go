//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/voice/engine"
	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
	"github.com/myspinbot/spinbot/sdk"
)

// standIn puts shell scripts in the place of engines; nothing else is in PATH. $here is their folder, with speech.wav.
func standIn(t *testing.T, scripts map[string]string) string {
	t.Helper()
	here := t.TempDir()
	if err := os.WriteFile(filepath.Join(here, "speech.wav"), speech(0.3, 0.4, 0.3, 0.4).WAV(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, script := range scripts {
		script = "#!/bin/sh\nPATH=/usr/bin:/bin\nhere='" + here + "'\n" + script + "\n"
		if err := os.WriteFile(filepath.Join(here, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", here)
	return here
}

// record keeps what a stand-in was given, and copies speech.wav to the file that its last argument names.
const record = `printf '%s\n' "$@" >"$here/args"; cat >"$here/stdin"; for out; do :; done; cp "$here/speech.wav" "$out"`

func read(t *testing.T, path ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestPiper(t *testing.T) {
	here := standIn(t, map[string]string{"piper": record})
	model := filepath.Join(here, "en_US-lessac-medium.onnx")
	if err := os.WriteFile(model, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &speaker{}
	if err := s.configure(config{Config: engine.Config{PiperModel: model}}); err != nil {
		t.Fatal(err)
	}
	for _, voice := range []string{"", "en", "en-us", "en_US", "en_US-lessac", "en_us-lessac-medium"} {
		dir := t.TempDir()
		out, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "-v One\ntwo.", "voice": voice, "rate": number(330)}, Scratch: dir})
		if err != nil {
			t.Fatal(err)
		}
		check(t, "-v One two.", out)
		if out.Engine != "piper" || out.Voice != "en_US-lessac-medium" {
			t.Errorf("got %+v", out)
		}
		if got, want := read(t, here, "args"), "--model\n"+model+"\n--length_scale\n0.500\n--sentence_silence\n0.2\n--output_file\n"+dir+"/piper.wav\n"; got != want {
			t.Errorf("its arguments are\n%swant\n%s", got, want)
		}
		if got := read(t, here, "stdin"); got != "-v One two.\n" {
			t.Errorf("it reads %q; want one line", got)
		}
	}
	for _, voice := range []string{"de", "e", "en-us-less"} {
		_, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "voice": voice, "engine": "piper"}})
		voicetest.Explained(t, err, true, `piper: has no voice "`+voice+`" (it has en-us-lessac-medium)`, "leave voice out")
	}
}

func TestFlite(t *testing.T) {
	here := standIn(t, map[string]string{"flite": record})
	own := filepath.Join(here, "Own.flitevox")
	if err := os.WriteFile(own, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{"": "slt", "en-us": "slt", "EN_US": "slt", "rms": "rms", "KAL16": "kal16", own: own} {
		dir := t.TempDir()
		text := "-v It’s “so” — 3 × 4…"
		out, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": text, "voice": asked, "rate": number(173)}, Scratch: dir})
		if err != nil {
			t.Fatal(err)
		}
		check(t, text, out)
		if out.Engine != "flite" || out.Voice != want {
			t.Errorf("voice %q: got %+v", asked, out)
		}
		if got, want := read(t, here, "args"), "-voice\n"+want+"\n--setf\nduration_stretch=1.0000\n-f\n"+dir+"/flite.txt\n-o\n"+dir+"/flite.wav\n"; got != want {
			t.Errorf("its arguments are\n%swant\n%s", got, want)
		}
		if got, want := read(t, dir, "flite.txt"), `-v It's "so" ,  3  by  4...`; got != want {
			t.Errorf("it reads %q, want %q", got, want)
		}
	}
}

// TestOrder lets stand-ins fail in several ways: the next engine speaks, and the error shows the order.
func TestOrder(t *testing.T) {
	good := `case "$*" in *--voices*) exit 1;; *--stdout*) cat "$here/speech.wav";; esac`
	standIn(t, map[string]string{"flite": `echo "first line
	last	line" >&2; exit 3`, "espeak-ng": good, "piper": "exit 0"})
	model := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(model, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &speaker{}
	if err := s.configure(config{Config: engine.Config{Engines: []string{"flite", "piper"}, PiperModel: model}}); err != nil {
		t.Fatal(err)
	}
	const flite, piper = "flite: flite: exit status 3: first line last line", "piper: open "
	for name, c := range map[string]struct {
		in   sdk.Values
		says []string // empty: espeak-ng speaks
	}{
		"configured": {sdk.Values{}, []string{"in this order: " + flite + "; " + piper}},
		"set":        {sdk.Values{"engines": []any{"piper", "flite"}}, []string{"in this order: " + piper, "; " + flite}},
		"only one":   {sdk.Values{"engine": "flite", "engines": []any{"espeak-ng"}}, []string{"in this order: " + flite + " ("}},
		"goes on":    {sdk.Values{"engines": []any{"http", "flite", "espeak-ng"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.in["text"] = "Hi"
			out, err := say(t, t.Context(), s, &sdk.Task{Inputs: c.in})
			switch {
			case c.says != nil:
				voicetest.Explained(t, err, false, c.says...)
			case err != nil || out.Engine != "espeak-ng":
				t.Errorf("got %+v, %v", out, err)
			}
		})
	}
	if out, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": "Hi"}}); err != nil || out.Engine != "espeak-ng" {
		t.Errorf("by default: %+v, %v", out, err)
	}
}

func TestNoEngine(t *testing.T) {
	standIn(t, nil)
	_, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": "Hi"}})
	voicetest.Explained(t, err, true, "http: not configured; piper: not installed; flite: not installed; espeak-ng: not installed", "apt-get install flite espeak-ng")
}

// TestDiskFullElsewhere is told by an engine.
func TestDiskFullElsewhere(t *testing.T) {
	standIn(t, map[string]string{"flite": "echo 'OSError: No space left on device' >&2; exit 1"})
	dir := t.TempDir()
	_, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": "Hi"}, Scratch: dir})
	voicetest.Explained(t, err, false, "the disk is full: no room to write in "+dir)
}

// TestCancelKills cancels while an engine runs that started another program: both must be gone.
func TestCancelKills(t *testing.T) {
	here := standIn(t, map[string]string{"flite": `sleep 300 & echo $! $$ >"$here/started"; wait`})
	fifo := filepath.Join(here, "started")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	started, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer started.Close()
	if err := started.SetReadDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("changed my mind")
	pids := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(started).ReadString('\n')
		cancel(why)
		pids <- line
	}()
	if _, err := say(t, ctx, &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": "Hi"}}); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	line := strings.Fields(<-pids)
	if len(line) != 2 {
		t.Fatalf("the engine did not start: %q", line)
	}
	for _, p := range line {
		pid, err := strconv.Atoi(p)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(60 * time.Second); running(pid); {
			if time.Now().After(end) {
				t.Fatalf("process %d is still there", pid)
			}
		}
	}
}

func running(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return syscall.Kill(pid, 0) == nil && (err != nil || !strings.Contains(string(stat), ") Z "))
}
