// Package timing knows when the words of a text are said in a sound, and when each sound of speech is made. Nothing is recognised: the
// lengths of words are estimated, and laid over the pauses that are heard.
package timing

import (
	"context"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/sdk"
)

// Word is when a word is said; what stands between spaces, with its punctuation.
type Word struct {
	Text  string  `spin:"text"`
	Start float64 `spin:"start" doc:"Seconds from the beginning"`
	End   float64 `spin:"end" doc:"Seconds from the beginning; the next word's start, or earlier where there is a pause"`
}

// Phoneme is when a sound of speech is made.
type Phoneme struct {
	Symbol string  `spin:"symbol" doc:"In the phonetic alphabet"`
	Start  float64 `spin:"start" doc:"Seconds from the beginning"`
	End    float64 `spin:"end" doc:"Seconds from the beginning"`
}

// MaxText is how many bytes are said at once: some twenty minutes of speech.
const MaxText = 20_000

// Clean refuses what cannot be said, and leaves single spaces between words.
func Clean(text string) (string, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return "", sdk.Refuse("the text is empty", "give voice.say something to say")
	case len(text) > MaxText:
		return "", sdk.Refuse(fmt.Sprintf("the text has %d bytes; at most %d are spoken at once", len(text), MaxText),
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
	if !IsSpoken(text) {
		return "", sdk.Refuse(fmt.Sprintf("there is nothing to say in %.40q: no letter and no digit", text), "write it in words")
	}
	return strings.Join(strings.Fields(text), " "), nil
}

// Words says when each word of the text is spoken. The voice asked for may tell the language.
func Words(ctx context.Context, text, voice string, s audio.Sound) []Word {
	words := split(text)
	stops := make([]int, len(words))
	for i, w := range words {
		stops[i] = stop(w)
	}
	begin, end, pauses := s.Pauses()
	spans := align(lengths(ctx, words, voice), stops, begin, end, pauses)
	out := make([]Word, len(words))
	for i, w := range words {
		out[i] = Word{w, Millis(spans[i].start), Millis(spans[i].end)}
	}
	return out
}

// Millis rounds seconds to thousandths.
func Millis(seconds float64) float64 { return math.Round(seconds*1000) / 1000 }

// Phonemes divides the time of each word among its sounds; none when espeak-ng cannot say them.
func Phonemes(ctx context.Context, words []Word, voice string) []Phoneme {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.Text
	}
	out := []Phoneme{}
	for i, ipa := range pronounced(ctx, texts, voice) {
		var symbols []string
		var lengths []float64
		var total float64
		for _, p := range strings.Split(plainIPA(ipa), "_") {
			if p != "" {
				symbols, lengths = append(symbols, p), append(lengths, ipaLength(p))
				total += lengths[len(lengths)-1]
			}
		}
		at := words[i].Start
		for j, p := range symbols {
			end := at + (words[i].End-words[i].Start)*lengths[j]/total
			out = append(out, Phoneme{p, Millis(at), Millis(end)})
			at = end
		}
	}
	return out
}

// plainIPA takes out marks of stress and of a change of language.
func plainIPA(ipa string) string {
	for {
		before, rest, found := strings.Cut(ipa, "(")
		_, after, closed := strings.Cut(rest, ")")
		if !found || !closed {
			break
		}
		ipa = before + after
	}
	return strings.NewReplacer("ˈ", "", "ˌ", "", " ", "_", "-", "").Replace(ipa)
}
