package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/plugins/voice/espeak"
	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/plugins/voice/timing"
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
	return "", fmt.Errorf("%w %q (it has en-us, %s)", espeak.ErrNoVoice, asked, strings.Join(fliteVoices, ", "))
}

func (e fliteEngine) ready(_ context.Context, voice string) error {
	if err := program.Look("flite"); err != nil {
		return err
	}
	_, err := e.voice(voice)
	return err
}

func (e fliteEngine) say(ctx context.Context, r Request) ([]byte, string, error) {
	voice, err := e.voice(r.Voice)
	if err != nil {
		return nil, "", err
	}
	text, out := filepath.Join(r.Dir, "flite.txt"), filepath.Join(r.Dir, "flite.wav")
	if err := program.WriteFile(text, []byte(timing.Plain.Replace(r.Text))); err != nil {
		return nil, "", err
	}
	stretch := fmt.Sprintf("duration_stretch=%.4f", fliteRate/float64(r.Rate))
	if _, err := program.Run(ctx, nil, "flite", "-voice", voice, "--setf", stretch, "-f", text, "-o", out); err != nil {
		return nil, "", err
	}
	wav, err := os.ReadFile(out)
	return wav, voice, err
}
