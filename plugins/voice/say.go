package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/plugins/voice/engine"
	"github.com/myspinbot/spinbot/plugins/voice/profile"
	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/plugins/voice/timing"
	"github.com/myspinbot/spinbot/sdk"
)

type sayIn struct {
	Text    string        `spin:"text" doc:"What to say: plain text, up to 20,000 bytes"`
	Voice   string        `spin:"voice,optional" doc:"A language such as en-us, or an engine's name for a voice such as slt; engines that lack it are passed over"`
	Profile *sdk.Artifact `spin:"profile" accept:"application/vnd.spinbot.voice+zip" doc:"A voice that voice.profile made: gpt-sovits and f5-tts speak with it"`
	Consent bool          `spin:"consent" default:"false" doc:"With profile: that whoever's voice it is has agreed; set it from a variable that a person sets"`
	Plain   bool          `spin:"or_plain" default:"false" doc:"With profile: where no engine speaks with it, another voice will do"`
	Engine  string        `spin:"engine" default:"auto" enum:"auto|gpt-sovits|f5-tts|http|piper|flite|espeak-ng" doc:"Only this engine; auto tries them in order"`
	Engines []string      `spin:"engines,optional" doc:"Engines in the order in which auto tries them; default: http, piper, flite, espeak-ng; with profile gpt-sovits, f5-tts"`
	Rate    int           `spin:"rate" default:"165" min:"80" max:"400" doc:"Words per minute"`
}

type sayOut struct {
	Audio   sdk.Artifact  `spin:"audio" accept:"audio/wav" doc:"The speech: 16-bit mono WAV, trimmed, its peak at -3 dBFS"`
	Seconds float64       `spin:"seconds" doc:"Its length, measured"`
	Engine  string        `spin:"engine" doc:"The engine that spoke"`
	Voice   string        `spin:"voice" doc:"The voice it spoke with"`
	Words   []timing.Word `spin:"words" doc:"When each word is said, for captions; what stands between spaces, with its punctuation"`
}

func sayNode(s *speaker) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "voice.say",
		Description: "Speaks text into a WAV file and says when each word is spoken.",
		Generates:   true, Idempotent: true,
		Concurrency: 4,
		Examples: []sdk.Example{{Title: "One sentence", HCL: `node "voice.say" "hello" {
  text = "Your graphics card is asleep. Wake it up."
}
`}},
	}, s.say)
}

func (s *speaker) say(ctx context.Context, in sayIn, t *sdk.Task) (sayOut, error) {
	text, err := timing.Clean(in.Text)
	if err != nil {
		return sayOut{}, err
	}
	if err := engine.CheckOrder(in.Engines); err != nil {
		return sayOut{}, err
	}
	who, err := in.voice(t.Scratch)
	if err != nil {
		return sayOut{}, err
	}
	order := s.engines.Order(in.Engine, in.Engines)
	if who != nil {
		if in.Engine == "auto" && len(in.Engines) == 0 {
			order = append(engine.Cloners(*who), order...)
		}
		if !in.Plain {
			order = slices.DeleteFunc(slices.Clone(order), func(name string) bool { return !engine.Clones(name) })
		}
		if len(order) == 0 {
			return sayOut{}, sdk.Refuse("none of the engines that were asked for speaks with a profile", "those that do are "+strings.Join(engine.Cloners(*who), " and ")+"; with or_plain = true others speak in their own voice")
		}
	}
	path := filepath.Join(t.Scratch, "speech.wav")
	if err := program.WriteFile(path, nil); err != nil { // find out before the work
		return sayOut{}, err
	}
	t.Log("debug", "speech engines, in order: "+strings.Join(order, ", "))
	out, err := s.engines.Speak(ctx, order, engine.Request{Text: text, Voice: in.Voice, Rate: in.Rate, Dir: t.Scratch, Profile: who})
	if err != nil {
		return sayOut{}, err
	}
	message := fmt.Sprintf("spoken by %s (%s)", out.Engine, out.Voice)
	if len(out.Tried) > 0 {
		message += "; passed over: " + strings.Join(out.Tried, "; ")
	}
	t.Log("info", message)
	if err := program.WriteFile(path, out.Sound.WAV()); err != nil {
		return sayOut{}, err
	}
	return sayOut{
		Audio:   sdk.File(path, "speech.wav", "audio/wav"),
		Seconds: timing.Millis(out.Sound.Seconds()),
		Engine:  out.Engine,
		Voice:   out.Voice,
		Words:   timing.Words(ctx, text, in.Voice, out.Sound),
	}, nil
}

// voice reads the voice to speak with; nil: none is given.
func (in sayIn) voice(dir string) (*profile.Profile, error) {
	if in.Profile == nil {
		return nil, nil
	}
	if err := needsConsent(in.Consent, "speaking with "+in.Profile.Name); err != nil {
		return nil, err
	}
	p, err := profile.Read(*in.Profile, dir)
	return &p, err
}
