package main

import (
	"os"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/timing"
	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

const sentence = "Your graphics card is asleep, and it dreams. Wake it up!"

func TestPlugin(t *testing.T) {
	t.Parallel()
	voicetest.Need(t, "espeak-ng")
	type in = sdk.Values
	refused := func(name, fails string, v in) sdktest.Case {
		return sdktest.Case{Name: name, Type: "voice.say", Inputs: v, Fails: fails}
	}
	sdktest.Suite{Config: sdk.Values{"engines": []any{"espeak-ng"}}, Cases: []sdktest.Case{
		{Type: "voice.say", Inputs: in{"text": sentence}, Want: func(t testing.TB, v sdk.Values) {
			var out sayOut
			if err := sdk.Bind(v, &out); err != nil {
				t.Fatal(err)
			}
			check(t, sentence, out)
			if out.Engine != "espeak-ng" || out.Voice != "en-us" || out.Audio.MediaType != "audio/wav" {
				t.Errorf("got %+v", out)
			}
		}},
		refused("empty", "the text is empty", in{"text": ""}),
		refused("unknown voice", `espeak-ng: has no voice "klingon-x"`, in{"text": "Hi", "voice": "klingon-x"}),
		refused("unknown engine", `no speech engine is called "cat"`, in{"text": "Hi", "engines": []any{"cat"}}),
	}}.Run(t, plugin())
}

// TestPluginFile compares what the host reads with what the program says.
func TestPluginFile(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("plugin.hcl")
	if err != nil {
		t.Fatal(err)
	}
	p := plugin()
	for _, want := range []string{p.Name, p.Version, p.Description} {
		if !strings.Contains(string(raw), `"`+want+`"`) {
			t.Errorf("plugin.hcl does not say %q", want)
		}
	}
}

// TestOddText says what might be taken for an option, a markup or the end of the text.
func TestOddText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"Hi", "7", "--help me", "-v de hello", "He said “well”, 'so' and \"there\".", "Wake up 🙂 now 🚀", "🙂 — then words",
		"<speak>Hello <break time='3s'/> there</speak>", "one\x00two\x1b[31m three\r\nfour\tfive", "[[[h@]]] is [[not]] said as phonemes",
		"$(reboot) `id` ; rm & \\ %s %n", "3.14 & 100 % of $5 + €7", "Ünïcödé ñ 你好 Привет", "A.B.C. e.g. U.S. x/y/z co-operate - dash",
		strings.Repeat("no stop in this ", 12), "a, b. c; d: e! f? g — h … i", "http://example.com/?a=1&b=2", strings.Repeat("x", 200),
	} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			voicetest.Need(t, "espeak-ng")
			out, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": text, "engine": "espeak-ng"}})
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			check(t, text, out)
		})
	}
}

// TestBrackets compares lengths: phonemes would be said in one syllable.
func TestBrackets(t *testing.T) {
	t.Parallel()
	voicetest.Need(t, "espeak-ng")
	long, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": "[[[tremendously]]]", "engine": "espeak-ng"}})
	if err != nil {
		t.Fatal(err)
	}
	short, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": "tremendously", "engine": "espeak-ng"}})
	if err != nil {
		t.Fatal(err)
	}
	if long.Seconds < 0.9*short.Seconds {
		t.Errorf("%v s within brackets, %v s without", long.Seconds, short.Seconds)
	}
}

func TestLongText(t *testing.T) {
	t.Parallel()
	voicetest.Need(t, "espeak-ng")
	text := strings.Repeat("This goes on, and on. ", timing.MaxText/22)
	out, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": text, "engine": "espeak-ng", "rate": number(400)}})
	if err != nil {
		t.Fatal(err)
	}
	check(t, text, out)
	if out.Seconds < 300 {
		t.Errorf("%d words in %v s", len(out.Words), out.Seconds)
	}
}

func TestRefusedText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, says string }{
		"empty":       {"", "the text is empty"},
		"blank":       {" \n\t ", "the text is empty"},
		"too long":    {strings.Repeat("a", timing.MaxText+1), "the text has 20001 bytes; at most 20000"},
		"not UTF-8":   {"caf\xe9", "not UTF-8"},
		"emoji only":  {"🙂 — !", "nothing to say in \"🙂 — !\""},
		"NULs only":   {"\x00\x00", "nothing to say"},
		"dashes only": {"--", "nothing to say"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": c.text}})
			voicetest.Explained(t, err, true, c.says)
		})
	}
}

// TestRate says a sentence at several rates with every engine that is here.
func TestRate(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"espeak-ng", "flite"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			voicetest.Need(t, engine)
			var lasts []float64
			for _, rate := range []float64{100, 165, 300} {
				out, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": sentence, "engine": engine, "rate": number(rate)}})
				if err != nil {
					t.Fatal(err)
				}
				check(t, sentence, out)
				if out.Engine != engine {
					t.Errorf("%s spoke", out.Engine)
				}
				lasts = append(lasts, out.Seconds)
			}
			if lasts[0] < 1.3*lasts[1] || lasts[1] < 1.3*lasts[2] {
				t.Errorf("at 100, 165 and 300 words per minute it lasts %v s", lasts)
			}
		})
	}
}

// TestVoices asks espeak-ng for voices by all the names they go by.
func TestVoices(t *testing.T) {
	t.Parallel()
	voicetest.Need(t, "espeak-ng")
	for asked, want := range map[string]string{
		"": "en-us", "en": "en", "en_US": "en-US", "EN-GB": "EN-GB", "en-us+f3": "en-us+f3", "en_us+Mr_Serious": "en-us+Mr_Serious",
		"de": "de", "de-DE": "de-DE", "fr": "fr", "zh": "zh", "zh-CN": "zh-CN", "german": "german", "gmw/en-US": "gmw/en-US",
	} {
		t.Run(asked, func(t *testing.T) {
			t.Parallel()
			out, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": "one two", "engine": "espeak-ng", "voice": asked}})
			if err != nil {
				t.Fatal(err)
			}
			check(t, "one two", out)
			if out.Voice != want {
				t.Errorf("%q speaks, want %q", out.Voice, want)
			}
		})
	}
}

// TestUnknownVoice names the voice and says what to do, by every engine that is here.
func TestUnknownVoice(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"espeak-ng", "flite"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			voicetest.Need(t, engine)
			_, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "engine": engine, "voice": "klingon-x"}})
			voicetest.Explained(t, err, true, engine+`: has no voice "klingon-x"`, "leave voice out", "espeak-ng --voices")
		})
	}
}
