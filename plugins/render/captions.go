package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/design"
	"github.com/myspinbot/spinbot/sdk"
)

type captionsIn struct {
	Video  sdk.Artifact `spin:"video" accept:"video/*" doc:"The film"`
	Words  []word       `spin:"words" min:"1" max:"50000" doc:"When each word is said, from voice.say, voice.align or voice.transcribe"`
	Style  string       `spin:"style" default:"highlight" enum:"highlight|box|plain" doc:"highlight lights up each word as it is said, box puts a dark box behind the text"`
	Place  string       `spin:"place" default:"bottom" enum:"bottom|lower|middle|top" doc:"Where they stand; lower is a third above the foot, clear of what players of upright films show there"`
	Size   float64      `spin:"size" default:"5.5" min:"1" max:"20" doc:"Height of the letters, in per cent of the film's"`
	Colour string       `spin:"colour" default:"#ffd54a" pattern:"^#[0-9A-Fa-f]{6}$" doc:"Of the word that is said"`
	Accel  string       `spin:"hwaccel" default:"auto" enum:"auto|off" doc:"auto: the GPU of the node's device block encodes and decodes, where it can"`
	Most   int          `spin:"letters" default:"38" min:"8" max:"120" doc:"How many letters are shown at once"`
}

type captionsOut struct {
	Video    sdk.Artifact `spin:"video" accept:"video/mp4" doc:"The film with captions in its pictures"`
	Captions sdk.Artifact `spin:"captions" accept:"application/x-subrip" doc:"The same as SRT"`
	ASS      sdk.Artifact `spin:"ass" accept:"text/x-ssa" doc:"The same as ASS, with style and highlights"`
	Encoder  string       `spin:"encoder" doc:"What encoded it, such as libx264 or h264_nvenc"`
}

func captionsNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.captions", Description: "Writes what is said into a film, each word lit up as it is said.", Revision: "3", Idempotent: true, Concurrency: 1,
		Examples: []sdk.Example{{Title: "As it is said", HCL: "node \"render.captions\" \"captioned\" {\n  video = node.talk.video\n  words = node.speech.words\n}"}},
	}, runCaptions)
}

func runCaptions(ctx context.Context, in captionsIn, t *sdk.Task) (out captionsOut, err error) {
	p, err := av.Probe(ctx, in.Video.Path, in.Video.Name)
	if err != nil {
		return out, err
	}
	if p.Video == "" || p.Width == 0 || p.Seconds <= 0 {
		return out, sdk.Refuse(av.Quoted(in.Video.Name)+" has no moving pictures", "give a film")
	}
	words := make([]design.Word, 0, len(in.Words))
	for _, w := range in.Words {
		if w.Text = strings.TrimSpace(w.Text); w.Text != "" {
			words = append(words, design.Word(w))
		}
	}
	ass, srt, video := filepath.Join(t.Scratch, "captions.ass"), filepath.Join(t.Scratch, "captions.srt"), filepath.Join(t.Scratch, "captioned.mp4")
	if err := av.WriteFile(ass, []byte(in.ass(words, p))); err != nil {
		return out, err
	}
	if err := av.WriteFile(srt, []byte(subtitles(words, in.Most))); err != nil {
		return out, err
	}
	fonts := filepath.Join(t.Scratch, "fonts")
	if err := os.CopyFS(fonts, design.Fonts()); err != nil {
		return out, av.DiskError(err, t.Scratch)
	}
	args := append(av.Input(in.Video.Path), "-map", "0:v:0", "-map", "0:a?", "-vf", "ass=filename="+inFilter(ass)+":fontsdir="+inFilter(fonts))
	f := av.Film{Before: args, Accel: in.Accel, Task: t, FFmpeg: av.FFmpeg{Seconds: p.Seconds, Scratch: t.Scratch, Report: func(f float64) { t.Progress(f, "writing captions") },
		Args: []string{"-pix_fmt", "yuv420p", "-c:a", "copy", "-movflags", "+faststart", video}}}
	if out.Encoder, err = f.Encode(ctx); err != nil {
		return out, err
	}
	return captionsOut{sdk.File(video, "captioned.mp4", "video/mp4"), sdk.File(srt, "captions.srt", "application/x-subrip"), sdk.File(ass, "captions.ass", "text/x-ssa"), out.Encoder}, nil
}

