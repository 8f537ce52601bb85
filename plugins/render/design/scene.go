package design

import (
	"image"
	"strings"
)

// Layout is how a scene is arranged.
type Layout string

// The layouts.
const (
	Hook      Layout = "hook"      // the spoken words, huge, lit as they are said
	Title     Layout = "title"     // the film's title beside the picture
	Picture   Layout = "picture"   // the picture fills the frame
	Points    Layout = "points"    // a heading and up to four points that come in one by one
	Split     Layout = "split"     // text on the left, the picture in a window on the right
	Statement Layout = "statement" // one sentence, large, lit as it is said
	End       Layout = "end"       // mark, title and what to do next
)

// Layouts lists them all.
var Layouts = []Layout{Hook, Title, Picture, Points, Split, Statement, End}

// Card is what a scene shows.
type Card struct {
	Layout  Layout
	Heading string
	Text    string   // the sentence of hook and statement; the subtitle of title; what to do next on end
	Points  []string // of points
	Number  int      // of the chapter, from 1; 0: none
	Index   int      // of the scene, from 0; moves the lights of the background
	Words   []Word   // when each word is said: of Text on hook and statement, else of the caption; may be empty
	Seconds float64  // how long the scene lasts
	Lead    float64  // seconds before speech begins
}

// Word is one spoken word, in seconds from the start of speech.
type Word struct {
	Text       string
	Start, End float64
}

// Rect is a part of a picture, in its pixels.
type Rect struct{ X, Y, W, H float64 }

// Scene is a card drawn in layers, ready to be moved.
type Scene struct {
	W, H     int
	Back     *image.RGBA
	From, To Rect // the part of Back that fills the frame at the start and at the end
	Window   *Window
	Layers   []Layer
}

// Window shows a slowly moving picture behind a mask.
type Window struct {
	Picture  *image.RGBA
	From, To Rect
	At       image.Rectangle
	Mask     *image.Alpha // same size as At
	In       float64
}

// Layer is one drawing that comes in at a time.
type Layer struct {
	Img  *image.RGBA // its bounds say where it stands
	In   float64     // seconds from the start of the scene
	Fade float64     // seconds it takes to come in
	Rise float64     // pixels it moves up meanwhile
	Out  float64     // seconds from the start of the scene when it is gone; 0: it stays
}

// margin is the safe distance from the edges, foot the height kept free for captions, as parts of the frame.
const (
	margin = 0.07
	foot   = 0.20
)

// Draw makes the scene of a card. picture may be nil: the house's background stands in.
func Draw(c Card, picture image.Image, w, h int) *Scene {
	s := &Scene{W: w, H: h}
	d := &drawing{Scene: s, card: c, u: float64(h) / 1080, picture: picture}
	switch c.Layout {
	case Hook:
		d.hook()
	case Title:
		d.title()
	case Picture:
		d.fullPicture()
	case Points:
		d.points()
	case Split:
		d.split()
	case End:
		d.end()
	default:
		d.statement()
	}
	if c.Layout != Hook && c.Layout != Statement {
		d.captions()
	}
	return s
}

// drawing is a scene being drawn. u is how many pixels a 1080p pixel has.
type drawing struct {
	*Scene
	card      Card
	u         float64
	picture   image.Image
	onPicture bool        // text stands on the picture
	sheet     *image.RGBA // what layers are drawn on; clear between them
}

func (d *drawing) x(part float64) float64 { return part * float64(d.W) }
func (d *drawing) y(part float64) float64 { return part * float64(d.H) }

// over is how much larger than the frame a moving background is.
const over = 1.16

// back sets a background and lets it move: slowly in on even scenes, out on odd ones.
func (d *drawing) back(img *image.RGBA, zoom float64) {
	d.Back = img
	b := img.Bounds()
	W, H := float64(b.Dx()), float64(b.Dy())
	in := Rect{W * (1 - zoom) / 2, H * (1 - zoom) / 2, W * zoom, H * zoom}
	dx := W * (1 - zoom) / 2 * 0.6
	if d.card.Index%2 == 0 {
		in.X += dx
		d.From, d.To = Rect{0, 0, W, H}, in
	} else {
		in.X -= dx
		d.From, d.To = in, Rect{0, 0, W, H}
	}
}

func (d *drawing) plainBack() {
	d.back(backdrop(int(d.x(over)), int(d.y(over)), d.card.Index), 0.94)
}

