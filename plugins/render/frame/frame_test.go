package frame

import (
	"image"
	"image/color"
	"testing"

	"github.com/myspinbot/spinbot/plugins/render/design"
)

// TestSmooth zooms over a ramp: brightness at a place must change in even little steps. A zoom that rounds to whole
// pixels would stand still and jump.
func TestSmooth(t *testing.T) {
	t.Parallel()
	const w, h = 256, 144
	ramp := image.NewRGBA(image.Rect(0, 0, 255, h))
	for y := range h {
		for x := range 255 {
			ramp.SetRGBA(x, y, color.RGBA{uint8(x), uint8(x), uint8(x), 255})
		}
	}
	// a pan by eight pixels over 240 frames: a thirtieth of a pixel each
	s := &design.Scene{W: w, H: h, Back: ramp, From: design.Rect{X: 0, Y: 0, W: 64, H: h}, To: design.Rect{X: 8, Y: 0, W: 64, H: h}}
	m := New(s, 8)
	last, changed := -1, 0
	for i := range 240 {
		v := int(m.At(float64(i)/30).RGBAAt(w/2, h/2).R)
		if last >= 0 && (v < last || v > last+1) {
			t.Fatalf("frame %d jumps from %d to %d", i, last, v)
		}
		if v != last {
			changed++
		}
		last = v
	}
	if changed < 8 {
		t.Errorf("only %d changes over eight pixels", changed)
	}
	// neighbouring pixels of one frame fall between source pixels, too
	f := m.At(4)
	for x := 1; x < w; x++ {
		if d := int(f.RGBAAt(x, 10).R) - int(f.RGBAAt(x-1, 10).R); d < 0 || d > 1 {
			t.Fatalf("column %d jumps by %d", x, d)
		}
	}
}

func TestLayersComeAndGo(t *testing.T) {
	t.Parallel()
	dot := image.NewRGBA(image.Rect(2, 2, 4, 4))
	for i := range dot.Pix {
		dot.Pix[i] = 255
	}
	s := &design.Scene{W: 8, H: 8, Back: image.NewRGBA(image.Rect(0, 0, 8, 8)), From: design.Rect{W: 8, H: 8}, To: design.Rect{W: 8, H: 8},
		Layers: []design.Layer{{Img: dot, In: 1, Fade: 0.5, Out: 2}}}
	m := New(s, 3)
	for at, want := range map[float64][2]uint8{0: {0, 0}, 1: {0, 0}, 1.25: {100, 160}, 1.6: {255, 255}, 2: {0, 0}} {
		if v := m.At(at).RGBAAt(3, 3).R; v < want[0] || v > want[1] {
			t.Errorf("at %v s: %d, want %v", at, v, want)
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	s := design.Draw(design.Card{Layout: design.Picture, Heading: "A heading of some length", Seconds: 5}, nil, 1920, 1080)
	m := New(s, 5)
	i := 0
	for b.Loop() {
		m.At(float64(i%150) / 30)
		i++
	}
}
