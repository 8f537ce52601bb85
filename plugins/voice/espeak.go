package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// espeakEngine is espeak-ng: robotic, but it speaks a hundred languages and starts at once.
type espeakEngine struct{}

func (espeakEngine) voice(asked string) string {
	if asked == "" {
		return "en-us"
	}
	return strings.ReplaceAll(asked, "_", "-")
}

func (e espeakEngine) ready(voice string) error {
	if err := lookPath("espeak-ng"); err != nil {
		return err
	}
	name, _, _ := strings.Cut(strings.ToLower(e.voice(voice)), "+") // en-us+f3 is a variant of en-us
	if known := espeakVoices(); len(known) > 0 && !known[name] {
		return fmt.Errorf("has no voice %q (see `espeak-ng --voices`)", voice)
	}
	return nil
}

// espeakVoices are the languages and voices of the installed espeak-ng, in lower case; empty when it will not tell.
var espeakVoices = sync.OnceValue(func() map[string]bool {
	out, err := command(context.Background(), nil, "espeak-ng", "--voices")
	known := map[string]bool{}
	if err != nil {
		return known
	}
	for _, line := range strings.Split(strings.ToLower(string(out)), "\n") {
		if f := strings.Fields(line); len(f) >= 5 && f[0] != "pty" {
			known[f[1]], known[f[3]], known[f[4]] = true, true, true
		}
	}
	for name := range known { // en-us also goes by its language alone
		lang, _, _ := strings.Cut(name, "-")
		known[lang] = true
	}
	return known
})

func (e espeakEngine) say(ctx context.Context, r request) ([]byte, string, error) {
	voice := e.voice(r.voice)
	out := filepath.Join(r.dir, "espeak.wav")
	if _, err := command(ctx, []byte(unbracket(r.text)), "espeak-ng", "-v", voice, "-s", strconv.Itoa(r.rate), "-z", "-w", out, "--stdin"); err != nil {
		return nil, "", err
	}
	wav, err := os.ReadFile(out)
	return wav, voice, err
}

// unbracket keeps text from being taken for espeak's phoneme notation.
func unbracket(text string) string { return strings.ReplaceAll(text, "[[", "[ [") }
