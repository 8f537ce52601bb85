package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/myspinbot/spinbot/plugins/render/design"
)

// srt writes what is said, timed to the film with its cross-fades.
func (f *film) srt() string {
	var b strings.Builder
	n := 0
	for i, s := range f.in.Scenes {
		words := make([]design.Word, 0, len(s.Words))
		for _, w := range s.Words {
			if w.Text = strings.TrimSpace(w.Text); w.Text != "" {
				words = append(words, design.Word(w))
			}
		}
		phrases := design.Phrases(words, 74)
		for k, p := range phrases {
			begin := f.said(i) + words[p.First].Start
			end := f.said(i) + words[p.Last-1].End + 0.3
			if k+1 < len(phrases) {
				end = min(end, f.said(i)+words[phrases[k+1].First].Start)
			} else if i+1 < len(f.starts) {
				end = min(end, f.said(i+1))
			}
			n++
			fmt.Fprintf(&b, "%d\n%s --> %s\n%s\n\n", n, clock(begin), clock(max(end, begin+0.1)), twoLines(words[p.First:p.Last]))
		}
	}
	return b.String()
}

func clock(s float64) string {
	ms := int(math.Round(max(0, s) * 1000))
	return fmt.Sprintf("%02d:%02d:%02d,%03d", ms/3600000, ms/60000%60, ms/1000%60, ms%1000)
}

// twoLines breaks a caption near its middle when it is long.
func twoLines(words []design.Word) string {
	text := make([]string, len(words))
	for i, w := range words {
		text[i] = w.Text
	}
	whole := strings.Join(text, " ")
	if len([]rune(whole)) <= 42 {
		return whole
	}
	best, at := len(whole), -1
	for i, r := range whole {
		if d := max(i, len(whole)-i); r == ' ' && d < best {
			best, at = d, i
		}
	}
	if at < 0 {
		return whole
	}
	return whole[:at] + "\n" + whole[at+1:]
}
