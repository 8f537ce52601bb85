// Package engine has the engines that speak, and the order in which they are tried: programs of this machine, and services.
package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/espeak"
	"github.com/myspinbot/spinbot/plugins/voice/profile"
	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/sdk"
)

// DefaultRate is how many words per minute are said where nobody asks for another rate.
const DefaultRate = 165

// Request is what an engine is asked to say.
type Request struct {
	Text  string
	Voice string // empty: the engine's own choice
	Rate  int    // words per minute
	Dir   string // for its files
	// Profile is a voice to speak with, which only some engines can; nil: the engine's own.
	Profile *profile.Profile
}

// engine is one way to make speech.
type engine interface {
	// ready says why the engine cannot speak with the voice here, or nil.
	ready(ctx context.Context, voice string) error
	// say gives a WAV file's bytes, and the name of the voice that spoke.
	say(ctx context.Context, r Request) (wav []byte, voice string, err error)
}

// defaultOrder is the order in which engines are tried: the most natural first. cloners speak with profiles, and only with them.
var (
	defaultOrder = []string{"http", "piper", "flite", espeak.Name}
	cloners      = []string{"gpt-sovits", "f5-tts"}
	engines      = append(slices.Clone(cloners), defaultOrder...)
)

// Clones says whether an engine speaks with profiles.
func Clones(name string) bool { return slices.Contains(cloners, name) }

// Cloners lists the engines that speak with profiles, those that were trained for this one first.
func Cloners(p profile.Profile) []string {
	first := slices.DeleteFunc(slices.Clone(cloners), func(name string) bool { return p.Models[name] == nil })
	return append(first, slices.DeleteFunc(slices.Clone(cloners), func(name string) bool { return p.Models[name] != nil })...)
}

// Config is what the host hands over. What it leaves empty comes from the environment, whose names begin as hosts let
// through.
type Config struct {
	Engines     []string `spin:"engines,optional" doc:"Engines in the order in which they are tried: http, gpt-sovits, f5-tts, piper, flite, espeak-ng. Environment: SPINBOT_PLUGIN_VOICE_ENGINES, with commas"`
	URL         string   `spin:"url,optional" doc:"Base URL of a speech service with the OpenAI API, such as http://127.0.0.1:8880/v1. Environment: SPINBOT_PLUGIN_VOICE_URL"`
	Key         string   `spin:"key,optional,sensitive" doc:"Its API key, if it wants one. Environment: SPINBOT_PLUGIN_VOICE_KEY"`
	Model       string   `spin:"model,optional" doc:"Model that the service is asked for. Environment: SPINBOT_PLUGIN_VOICE_MODEL; default tts-1"`
	SovitsURL   string   `spin:"gpt_sovits_url,optional" doc:"Base URL of GPT-SoVITS' api_v2.py on this machine, such as http://127.0.0.1:9880. Environment: SPINBOT_PLUGIN_VOICE_GPT_SOVITS_URL"`
	TrustModels bool     `spin:"trust_models" default:"false" doc:"Voices with models of GPT-SoVITS, which may hold programs, are spoken with: voice.train makes such"`
	PiperModel  string   `spin:"piper_model,optional" doc:"Path of Piper's .onnx voice. Environment: SPINBOT_PLUGIN_VOICE_PIPER_MODEL"`
}

// Speaker knows the engines. Its zero value speaks with those that need no configuration.
type Speaker struct {
	mu     sync.RWMutex
	config Config
	sovits sync.RWMutex // see sovitsEngine
}

// Configure takes a configuration in place of what was there.
func (s *Speaker) Configure(c Config) error {
	if len(c.Engines) == 0 {
		c.Engines = strings.FieldsFunc(os.Getenv("SPINBOT_PLUGIN_VOICE_ENGINES"), func(r rune) bool { return r == ',' || r == ' ' })
	}
	if err := CheckOrder(c.Engines); err != nil {
		return err
	}
	c.URL = OrEnv(c.URL, "SPINBOT_PLUGIN_VOICE_URL", "")
	c.Key = OrEnv(c.Key, "SPINBOT_PLUGIN_VOICE_KEY", "")
	c.Model = OrEnv(c.Model, "SPINBOT_PLUGIN_VOICE_MODEL", "tts-1")
	c.SovitsURL = OrEnv(c.SovitsURL, "SPINBOT_PLUGIN_VOICE_GPT_SOVITS_URL", "")
	c.PiperModel = OrEnv(c.PiperModel, "SPINBOT_PLUGIN_VOICE_PIPER_MODEL", "")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = c
	return nil
}

// OrEnv gives what is configured, else what the environment says, else the default.
func OrEnv(value, name, otherwise string) string {
	if value != "" {
		return value
	}
	if value = os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// CheckOrder refuses names that no engine has.
func CheckOrder(names []string) error {
	for _, n := range names {
		if !slices.Contains(engines, n) {
			return sdk.Refuse(fmt.Sprintf("no speech engine is called %q", n), "there are "+strings.Join(engines, ", "))
		}
	}
	return nil
}

// Order gives the names of the engines to try: those asked for, else those configured, else all.
func (s *Speaker) Order(engine string, engines []string) []string {
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

func (s *Speaker) engine(name string) engine {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch name {
	case "http":
		return httpEngine{s.config, audio.MaxWAV}
	case "piper":
		return piperEngine{s.config.PiperModel}
	case "flite":
		return fliteEngine{}
	case "gpt-sovits":
		return sovitsEngine{s.config.SovitsURL, s.config.TrustModels, &s.sovits}
	case "f5-tts":
		return f5Engine{}
	}
	return espeakEngine{}
}

// Spoken is what an engine made.
type Spoken struct {
	Sound  audio.Sound
	Engine string
	Voice  string
	Tried  []string // why earlier engines did not, one line each
}

// Speak lets the first engine of the order that can say it say it.
func (s *Speaker) Speak(ctx context.Context, order []string, r Request) (Spoken, error) {
	var tried []string
	var errs []error
	for _, name := range order {
		snd, voice, err := try(ctx, s.engine(name), r)
		var final *sdk.Error // concerns all engines
		switch {
		case err == nil:
			return Spoken{snd, name, voice, tried}, nil
		case ctx.Err() != nil:
			return Spoken{}, context.Cause(ctx)
		case program.IsFull(err):
			return Spoken{}, program.ScratchError(err, r.Dir)
		case errors.As(err, &final):
			return Spoken{}, err
		}
		tried, errs = append(tried, name+": "+err.Error()), append(errs, err)
	}
	return Spoken{}, refusal(tried, errs)
}

// try lets one engine speak.
func try(ctx context.Context, e engine, r Request) (audio.Sound, string, error) {
	if err := e.ready(ctx, r.Voice); err != nil {
		return audio.Sound{}, "", unready{err}
	}
	wav, voice, err := e.say(ctx, r)
	if err != nil {
		return audio.Sound{}, "", err
	}
	snd, err := audio.ReadWAV(wav)
	if err != nil {
		return audio.Sound{}, "", err
	}
	snd, err = snd.Polish()
	return snd, voice, err
}

// unready is why an engine was not asked.
type unready struct{ error }

func (u unready) Unwrap() error { return u.error }

// refusal says why no engine spoke, and what helps: it depends on how near they came.
func refusal(tried []string, errs []error) error {
	e := sdk.Refuse("no speech engine could say it; tried in this order: "+strings.Join(tried, "; "), "install one: "+programs)
	for _, err := range errs {
		if errors.Is(err, espeak.ErrNoVoice) {
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
