package dedupe

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/myspinbot/spinbot/sdk"
)

// finder looks for an item that was kept before and is the same; it remembers those that are new. of is -1 for them.
type finder interface {
	find(key string, i int) (of int, alike float64, err error)
}

type equals map[string]int

func (e equals) find(key string, i int) (int, float64, error) {
	if of, twice := e[key]; twice {
		return of, 1, nil
	}
	e[key] = i
	return -1, 0, nil
}

// normal leaves letters and digits, in small letters, with one space between words. A text without any stays as it is:
// "!" and "?" are no duplicates.
func normal(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r == '\'' || r == '’': // it's is its
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			b.WriteRune(r)
		default:
			b.WriteByte(' ')
		}
	}
	if s := strings.Join(strings.Fields(b.String()), " "); s != "" {
		return s
	}
	return strings.TrimSpace(text)
}

// Bounds of what similar does, all items together.
const (
	maxRunes = 2000       // of a text; what follows does not count
	maxGrams = 600_000    // remembered
	maxSteps = 40_000_000 // in lists of holders
)

// gram is three characters, and how often they came before in the same text.
type gram struct {
	runes [3]rune
	again int
}

// similar measures two texts by Dice's coefficient of their grams: twice what they share, by what both have. Instead of
// comparing each with each it looks through the texts that share a gram.
type similar struct {
	threshold float64
	holders   map[gram][]int // which of kept have it
	kept      []text
	shared    []int // how many grams each of kept shares with the one that is looked for
	total     int   // grams remembered
	steps     int
}

type text struct {
	item  int
	grams int
}

func (s *similar) find(key string, i int) (int, float64, error) {
	grams := gramsOf(key)
	for j := range s.shared {
		s.shared[j] = 0
	}
	s.steps += len(s.shared) / 8
	for _, g := range grams {
		held := s.holders[g]
		s.steps += len(held)
		if s.steps > maxSteps {
			return 0, 0, s.tooMuch(i)
		}
		for _, j := range held {
			s.shared[j]++
		}
	}
	best, alike := -1, 0.0
	for j, n := range s.shared {
		if a := 2 * float64(n) / float64(s.kept[j].grams+len(grams)); a >= s.threshold && a > alike {
			best, alike = s.kept[j].item, a
		}
	}
	if best >= 0 {
		return best, alike, nil
	}
	if s.total += len(grams); s.total > maxGrams {
		return 0, 0, s.tooMuch(i)
	}
	for _, g := range grams {
		s.holders[g] = append(s.holders[g], len(s.kept))
	}
	s.kept, s.shared = append(s.kept, text{i, len(grams)}), append(s.shared, 0)
	return -1, 0, nil
}

func (s *similar) tooMuch(i int) error {
	return sdk.Refuse("items["+strconv.Itoa(i)+"]: the list is too long to find similar texts in: "+strconv.Itoa(len(s.kept))+" different ones came before", `compare a shorter part with by, cut the list up, or write mode = "text"`)
}

// gramsOf gives the runs of three characters of a text, with its ends marked so that short texts have some too.
func gramsOf(key string) []gram {
	runes := slices.Concat([]rune{0, 0}, firstRunes(key), []rune{0})
	count := make(map[[3]rune]int, len(runes))
	out := make([]gram, 0, len(runes)-2)
	for i := range len(runes) - 2 {
		r := [3]rune(runes[i : i+3])
		out = append(out, gram{r, count[r]})
		count[r]++
	}
	return out
}

func firstRunes(s string) []rune {
	r := []rune(s[:min(len(s), 4*maxRunes)])
	return r[:min(len(r), maxRunes)]
}
