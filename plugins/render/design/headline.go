package design

import (
	"image"
	"math"
)

// Ground is the house's background.
func Ground(w, h int) *image.RGBA { return backdrop(w, h, 0) }

// Headline draws a title of at most three lines on a transparent ground that is darkened towards the top, for films of any shape.
func Headline(title string, w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	face, text := Fit(Display, float64(min(w, h))*0.085, title, float64(w)*0.84, 3)
	top := float64(h)*0.075 + face.size
	foot := int(top + float64(len(text))*face.size*1.16 + face.size)
	for y := range min(foot, h) {
		a := uint8(150 * (1 - smooth(float64(y)/float64(foot))))
		row := img.Pix[y*img.Stride : y*img.Stride+4*w]
		for i := 0; i < len(row); i += 4 { // premultiplied
			row[i], row[i+1], row[i+2], row[i+3] = uint8(int(dusk.R)*int(a)/255), uint8(int(dusk.G)*int(a)/255), uint8(int(dusk.B)*int(a)/255), a
		}
	}
	for i, line := range text {
		x, y := (float64(w)-face.Width(line))/2, top+float64(i)*face.size*1.16
		shadow(img, face, line, x, y)
		face.Draw(img, line, x, y, Paper)
	}
	return img
}

// Bars draws how loud a sound is as a row of bars on a transparent ground: pitch pixels from one to the next, h pixels high, with lead
// pixels free before the first and after the last.
func Bars(loud []float64, pitch, h, lead int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 2*lead+pitch*len(loud), h))
	wide := math.Max(1, math.Round(float64(pitch)*0.55))
	for i, v := range loud {
		high := math.Max(wide, math.Sqrt(clamp(v))*float64(h))
		box(img, Paper, float64(lead+i*pitch)+(float64(pitch)-wide)/2, (float64(h)-high)/2, wide, high, wide/2)
	}
	return img
}
