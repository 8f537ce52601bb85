package timing

import (
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		" a  b\n\nc\t": "a b c", "a\x00b": "a b", "a\u00a0b": "a b", "7": "7", "&": "&", "🙂 a": "🙂 a", "\u2028x": "x",
		strings.Repeat("a", MaxText): strings.Repeat("a", MaxText),
	} {
		if got, err := Clean(text); err != nil || got != want {
			t.Errorf("%.20q: got %.20q, %v; want %.20q", text, got, err, want)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"one two.":               "one|two.",
		"one — two":              "one —|two",
		"one — … two !":          "one — …|two !",
		"— one":                  "— one",
		"« 🙂 one » two":          "« 🙂 one »|two",
		"3 + 4 = 7 & 100 %":      "3|+|4|=|7|&|100|%",
		"你好 世界":                  "你好|世界",
		"a\u00a0b a\nb":          "a|b|a|b",
		"x-ray rock’n’roll U.S.": "x-ray|rock’n’roll|U.S.",
	} {
		if got := strings.Join(split(text), "|"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	for want, words := range [][]string{
		{"", "one", "3.5", "e.g", "co-", "'", `")`, "…x"},
		{"one,", "one,”", "好、", "one,')"},
		{"one.", "one!", "one?", "one:", "one;", "one…", "one —", `one."`, "one.”)", "one.» ", "好。"},
	} {
		for _, w := range words {
			if got := stop(w); got != want {
				t.Errorf("%q: got %d, want %d", w, got, want)
			}
		}
	}
}

func TestBare(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"one.": "one", "“one,”": "one", "3.5%": "3.5%", "-5": "-5", "co-": "co", "either/or": "either or", "it’s": "it's", "a[[b": "a  b",
		"—": "", "one\x00two": "one two",
	} {
		if got := bare(word); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

// TestIPALength compares lengths: only their proportions count.
func TestIPALength(t *testing.T) {
	t.Parallel()
	for _, p := range [][2]string{{"", "ta"}, {"ta", "tat"}, {"tat", "tatat"}, {"ta", "taː"}, {"tat", "tˈat"}, {"te", "teɪ"}, {"teɪ", "te.ɪ"}} {
		if a, b := ipaLength(p[0]), ipaLength(p[1]); a >= b {
			t.Errorf("%q takes %v, %q takes %v", p[0], a, p[1], b)
		}
	}
	for _, same := range [][2]string{{"kat", "kˌat"}, {"kat", "kʰatʲ"}, {"həlˈoʊ", "(en)həlˈoʊ(cmn)"}} {
		if a, b := ipaLength(same[0]), ipaLength(same[1]); a != b {
			t.Errorf("%q takes %v, %q takes %v", same[0], a, same[1], b)
		}
	}
}

func TestSyllableLength(t *testing.T) {
	t.Parallel()
	order := []string{"", "a", "banana", "bananarama", "1984"}
	for i := range order[1:] {
		if a, b := syllableLength(order[i]), syllableLength(order[i+1]); a >= b {
			t.Errorf("%q takes %v, %q takes %v", order[i], a, order[i+1], b)
		}
	}
}

// TestLengths asks espeak-ng, and does without it for what it takes for several clauses.
func TestLengths(t *testing.T) {
	t.Parallel()
	voicetest.Need(t, "espeak-ng")
	// Spelt alike, said in another number of syllables.
	if l := phonemeLengths(t.Context(), []string{"a", "I.", "extraordinarily", "[[x]]", "$5"}, "en-us"); len(l) != 5 || l[0] >= l[2] {
		t.Errorf("got %v", l)
	}
	en, de := phonemeLengths(t.Context(), []string{"Orange"}, "en-us"), phonemeLengths(t.Context(), []string{"Orange"}, "de-DE")
	if len(en) != 1 || len(de) != 1 || en[0] == de[0] {
		t.Errorf("the language makes no difference: %v, %v", en, de)
	}
	if l := phonemeLengths(t.Context(), []string{"hello"}, "slt"); len(l) != 1 {
		t.Errorf("with another engine's voice: %v", l)
	}
	l := lengths(t.Context(), []string{"two", "two,", "two"}, "")
	if l[0] >= l[1] || l[0] >= l[2] {
		t.Errorf("no slower before a pause: %v", l)
	}
}