// inFilter writes a path so that a filter graph takes it as it is: quoted for the filter's options, and that for the graph.
func inFilter(path string) string {
	option := strings.NewReplacer(`\`, `\\`, `'`, `\'`, `:`, `\:`).Replace(path)
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`, `[`, `\[`, `]`, `\]`, `,`, `\,`, `;`, `\;`).Replace(option)
}

// subtitles are captions as SRT.
func subtitles(words []design.Word, most int) string {
	var b strings.Builder
	phrases := design.Phrases(words, 2*most)
	for i, p := range phrases {
		end := words[p.Last-1].End + 0.3
		if i+1 < len(phrases) {
			end = min(end, words[phrases[i+1].First].Start)
		}
		begin := words[p.First].Start
		fmt.Fprintf(&b, "%d\n%s --> %s\n%s\n\n", i+1, clock(begin), clock(max(end, begin+0.1)), twoLines(words[p.First:p.Last]))
	}
	return b.String()
}

// assColour writes a colour as ASS does: blue first.
func assColour(hex string) string { return "&H00" + hex[5:7] + hex[3:5] + hex[1:3] }

// assClock writes a time in hundredths of a second.
func assClock(s float64) string {
	cs := int(math.Round(max(0, s) * 100))
	return fmt.Sprintf("%d:%02d:%02d.%02d", cs/360000, cs/6000%60, cs/100%60, cs%100)
}

// plain takes out what ASS would obey.
var plain = strings.NewReplacer("{", "(", "}", ")", `\`, "/", "\n", " ", "\r", " ")

// ass writes the captions: a line for each word that is lit up, else for each phrase.
func (in captionsIn) ass(words []design.Word, p av.Facts) string {
	size := math.Round(float64(p.Height) * in.Size / 100 * 1.2) // of the line: letters are less high
	border, outline, back := 1, size*0.08, "&H64000000"
	if in.Style == "box" {
		border, outline, back = 3, size*0.25, "&H50101010"
	}
	align, margin := map[string]int{"bottom": 2, "lower": 2, "middle": 5, "top": 8}[in.Place], p.Height/14
	if in.Place == "lower" {
		margin = p.Height * 3 / 10
	}
	outlined := "&H00101010"
	if in.Style == "box" {
		outlined = back
	}
	var b strings.Builder
	fmt.Fprintf(&b, `[Script Info]
ScriptType: v4.00+
PlayResX: %d
PlayResY: %d
WrapStyle: 0
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Said,Inter Semi Bold,%.0f,&H00FFFFFF,&H00FFFFFF,%s,%s,0,0,0,0,100,100,0,0,%d,%.1f,0,%d,%d,%d,%d,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
`, p.Width, p.Height, size, outlined, back, border, outline, align, p.Width/16, p.Width/16, margin)
	line := func(from, to float64, text string) {
		if to > from {
			fmt.Fprintf(&b, "Dialogue: 0,%s,%s,Said,,0,0,0,,%s\n", assClock(from), assClock(to), text)
		}
	}
	phrases := design.Phrases(words, in.Most)
	for i, ph := range phrases {
		end := words[ph.Last-1].End + 0.35
		if i+1 < len(phrases) {
			end = min(end, words[phrases[i+1].First].Start)
		}
		if in.Style != "highlight" {
			line(words[ph.First].Start, end, phrase(words[ph.First:ph.Last], -1, ""))
			continue
		}
		for k := ph.First; k < ph.Last; k++ {
			to := end
			if k+1 < ph.Last {
				to = words[k+1].Start
			}
			line(words[k].Start, to, phrase(words[ph.First:ph.Last], k-ph.First, assColour(in.Colour)))
		}
	}
	return b.String()
}

// phrase writes words with one of them in a colour.
func phrase(words []design.Word, lit int, colour string) string {
	out := make([]string, len(words))
	for i, w := range words {
		if out[i] = plain.Replace(w.Text); i == lit {
			out[i] = `{\c` + colour + `}` + out[i] + `{\c&H00FFFFFF}`
		}
	}
	return strings.Join(out, " ")
}
