package design

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// Scenery draws the picture that the project ships: dusk over mountains and a lake, and a pipeline as a
// constellation. Equal seeds give equal pictures.
func Scenery(w, h int, seed uint64) *image.RGBA {
	s := &scenery{img: image.NewRGBA(image.Rect(0, 0, w, h)), rng: rand.New(rand.NewPCG(seed, 5)), w: float64(w), h: float64(h)}
	s.sky()
	s.stars(260)
	s.sun(0.66, 0.60)
	s.constellation()
	haze := []color.NRGBA{{0x8A, 0x6C, 0xC8, 255}, {0x63, 0x50, 0xA8, 255}, {0x42, 0x3B, 0x86, 255}, {0x26, 0x27, 0x5E, 255}, {0x12, 0x16, 0x38, 255}}
	for i, c := range haze {
		s.ridge(0.575+0.052*float64(i), 0.105-0.012*float64(i), 2.2+1.3*float64(i), c)
	}
	s.lake(0.80)
	dither(s.img)
	return s.img
}

type scenery struct {
	img  *image.RGBA
	rng  *rand.Rand
	w, h float64
}

// skyAt gives the sky's colour; v runs from the zenith to the horizon.
func skyAt(v float64) color.NRGBA {
	stops := []struct {
		at float64
		c  color.NRGBA
	}{
		{0, color.NRGBA{0x0B, 0x10, 0x2A, 255}}, {0.30, color.NRGBA{0x25, 0x22, 0x60, 255}}, {0.50, color.NRGBA{0x6A, 0x3F, 0x9C, 255}},
		{0.63, color.NRGBA{0xD8, 0x6A, 0x9A, 255}}, {0.72, color.NRGBA{0xFF, 0xB0, 0x7A, 255}}, {1, color.NRGBA{0xFF, 0xD9, 0xA0, 255}},
	}
	for i := 1; i < len(stops); i++ {
		if v <= stops[i].at {
			return mix(stops[i-1].c, stops[i].c, (v-stops[i-1].at)/(stops[i].at-stops[i-1].at))
		}
	}
	return stops[len(stops)-1].c
}

func (s *scenery) sky() {
	for y := range int(s.h) {
		c := skyAt(float64(y) / s.h * 1.06)
		for x := range int(s.w) {
			s.img.SetRGBA(x, y, color.RGBA{c.R, c.G, c.B, 255})
		}
	}
}

// light adds a soft glow.
func (s *scenery) light(cx, cy, r float64, c color.NRGBA, strength float64) {
	for y := int(max(0, cy-3*r)); y < int(min(s.h, cy+3*r)); y++ {
		for x := int(max(0, cx-3*r)); x < int(min(s.w, cx+3*r)); x++ {
			dx, dy := (float64(x)-cx)/r, (float64(y)-cy)/r
			a := strength * math.Exp(-(dx*dx + dy*dy))
			if a < 0.004 {
				continue
			}
			p := s.img.RGBAAt(x, y)
			add := func(v, k uint8) uint8 { return uint8(min(255, float64(v)+float64(k)*a)) }
			s.img.SetRGBA(x, y, color.RGBA{add(p.R, c.R), add(p.G, c.G), add(p.B, c.B), 255})
		}
	}
}

func (s *scenery) stars(n int) {
	for range n {
		v := math.Pow(s.rng.Float64(), 1.5) * 0.5
		disc(s.img, fade(Paper, (0.25+0.6*s.rng.Float64())*(1-v*1.7)), s.rng.Float64()*s.w, v*s.h, (0.4+1.1*s.rng.Float64())*s.h/1080)
	}
}

func (s *scenery) sun(u, v float64) {
	x, y, r := u*s.w, v*s.h, 0.085*s.h
	s.light(x, y, 0.38*s.h, color.NRGBA{0xFF, 0x8A, 0x5A, 255}, 0.34)
	s.light(x, y, 0.15*s.h, color.NRGBA{0xFF, 0xC0, 0x70, 255}, 0.45)
	disc(s.img, color.NRGBA{0xFF, 0xF1, 0xD2, 255}, x, y, r)
}

