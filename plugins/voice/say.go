package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	defaultRate = 165
	maxText     = 20_000 // bytes: some twenty minutes of speech
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
	Audio   sdk.Artifact `spin:"audio" accept:"audio/wav" doc:"The speech: 16-bit mono WAV, trimmed, its peak at -3 dBFS"`
	Seconds float64      `spin:"seconds" doc:"Its length, measured"`
	Engine  string       `spin:"engine" doc:"The engine that spoke"`
	Voice   string       `spin:"voice" doc:"The voice it spoke with"`
	Words   []word       `spin:"words" doc:"When each word is said, for captions; what stands between spaces, with its punctuation"`
}

type word struct {
	Text  string  `spin:"text"`
	Start float64 `spin:"start" doc:"Seconds from the beginning"`
	End   float64 `spin:"end" doc:"Seconds from the beginning; the next word's start, or earlier where there is a pause"`
}

func sayNode(s *speaker) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "voice.say",
		Description: "Speaks text into a WAV file and says when each word is spoken.",
		Idempotent:  true,
		Concurrency: 4,
		Examples: []sdk.Example{{Title: "One sentence", HCL: `node "voice.say" "hello" {
  text = "Your graphics card is asleep. Wake it up."
}
`}},
	}, s.say)
}

func (s *speaker) say(ctx context.Context, in sayIn, t *sdk.Task) (sayOut, error) {
	text, err := clean(in.Text)
	if err != nil {
		return sayOut{}, err
	}
	if err := checkOrder(in.Engines); err != nil {
		return sayOut{}, err
	}
	who, err := in.voice(t.Scratch)
	if err != nil {
		return sayOut{}, err
	}
	order := s.order(in.Engine, in.Engines)
	if who != nil {
		if in.Engine == "auto" && len(in.Engines) == 0 {
			order = append(slices.Clone(cloners), order...)
		}
		if !in.Plain {
			order = slices.DeleteFunc(slices.Clone(order), func(name string) bool { return !slices.Contains(cloners, name) })
		}
		if len(order) == 0 {
			return sayOut{}, sdk.Refuse("none of the engines that were asked for speaks with a profile", "those that do are "+strings.Join(cloners, " and ")+"; with or_plain = true others speak in their own voice")
		}
	}
	path := filepath.Join(t.Scratch, "speech.wav")
	if err := writeFile(path, nil); err != nil { // find out before the work
		return sayOut{}, err
	}
	t.Log("debug", "speech engines, in order: "+strings.Join(order, ", "))
	out, err := s.speak(ctx, order, request{text: text, voice: in.Voice, rate: in.Rate, dir: t.Scratch, profile: who})
	if err != nil {
		return sayOut{}, err
	}
	message := fmt.Sprintf("spoken by %s (%s)", out.engine, out.voice)
	if len(out.tried) > 0 {
		message += "; passed over: " + strings.Join(out.tried, "; ")
	}
	t.Log("info", message)
	if err := writeFile(path, out.sound.wav()); err != nil {
		return sayOut{}, err
	}
	return sayOut{
		Audio:   sdk.File(path, "speech.wav", "audio/wav"),
		Seconds: millis(out.sound.seconds()),
		Engine:  out.engine,
		Voice:   out.voice,
		Words:   timed(ctx, text, in.Voice, out.sound),
	}, nil
}

// voice reads the voice to speak with; nil: none is given.
func (in sayIn) voice(dir string) (*profile, error) {
	if in.Profile == nil {
		return nil, nil
	}
	if err := needsConsent(in.Consent, "speaking with "+in.Profile.Name); err != nil {
		return nil, err
	}
	p, err := readProfile(*in.Profile, dir)
	return &p, err
}

// clean refuses what cannot be said, and leaves single spaces between words.
func clean(text string) (string, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return "", sdk.Refuse("the text is empty", "give voice.say something to say")
	case len(text) > maxText:
		return "", sdk.Refuse(fmt.Sprintf("the text has %d bytes; at most %d are spoken at once", len(text), maxText),
			"split it, such as with for_each over its paragraphs")
	case !utf8.ValidString(text):
		return "", sdk.Refuse("the text is not UTF-8", "convert it first, such as with iconv")
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if !isSpoken(text) {
		return "", sdk.Refuse(fmt.Sprintf("there is nothing to say in %.40q: no letter and no digit", text), "write it in words")
	}
	return strings.Join(strings.Fields(text), " "), nil
}

// timed says when each word of the text is spoken. The voice asked for may tell the language.
func timed(ctx context.Context, text, voice string, s sound) []word {
	words := split(text)
	stops := make([]int, len(words))
	for i, w := range words {
		stops[i] = stop(w)
	}
	begin, end, pauses := s.pauses()
	spans := align(lengths(ctx, words, voice), stops, begin, end, pauses)
	out := make([]word, len(words))
	for i, w := range words {
		out[i] = word{w, millis(spans[i].start), millis(spans[i].end)}
	}
	return out
}

func millis(seconds float64) float64 { return math.Round(seconds*1000) / 1000 }
