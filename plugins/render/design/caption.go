package design

import (
	"image"
	"strings"
)

// Phrase is a run of words shown together as one caption.
type Phrase struct{ First, Last int } // words[First:Last]

// Phrases cuts words into captions of at most most letters, rather at a pause of the sentence than in its middle.
func Phrases(words []Word, most int) []Phrase {
	var out []Phrase
	first, length := 0, 0
	for i, w := range words {
		n := len([]rune(w.Text))
		if i > first && length+1+n > most {
			out = append(out, Phrase{first, i})
			first, length = i, 0
		}
		length += n + 1
		pause := strings.HasSuffix(w.Text, ",") || strings.HasSuffix(w.Text, ":") || strings.HasSuffix(w.Text, ";")
		if endsSentence(w.Text) || pause && length > most*2/5 {
			out = append(out, Phrase{first, i + 1})
			first, length = i+1, 0
		}
	}
	if first < len(words) {
		out = append(out, Phrase{first, len(words)})
	}
	return even(out, words, most)
}

// even joins a lone last word with the phrase before it, when that leaves both readable.
func even(in []Phrase, words []Word, most int) []Phrase {
	length := func(p Phrase) (n int) {
		for _, w := range words[p.First:p.Last] {
			n += len([]rune(w.Text)) + 1
		}
		return n
	}
	var out []Phrase
	for _, p := range in {
		if k := len(out) - 1; k >= 0 && p.Last-p.First < 3 && !endsSentence(words[out[k].Last-1].Text) {
			before := out[k]
			if length(before)+length(p) <= most+8 {
				out[k].Last = p.Last
				continue
			}
			for before.Last-before.First > 3 && length(Phrase{before.Last - 1, p.Last}) < length(before) {
				before.Last--
				p.First--
			}
			out[k] = before
		}
		out = append(out, p)
	}
	return out
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
