// Package storyboard is control.storyboard: an article becomes the scenes of a short film, with what is shown and
// what is said in each. It picks whole sentences of the article and invents none.
package storyboard

import (
	"context"
	"math"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
)

// maxArticle is the longest article in bytes that is read.
const maxArticle = 256 << 10

type inputs struct {
	Article        sdk.Artifact `accept:"text/*" doc:"Markdown or plain text: a title, a lead, sections with headings"`
	MaxScenes      int          `default:"8" min:"3" max:"40" doc:"Most scenes, hook, title and end among them"`
	TargetSeconds  float64      `default:"40" min:"10" max:"900" doc:"How long the film should be"`
	WordsPerMinute int          `default:"165" min:"60" max:"400" doc:"How fast the voice speaks"`
}

type outputs struct {
	Title   string  `doc:"The article's title"`
	Scenes  []scene `doc:"The scenes in their order"`
	Seconds float64 `doc:"Estimated length of the film"`
}

type scene struct {
	Index   int      `doc:"Position, from 0"`
	Layout  string   `doc:"hook, title, picture, points, split, statement or end"`
	Heading string   `doc:"Headline; may be empty"`
	Text    string   `doc:"Shown large on hook and statement, under the title on title"`
	Caption string   `doc:"What is said: whole sentences"`
	Points  []string `doc:"Short texts shown; on end, what to do next"`
	Number  int      `doc:"Of the chapter, from 1; 0 for none"`
	Seconds float64  `doc:"Estimated length of what is said"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.storyboard",
		Description: "Turns an article into the scenes of a short film: hook, title, chapters, end",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "Forty seconds of an article",
			HCL: `node "control.storyboard" "plan" {
  article        = var.article
  target_seconds = 40
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	text, err := read(in.Article)
	if err != nil {
		return outputs{}, err
	}
	a := parse(text)
	if !a.speaks() {
		return outputs{}, sdk.Refuse(named(in.Article)+" has no sentence to speak", "write a title, a few sentences and some headings with text under them")
	}
	scenes := plan(a, in.MaxScenes, in.TargetSeconds, in.WordsPerMinute)
	out := outputs{Title: a.title, Scenes: scenes, Seconds: overlap}
	for _, s := range scenes {
		out.Seconds += s.Seconds + gap
	}
	out.Seconds = math.Round(out.Seconds*1000) / 1000
	return out, nil
}

// read gives the article's text, or says why it is none.
func read(a sdk.Artifact) (string, error) {
	info, err := os.Stat(a.Path)
	if err != nil {
		return "", sdk.Refuse(named(a)+" cannot be read: "+err.Error(), "give the article as a file")
	}
	size := max(a.Size, info.Size())
	if size > maxArticle {
		return "", sdk.Refuse(named(a)+" is too long: "+sdk.FormatSize(size)+"; an article may have up to "+sdk.FormatSize(maxArticle), "give a shorter text: a film of 40 seconds uses about 100 words")
	}
	b, err := os.ReadFile(a.Path)
	if err != nil {
		return "", sdk.Refuse(named(a)+" cannot be read: "+err.Error(), "give the article as a file")
	}
	text := strings.TrimPrefix(string(b), "\uFEFF")
	switch {
	case strings.TrimSpace(text) == "":
		return "", sdk.Refuse(named(a)+" is empty", "write something in it: a title, a few sentences and some headings with text under them")
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return "", sdk.Refuse(named(a)+" is not text", "give Markdown or plain text in UTF-8")
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), nil
}

func named(a sdk.Artifact) string {
	if a.Name == "" {
		return "the article"
	}
	return "the article " + strconv.Quote(a.Name)
}

// spoken says whether a text has anything that a voice could say.
func spoken(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) >= 0
}
