// Package design is how films look: one palette, one type system, and the layouts of scenes. It draws pictures in
// memory; motion is the frame package's, encoding is ffmpeg's.
package design

import "image/color"

// The palette. Text on Ink reaches a contrast of at least 7:1.
var (
	Ink    = color.NRGBA{0x0B, 0x10, 0x20, 0xFF} // background
	Night  = color.NRGBA{0x17, 0x1C, 0x3A, 0xFF} // lighter end of the background
	Paper  = color.NRGBA{0xF6, 0xF7, 0xFF, 0xFF} // text
	Mist   = color.NRGBA{0xA9, 0xB2, 0xD0, 0xFF} // secondary text
	Violet = color.NRGBA{0x8B, 0x6C, 0xFF, 0xFF} // accent, one end
	Cyan   = color.NRGBA{0x3D, 0xD9, 0xEB, 0xFF} // accent, other end
	dusk   = color.NRGBA{0x1A, 0x0B, 0x2C, 0xFF} // darkens pictures under text; warm, or a sun turns olive
	veil   = color.NRGBA{0x08, 0x0B, 0x18, 0xC8} // behind captions
	Sun    = color.NRGBA{0xFF, 0xC8, 0x57, 0xFF} // the word being spoken
)

// mix goes from a to b as t goes from 0 to 1.
func mix(a, b color.NRGBA, t float64) color.NRGBA {
	m := func(x, y uint8) uint8 { return uint8(float64(x) + (float64(y)-float64(x))*t + 0.5) }
	return color.NRGBA{m(a.R, b.R), m(a.G, b.G), m(a.B, b.B), m(a.A, b.A)}
}

// fade gives c with its alpha scaled.
func fade(c color.NRGBA, alpha float64) color.NRGBA {
	c.A = uint8(float64(c.A)*alpha + 0.5)
	return c
}
