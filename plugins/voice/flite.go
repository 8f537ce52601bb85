package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// fliteEngine is CMU Flite: small, English only, its slt voice is the most pleasant of the two offline engines.
type fliteEngine struct{}

// fliteVoices are built into every flite.
var fliteVoices = []string{"slt", "rms", "awb", "kal16", "kal", "awb_time"}

// fliteRate is how many words per minute slt speaks by itself; measured.
const fliteRate = 173

func (fliteEngine) voice(asked string) (string, error) {
	name := strings.ToLower(asked)
	switch {
	case name == "", name == "en", name == "en-us", name == "en_us":
		return "slt", nil
	case slices.Contains(fliteVoices, name):
		return name, nil
	case strings.HasSuffix(asked, ".flitevox"):
		if _, err := os.Stat(asked); err == nil { // flite would speak with another one, or download it
			return asked, nil
		}
	}
	return "", fmt.Errorf("%w %q (it has en-us, %s)", errNoVoice, asked, strings.Join(fliteVoices, ", "))
}

func (e fliteEngine) ready(_ context.Context, voice string) error {
	if err := lookPath("flite"); err != nil {
		return err
	}
	_, err := e.voice(voice)
	return err
}

func (e fliteEngine) say(ctx context.Context, r request) ([]byte, string, error) {
	voice, err := e.voice(r.voice)
	if err != nil {
		return nil, "", err
	}
	text, out := filepath.Join(r.dir, "flite.txt"), filepath.Join(r.dir, "flite.wav")
	if err := writeFile(text, []byte(plainPunctuation.Replace(r.text))); err != nil {
		return nil, "", err
	}
	stretch := fmt.Sprintf("duration_stretch=%.4f", fliteRate/float64(r.rate))
	if _, err := command(ctx, nil, "flite", "-voice", voice, "--setf", stretch, "-f", text, "-o", out); err != nil {
		return nil, "", err
	}
	wav, err := os.ReadFile(out)
	return wav, voice, err
}

// plainPunctuation is for engines that read ASCII only, and would spell the rest or fall silent.
var plainPunctuation = strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "—", ", ", "–", ", ", "…", "...", "\u00a0", " ",
	"×", " by ", "→", " to ", "≤", " at most ", "≥", " at least ", "−", "-")
