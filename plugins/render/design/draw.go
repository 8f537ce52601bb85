package design

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	xdraw "golang.org/x/image/draw"
	"golang.org/x/image/vector"
)

// pen traces a path; its coordinates are pixels of the picture drawn on.
type pen struct {
	z      *vector.Rasterizer
	ox, oy float64
}

func (p pen) to(x, y float64)   { p.z.LineTo(float32(x-p.ox), float32(y-p.oy)) }
func (p pen) from(x, y float64) { p.z.MoveTo(float32(x-p.ox), float32(y-p.oy)) }
func (p pen) curve(a, b, c, d, x, y float64) {
	p.z.CubeTo(float32(a-p.ox), float32(b-p.oy), float32(c-p.ox), float32(d-p.oy), float32(x-p.ox), float32(y-p.oy))
}

// shape fills a path that lies within the given rectangle.
func shape(dst draw.Image, src image.Image, x, y, w, h float64, path func(p pen)) {
	b := image.Rect(int(math.Floor(x)), int(math.Floor(y)), int(math.Ceil(x+w)), int(math.Ceil(y+h)))
	if b.Empty() {
		return
	}
	z := vector.NewRasterizer(b.Dx(), b.Dy())
	path(pen{z, float64(b.Min.X), float64(b.Min.Y)})
	z.ClosePath()
	mask := image.NewAlpha(b)
	z.Draw(mask, b, image.Opaque, image.Point{})
	b = b.Intersect(dst.Bounds())
	draw.DrawMask(dst, b, src, b.Min, mask, b.Min, draw.Over)
}

// rounded traces a rectangle with round corners.
func rounded(p pen, x, y, w, h, r float64) {
	r = min(r, w/2, h/2)
	k := r * 0.5523 // circle by cubic curves
	p.from(x+r, y)
	p.to(x+w-r, y)
	p.curve(x+w-r+k, y, x+w, y+r-k, x+w, y+r)
	p.to(x+w, y+h-r)
	p.curve(x+w, y+h-r+k, x+w-r+k, y+h, x+w-r, y+h)
	p.to(x+r, y+h)
	p.curve(x+r-k, y+h, x, y+h-r+k, x, y+h-r)
	p.to(x, y+r)
	p.curve(x, y+r-k, x+r-k, y, x+r, y)
}

// box fills a rounded rectangle.
func box(dst *image.RGBA, c color.Color, x, y, w, h, r float64) {
	shape(dst, image.NewUniform(c), x, y, w, h, func(p pen) { rounded(p, x, y, w, h, r) })
}

// disc fills a circle.
func disc(dst *image.RGBA, c color.Color, x, y, r float64) { box(dst, c, x-r, y-r, 2*r, 2*r, r) }

// accentBox fills a rounded rectangle with the accent, violet to cyan.
func accentBox(dst *image.RGBA, x, y, w, h, r float64) {
	shape(dst, accent{x, w}, x, y, w, h, func(p pen) { rounded(p, x, y, w, h, r) })
}

// accent is the gradient from violet to cyan, as an endless picture.
type accent struct{ x, w float64 }

func (accent) ColorModel() color.Model { return color.NRGBAModel }
func (accent) Bounds() image.Rectangle { return image.Rect(-1e9, -1e9, 1e9, 1e9) }
func (a accent) At(x, _ int) color.Color {
	return mix(Violet, Cyan, clamp((float64(x)-a.x)/max(a.w, 1)))
}

func clamp(t float64) float64 { return max(0, min(1, t)) }

// backdrop is the house's background: ink to night, with two soft lights that move from scene to scene.
func backdrop(w, h, index int) *image.RGBA {
	const small = 6 // drawn small and scaled up: it has no detail
	sw, sh := max(w/small, 16), max(h/small, 9)
	img := image.NewRGBA(image.Rect(0, 0, sw, sh))
	a := float64(index)*2.1 + 0.6
	lx, ly := 0.5+0.42*math.Cos(a), 0.42+0.34*math.Sin(a)
	rx, ry := 0.5-0.45*math.Cos(a+0.4), 0.62-0.38*math.Sin(a+0.4)
	for y := range sh {
		for x := range sw {
			u, v := float64(x)/float64(sw), float64(y)/float64(sh)
			c := mix(Ink, Night, clamp(v*0.7+u*0.3))
			c = mix(c, Violet, 0.50*glow(u, v, lx, ly, 0.42))
			c = mix(c, Cyan, 0.30*glow(u, v, rx, ry, 0.36))
			img.SetRGBA(x, y, color.RGBA{c.R, c.G, c.B, 255})
		}
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	xdraw.CatmullRom.Scale(out, out.Bounds(), img, img.Bounds(), xdraw.Src, nil)
	dither(out)
	return out
}

func glow(u, v, x, y, r float64) float64 {
	du, dv := (u-x)*1.6, v-y
	return math.Exp(-(du*du + dv*dv) / (r * r))
}

// dither adds a little ordered noise, so that slow gradients do not band once encoded.
func dither(img *image.RGBA) {
	b := img.Bounds()
	state := uint32(0x9E3779B9)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		row := img.Pix[(y-b.Min.Y)*img.Stride : (y-b.Min.Y)*img.Stride+4*b.Dx()]
		for i := 0; i < len(row); i += 4 {
			state ^= state << 13
			state ^= state >> 17
			state ^= state << 5
			n := int(state&3) - 1
			for k := range 3 {
				row[i+k] = uint8(max(0, min(255, int(row[i+k])+n)))
			}
		}
	}
}

