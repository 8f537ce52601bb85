// Package espeak is espeak-ng: robotic, but it speaks a hundred languages and starts at once, and it knows how words are said.
package espeak

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/plugins/voice/program"
)

// Name is the program's.
const Name = "espeak-ng"

// ErrNoVoice says that an engine is here but speaks with other voices.
var ErrNoVoice = errors.New("has no voice")

// Voice gives a voice as espeak-ng calls it; none asked for is that of en-us.
func Voice(asked string) string {
	if asked == "" {
		return "en-us"
	}
	lang, variant, _ := strings.Cut(asked, "+") // en-us+f3 is a variant of en-us
	return strings.ReplaceAll(lang, "_", "-") + asked[len(lang):len(asked)-len(variant)] + variant
}

// Ready says why it cannot speak with the voice here, or nil.
func Ready(ctx context.Context, voice string) error {
	if err := program.Look(Name); err != nil || voice == "" {
		return err
	}
	name, _, _ := strings.Cut(strings.ToLower(Voice(voice)), "+")
	lang, region, _ := strings.Cut(name, "-")
	known := voices(ctx)
	if len(known) == 0 || known[name] || known[lang] && len(region) == 2 { // it takes de-de for de
		return nil
	}
	return fmt.Errorf("%w %q (see `espeak-ng --voices`)", ErrNoVoice, voice)
}

// voices are the languages and voices of the installed espeak-ng, in lower case; empty when it will not tell.
func voices(ctx context.Context) map[string]bool {
	known := map[string]bool{}
	out, err := program.Run(ctx, nil, Name, "--voices")
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

// Say gives a WAV file's bytes. It takes the sound from standard output: espeak-ng does not tell when it cannot write a file.
func Say(ctx context.Context, text, voice string, rate int) ([]byte, error) {
	return program.Run(ctx, []byte(unbracket(text)), Name, "-v", Voice(voice), "-s", strconv.Itoa(rate), "-z", "--stdin", "--stdout")
}

// Pronounced tells how lines are said: each in the phonetic alphabet with _ between sounds; nil when it cannot say. It speaks English
// where the voice is none of its own.
func Pronounced(ctx context.Context, lines []string, voice string) []string {
	if program.Look(Name) != nil {
		return nil
	}
	if Ready(ctx, voice) != nil {
		voice = ""
	}
	in := unbracket(strings.Join(lines, "\n")) + "\n"
	out, err := program.Run(ctx, []byte(in), Name, "-q", "--ipa", "--sep=_", "-v", Voice(voice))
	said := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if err != nil || len(said) != len(lines) {
		return nil // it made two clauses of a line
	}
	return said
}

// unbracket keeps text from being taken for espeak's phoneme notation, [[…]].
func unbracket(text string) string { return strings.NewReplacer("[", "(", "]", ")").Replace(text) }