// constellation is a pipeline in the sky: sources, a fan-out, and the film where it all meets.
func (s *scenery) constellation() {
	nodes := [][2]float64{{0.10, 0.30}, {0.22, 0.20}, {0.36, 0.10}, {0.37, 0.21}, {0.36, 0.32}, {0.51, 0.14}, {0.52, 0.27}, {0.66, 0.20}, {0.80, 0.13}}
	edges := [][2]int{{0, 1}, {1, 2}, {1, 3}, {1, 4}, {2, 5}, {3, 5}, {3, 6}, {4, 6}, {5, 7}, {6, 7}, {7, 8}}
	at := func(i int) (x, y float64) { return nodes[i][0] * s.w, nodes[i][1] * s.h }
	for _, e := range edges {
		x0, y0 := at(e[0])
		x1, y1 := at(e[1])
		s.link(x0, y0, x1, y1)
	}
	for i := range nodes {
		x, y := at(i)
		r := 0.0105 * s.h
		if i == len(nodes)-1 {
			r *= 1.7
		}
		s.light(x, y, r*3.1, Cyan, 0.42)
		disc(s.img, Paper, x, y, r)
		disc(s.img, mix(Violet, Cyan, nodes[i][0]), x, y, r*0.62)
	}
}

// link is an S-shaped wire, brighter towards its end.
func (s *scenery) link(x0, y0, x1, y1 float64) {
	const n = 90
	for k := range n {
		t := float64(k) / n
		a, b := bez(x0, x1, t), bezY(y0, y1, t)
		t2 := float64(k+1) / n
		c, d := bez(x0, x1, t2), bezY(y0, y1, t2)
		s.segment(a, b, c, d, 0.0020*s.h, fade(mix(Violet, Cyan, t), 0.55+0.35*t))
	}
}

func bez(a, b, t float64) float64  { return a + (b-a)*t }
func bezY(a, b, t float64) float64 { return a + (b-a)*smooth(t) }

func (s *scenery) segment(x0, y0, x1, y1, r float64, c color.NRGBA) {
	dx, dy := x1-x0, y1-y0
	l := math.Hypot(dx, dy)
	nx, ny := -dy/l*r, dx/l*r
	x, y := min(x0, x1)-r, min(y0, y1)-r
	shape(s.img, image.NewUniform(c), x, y, math.Abs(dx)+2*r, math.Abs(dy)+2*r, func(p pen) {
		p.from(x0+nx, y0+ny)
		p.to(x1+nx, y1+ny)
		p.to(x1-nx, y1-ny)
		p.to(x0-nx, y0-ny)
	})
}

// ridge is one line of mountains; v is its mean height, swell how far it rises, rough how jagged it is.
func (s *scenery) ridge(v, swell, rough float64, c color.NRGBA) {
	phase := [6]float64{}
	for i := range phase {
		phase[i] = s.rng.Float64() * 2 * math.Pi
	}
	top := func(x float64) float64 {
		u, y, amp := x/s.w, 0.0, 1.0
		for i := range phase {
			y += amp * (1 - 2*math.Abs(math.Sin(u*rough*math.Pow(1.9, float64(i))+phase[i])))
			amp *= 0.47
		}
		return (v + swell*0.55*y) * s.h
	}
	for x := range int(s.w) {
		y0 := top(float64(x))
		for y := int(max(0, y0)); y < int(s.h); y++ {
			k := c
			if a := 1 - (float64(y)-y0)/(0.16*s.h); a > 0 { // light from behind on the crest
				k = mix(c, color.NRGBA{0xE8, 0x86, 0xB8, 255}, 0.26*a*a)
			}
			p := color.RGBA{k.R, k.G, k.B, 255}
			if cover := float64(y) + 1 - y0; cover < 1 {
				b := s.img.RGBAAt(x, y)
				m := mix(color.NRGBA{b.R, b.G, b.B, 255}, k, cover)
				p = color.RGBA{m.R, m.G, m.B, 255}
			}
			s.img.SetRGBA(x, y, p)
		}
	}
}

// lake mirrors what stands above v, with ripples.
func (s *scenery) lake(v float64) {
	y0 := int(v * s.h)
	for y := y0; y < int(s.h); y++ {
		depth := float64(y-y0) / (s.h - float64(y0))
		from := y0 - int(float64(y-y0)*1.9) - 1
		shift := math.Sin(float64(y)*0.55)*2.2*depth + math.Sin(float64(y)*0.13+1)*5*depth
		for x := range int(s.w) {
			sx := int(min(s.w-1, max(0, float64(x)+shift*s.h/1080)))
			p := s.img.RGBAAt(sx, max(0, from))
			c := mix(color.NRGBA{p.R, p.G, p.B, 255}, Ink, 0.30+0.45*depth)
			s.img.SetRGBA(x, y, color.RGBA{c.R, c.G, c.B, 255})
		}
	}
}
