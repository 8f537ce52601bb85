package captions

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// format writes the captions, and says what media type that is.
func format(cues []cue, as string, s style) (text, mediaType string) {
	var b strings.Builder
	switch as {
	case "vtt":
		b.WriteString("WEBVTT\n")
		for _, c := range cues {
			fmt.Fprintf(&b, "\n%s --> %s\n%s\n", clock(c.start, "."), clock(c.end, "."), vttText.Replace(strings.Join(c.lines, "\n")))
		}
		return b.String(), "text/vtt"
	case "ass":
		s.header(&b)
		for _, c := range cues {
			lines := make([]string, len(c.lines))
			for i, l := range c.lines {
				lines[i] = assText.Replace(l)
			}
			fmt.Fprintf(&b, "Dialogue: 0,%s,%s,Default,,0,0,0,,%s\n", centis(c.start), centis(c.end), strings.Join(lines, `\N`))
		}
		return b.String(), "text/x-ass"
	}
	for i, c := range cues {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%d\n%s --> %s\n%s\n", i+1, clock(c.start, ","), clock(c.end, ","), srtText.Replace(strings.Join(c.lines, "\n")))
	}
	return b.String(), "application/x-subrip"
}

// SRT has no escapes. A mark without width keeps what looks like an arrow, a tag or a place from being one.
const mark = "\u200b"

var (
	srtText = strings.NewReplacer("-->", "--"+mark+">", "<", "<"+mark, `{\`, "{"+mark+`\`)
	vttText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	// A word joiner after the backslash keeps it from making \N or \h: what ffmpeg does too.
	assText = strings.NewReplacer(`\`, "\\\u2060", "{", `\{`, "}", `\}`)
)

func clock(t ms, point string) string {
	return fmt.Sprintf("%02d:%02d:%02d%s%03d", t/3_600_000, t/60_000%60, t/1000%60, point, t%1000)
}

// centis rounds as ASS needs it: to hundredths, so that captions that meet still meet.
func centis(t ms) string {
	t = (t + 5) / 10
	return fmt.Sprintf("%d:%02d:%02d.%02d", t/360_000, t/6000%60, t/100%60, t%100)
}

func (s style) check() error {
	if strings.ContainsAny(s.Font, ",\r\n{}\\") {
		return sdk.Refuse("style.font "+strconv.Quote(s.Font)+" is no name of a font: ASS has no way to write a comma, a brace or a backslash in it", `write font = "Arial"`)
	}
	return nil
}

func (s style) header(b *strings.Builder) {
	alignment := map[string]int{"bottom": 2, "middle": 5, "top": 8}[s.Position]
	fmt.Fprintf(b, "[Script Info]\nScriptType: v4.00+\nPlayResX: %d\nPlayResY: %d\nWrapStyle: 2\nScaledBorderAndShadow: yes\n\n", s.Width, s.Height)
	b.WriteString("[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n")
	fmt.Fprintf(b, "Style: Default,%s,%g,%s,%s,%s,&H80000000,%d,%d,0,0,100,100,0,0,1,%g,%g,%d,%d,%d,%d,1\n\n",
		s.Font, s.Size, assColor(s.Color), assColor(s.Color), assColor(s.OutlineColor), flag(s.Bold), flag(s.Italic), s.Outline, s.Shadow, alignment, s.Margin, s.Margin, s.Margin)
	b.WriteString("[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n")
}

// assColor turns #RRGGBB into &H00BBGGRR.
func assColor(c string) string {
	c = strings.ToUpper(c)
	return "&H00" + c[5:7] + c[3:5] + c[1:3]
}

func flag(on bool) int {
	if on {
		return -1
	}
	return 0
}
