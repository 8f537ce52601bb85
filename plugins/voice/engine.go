package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// config is the plugin's block in spinbot.hcl. What it leaves empty comes from the environment.
type config struct {
	Engines    []string `spin:"engines,optional" doc:"Engines in the order in which they are tried: http, piper, flite, espeak-ng"`
	URL        string   `spin:"url,optional" doc:"Base URL of a speech service with the OpenAI API, such as http://127.0.0.1:8880/v1. Environment: SPINBOT_VOICE_URL"`
	Key        string   `spin:"key,optional,sensitive" doc:"Its API key, if it wants one. Environment: SPINBOT_VOICE_KEY"`
	Model      string   `spin:"model,optional" doc:"Model that the service is asked for. Environment: SPINBOT_VOICE_MODEL; default tts-1"`
	PiperModel string   `spin:"piper_model,optional" doc:"Path of Piper's .onnx voice. Environment: SPINBOT_PIPER_MODEL"`
}

// request is what an engine is asked to say.
type request struct {
	text  string
	voice string // empty: the engine's own choice
	rate  int    // words per minute
	dir   string // for its files
}

// engine is one way to make speech.
type engine interface {
	// ready says why the engine cannot speak with the voice here, or nil.
	ready(voice string) error
	// say gives a WAV file's bytes, and the name of the voice that spoke.
	say(ctx context.Context, r request) (wav []byte, voice string, err error)
}

// defaultOrder is the order in which engines are tried: the most natural first.
var defaultOrder = []string{"http", "piper", "flite", "espeak-ng"}

// speaker knows the engines.
type speaker struct {
	mu     sync.RWMutex
	config config
}

func newSpeaker() *speaker {
	s := &speaker{}
	_ = s.configure(config{}) // an empty one has no mistakes
	return s
}

func (s *speaker) configure(c config) error {
	if err := checkOrder(c.Engines); err != nil {
		return err
	}
	c.URL = orEnv(c.URL, "SPINBOT_VOICE_URL", "")
	c.Key = orEnv(c.Key, "SPINBOT_VOICE_KEY", "")
	c.Model = orEnv(c.Model, "SPINBOT_VOICE_MODEL", "tts-1")
	c.PiperModel = orEnv(c.PiperModel, "SPINBOT_PIPER_MODEL", "")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = c
	return nil
}

func orEnv(value, name, otherwise string) string {
	if value != "" {
		return value
	}
	if value = os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func checkOrder(names []string) error {
	for _, n := range names {
		if !slices.Contains(defaultOrder, n) {
			return sdk.Refuse(fmt.Sprintf("no speech engine is called %q", n), "there are "+strings.Join(defaultOrder, ", "))
		}
	}
	return nil
}

// order gives the names of the engines to try: those asked for, else those configured, else all.
func (s *speaker) order(engine string, engines []string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case engine != "" && engine != "auto":
		return []string{engine}
	case len(engines) > 0:
		return engines
	case len(s.config.Engines) > 0:
		return s.config.Engines
	}
	return defaultOrder
}

func (s *speaker) engine(name string) engine {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch name {
	case "http":
		return httpEngine{s.config}
	case "piper":
		return piperEngine{s.config.PiperModel}
	case "flite":
		return fliteEngine{}
	}
	return espeakEngine{}
}

// spoken is what an engine made.
type spoken struct {
	sound  sound
	engine string
	voice  string
	tried  []string // why earlier engines did not, one line each
}

// speak lets the first engine of the order that can say it say it.
func (s *speaker) speak(ctx context.Context, order []string, r request) (spoken, error) {
	var tried []string
	failed := false
	for _, name := range order {
		e := s.engine(name)
		if err := e.ready(r.voice); err != nil {
			tried = append(tried, name+": "+err.Error())
			continue
		}
		out, voice, err := e.say(ctx, r)
		if err == nil {
			var snd sound
			if snd, err = readWAV(out); err == nil {
				if snd, err = snd.polish(); err == nil {
					return spoken{snd, name, voice, tried}, nil
				}
			}
		}
		if ctx.Err() != nil {
			return spoken{}, context.Cause(ctx)
		}
		failed = true
		tried = append(tried, name+": "+err.Error())
	}
	e := sdk.Refuse("no speech engine could say it; tried in this order: "+strings.Join(tried, "; "), install)
	e.Permanent = !failed // one that failed at speaking may be better next time
	return spoken{}, e
}

// install is what to do when there is no engine.
const install = "install one: `apt-get install flite espeak-ng`, or `brew install espeak-ng`; or set SPINBOT_VOICE_URL to a speech service"

// lookPath explains a missing program in a word.
func lookPath(program string) error {
	if _, err := exec.LookPath(program); err != nil {
		return errors.New("not installed")
	}
	return nil
}

// command runs a program to its end; input goes to its standard input. What it prints last is in the error.
func command(ctx context.Context, input []byte, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stderr.String())
		if len(said) > 300 {
			said = "…" + said[len(said)-300:]
		}
		return nil, fmt.Errorf("%s: %w: %s", program, err, said)
	}
	return stdout.Bytes(), nil
}
