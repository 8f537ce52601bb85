// Package frame moves a scene: it gives the pixels of any moment. Pictures are sampled between pixels, so that a
// slow zoom does not jitter.
package frame

import (
	"image"
	"math"
	"runtime"
	"sync"

	"github.com/myspinbot/spinbot/plugins/render/design"
)

// Mover gives the frames of one scene, one after the other, always in the same buffer.
type Mover struct {
	scene   *design.Scene
	seconds float64
	img     *image.RGBA
	grid    grid
	window  grid
	tile    *image.RGBA
}

// New moves the scene over the given time.
func New(s *design.Scene, seconds float64) *Mover {
	m := &Mover{scene: s, seconds: seconds, img: image.NewRGBA(image.Rect(0, 0, s.W, s.H))}
	if s.Window != nil {
		m.tile = image.NewRGBA(image.Rect(0, 0, s.Window.At.Dx(), s.Window.At.Dy()))
	}
	return m
}

// At draws the moment t seconds into the scene. The picture is valid until the next call.
func (m *Mover) At(t float64) *image.RGBA {
	s := m.scene
	m.grid.sample(m.img, s.Back, between(s.From, s.To, ease(t/m.seconds)))
	if w := s.Window; w != nil {
		if a := smooth((t - w.In) / 0.6); a > 0 {
			m.window.sample(m.tile, w.Picture, between(w.From, w.To, ease(t/m.seconds)))
			m.blendWindow(w, a)
		}
	}
	for i := range s.Layers {
		m.blend(&s.Layers[i], t)
	}
	return m.img
}

// ease starts and stops gently but moves throughout.
func ease(t float64) float64 {
	t = max(0, min(1, t))
	return 0.7*t + 0.3*smooth(t)
}

func smooth(t float64) float64 { t = max(0, min(1, t)); return t * t * (3 - 2*t) }

// out comes in fast and settles.
func out(t float64) float64 { t = 1 - max(0, min(1, t)); return 1 - t*t*t }

func between(a, b design.Rect, t float64) design.Rect {
	m := func(x, y float64) float64 { return x + (y-x)*t }
	return design.Rect{X: m(a.X, b.X), Y: m(a.Y, b.Y), W: m(a.W, b.W), H: m(a.H, b.H)}
}

func (m *Mover) blend(l *design.Layer, t float64) {
	p := 1.0
	if l.Fade > 0 {
		p = (t - l.In) / l.Fade
	}
	if p <= 0 || l.Out > 0 && t >= l.Out {
		return
	}
	alpha := uint32(smooth(p)*256 + 0.5)
	dy := int(math.Round((1 - out(p)) * l.Rise))
	src := l.Img
	r := src.Bounds().Add(image.Pt(0, dy)).Intersect(m.img.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		over(m.img.Pix[m.img.PixOffset(r.Min.X, y):m.img.PixOffset(r.Max.X, y)], src.Pix[src.PixOffset(r.Min.X, y-dy):], alpha)
	}
}

// over puts premultiplied src, scaled by alpha/256, over opaque dst.
func over(dst, src []uint8, alpha uint32) {
	for i := 0; i+3 < len(dst); i += 4 {
		a := uint32(src[i+3])
		if a == 0 {
			continue
		}
		if a == 255 && alpha == 256 {
			copy(dst[i:i+3], src[i:i+3])
			continue
		}
		k := 255*256 - a*alpha
		for c := range 3 {
			dst[i+c] = uint8((uint32(src[i+c])*alpha*255 + uint32(dst[i+c])*k) / (255 * 256))
		}
	}
}

func (m *Mover) blendWindow(w *design.Window, alpha float64) {
	a := uint32(alpha*256 + 0.5)
	for y := range w.At.Dy() {
		dst := m.img.Pix[m.img.PixOffset(w.At.Min.X, w.At.Min.Y+y):]
		src := m.tile.Pix[y*m.tile.Stride:]
		mask := w.Mask.Pix[y*w.Mask.Stride:]
		for x := range w.At.Dx() {
			k := uint32(mask[x]) * a // 0..65280
			if k == 0 {
				continue
			}
			i := x * 4
			for c := range 3 {
				dst[i+c] = uint8((uint32(src[i+c])*k + uint32(dst[i+c])*(65280-k)) / 65280)
			}
		}
	}
}

// grid remembers where each column of the frame falls in the picture.
type grid struct {
	x0 []int32 // byte offset of the left pixel
	fx []uint32
}

// sample scales part r of src to fill dst, bilinearly, in 1/256 of a pixel, on every core.
func (g *grid) sample(dst, src *image.RGBA, r design.Rect) {
	w, h := dst.Bounds().Dx(), dst.Bounds().Dy()
	sw, sh := src.Bounds().Dx(), src.Bounds().Dy()
	if len(g.x0) != w {
		g.x0, g.fx = make([]int32, w), make([]uint32, w)
	}
	for x := range w {
		sx := max(0, min(float64(sw-1)-0.004, r.X+(float64(x)+0.5)*r.W/float64(w)-0.5))
		i := min(int(sx), sw-2)
		g.x0[x], g.fx[x] = int32(i*4), uint32((sx-float64(i))*256)
	}
	var wg sync.WaitGroup
	n := min(runtime.GOMAXPROCS(0), 4)
	for k := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for y := k * h / n; y < (k+1)*h/n; y++ {
				sy := max(0, min(float64(sh-1)-0.004, r.Y+(float64(y)+0.5)*r.H/float64(h)-0.5))
				j := min(int(sy), sh-2)
				g.row(dst.Pix[y*dst.Stride:y*dst.Stride+4*w], src.Pix[j*src.Stride:(j+2)*src.Stride], src.Stride, uint32((sy-float64(j))*256))
			}
		}()
	}
	wg.Wait()
}

// row samples one row; red and blue, then green, are carried in one word each.
func (g *grid) row(dst, src []uint8, stride int, fy uint32) {
	x0, fx := g.x0, g.fx[:len(g.x0)]
	for x := range x0 {
		i := int(x0[x])
		p := src[i : i+8 : i+8]
		q := src[i+stride : i+stride+8 : i+stride+8]
		f := fx[x]
		e := 256 - f
		t0 := (uint32(p[0]) | uint32(p[2])<<16) * e
		t0 += (uint32(p[4]) | uint32(p[6])<<16) * f
		b0 := (uint32(q[0]) | uint32(q[2])<<16) * e
		b0 += (uint32(q[4]) | uint32(q[6])<<16) * f
		t0, b0 = t0>>8&0xFF00FF, b0>>8&0xFF00FF
		rb := (t0*(256-fy) + b0*fy) >> 8
		tg := (uint32(p[1])*e + uint32(p[5])*f) >> 8
		bg := (uint32(q[1])*e + uint32(q[5])*f) >> 8
		d := dst[x*4 : x*4+4 : x*4+4]
		d[0], d[1], d[2], d[3] = uint8(rb), uint8((tg*(256-fy)+bg*fy)>>8), uint8(rb>>16), 255
	}
}
