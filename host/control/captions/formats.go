package captions

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

type style struct {
	Font     string `default:"Sans" doc:"The font's name"`
	Size     int    `default:"54" min:"8" max:"400" doc:"Height of the letters, in pixels of a picture as high as height"`
	Color    string `default:"#ffffff" pattern:"^#[0-9a-fA-F]{6}$" doc:"Of the letters"`
	Outline  string `default:"#000000" pattern:"^#[0-9a-fA-F]{6}$" doc:"Of the line around them"`
	Position string `default:"bottom" enum:"bottom|middle|top" doc:"Where they stand"`
	Width    int    `default:"1920" min:"16" max:"16384" doc:"Of the picture, in pixels"`
	Height   int    `default:"1080" min:"16" max:"16384" doc:"Of the picture, in pixels"`
}

// clock writes a time; unit is how many parts a second has.
func clock(s float64, hours, mark string, unit int64) string {
	n := int64(math.Round(s * float64(unit)))
	width := len(strconv.FormatInt(unit, 10)) - 1
	return fmt.Sprintf(hours+":%02d:%02d%s%0*d", n/(3600*unit), n/(60*unit)%60, n/unit%60, mark, width, n%unit)
}

func srt(cues []cue) string {
	var b strings.Builder
	for i, c := range cues {
		fmt.Fprintf(&b, "%d\n%s --> %s\n%s\n\n", i+1, clock(c.Start, "%02d", ",", 1000), clock(c.End, "%02d", ",", 1000), strings.ReplaceAll(c.Text, "-->", "->"))
	}
	return b.String()
}

var vttEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func vtt(cues []cue) string {
	var b strings.Builder
	b.WriteString("WEBVTT\n\n")
	for _, c := range cues {
		fmt.Fprintf(&b, "%s --> %s\n%s\n\n", clock(c.Start, "%02d", ".", 1000), clock(c.End, "%02d", ".", 1000), vttEscapes.Replace(c.Text))
	}
	return b.String()
}

// assEscapes keeps a text from being read as commands: a word joiner after a backslash, and full-width braces, since
// not every player knows an escape for them.
var assEscapes = strings.NewReplacer("\\", "\\\u2060", "{", "｛", "}", "｝", "\n", `\N`)

func ass(cues []cue, s style) (string, error) {
	if s == (style{}) {
		s = style{"Sans", 54, "#ffffff", "#000000", "bottom", 1920, 1080}
	}
	if strings.ContainsAny(s.Font, ",\r\n") {
		return "", sdk.Refuse("style: the font "+strconv.Quote(s.Font)+" has a comma or a line break in its name", "give one font's name")
	}
	place := map[string]int{"bottom": 2, "middle": 5, "top": 8}[s.Position]
	var b strings.Builder
	fmt.Fprintf(&b, "[Script Info]\nScriptType: v4.00+\nPlayResX: %d\nPlayResY: %d\nWrapStyle: 2\nScaledBorderAndShadow: yes\n\n", s.Width, s.Height)
	b.WriteString("[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, BackColour, Bold, Outline, Shadow, Alignment, MarginL, MarginR, MarginV\n")
	fmt.Fprintf(&b, "Style: Default,%s,%d,%s,%s,&H80000000,0,%.1f,0,%d,%d,%d,%d\n\n",
		s.Font, s.Size, assColor(s.Color), assColor(s.Outline), float64(s.Size)/18, place, s.Width/20, s.Width/20, s.Height/18)
	b.WriteString("[Events]\nFormat: Layer, Start, End, Style, Text\n")
	for _, c := range cues {
		fmt.Fprintf(&b, "Dialogue: 0,%s,%s,Default,%s\n", clock(c.Start, "%d", ".", 100), clock(c.End, "%d", ".", 100), assEscapes.Replace(c.Text))
	}
	return b.String(), nil
}

// assColor turns #rrggbb round: ASS has blue first.
func assColor(s string) string { return "&H00" + strings.ToUpper(s[5:7]+s[3:5]+s[1:3]) }

// parse reads SRT or VTT.
func parse(text string) ([]cue, error) {
	text = strings.TrimPrefix(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\ufeff")
	isVTT := strings.HasPrefix(text, "WEBVTT")
	lines := strings.Split(text, "\n")
	var cues []cue
	for i := 0; i < len(lines); i++ {
		start, end, timed := strings.Cut(lines[i], "-->")
		if !timed {
			continue // a number, a name, a note, a style
		}
		c := cue{}
		var err error
		if c.Start, err = seconds(start); err == nil {
			c.End, err = seconds(end)
		}
		if err != nil {
			return nil, sdk.Refuse(fmt.Sprintf("text, line %d: %v", i+1, err), "a cue's times are written 00:01:02,500 --> 00:01:04,000")
		}
		var said []string
		for i+1 < len(lines) && strings.TrimSpace(lines[i+1]) != "" {
			i++
			said = append(said, lines[i])
		}
		c.Text = strings.Join(said, " ")
		if isVTT {
			c.Text = plain(c.Text)
		}
		cues = append(cues, c)
	}
	if len(cues) == 0 {
		return nil, sdk.Refuse("text has no cue: it is neither SRT nor WebVTT", "a cue's times are written 00:01:02,500 --> 00:01:04,000")
	}
	return cues, nil
}

var vttPlain = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&nbsp;", " ", "&amp;", "&")

// plain takes the tags out of a VTT text.
func plain(s string) string {
	var b strings.Builder
	for s != "" {
		before, tag, found := strings.Cut(s, "<")
		b.WriteString(before)
		if !found {
			break
		}
		_, s, _ = strings.Cut(tag, ">")
	}
	return vttPlain.Replace(b.String())
}

// seconds reads a time: hours may be left out, and settings may follow.
func seconds(s string) (float64, error) {
	fields := strings.Fields(s)
	if len(fields) == 0 {
		return 0, fmt.Errorf("a time is missing")
	}
	parts := strings.Split(strings.Replace(fields[0], ",", ".", 1), ":")
	if len(parts) < 2 || len(parts) > 3 {
		return 0, fmt.Errorf("%q is no time", fields[0])
	}
	total := 0.0
	for i, p := range parts {
		n, err := strconv.ParseFloat(p, 64)
		if err != nil || n < 0 || n >= 1000 || i > 0 && n >= 60 || strings.ContainsAny(p, "eExX_+-") {
			return 0, fmt.Errorf("%q is no time", fields[0])
		}
		total = total*60 + n
	}
	return total, nil
}
