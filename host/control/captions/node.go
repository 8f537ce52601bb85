// Package captions is control.captions: timed lines or words become SRT, WebVTT or ASS text, and SRT or WebVTT text
// becomes timed lines.
package captions

import (
	"context"

	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

// maxText is the longest text in bytes that is read.
const maxText = 2 << 20

type inputs struct {
	Lines      []piece       `spin:",optional" max:"20000" doc:"What is said and when, as lines; one becomes one caption, or several when it is too long"`
	Words      []piece       `spin:",optional" max:"50000" doc:"What is said and when, word by word, as speech recognition and voices give it; they are put together"`
	Text       string        `spin:",optional" doc:"SRT or WebVTT to read, instead of lines or words"`
	File       *sdk.Artifact `accept:"text/*|application/x-subrip" doc:"A file of SRT or WebVTT, instead of text"`
	Format     string        `default:"srt" enum:"srt|vtt|ass" doc:"What is written"`
	MaxChars   int           `default:"42" min:"5" max:"200" doc:"Most characters of a line; a longer word stands on a line of its own"`
	MaxLines   int           `default:"2" min:"1" max:"4" doc:"Most lines of a caption"`
	MinSeconds float64       `default:"1" min:"0" max:"30" doc:"How long a caption stays at least, if the next one leaves room"`
	MaxSeconds float64       `default:"7" min:"0.5" max:"600" doc:"How long a caption stays at most"`
	MaxGap     float64       `default:"0.8" min:"0.05" max:"30" doc:"Silence in seconds after which words begin a new caption"`
	Shift      float64       `default:"0" min:"-86400" max:"86400" doc:"Seconds that are added to all times"`
	Style      style         `spin:",optional" doc:"How ASS looks"`
}

type piece struct {
	Text  string  `doc:"What is said"`
	Start float64 `min:"0" max:"360000" doc:"When it begins, in seconds"`
	End   float64 `min:"0" max:"360000" doc:"When it ends, in seconds"`
}

type style struct {
	Font         string  `default:"Arial" max:"100" doc:"Name of the font"`
	Size         float64 `default:"64" min:"1" max:"1000" doc:"Height of the letters, in pixels of the picture"`
	Color        string  `default:"#FFFFFF" pattern:"^#[0-9A-Fa-f]{6}$" doc:"Of the letters"`
	OutlineColor string  `default:"#000000" pattern:"^#[0-9A-Fa-f]{6}$" doc:"Of the line around them"`
	Outline      float64 `default:"3" min:"0" max:"50" doc:"Width of the line around the letters"`
	Shadow       float64 `default:"0" min:"0" max:"50" doc:"Depth of the shadow"`
	Bold         bool    `default:"false" doc:"Whether the letters are bold"`
	Italic       bool    `default:"false" doc:"Whether the letters are slanted"`
	Position     string  `default:"bottom" enum:"bottom|middle|top" doc:"Where captions stand"`
	Margin       int     `default:"60" min:"0" max:"2000" doc:"Room to the picture's edges, in pixels"`
	Width        int     `default:"1920" min:"16" max:"16384" doc:"Width of the picture in pixels"`
	Height       int     `default:"1080" min:"16" max:"16384" doc:"Height of the picture in pixels"`
}

type outputs struct {
	Text      string    `doc:"The captions in the format"`
	Captions  []caption `doc:"The captions in their order"`
	Count     int       `doc:"How many there are"`
	MediaType string    `doc:"Of the text"`
}

type caption struct {
	Text  string   `doc:"What is shown, its lines joined by line ends"`
	Lines []string `doc:"The lines"`
	Start float64  `doc:"When it appears, in seconds"`
	End   float64  `doc:"When it disappears, in seconds"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.captions",
		Description: "Makes SRT, WebVTT or ASS captions of timed lines or words, and reads SRT and WebVTT",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "Big captions of spoken words, for an upright film",
			HCL: `node "control.captions" "captions" {
  words     = var.words
  format    = "ass"
  max_chars = 18
  max_lines = 1
  style     = { size = 96, bold = true, position = "middle", width = 1080, height = 1920 }
}`,
		}, {
			Title: "SRT to WebVTT, half a second later",
			HCL: `node "control.captions" "later" {
  file   = var.subtitles
  format = "vtt"
  shift  = 0.5
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	if in.Style == (style{}) { // left out: its defaults count all the same
		if err := sdk.Bind(sdk.Values{}, &in.Style); err != nil {
			return outputs{}, err
		}
	}
	if err := in.Style.check(); err != nil {
		return outputs{}, err
	}
	cues, err := in.cues()
	if err != nil {
		return outputs{}, err
	}
	if err := shift(cues, in.Shift); err != nil {
		return outputs{}, err
	}
	stretch(cues, seconds(in.MinSeconds), seconds(in.MaxSeconds))
	out := outputs{Captions: make([]caption, len(cues)), Count: len(cues)}
	for i, c := range cues {
		out.Captions[i] = c.caption()
	}
	out.Text, out.MediaType = format(cues, in.Format, in.Style)
	return out, nil
}

// cues gives what the one input that is given makes.
func (in inputs) cues() ([]cue, error) {
	source := value.Source{Name: "text", Text: in.Text, File: in.File, Max: maxText}
	given := 0
	for _, g := range []bool{len(in.Lines) > 0, len(in.Words) > 0, source.Given()} {
		if g {
			given++
		}
	}
	if given != 1 {
		return nil, sdk.Refuse("want one of lines, words, and text or file; "+[]string{"none", "", "two", "all"}[given]+" of them is given", "give times and texts as lines or words, or SRT or WebVTT as text or file")
	}
	fit := fit{in.MaxChars, in.MaxLines, seconds(in.MaxSeconds), seconds(in.MaxGap)}
	switch {
	case source.Given():
		text, what, err := source.Read()
		if err != nil {
			return nil, err
		}
		pieces, err := parse(text, what)
		if err != nil {
			return nil, err
		}
		return fit.lines(pieces), nil
	case len(in.Words) > 0:
		pieces, err := timed(in.Words, "words")
		return fit.words(pieces), err
	}
	pieces, err := timed(in.Lines, "lines")
	return fit.lines(pieces), err
}
