package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// piperEngine is the binary of Piper, a neural voice that runs on a CPU.
type piperEngine struct{ model string }

// piperRate is roughly how many words per minute its voices speak by themselves.
const piperRate = 165

func (e piperEngine) ready(_ context.Context, voice string) error {
	if err := lookPath("piper"); err != nil {
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
		return fmt.Errorf("%w %q (it has %s)", errNoVoice, voice, name)
	}
	return nil
}

func (e piperEngine) say(ctx context.Context, r request) ([]byte, string, error) {
	out := filepath.Join(r.dir, "piper.wav")
	scale := fmt.Sprintf("%.3f", piperRate/float64(r.rate))
	line := strings.Join(strings.Fields(r.text), " ") + "\n" // it makes a file per line
	if _, err := command(ctx, []byte(line), "piper", "--model", e.model, "--length_scale", scale, "--output_file", out); err != nil {
		return nil, "", err
	}
	wav, err := os.ReadFile(out)
	return wav, strings.TrimSuffix(filepath.Base(e.model), ".onnx"), err
}
