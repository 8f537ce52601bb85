package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/plugins/voice/espeak"
	"github.com/myspinbot/spinbot/plugins/voice/program"
)

// piperEngine is the binary of Piper, a neural voice that runs on a CPU.
type piperEngine struct{ model string }

// piperRate is roughly how many words per minute its voices speak by themselves.
const piperRate = 165

// piperPause is how many seconds are silent between two sentences. The Piper in C++ did so by itself, that in Python lets them run into each other.
const piperPause = "0.2"

func (e piperEngine) ready(_ context.Context, voice string) error {
	if err := program.Look("piper"); err != nil {
		return err
	}
	if e.model == "" {
		return errors.New("no voice is configured: set SPINBOT_PLUGIN_VOICE_PIPER_MODEL to a .onnx file")
	}
	if _, err := os.Stat(e.model); err != nil {
		return fmt.Errorf("its voice cannot be read: %w", err)
	}
	// en_US-lessac-medium.onnx goes by its whole name, by en_US-lessac, by en-us and by en.
	name := strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(filepath.Base(e.model), ".onnx")), "_", "-")
	asked := strings.ReplaceAll(strings.ToLower(voice), "_", "-")
	if asked != "" && name != asked && !strings.HasPrefix(name, asked+"-") {
		return fmt.Errorf("%w %q (it has %s)", espeak.ErrNoVoice, voice, name)
	}
	return nil
}

func (e piperEngine) say(ctx context.Context, r Request) ([]byte, string, error) {
	out := filepath.Join(r.Dir, "piper.wav")
	scale := fmt.Sprintf("%.3f", piperRate/float64(r.Rate))
	line := strings.Join(strings.Fields(r.Text), " ") + "\n" // it makes a file per line
	if _, err := program.Run(ctx, []byte(line), "piper", "--model", e.model, "--length_scale", scale, "--sentence_silence", piperPause, "--output_file", out); err != nil {
		return nil, "", err
	}
	wav, err := os.ReadFile(out)
	return wav, strings.TrimSuffix(filepath.Base(e.model), ".onnx"), err
}
