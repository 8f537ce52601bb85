package design

import (
	"image"
	"image/draw"
	"math"
)

// shade draws text, on a picture with a soft shadow under it.
func (d *drawing) shade(dst *image.RGBA, f *Face, s string, x, y float64) {
	if d.onPicture {
		shadow(dst, f, s, x, y)
	}
	f.Draw(dst, s, x, y, Paper)
}

// shadow darkens softly around a line of text.
func shadow(dst *image.RGBA, f *Face, s string, x, y float64) {
	r := max(1, int(math.Round(f.size*0.09)))
	pad := 3*r + 2
	b := image.Rect(int(x)-pad, int(y-f.size)-pad, int(x+f.Width(s))+pad, int(y+f.size*0.4)+pad).Intersect(dst.Bounds())
	if b.Empty() {
		return
	}
	ink := image.NewRGBA(b)
	f.Draw(ink, s, x, y+f.size*0.02, Ink)
	mask := image.NewAlpha(b)
	for i := range mask.Pix {
		mask.Pix[i] = ink.Pix[4*i+3]
	}
	line := make([]uint8, max(b.Dx(), b.Dy()))
	for range 2 {
		for y := range b.Dy() {
			blur(mask.Pix[y*mask.Stride:], 1, b.Dx(), r, line)
		}
		for x := range b.Dx() {
			blur(mask.Pix[x:], mask.Stride, b.Dy(), r, line)
		}
	}
	for i, a := range mask.Pix {
		mask.Pix[i] = uint8(uint32(a) * 6 / 10)
	}
	draw.DrawMask(dst, b, image.NewUniform(Ink), image.Point{}, mask, b.Min, draw.Over)
}

// blur gives each of n values, step apart, the mean of the 2r+1 around it.
func blur(pix []uint8, step, n, r int, line []uint8) {
	sum := 0
	for i := range min(r, n) {
		sum += int(pix[i*step])
	}
	for i := range n {
		if j := i + r; j < n {
			sum += int(pix[j*step])
		}
		if j := i - r - 1; j >= 0 {
			sum -= int(pix[j*step])
		}
		line[i] = uint8(sum / (2*r + 1))
	}
	for i := range n {
		pix[i*step] = line[i]
	}
}
