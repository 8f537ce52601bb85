// Package puppet moves a portrait: it opens and shapes the mouth, shuts the eyes, and turns the head a little.
package puppet

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"

	"github.com/myspinbot/spinbot/plugins/lipsync/face"
	"github.com/myspinbot/spinbot/plugins/lipsync/lips"
)

// Puppet is a portrait in the size of the film.
type Puppet struct {
	w, h  int
	pix   []uint8 // RGBA
	mouth region
	curve float64 // by how many pixels the corners of the closed lips are lower than their middle
	eyes  []region
	dark  color.RGBA // inside of the mouth
	skin  []color.RGBA
}

// region is a place in pixels: its middle, and half of its width and height.
type region struct{ x, y, rx, ry float64 }

// Pose is how the puppet stands in one frame.
type Pose struct {
	lips.Shape
	Shut float64 // the eyes, 0 open, 1 shut
	Turn float64 // of the head, in radians
	X, Y float64 // where it is, in shares of the width
}

// New makes a puppet of a portrait. The size is even; the portrait covers it, and what stands out is cut on both sides.
func New(img image.Image, f face.Face, w, h int) *Puppet {
	b := img.Bounds()
	scale := max(float64(w)/float64(b.Dx()), float64(h)/float64(b.Dy()))
	sw, sh := float64(b.Dx())*scale, float64(b.Dy())*scale
	ox, oy := (float64(w)-sw)/2, (float64(h)-sh)/2
	canvas := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(canvas, canvas.Rect, image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(canvas, image.Rect(int(ox), int(oy), int(ox+sw+0.5), int(oy+sh+0.5)), img, b, draw.Over, nil)
	p := &Puppet{w: w, h: h, pix: canvas.Pix}
	at := func(r face.Rect) region {
		return region{ox + r.X*sw, oy + r.Y*sh, r.Width * sw / 2, r.Height * sh / 2}
	}
	p.mouth = at(f.Mouth)
	for _, e := range f.Eyes {
		r := at(e)
		p.eyes = append(p.eyes, r)
		p.skin = append(p.skin, p.mean(r.x, r.y+2.1*r.ry, r.rx/2, r.ry/3)) // below, where no brow is
	}
	p.curve = p.smile()
	lip := p.mean(p.mouth.x, p.mouth.y, p.mouth.rx/2, p.mouth.ry/2)
	p.dark = color.RGBA{lip.R / 5, lip.G / 9, lip.B / 9, 255}
	return p
}

// mean is the colour of a place.
func (p *Puppet) mean(x, y, rx, ry float64) color.RGBA {
	var r, g, b, n int
	for yy := int(y - ry); yy <= int(y+ry); yy++ {
		for xx := int(x - rx); xx <= int(x+rx); xx++ {
			if xx >= 0 && yy >= 0 && xx < p.w && yy < p.h {
				i := 4 * (yy*p.w + xx)
				r, g, b, n = r+int(p.pix[i]), g+int(p.pix[i+1]), b+int(p.pix[i+2]), n+1
			}
		}
	}
	n = max(n, 1)
	return color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), 255}
}

// smile measures the line between the lips: where it is darkest at both sides, against the middle.
func (p *Puppet) smile() float64 {
	darkest := func(x float64) float64 {
		best, at := math.Inf(1), p.mouth.y
		for y := p.mouth.y - 0.9*p.mouth.ry; y <= p.mouth.y+0.9*p.mouth.ry; y++ {
			c := p.mean(x, y, p.mouth.rx/20, 0)
			if l := float64(c.R) + float64(c.G) + float64(c.B) + math.Abs(y-p.mouth.y); l < best {
				best, at = l, y
			}
		}
		return at
	}
	side := 0.7 * p.mouth.rx
	p.mouth.y = darkest(p.mouth.x)
	d := ((darkest(p.mouth.x-side)+darkest(p.mouth.x+side))/2 - p.mouth.y) / (0.7 * 0.7)
	return max(-0.8*p.mouth.ry, min(0.8*p.mouth.ry, d))
}

// opening is how a mouth of a shape stands, in pixels.
type opening struct {
	up, low float64 // how far the lips' middle moves
	rx      float64 // half the width of the opening
	spread  float64 // how the corners move: > 1 apart
	reach   float64 // how far down the jaw moves with it
}

