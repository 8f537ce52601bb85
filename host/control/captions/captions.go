// Package captions is control.captions: what is said, and when, as subtitles.
package captions

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
)

// mostSeconds is the latest time that the formats can write.
const mostSeconds = 99 * 3600

type inputs struct {
	Cues       []cue   `spin:",optional" max:"100000" doc:"What is said, and when; or give text"`
	Text       string  `spin:",optional" doc:"Subtitles to read, SRT or VTT, instead of cues"`
	Format     string  `default:"srt" enum:"srt|vtt|ass" doc:"What to write"`
	MaxChars   int     `default:"42" min:"8" max:"200" doc:"Most characters of a line"`
	MaxLines   int     `default:"2" min:"1" max:"6" doc:"Most lines at once; a longer cue is cut into several, each with its share of the time"`
	MinSeconds float64 `default:"0" min:"0" max:"60" doc:"How long a cue stays at least, where the next leaves room"`
	Shift      float64 `default:"0" min:"-360000" max:"360000" doc:"Seconds to move everything by"`
	Overlap    string  `default:"refuse" enum:"refuse|trim" doc:"What to do with a cue that begins before the one before it ends: refuse it, or end that one earlier"`
	Style      style   `spin:",optional" doc:"How it looks, for ass"`
}

type cue struct {
	Start float64 `doc:"Seconds from the beginning"`
	End   float64 `doc:"Seconds from the beginning"`
	Text  string  `doc:"What is said"`
}

type outputs struct {
	Text  string `doc:"The subtitles"`
	Cues  []cue  `doc:"What they say, with lines as they are shown"`
	Count int    `doc:"How many cues there are"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.captions",
		Description: "Writes subtitles as SRT, WebVTT or ASS, with lines of readable length; reads SRT and WebVTT, too",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "Subtitles of what a voice says",
			HCL: `node "control.captions" "subtitles" {
  cues = [
    { start = 0, end = 2.5, text = "A portrait, a voice sample and a topic" },
    { start = 2.5, end = 4, text = "become a talking video." },
  ]
  format = "ass"
  style  = { size = 64, position = "bottom" }
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	cues := in.Cues
	if in.Text != "" {
		if len(cues) > 0 {
			return outputs{}, sdk.Refuse("both cues and text are given", "leave one of them out")
		}
		var err error
		if cues, err = parse(in.Text); err != nil {
			return outputs{}, err
		}
	}
	cues, err := ordered(cues, in)
	if err != nil {
		return outputs{}, err
	}
	var shown []cue
	for i, c := range cues {
		room := float64(mostSeconds)
		if i+1 < len(cues) {
			room = cues[i+1].Start
		}
		c.End = max(c.End, min(c.Start+in.MinSeconds, room))
		shown = append(shown, cut(c, in.MaxChars, in.MaxLines)...)
	}
	out := outputs{Cues: shown, Count: len(shown)}
	if out.Cues == nil {
		out.Cues = []cue{}
	}
	switch in.Format {
	case "vtt":
		out.Text = vtt(shown)
	case "ass":
		out.Text, err = ass(shown, in.Style)
	default:
		out.Text = srt(shown)
	}
	return out, err
}

// ordered checks the cues and puts them in the order of their times.
func ordered(given []cue, in inputs) ([]cue, error) {
	cues := slices.Clone(given)
	for i := range cues {
		c := &cues[i]
		c.Text = strings.Join(strings.Fields(c.Text), " ")
		c.Start, c.End = c.Start+in.Shift, c.End+in.Shift
		wrong := ""
		switch {
		case math.IsNaN(c.Start), math.IsNaN(c.End), c.Start < 0:
			wrong = "begins before 0"
		case c.End <= c.Start:
			wrong = "ends before it begins"
		case c.End > mostSeconds:
			wrong = "ends after 99 hours"
		}
		if wrong != "" {
			return nil, sdk.Refuse(fmt.Sprintf("cue %d (%g to %g s, %s) %s", i, c.Start, c.End, short(c.Text), wrong), "times are seconds from the beginning")
		}
	}
	sort.SliceStable(cues, func(a, b int) bool { return cues[a].Start < cues[b].Start })
	for i := 1; i < len(cues); i++ {
		before := &cues[i-1]
		if cues[i].Start >= before.End {
			continue
		}
		if in.Overlap != "trim" || cues[i].Start <= before.Start {
			return nil, sdk.Refuse(fmt.Sprintf("%s begins at %g s, before %s ends at %g s", short(cues[i].Text), cues[i].Start, short(before.Text), before.End),
				`mend the times, or set overlap = "trim", which needs different beginnings`)
		}
		before.End = cues[i].Start
	}
	return slices.DeleteFunc(cues, func(c cue) bool { return c.Text == "" }), nil
}

func short(text string) string {
	if r := []rune(text); len(r) > 24 {
		text = string(r[:24]) + "…"
	}
	return "“" + text + "”"
}

// cut breaks a cue into lines, and into several cues when there are too many lines.
func cut(c cue, maxChars, maxLines int) []cue {
	lines := wrap(c.Text, maxChars)
	all := 0
	for _, l := range lines {
		all += utf8.RuneCountInString(l)
	}
	var cues []cue
	at, said := c.Start, 0
	for len(lines) > 0 {
		some := lines[:min(maxLines, len(lines))]
		lines = lines[len(some):]
		for _, l := range some {
			said += utf8.RuneCountInString(l)
		}
		end := c.Start + (c.End-c.Start)*float64(said)/float64(all)
		if len(lines) == 0 {
			end = c.End
		}
		cues = append(cues, cue{round(at), round(end), strings.Join(some, "\n")})
		at = end
	}
	return cues
}

// round gives whole milliseconds.
func round(s float64) float64 { return math.Round(s*1000) / 1000 }

// wrap breaks a text into lines that are about equally long.
func wrap(text string, most int) []string {
	var words []string
	for _, w := range strings.Fields(text) {
		r := []rune(w)
		for ; len(r) > most; r = r[most:] {
			words = append(words, string(r[:most]))
		}
		words = append(words, string(r))
	}
	lines := fill(words, most)
	for width := most - 1; width > 0; width-- { // as narrow as it can be without another line
		narrow := fill(words, width)
		if len(narrow) > len(lines) || slices.ContainsFunc(narrow, func(l string) bool { return utf8.RuneCountInString(l) > width }) {
			break
		}
		lines = narrow
	}
	return lines
}

func fill(words []string, most int) (lines []string) {
	room := 0
	for _, w := range words {
		n := utf8.RuneCountInString(w)
		if len(lines) == 0 || n+1 > room {
			lines, room = append(lines, w), most-n
			continue
		}
		lines[len(lines)-1] += " " + w
		room -= n + 1
	}
	return lines
}
