package design

import (
	"image"
	"slices"
	"strings"
	"testing"
)

func said(text string) []Word {
	var out []Word
	for i, w := range strings.Fields(text) {
		out = append(out, Word{w, float64(i) * 0.3, float64(i)*0.3 + 0.25})
	}
	return out
}

func TestPhrases(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		most int
		want []string
	}{
		{"", 20, nil},
		{"One.", 20, []string{"One."}},
		{"Two sentences. Never together!", 40, []string{"Two sentences.", "Never together!"}},
		{"a pause after a while, then the rest of it", 30, []string{"a pause after a while,", "then the rest of it"}},
		{"no pause, yet", 40, []string{"no pause, yet"}},
		{"Cut the power, and the run goes on", 30, []string{"Cut the power,", "and the run goes on"}},
		{"Supercalifragilisticexpialidocious x", 10, []string{"Supercalifragilisticexpialidocious", "x"}},
		{"My lips follow the sounds of what I say; now and then I blink, and that is all", 30, []string{"My lips follow the sounds", "of what I say;", "now and then I blink,", "and that is all"}},
		{"If you cut the power, and the run goes on, nothing is lost: not a word.", 38, []string{"If you cut the power,", "and the run goes on,", "nothing is lost: not a word."}},
		{"Then she went out of the house", 20, []string{"Then she went", "out of the house"}},
		{"one two three four five six", 18, []string{"one two three", "four five six"}},
	} {
		words := said(c.text)
		var got []string
		for _, p := range Phrases(words, c.most) {
			var text []string
			for _, w := range words[p.First:p.Last] {
				text = append(text, w.Text)
			}
			got = append(got, strings.Join(text, " "))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q at %d: got %q, want %q", c.text, c.most, got, c.want)
		}
	}
}

// FuzzPhrases: every word in one phrase, in order.
func FuzzPhrases(f *testing.F) {
	f.Add("Some words, and a stop. More", 12)
	f.Add(". . . ! ?", 1)
	f.Fuzz(func(t *testing.T, text string, most int) {
		words := said(text)
		next := 0
		for _, p := range Phrases(words, most) {
			if p.First != next || p.Last <= p.First {
				t.Fatalf("phrase %v begins after word %d", p, next)
			}
			next = p.Last
		}
		if next != len(words) {
			t.Fatalf("%d of %d words", next, len(words))
		}
	})
}

func TestFit(t *testing.T) {
	t.Parallel()
	const width = 300
	for _, text := range []string{"", "short", strings.Repeat("many words ", 30), strings.Repeat("long", 60), "Donaudampfschifffahrtsgesellschaft", "漢字かな交じり文", "a\u0301 🚀 x"} {
		f, lines := Fit(Display, 80, text, width, 3)
		if len(lines) > 3 {
			t.Errorf("%q takes %d lines", text, len(lines))
		}
		for _, l := range lines {
			if w := f.Width(l); w > width+f.size {
				t.Errorf("%q is %.0f pixels wide", l, w)
			}
		}
	}
	if _, lines := Fit(Display, 80, "Donaudampfschifffahrt", 500, 3); len(lines) != 1 {
		t.Errorf("a word was broken: %q", lines)
	}
}

// TestCaptionStays checks that captions stay within the safe area, and that one word at a time is lit.
func TestCaptionStays(t *testing.T) {
	t.Parallel()
	s := Draw(Card{Layout: Picture, Words: said("Ten plain words that are said one after the other")}, nil, 640, 360)
	safe := image.Rect(20, 0, 620, 340)
	lit := 0
	for at := 0.0; at < 3.5; at += 0.01 {
		n := 0
		for _, l := range s.Layers {
			if !l.Img.Bounds().In(safe) {
				t.Fatalf("a layer lies at %v", l.Img.Bounds())
			}
			if l.Img.Bounds().Dx() < 120 && at >= l.In+l.Fade && at < l.Out { // a word, wholly there
				n++
			}
		}
		if n > 1 {
			t.Fatalf("%d words are lit at %.2f s", n, at)
		}
		lit += n
	}
	if lit < 150 {
		t.Errorf("words are lit in only %d of 350 moments", lit)
	}
}