// part is a piece of a picture: where its middle lies and how much of the width and height it has.
type part struct{ x, y, size float64 }

var (
	whole = part{0.5, 0.5, 1}
	// parts are what pictures that fill the frame show, in turn, so that one picture gives several.
	parts = []part{{0.68, 0.60, 0.64}, {0.30, 0.34, 0.62}, {0.5, 0.5, 1}, {0.64, 0.36, 0.66}}
)

// cover scales a part of src to fill w by h, cutting what overhangs evenly.
func cover(src image.Image, w, h int, p part) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	b := src.Bounds()
	pw, ph := max(2, int(float64(b.Dx())*p.size)), max(2, int(float64(b.Dy())*p.size))
	x0 := b.Min.X + int(clamp((p.x-p.size/2)/max(1-p.size, 1e-9))*float64(b.Dx()-pw))
	y0 := b.Min.Y + int(clamp((p.y-p.size/2)/max(1-p.size, 1e-9))*float64(b.Dy()-ph))
	b = image.Rect(x0, y0, x0+pw, y0+ph)
	s := math.Max(float64(w)/float64(b.Dx()), float64(h)/float64(b.Dy()))
	cw, ch := min(b.Dx(), int(float64(w)/s+0.5)), min(b.Dy(), int(float64(h)/s+0.5))
	x, y := b.Min.X+(b.Dx()-cw)/2, b.Min.Y+(b.Dy()-ch)/2
	xdraw.CatmullRom.Scale(out, out.Bounds(), src, image.Rect(x, y, x+cw, y+ch), xdraw.Src, nil)
	return out
}

// scrim darkens a picture so that text on it can be read: top, middle and bottom are
// how much of dusk is mixed in there.
func scrim(img *image.RGBA, top, middle, bottom float64) {
	b := img.Bounds()
	for y := range b.Dy() {
		v := float64(y) / float64(b.Dy())
		var a float64
		if v < 0.5 {
			a = top + (middle-top)*smooth(v/0.5)
		} else {
			a = middle + (bottom-middle)*smooth((v-0.5)/0.5)
		}
		row := img.Pix[y*img.Stride : y*img.Stride+4*b.Dx()]
		k := 1 - a
		for i := 0; i < len(row); i += 4 {
			row[i] = uint8(float64(row[i])*k + float64(dusk.R)*a)
			row[i+1] = uint8(float64(row[i+1])*k + float64(dusk.G)*a)
			row[i+2] = uint8(float64(row[i+2])*k + float64(dusk.B)*a)
		}
	}
}

func smooth(t float64) float64 { t = clamp(t); return t * t * (3 - 2*t) }

// Mark draws the product's mark: a ring of three nodes turning around a play sign, of the given diameter.
func Mark(dst *image.RGBA, cx, cy, d float64) {
	accentBox(dst, cx-d/2, cy-d/2, d, d, d*0.28)
	r := d * 0.30
	s := d * 0.17
	shape(dst, image.NewUniform(Paper), cx-s, cy-s, 2.2*s, 2*s, func(p pen) { // play sign
		p.from(cx-s*0.75, cy-s)
		p.to(cx+s*1.05, cy)
		p.to(cx-s*0.75, cy+s)
	})
	for k := range 3 {
		a := -math.Pi/2 + float64(k)*2*math.Pi/3
		disc(dst, Paper, cx+r*math.Cos(a), cy+r*math.Sin(a), d*0.055)
		for s := 1; s < 8; s++ { // the dotted way to the next node
			b := a + float64(s)*2*math.Pi/24
			disc(dst, fade(Paper, 0.55), cx+r*math.Cos(b), cy+r*math.Sin(b), d*0.012)
		}
	}
}