func (p *Puppet) opening(s lips.Shape) opening {
	full := p.mouth.rx * 0.72
	open := max(0, min(1, s.Open))
	return opening{up: full * 0.16 * open, low: full * 0.84 * open, rx: p.mouth.rx * (0.92 + 0.10*s.Wide - 0.12*open*max(0, -s.Wide)), spread: 1 + 0.10*s.Wide, reach: p.mouth.rx * 2.1}
}

// bow is how high an opening is over its width: 1 in the middle, 0 at the corners.
func bow(u float64) float64 {
	if u = 1 - u*u; u <= 0 {
		return 0
	}
	return math.Pow(u, 0.75)
}

// ease goes smoothly from 1 at 0 to 0 at 1.
func ease(x float64) float64 {
	if x <= 0 {
		return 1
	}
	if x >= 1 {
		return 0
	}
	return 1 - x*x*(3-2*x)
}

// Draw draws a frame as RGB, three bytes a pixel, into out.
func (p *Puppet) Draw(pose Pose, out []uint8) {
	o := p.opening(pose.Shape)
	sin, cos := math.Sincos(pose.Turn)
	const grow = 1.02                          // so that no edge is seen when it moves
	cx, cy := float64(p.w)/2, float64(p.h)*0.9 // the neck stays
	dx, dy := pose.X*float64(p.w), pose.Y*float64(p.w)
	var c [3]float64
	for y := range p.h {
		for x := range p.w {
			// Where the pixel was before the head moved.
			fx, fy := (float64(x)+0.5-cx-dx)/grow, (float64(y)+0.5-cy-dy)/grow
			px, py := cx+fx*cos+fy*sin, cy-fx*sin+fy*cos
			p.colour(px, py, o, pose, &c)
			i := 3 * (y*p.w + x)
			out[i], out[i+1], out[i+2] = uint8(c[0]+0.5), uint8(c[1]+0.5), uint8(c[2]+0.5)
		}
	}
}

// colour gives the colour of a place of the head.
func (p *Puppet) colour(x, y float64, o opening, pose Pose, c *[3]float64) {
	m := p.mouth
	if math.Abs(x-m.x) < 2.2*m.rx && y > m.y-1.2*m.rx && y < m.y+o.reach+o.low+m.rx {
		p.mouthed(x, y, o, pose, c)
		return
	}
	if pose.Shut > 0 {
		for k, e := range p.eyes {
			if math.Abs(x-e.x) < 1.6*e.rx && math.Abs(y-e.y) < 2.2*e.ry {
				p.lidded(x, y, e, p.skin[k], pose.Shut, c)
				return
			}
		}
	}
	p.sample(x, y, c)
}

// mouthed gives the colour of a place near the mouth: the lips moved apart, the chin with the lower one, and what is between them.
func (p *Puppet) mouthed(x, y float64, o opening, pose Pose, c *[3]float64) {
	m := p.mouth
	// The corners move apart or together, less the farther away.
	away := ease((math.Abs(y-m.y) - m.ry) / (1.5 * m.rx))
	side := ease((math.Abs(x-m.x) - m.rx) / (1.2 * m.rx))
	sx := m.x + (x-m.x)/(1+(o.spread-1)*away*side)
	u := (x - m.x) / o.rx
	up, low := o.up*bow(u), o.low*bow(u)
	// The jaw is broader than the opening.
	jaw := o.low * ease((math.Abs(x-m.x)-0.4*m.rx)/(1.7*m.rx))
	// The opening lies along the line between the lips.
	v := max(-1.3, min(1.3, (x-m.x)/m.rx))
	line := m.y + p.curve*v*v
	switch d := y - line; {
	case d <= -up:
		lift := up * ease((-up-d)/(0.9*m.rx))
		p.sample(sx, y+lift, c)
	case d >= low:
		shift := max(low, jaw*(1-ease((d-low)/(1.1*m.rx)))) // slowly, or what is above would come below
		p.sample(sx, y-shift*ease((d-low)/o.reach), c)
	default:
		p.inside(d, up, low, u, pose, c)
	}
	// The edge of the opening is soft.
	if up+low > 0.5 {
		p.soften(y-line, line, up, low, u, sx, pose, c)
	}
}

