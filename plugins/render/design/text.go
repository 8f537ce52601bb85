package design

import (
	"embed"
	"image"
	"image/color"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

//go:embed fonts
var fonts embed.FS

// Fonts gives the type system's font files, for programs that want them as files.
func Fonts() fs.FS {
	sub, err := fs.Sub(fonts, "fonts")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// Weight is one of the three cuts in use.
type Weight int

// Display is for headlines, Strong for captions and labels, Body for everything else.
const (
	Body Weight = iota
	Strong
	Display
)

// tracking of the cuts in ems.
var tracking = [...]float64{-0.016, -0.016, -0.012}

var files = [...]string{"fonts/Inter-Medium.otf", "fonts/Inter-SemiBold.otf", "fonts/InterDisplay-Bold.otf"}

// fallbacks are tried for letters that the type system lacks.
var fallbacks = []string{
	"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
	"/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
	"/Library/Fonts/Arial Unicode.ttf",
	"/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
}

var load = sync.OnceValue(func() (out struct {
	cuts [len(files)]*sfnt.Font
	rest []*sfnt.Font
}) {
	for i, f := range files {
		raw, err := fonts.ReadFile(f)
		if err == nil {
			out.cuts[i], err = opentype.Parse(raw)
		}
		if err != nil {
			panic(err) // the file is embedded
		}
	}
	for _, f := range fallbacks {
		raw, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if c, err := opentype.ParseCollection(raw); err == nil && c.NumFonts() > 0 {
			if one, err := c.Font(0); err == nil {
				out.rest = append(out.rest, one)
			}
		}
	}
	return out
})

// Face draws text of one weight and size. It is for one goroutine.
type Face struct {
	size  float64
	track fixed.Int26_6 // added after each letter: large text is set tighter
	fonts []*sfnt.Font
	faces []font.Face
	buf   sfnt.Buffer
}

// NewFace gives a face; size is the height of the em in pixels.
func NewFace(w Weight, size float64) *Face {
	l := load()
	f := &Face{size: size, track: fixed.Int26_6(tracking[w] * size * 64), fonts: append([]*sfnt.Font{l.cuts[w]}, l.rest...)}
	f.faces = make([]font.Face, len(f.fonts))
	return f
}

func (f *Face) face(i int) font.Face {
	if f.faces[i] == nil {
		face, err := opentype.NewFace(f.fonts[i], &opentype.FaceOptions{Size: f.size, DPI: 72, Hinting: font.HintingNone})
		if err != nil {
			panic(err) // only for impossible options
		}
		f.faces[i] = face
	}
	return f.faces[i]
}

// of gives the first face that has the letter, or nil: then it is left out, which looks better than a box.
func (f *Face) of(r rune) font.Face {
	for i := range f.fonts {
		if g, err := f.fonts[i].GlyphIndex(&f.buf, r); err == nil && g != 0 {
			return f.face(i)
		}
	}
	return nil
}

// Width is the advance of the text in pixels.
func (f *Face) Width(s string) float64 {
	var x fixed.Int26_6
	var last rune = -1
	for _, r := range s {
		face := f.of(r)
		if face == nil {
			continue
		}
		if last >= 0 {
			x += face.Kern(last, r)
		}
		a, _ := face.GlyphAdvance(r)
		x += a + f.track
		last = r
	}
	return float64(x) / 64
}

// Draw puts the text with its baseline at y.
func (f *Face) Draw(dst *image.RGBA, s string, x, y float64, c color.Color) {
	d := font.Drawer{Dst: dst, Src: image.NewUniform(c), Dot: fixed.Point26_6{X: fixed.Int26_6(x * 64), Y: fixed.Int26_6(y * 64)}}
	var last rune = -1
	for _, r := range s {
		if d.Face = f.of(r); d.Face == nil {
			continue
		}
		if last >= 0 {
			d.Dot.X += d.Face.Kern(last, r)
		}
		d.DrawString(string(r))
		d.Dot.X += f.track
		last = r
	}
}

// Wrap breaks text into lines of at most width pixels, balanced so that no line is left nearly empty. A word wider
// than the line is broken within.
func (f *Face) Wrap(s string, width float64) []string {
	lines := f.fill(strings.Fields(s), width)
	if len(lines) < 2 {
		return lines
	}
	lo, hi := width*0.5, width // the narrowest width with as few lines
	for range 8 {
		mid := (lo + hi) / 2
		if len(f.fill(strings.Fields(s), mid)) > len(lines) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return f.fill(strings.Fields(s), hi)
}

// longest is the width of the widest word.
func (f *Face) longest(s string) (width float64) {
	for _, w := range strings.Fields(s) {
		width = max(width, f.Width(w))
	}
	return width
}

func (f *Face) fill(words []string, width float64) []string {
	var lines []string
	line := ""
	for _, w := range words {
		for f.Width(w) > width && len([]rune(w)) > 1 {
			cut := f.fit(w, width)
			if line != "" {
				lines, line = append(lines, line), ""
			}
			lines, w = append(lines, w[:cut]), w[cut:]
		}
		switch {
		case line == "":
			line = w
		case f.Width(line+" "+w) <= width:
			line += " " + w
		default:
			lines, line = append(lines, line), w
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// fit gives how many bytes of the word fit into width, at least its first letter.
func (f *Face) fit(w string, width float64) int {
	last := 0
	for i := range w {
		if i > 0 && f.Width(w[:i]) > width {
			break
		}
		last = i
	}
	if last == 0 {
		last = len(string([]rune(w)[:1]))
	}
	return last
}

// Fit gives the largest face of the weight, from size downwards, in which the text takes at most lines lines. Words
// are broken only where whole ones would be tiny.
func Fit(w Weight, size float64, text string, width float64, lines int) (*Face, []string) {
	for least := size * 0.4; size > least; size *= 0.93 {
		f := NewFace(w, size)
		if f.longest(text) <= width {
			break
		}
	}
	for {
		f := NewFace(w, size)
		wrapped := f.Wrap(text, width)
		if len(wrapped) <= lines || size < 14 {
			if len(wrapped) > lines {
				wrapped = wrapped[:lines]
				wrapped[lines-1] += "…"
			}
			return f, wrapped
		}
		size *= 0.93
	}
}

// Missing gives the letters of a text for which this machine has no font, each once.
func Missing(text string) string {
	f := NewFace(Body, 16)
	var out []rune
	for _, r := range text {
		if (unicode.IsLetter(r) || unicode.IsDigit(r)) && !slices.Contains(out, r) && f.of(r) == nil {
			out = append(out, r)
		}
	}
	return string(out)
}
