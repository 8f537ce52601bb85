package design

import (
	"image"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Phrase is a run of words shown together as one caption.
type Phrase struct{ First, Last int } // words[First:Last]

// Phrases cuts words into captions of at most most letters: at the ends of sentences, and within them where it reads best. Of all ways to
// cut a sentence it takes the one that costs least.
func Phrases(words []Word, most int) []Phrase {
	var out []Phrase
	for first := 0; first < len(words); {
		last := first + 1
		for last < len(words) && !endsSentence(words[last-1].Text) {
			last++
		}
		out = append(out, cut(words, first, last, most)...)
		first = last
	}
	return out
}

// What a caption costs.
const (
	anyCaption = 0.7 // few are calmer than many
	emptiness  = 2.4 // when nothing is in it; less than half as much when it is half full
	noPause    = 0.8 // it ends where the speaker goes on
	shortWord  = 0.5 // and with a word such as of, the or a, which leans on the next
	straddles  = 1.8 // it has the end of one clause and a piece of another
)

// cut cuts one sentence.
func cut(words []Word, first, last, most int) []Phrase {
	n := last - first
	best, from := make([]float64, n+1), make([]int, n+1) // of the first words, and where their last caption begins
	for end := 1; end <= n; end++ {
		best[end] = math.Inf(1)
		letters := -1
		for begin := end - 1; begin >= 0; begin-- {
			letters += 1 + utf8.RuneCountInString(words[first+begin].Text)
			if letters > most && begin < end-1 {
				break
			}
			if c := best[begin] + captionCost(words[first:last], begin, end, letters, most); c < best[end] {
				best[end], from[end] = c, begin
			}
		}
	}
	var out []Phrase
	for end := n; end > 0; end = from[end] {
		out = append(out, Phrase{first + from[end], first + end})
	}
	slices.Reverse(out)
	return out
}

// captionCost says how badly words[begin:end] of a sentence read as one caption of so many letters.
func captionCost(words []Word, begin, end, letters, most int) float64 {
	empty := max(0, 1-float64(letters)/float64(max(1, most)))
	cost := anyCaption + emptiness*empty*empty
	if last := words[end-1].Text; end < len(words) && !pauses(last) {
		cost += noPause
		if utf8.RuneCountInString(last) <= 3 {
			cost += shortWord
		}
	}
	if begin+1 < end && slices.ContainsFunc(words[begin:end-1], func(w Word) bool { return pauses(w.Text) }) {
		if begin > 0 && !pauses(words[begin-1].Text) {
			cost += straddles
		}
		if end < len(words) && !pauses(words[end-1].Text) {
			cost += straddles
		}
	}
	return cost
}

func pauses(w string) bool {
	return strings.HasSuffix(w, ",") || strings.HasSuffix(w, ":") || strings.HasSuffix(w, ";")
}

func endsSentence(w string) bool {
	return strings.HasSuffix(w, ".") || strings.HasSuffix(w, "!") || strings.HasSuffix(w, "?")
}

// letters is how many letters of a caption stand on one line.
const letters = 44

// captions adds what is said at the foot of the frame: a phrase at a time, the word being said in the accent.
func (d *drawing) captions() {
	words := d.card.Words
	phrases := Phrases(words, letters)
	for i, p := range phrases {
		in := d.card.Lead + words[p.First].Start - 0.08
		out := d.card.Lead + words[p.Last-1].End + 0.35
		if i+1 < len(phrases) {
			next := d.card.Lead + words[phrases[i+1].First].Start - 0.08
			if out = min(out, next); next-out < 0.5 {
				out = next // no flicker between phrases
			}
		}
		d.phrase(words[p.First:p.Last], in, out, i == 0)
	}
}

func (d *drawing) phrase(words []Word, in, out float64, first bool) {
	text := make([]string, len(words))
	for i, w := range words {
		text[i] = w.Text
	}
	whole := strings.Join(text, " ")
	f, wrapped := Fit(Strong, 54*d.u, whole, d.x(0.80), 1)
	if len(wrapped) == 0 {
		return
	}
	width := f.Width(wrapped[0])
	x, h := (float64(d.W)-width)/2, f.size*1.72
	y := d.y(1-margin) - h // foot of the safe area
	base := y + h/2 + f.size*0.355
	fade, rise := 0.07, 0.0
	if first {
		fade, rise = 0.25, 14
	}
	pad := f.size * 0.62
	d.layer(in, fade, rise, func(img *image.RGBA) {
		box(img, veil, x-pad, y, width+2*pad, h, h*0.34)
		f.Draw(img, wrapped[0], x, base, Paper)
	})
	d.Layers[len(d.Layers)-1].Out = out
	if wrapped[0] != whole {
		return // too long for its line, and cut: no word can be lit
	}
	before := ""
	for i, w := range words {
		at := x + f.Width(before)
		before += w.Text + " "
		n := len(d.Layers)
		d.layer(d.card.Lead+w.Start-0.03, 0.07, 0, func(img *image.RGBA) { f.Draw(img, w.Text, at, base, Sun) })
		if len(d.Layers) == n {
			continue // nothing to see in it
		}
		l := &d.Layers[n]
		if l.Out = out; i+1 < len(words) {
			l.Out = min(out, d.card.Lead+words[i+1].Start)
		}
	}
}
