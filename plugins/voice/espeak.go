package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// espeakEngine is espeak-ng: robotic, but it speaks a hundred languages and starts at once.
type espeakEngine struct{}

func (espeakEngine) voice(asked string) string {
	if asked == "" {
		return "en-us"
	}
	lang, variant, _ := strings.Cut(asked, "+") // en-us+f3 is a variant of en-us
	return strings.ReplaceAll(lang, "_", "-") + asked[len(lang):len(asked)-len(variant)] + variant
}

func (e espeakEngine) ready(ctx context.Context, voice string) error {
	if err := lookPath("espeak-ng"); err != nil || voice == "" {
		return err
	}
	name, _, _ := strings.Cut(strings.ToLower(e.voice(voice)), "+")
	lang, region, _ := strings.Cut(name, "-")
	known := espeakVoices(ctx)
	if len(known) == 0 || known[name] || known[lang] && len(region) == 2 { // it takes de-de for de
		return nil
	}
	return fmt.Errorf("%w %q (see `espeak-ng --voices`)", errNoVoice, voice)
}

// espeakVoices are the languages and voices of the installed espeak-ng, in lower case; empty when it will not tell.
func espeakVoices(ctx context.Context) map[string]bool {
	known := map[string]bool{}
	out, err := command(ctx, nil, "espeak-ng", "--voices")
	if err != nil {
		return known
	}
	for _, line := range strings.Split(strings.ToLower(string(out)), "\n") {
		f := strings.Fields(line)
		if len(f) < 5 || f[0] == "pty" {
			continue
		}
		lang, _, _ := strings.Cut(f[1], "-") // en-us also goes by its language alone
		known[lang], known[f[1]], known[f[3]], known[f[4]] = true, true, true, true
		for _, other := range strings.Split(strings.Join(f[5:], " "), "(")[1:] { // (zh-cmn 5)(zh 5)
			name, _, _ := strings.Cut(other, " ")
			known[name] = true
		}
	}
	return known
}

// say takes the sound from standard output: espeak-ng does not tell when it cannot write a file.
func (e espeakEngine) say(ctx context.Context, r request) ([]byte, string, error) {
	voice := e.voice(r.voice)
	wav, err := command(ctx, []byte(unbracket(r.text)), "espeak-ng", "-v", voice, "-s", strconv.Itoa(r.rate), "-z", "--stdin", "--stdout")
	return wav, voice, err
}

// unbracket keeps text from being taken for espeak's phoneme notation, [[…]].
func unbracket(text string) string { return strings.NewReplacer("[", "(", "]", ")").Replace(text) }
