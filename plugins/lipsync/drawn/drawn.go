// Package drawn draws a portrait of nobody: for tests and for trying things out, since a real one would need consent.
package drawn

import (
	"image"
	"image/color"
	"math"
)

// Look is how the person looks.
type Look struct {
	Skin, Hair, Shirt, Back color.RGBA
}

// Person is the one that the demonstration has.
var Person = Look{Skin: color.RGBA{224, 172, 140, 255}, Hair: color.RGBA{58, 38, 30, 255}, Shirt: color.RGBA{46, 82, 110, 255}, Back: color.RGBA{205, 214, 220, 255}}

// Where the mouth's middle is, in shares of width and height.
const (
	MouthX = 0.5
	MouthY = 0.658
)

type rgb [3]float64

func of(c color.RGBA) rgb { return rgb{float64(c.R), float64(c.G), float64(c.B)} }

func (c rgb) times(k float64) rgb { return rgb{c[0] * k, c[1] * k, c[2] * k} }

func (c rgb) mix(o rgb, share float64) rgb {
	share = max(0, min(1, share))
	return rgb{c[0] + (o[0]-c[0])*share, c[1] + (o[1]-c[1])*share, c[2] + (o[2]-c[2])*share}
}

// within is 1 inside an ellipse and 0 outside, with a soft edge of a width.
func within(x, y, cx, cy, rx, ry, soft float64) float64 {
	d := math.Hypot((x-cx)/rx, (y-cy)/ry)
	return max(0, min(1, (1-d)*min(rx, ry)/soft+0.5))
}

// Portrait draws a portrait as high as it is wide.
func Portrait(l Look, side int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	soft := 1.6 / float64(side)
	for j := range side {
		for i := range side {
			c := l.at((float64(i)+0.5)/float64(side), (float64(j)+0.5)/float64(side), soft)
			img.SetRGBA(i, j, color.RGBA{uint8(c[0]), uint8(c[1]), uint8(c[2]), 255})
		}
	}
	return img
}

// at is the colour of a place; x and y go from 0 to 1.
func (l Look) at(x, y, soft float64) rgb {
	skin, hair := of(l.Skin), of(l.Hair)
	light := 1.06 - 0.22*math.Hypot(x-0.40, y-0.36)*1.6 // from the upper left
	c := of(l.Back).times(1.04 - 0.3*math.Hypot(x-0.35, y-0.3))
	c = c.mix(hair.times(0.8), within(x, y, 0.5, 0.42, 0.235, 0.265, soft)) // behind the head
	// Neck, and over it the shirt with its neckline.
	neck := skin.times(light * (0.84 - 0.9*max(0, 0.84-y)))
	wide := 0.082 + 0.5*max(0, y-0.80)*max(0, y-0.80)
	c = c.mix(neck, max(0, min(1, (wide-math.Abs(x-0.5))/soft+0.5))*max(0, min(1, (y-0.6)/soft)))
	shirt := within(x, y, 0.5, 1.14, 0.44, 0.30, soft) * (1 - within(x, y, 0.5, 0.80, 0.105, 0.125, soft))
	c = c.mix(of(l.Shirt).times(light), shirt)
	c = c.mix(of(l.Shirt).times(light*0.78), shirt*within(x, y, 0.5, 0.80, 0.125, 0.143, soft))
	// Ears and head: an egg, narrower at the chin.
	for _, s := range []float64{-1, 1} {
		c = c.mix(skin.times(light*0.9), within(x, y, 0.5+s*0.196, 0.50, 0.028, 0.055, soft))
	}
	narrow := 1 - 0.30*max(0, y-0.50)*max(0, y-0.50)*8
	shade := light * (1 - 0.35*math.Pow(math.Abs(x-0.5)/0.22, 3))
	c = c.mix(skin.times(shade), within(x, y, 0.5, 0.50, 0.195*max(0.4, narrow), 0.276, soft))
	c = l.features(c, x, y, soft, skin, shade)
	// Hair over the forehead.
	fringe := within(x, y, 0.5, 0.335, 0.215, 0.155, soft) * (1 - within(x, y, 0.56, 0.475, 0.20, 0.185, soft*6))
	return c.mix(hair.times(0.85+0.35*math.Abs(math.Sin(70*x+12*y))*0.4), fringe)
}

func (l Look) features(c rgb, x, y, soft float64, skin rgb, shade float64) rgb {
	cheek := skin.mix(rgb{214, 120, 104}, 0.45).times(shade)
	for _, s := range []float64{-1, 1} {
		c = c.mix(cheek, 0.5*within(x, y, 0.5+s*0.115, 0.575, 0.05, 0.04, 0.05))
		ex := 0.5 + s*0.083
		// Brow, eye, iris, light in it, lid.
		c = c.mix(of(l.Hair), 0.9*within(x, y-0.02*(x-ex)*(x-ex)/0.0025, ex, 0.412, 0.052, 0.0085, soft))
		eye := within(x, y, ex, 0.470, 0.037, 0.0185, soft)
		c = c.mix(rgb{246, 244, 240}, eye)
		c = c.mix(rgb{70, 92, 84}, eye*within(x, y, ex, 0.469, 0.0175, 0.0175, soft))
		c = c.mix(rgb{18, 18, 20}, eye*within(x, y, ex, 0.469, 0.0085, 0.0085, soft))
		c = c.mix(rgb{255, 255, 255}, within(x, y, ex-0.006, 0.463, 0.0038, 0.0038, soft))
		ring := within(x, y, ex, 0.468, 0.040, 0.0215, soft) - within(x, y, ex, 0.4725, 0.039, 0.0195, soft)
		c = c.mix(of(l.Hair).times(0.7), max(0, ring))
	}
	// Nose: a shadow at its side and below.
	c = c.mix(skin.times(shade*0.82), 0.55*within(x, y, 0.515, 0.545, 0.014, 0.06, 0.02))
	c = c.mix(skin.times(shade*0.70), 0.6*within(x, y, 0.5, 0.590, 0.034, 0.010, 0.012))
	// Lips: the upper darker, a line between.
	lip := rgb{176, 84, 82}
	u := (x - MouthX) / 0.072
	if u > -1 && u < 1 {
		bow := 1 - u*u
		line := MouthY - 0.011*u*u // a smile
		upper := line - 0.019*math.Sqrt(bow)*(1-0.25*math.Exp(-u*u*40))
		lower := line + 0.026*math.Sqrt(bow)
		if y > upper-soft && y < lower+soft {
			edge := max(0, min(1, min(y-upper, lower-y)/soft+0.5))
			k := 0.86
			if y > line {
				k = 1.04
			}
			c = c.mix(lip.times(k*shade), edge)
		}
		c = c.mix(rgb{98, 40, 42}, math.Exp(-math.Pow((y-line-0.002*math.Cos(3*u))/0.0028, 2))*0.9)
	}
	return c.mix(skin.times(shade*0.86), 0.5*within(x, y, 0.5, 0.705, 0.04, 0.008, 0.015)) // below the lip
}