// pictureBack fills the frame with a part of the picture, darkened as far as text on it needs.
func (d *drawing) pictureBack(top, middle, bottom float64, p part) {
	if d.picture == nil {
		d.plainBack()
		return
	}
	d.onPicture = true
	img := cover(d.picture, int(d.x(over)), int(d.y(over)), p)
	scrim(img, top, middle, bottom)
	dither(img)
	d.back(img, 0.86)
}

// layer adds a drawing that comes in at a time.
func (d *drawing) layer(in, fade, rise float64, paint func(img *image.RGBA)) {
	if d.sheet == nil {
		d.sheet = image.NewRGBA(image.Rect(0, 0, d.W, d.H))
	}
	paint(d.sheet)
	r := inked(d.sheet)
	if r.Empty() {
		return
	}
	img := image.NewRGBA(r)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := d.sheet.Pix[d.sheet.PixOffset(r.Min.X, y):d.sheet.PixOffset(r.Max.X, y)]
		copy(img.Pix[img.PixOffset(r.Min.X, y):], row)
		clear(row)
	}
	d.Layers = append(d.Layers, Layer{Img: img, In: in, Fade: fade, Rise: rise * d.u})
}

// inked gives the smallest rectangle with all that was drawn.
func inked(img *image.RGBA) image.Rectangle {
	b := img.Bounds()
	r := image.Rectangle{Min: b.Max, Max: b.Min}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		row := img.Pix[img.PixOffset(b.Min.X, y):img.PixOffset(b.Max.X, y)]
		first, last := -1, -1
		for i := 3; i < len(row); i += 4 {
			if row[i] != 0 {
				if first < 0 {
					first = i / 4
				}
				last = i / 4
			}
		}
		if first >= 0 {
			r.Min.X, r.Max.X = min(r.Min.X, b.Min.X+first), max(r.Max.X, b.Min.X+last+1)
			r.Min.Y, r.Max.Y = min(r.Min.Y, y), max(r.Max.Y, y+1)
		}
	}
	return r
}

// window shows the picture behind round corners.
func (d *drawing) window(x, y, w, h, r, in float64) {
	at := image.Rect(int(x), int(y), int(x+w), int(y+h))
	src := d.picture
	var img *image.RGBA
	if src == nil {
		img = backdrop(int(w*over), int(h*over), d.card.Index+2)
	} else {
		img = cover(src, int(w*over), int(h*over), parts[(d.card.Index+1)%len(parts)])
	}
	full := image.NewRGBA(image.Rect(0, 0, at.Dx(), at.Dy()))
	box(full, Paper, 0, 0, w, h, r)
	mask := image.NewAlpha(full.Bounds())
	for i := range mask.Pix {
		mask.Pix[i] = full.Pix[i*4+3]
	}
	W, H := float64(img.Bounds().Dx()), float64(img.Bounds().Dy())
	d.Window = &Window{Picture: img, From: Rect{0, 0, W, H}, To: Rect{W * 0.09, H * 0.05, W * 0.88, H * 0.88}, At: at, Mask: mask, In: in}
}

// lines draws wrapped text and gives the baseline below it. leading is in ems.
func lines(f *Face, text []string, x, y, leading float64, draw func(line string, x, y float64)) float64 {
	for _, l := range text {
		draw(l, x, y)
		y += f.size * leading
	}
	return y
}

// spoken draws the card's text large: dim at first, each word lit when it is said.
func (d *drawing) spoken(f *Face, text []string, x, y, leading float64, centred bool, width float64) {
	type place struct {
		word string
		x, y float64
	}
	var places []place
	for _, l := range text {
		lx := x
		if centred {
			lx = x + (width-f.Width(l))/2
		}
		at := 0.0
		for _, w := range strings.Fields(l) {
			places = append(places, place{w, lx + at, y})
			at += f.Width(w + " ")
		}
		y += f.size * leading
	}
	timed := len(d.card.Words) == len(places)
	dim := 0.30
	if !timed {
		dim = 1
	}
	d.layer(0.05, 0.45, 26, func(img *image.RGBA) {
		for _, p := range places {
			f.Draw(img, p.word, p.x, p.y, fade(Paper, dim))
		}
	})
	if !timed {
		return
	}
	for i, p := range places {
		d.layer(d.card.Lead+d.card.Words[i].Start-0.03, 0.14, 0, func(img *image.RGBA) { f.Draw(img, p.word, p.x, p.y, Paper) })
	}
}
