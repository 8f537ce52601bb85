package timing

import (
	"context"
	"strings"
	"unicode"

	"github.com/myspinbot/spinbot/plugins/voice/espeak"
)

// split gives the words of the text as they are shown, punctuation included. A dash or other mark that stands
// alone belongs to the word before it.
func split(text string) []string {
	var words []string
	pending := ""
	for _, f := range strings.Fields(text) {
		switch {
		case IsSpoken(f):
			words = append(words, pending+f)
			pending = ""
		case len(words) > 0:
			words[len(words)-1] += " " + f
		default:
			pending += f + " "
		}
	}
	return words
}

// IsSpoken says whether there is anything in the token that is said aloud.
func IsSpoken(token string) bool {
	return strings.ContainsFunc(token, func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsNumber(r) || strings.ContainsRune("&%@$€£+=°", r)
	})
}

// stop says how long a speaker pauses after the word: 2 at the end of a clause, 1 at a comma, 0 else.
func stop(word string) int {
	word = strings.TrimRight(word, `"'”’»)]} `)
	r := []rune(word)
	if len(r) == 0 {
		return 0
	}
	switch r[len(r)-1] {
	case '.', '!', '?', ':', ';', '…', '—', '–', '。', '！', '？':
		return 2
	case ',', '、', '，':
		return 1
	}
	return 0
}

// lengths estimates how long each word takes to say, in units of a short vowel: from its phonemes when espeak-ng
// is here and knows the language, else from its syllables. Speech slows down before a pause.
func lengths(ctx context.Context, words []string, voice string) []float64 {
	out := phonemeLengths(ctx, words, voice)
	if out == nil {
		out = make([]float64, len(words))
		for i, w := range words {
			out[i] = syllableLength(w)
		}
	}
	for i, w := range words {
		if stop(w) > 0 || i == len(words)-1 {
			out[i] *= finalLengthening
		}
	}
	return out
}

const finalLengthening = 1.3

// phonemeLengths adds up the sounds of each word; nil when espeak-ng cannot say them.
func phonemeLengths(ctx context.Context, words []string, voice string) []float64 {
	lines := pronounced(ctx, words, voice)
	if lines == nil {
		return nil
	}
	ls := make([]float64, len(words))
	for i, l := range lines {
		ls[i] = ipaLength(l)
	}
	return ls
}

// pronounced asks espeak-ng how words are said; nil when it cannot say.
func pronounced(ctx context.Context, words []string, voice string) []string {
	lines := make([]string, len(words))
	for i, w := range words {
		lines[i] = bare(w)
	}
	return espeak.Pronounced(ctx, lines, voice)
}

// bare is a word on a line of its own without what would end a clause within it.
func bare(word string) string {
	word = strings.TrimFunc(Plain.Replace(word), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("&%@$€£+=°-", r)
	})
	word = strings.TrimRight(word, "-")
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(";:!?()[]\"/\\|<>\n\r\t", r) || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, word)
}

const vowels = "aeiouyɑɐɒæəɚɛɜɝɪɨɔʊʉʌøœɵʏɘɤɯɶ"

// ipaLength adds up what the phonemes of a word take.
func ipaLength(ipa string) float64 {
	length, stressed, afterVowel, aside := 0.0, false, false, false
	for _, r := range ipa {
		if aside = r == '(' || aside && r != ')'; aside {
			continue // (en): the language changes
		}
		vowel := strings.ContainsRune(vowels, r)
		switch {
		case r == 'ˈ':
			stressed = true
		case r == 'ː':
			length += 0.4
		case vowel && afterVowel:
			length += 0.5 // second half of a diphthong
		case vowel:
			length++
			if stressed {
				length += 0.3
			}
			stressed = false
		case unicode.IsLetter(r) && !unicode.Is(unicode.Lm, r): // a modifier, such as of secondary stress, is no sound
			length += 0.85
		}
		afterVowel = vowel
	}
	return max(length, 0.5)
}

// syllableLength guesses from the spelling.
func syllableLength(word string) float64 {
	length, inVowel := 0.0, false
	for _, r := range strings.ToLower(word) {
		vowel := strings.ContainsRune("aeiouyäöüáéíóúàèìòùâêîôû", r)
		switch {
		case unicode.IsNumber(r):
			length += 3 // a digit is a word
		case vowel && !inVowel:
			length += 1.4
		case unicode.Is(unicode.Han, r) || unicode.Is(unicode.Hiragana, r) || unicode.Is(unicode.Katakana, r):
			length += 2
		case unicode.IsLetter(r) && !vowel:
			length += 0.55
		}
		inVowel = vowel
	}
	return max(length, 0.5)
}

// Plain is punctuation for engines that read ASCII only, and would spell the rest or fall silent.
var Plain = strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "—", ", ", "–", ", ", "…", "...", "\u00a0", " ",
	"×", " by ", "→", " to ", "≤", " at most ", "≥", " at least ", "−", "-")