// soften mixes lip and opening over a pixel at the edge.
func (p *Puppet) soften(d, line, up, low, u, sx float64, pose Pose, c *[3]float64) {
	const width = 1.1 // pixels
	var in, other [3]float64
	switch {
	case math.Abs(d+up) < width:
		share := (d + up + width) / (2 * width) // of the opening
		p.inside(max(d, -up), up, low, u, pose, &in)
		p.sample(sx, line-0.5, &other)
		blend(c, &other, &in, share)
	case math.Abs(d-low) < width:
		share := (low - d + width) / (2 * width)
		p.inside(min(d, low), up, low, u, pose, &in)
		p.sample(sx, line+0.5, &other)
		blend(c, &other, &in, share)
	}
}

func blend(c, a, b *[3]float64, share float64) {
	share = max(0, min(1, share))
	for i := range c {
		c[i] = a[i]*(1-share) + b[i]*share
	}
}

// inside gives the colour within the opening: darkness, teeth under the upper lip, a tongue over the lower.
func (p *Puppet) inside(d, up, low, u float64, pose Pose, c *[3]float64) {
	height := up + low
	t := 0.5
	if height > 0 {
		t = (d + up) / height // 0 at the upper lip, 1 at the lower
	}
	dark := [3]float64{float64(p.dark.R), float64(p.dark.G), float64(p.dark.B)}
	*c = dark
	// Teeth: a band below the upper lip, in shadow at the sides and just under the lip.
	band := p.mouth.rx * 0.20
	if in := (d + up) / band; in < 1 && height > band*0.35 {
		light := pose.Teeth * ease(math.Abs(u)*1.25) * min(1, in*5) * ease((in-0.75)/0.25)
		teeth := [3]float64{225, 218, 206}
		blend(c, &dark, &teeth, 0.85*light)
	}
	if t > 0.62 {
		tongue := [3]float64{dark[0] + 105, dark[1] + 38, dark[2] + 42}
		from := *c
		blend(c, &from, &tongue, 0.7*(1-ease((t-0.62)/0.38))*ease(math.Abs(u)*1.2)*min(1, height/(p.mouth.rx*0.5)))
	}
}

// lidded gives the colour of a place at an eye that is being shut: the lid comes down with the skin above it.
func (p *Puppet) lidded(x, y float64, e region, skin color.RGBA, shut float64, c *[3]float64) {
	p.sample(x, y, c)
	u := (x - e.x) / (1.35 * e.rx)
	if u <= -1 || u >= 1 {
		return
	}
	arch := math.Sqrt(1 - u*u)
	top, bottom := e.y-0.95*e.ry*arch, e.y+1.35*e.ry*arch // below what was found: eyes are larger than they seem, and white that is left shines
	edge := top + (bottom-top)*shut
	cover := ease((y-edge)/1.5) * (1 - ease((y-top+e.ry*0.5)/(e.ry*0.5)))
	if cover <= 0 {
		return
	}
	lid := [3]float64{float64(skin.R), float64(skin.G), float64(skin.B)}
	// Lashes: the lid's edge is dark.
	line := math.Exp(-(y-edge)*(y-edge)/(0.06*e.ry*e.ry+1)) * 0.55
	for i := range lid {
		lid[i] *= 1 - line
	}
	from := *c
	blend(c, &from, &lid, cover*ease((math.Abs(u)-0.8)/0.2))
}

// sample reads the portrait between its pixels.
func (p *Puppet) sample(x, y float64, c *[3]float64) {
	x, y = max(0, min(float64(p.w)-1.001, x-0.5)), max(0, min(float64(p.h)-1.001, y-0.5))
	ix, iy := int(x), int(y)
	fx, fy := x-float64(ix), y-float64(iy)
	i := 4 * (iy*p.w + ix)
	right, down := 4, 4*p.w
	if ix+1 >= p.w {
		right = 0
	}
	if iy+1 >= p.h {
		down = 0
	}
	a, b := (1-fx)*(1-fy), fx*(1-fy)
	cc, d := (1-fx)*fy, fx*fy
	for k := range 3 {
		c[k] = a*float64(p.pix[i+k]) + b*float64(p.pix[i+right+k]) + cc*float64(p.pix[i+down+k]) + d*float64(p.pix[i+down+right+k])
	}
}
