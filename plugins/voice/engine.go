package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/myspinbot/spinbot/sdk"
)

// config is what the host hands over. What it leaves empty comes from the environment, whose names begin as hosts let
// through.
type config struct {
	Engines    []string `spin:"engines,optional" doc:"Engines in the order in which they are tried: http, gpt-sovits, f5-tts, piper, flite, espeak-ng. Environment: SPINBOT_PLUGIN_VOICE_ENGINES, with commas"`
	URL        string   `spin:"url,optional" doc:"Base URL of a speech service with the OpenAI API, such as http://127.0.0.1:8880/v1. Environment: SPINBOT_PLUGIN_VOICE_URL"`
	Key        string   `spin:"key,optional,sensitive" doc:"Its API key, if it wants one. Environment: SPINBOT_PLUGIN_VOICE_KEY"`
	Model      string   `spin:"model,optional" doc:"Model that the service is asked for. Environment: SPINBOT_PLUGIN_VOICE_MODEL; default tts-1"`
	SovitsURL  string   `spin:"gpt_sovits_url,optional" doc:"Base URL of GPT-SoVITS' api_v2.py on this machine, such as http://127.0.0.1:9880. Environment: SPINBOT_PLUGIN_VOICE_GPT_SOVITS_URL"`
	HearURL    string   `spin:"hear_url,optional" doc:"Where speech is written down: whisper.cpp's server, such as http://127.0.0.1:8080, or a service with OpenAI's API, such as http://127.0.0.1:8000/v1. Environment: SPINBOT_PLUGIN_VOICE_HEAR_URL"`
	HearKey    string   `spin:"hear_key,optional,sensitive" doc:"Its API key, if it wants one. Environment: SPINBOT_PLUGIN_VOICE_HEAR_KEY"`
	HearModel  string   `spin:"hear_model,optional" doc:"Model that it is asked for. Environment: SPINBOT_PLUGIN_VOICE_HEAR_MODEL; default whisper-1"`
	PiperModel string   `spin:"piper_model,optional" doc:"Path of Piper's .onnx voice. Environment: SPINBOT_PLUGIN_VOICE_PIPER_MODEL"`
}

// request is what an engine is asked to say.
type request struct {
	text  string
	voice string // empty: the engine's own choice
	rate  int    // words per minute
	dir   string // for its files
	// profile is a voice to speak with, which only some engines can; nil: the engine's own.
	profile *profile
}

// engine is one way to make speech.
type engine interface {
	// ready says why the engine cannot speak with the voice here, or nil.
	ready(ctx context.Context, voice string) error
	// say gives a WAV file's bytes, and the name of the voice that spoke.
	say(ctx context.Context, r request) (wav []byte, voice string, err error)
}

// defaultOrder is the order in which engines are tried: the most natural first. cloners speak with profiles, and only with them.
var (
	defaultOrder = []string{"http", "piper", "flite", "espeak-ng"}
	cloners      = []string{"gpt-sovits", "f5-tts"}
	engines      = append(slices.Clone(cloners), defaultOrder...)
)

// speaker knows the engines.
type speaker struct {
	mu     sync.RWMutex
	config config
}

