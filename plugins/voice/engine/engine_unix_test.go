//go:build unix

package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/espeak"
	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
)

// TestConfigure shows that the block wins over the environment, and that both are checked.
func TestConfigure(t *testing.T) {
	for name, value := range map[string]string{"URL": "http://env.test", "KEY": "k", "PIPER_MODEL": "m.onnx", "ENGINES": "flite, espeak-ng"} {
		t.Setenv("SPINBOT_PLUGIN_VOICE_"+name, value)
	}
	s := &Speaker{}
	if err := s.Configure(Config{URL: "http://block.test"}); err != nil {
		t.Fatal(err)
	}
	if c := s.config; c.URL != "http://block.test" || c.Key != "k" || c.Model != "tts-1" || c.PiperModel != "m.onnx" {
		t.Errorf("got %+v", c)
	}
	if got := strings.Join(s.Order("auto", nil), " "); got != "flite espeak-ng" {
		t.Errorf("the order is %s", got)
	}
	if err := s.Configure(Config{Engines: []string{"piper"}}); err != nil || s.Order("", nil)[0] != "piper" {
		t.Errorf("the order is %v, %v", s.Order("", nil), err)
	}
	t.Setenv("SPINBOT_PLUGIN_VOICE_ENGINES", "flite,cat")
	voicetest.Explained(t, s.Configure(Config{}), true, `no speech engine is called "cat"`, "there are gpt-sovits, f5-tts, http, piper, flite, espeak-ng")
}

// TestReady: what an engine lacks is told before it is asked.
func TestReady(t *testing.T) {
	here := t.TempDir()
	model := filepath.Join(here, "m.onnx")
	for _, program := range []string{"piper", "flite"} {
		if err := os.WriteFile(filepath.Join(here, program), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", here)
	if err := (piperEngine{}).ready(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "SPINBOT_PLUGIN_VOICE_PIPER_MODEL") {
		t.Errorf("without a model: %v", err)
	}
	if err := (piperEngine{model}).ready(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("with a model that is not there: %v", err)
	}
	for _, asked := range []string{"de", "nope", here + "/nope.flitevox", "http://127.0.0.1:1/x.flitevox"} {
		if err := (fliteEngine{}).ready(t.Context(), asked); !errors.Is(err, espeak.ErrNoVoice) || !strings.Contains(err.Error(), asked) {
			t.Errorf("voice %q: %v", asked, err)
		}
	}
}