func (s *speaker) configure(c config) error {
	if len(c.Engines) == 0 {
		c.Engines = strings.FieldsFunc(os.Getenv("SPINBOT_PLUGIN_VOICE_ENGINES"), func(r rune) bool { return r == ',' || r == ' ' })
	}
	if err := checkOrder(c.Engines); err != nil {
		return err
	}
	c.URL = orEnv(c.URL, "SPINBOT_PLUGIN_VOICE_URL", "")
	c.Key = orEnv(c.Key, "SPINBOT_PLUGIN_VOICE_KEY", "")
	c.Model = orEnv(c.Model, "SPINBOT_PLUGIN_VOICE_MODEL", "tts-1")
	c.SovitsURL = orEnv(c.SovitsURL, "SPINBOT_PLUGIN_VOICE_GPT_SOVITS_URL", "")
	c.HearURL = orEnv(c.HearURL, "SPINBOT_PLUGIN_VOICE_HEAR_URL", "")
	c.HearKey = orEnv(c.HearKey, "SPINBOT_PLUGIN_VOICE_HEAR_KEY", "")
	c.HearModel = orEnv(c.HearModel, "SPINBOT_PLUGIN_VOICE_HEAR_MODEL", "whisper-1")
	c.PiperModel = orEnv(c.PiperModel, "SPINBOT_PLUGIN_VOICE_PIPER_MODEL", "")
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
		if !slices.Contains(engines, n) {
			return sdk.Refuse(fmt.Sprintf("no speech engine is called %q", n), "there are "+strings.Join(engines, ", "))
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
		return httpEngine{s.config, maxWAV}
	case "piper":
		return piperEngine{s.config.PiperModel}
	case "flite":
		return fliteEngine{}
	case "gpt-sovits":
		return sovitsEngine{s.config.SovitsURL}
	case "f5-tts":
		return f5Engine{}
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
	var errs []error
	for _, name := range order {
		snd, voice, err := try(ctx, s.engine(name), r)
		var final *sdk.Error // concerns all engines
		switch {
		case err == nil:
			return spoken{snd, name, voice, tried}, nil
		case ctx.Err() != nil:
			return spoken{}, context.Cause(ctx)
		case isFull(err):
			return spoken{}, scratchError(err, r.dir)
		case errors.As(err, &final):
			return spoken{}, err
		}
		tried, errs = append(tried, name+": "+err.Error()), append(errs, err)
	}
	return spoken{}, refusal(tried, errs)
}

// try lets one engine speak.
func try(ctx context.Context, e engine, r request) (sound, string, error) {
	if err := e.ready(ctx, r.voice); err != nil {
		return sound{}, "", unready{err}
	}
	wav, voice, err := e.say(ctx, r)
	if err != nil {
		return sound{}, "", err
	}
	snd, err := readWAV(wav)
	if err != nil {
		return sound{}, "", err
	}
	snd, err = snd.polish()
	return snd, voice, err
}

// unready is why an engine was not asked.
type unready struct{ error }

func (u unready) Unwrap() error { return u.error }

// errNoVoice says that an engine is here but speaks with other voices.
var errNoVoice = errors.New("has no voice")

// refusal says why no engine spoke, and what helps: it depends on how near they came.
func refusal(tried []string, errs []error) error {
	e := sdk.Refuse("no speech engine could say it; tried in this order: "+strings.Join(tried, "; "), "install one: "+programs)
	for _, err := range errs {
		if errors.Is(err, errNoVoice) {
			e.Hint = "leave voice out, or name one that an engine has: `espeak-ng --voices` and `flite -lv` list theirs"
		}
	}
	for _, err := range errs {
		if !errors.As(err, new(unready)) {
			e.Permanent = false // one that failed at speaking may be better next time
			e.Hint = "mend the engine by what it said, or install another: " + programs
		}
	}
	return e
}

// programs are what to install when nothing can speak.
const programs = "`apt-get install flite espeak-ng`, or `brew install espeak-ng`; or set SPINBOT_PLUGIN_VOICE_URL to a speech service"

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
	ownGroup(cmd)
	cmd.Stdin = bytes.NewReader(input)
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := []rune(oneLine(stderr.String()))
		switch {
		case len(said) == 0:
			return nil, fmt.Errorf("%s: %w", program, err)
		case len(said) > maxSaid:
			said = append([]rune("…"), said[len(said)-maxSaid:]...)
		}
		return nil, fmt.Errorf("%s: %w: %s", program, err, string(said))
	}
	return stdout.Bytes(), nil
}

// maxSaid is how many characters of what a program or a service says are repeated in errors.
const maxSaid = 300

// oneLine makes one printable line of what a program or a service said.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)), " ")
}

// writeFile writes a file into the scratch folder.
func writeFile(path string, data []byte) error {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return scratchError(err, filepath.Dir(path))
	}
	return nil
}

func scratchError(err error, dir string) error {
	if isFull(err) {
		return sdk.Fail("the disk is full: no room to write in "+dir, "free some space there, then resume the run")
	}
	return sdk.Fail("cannot write into the scratch folder: "+err.Error(), "see that the folder is there and that the host may write into it")
}

// isFull also recognises what programs print.
func isFull(err error) bool { return strings.Contains(strings.ToLower(err.Error()), "no space left") }
