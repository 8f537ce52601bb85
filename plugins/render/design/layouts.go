package design

import (
	"fmt"
	"image"
	"strings"
)

func (d *drawing) hook() {
	d.pictureBack(0.62, 0.70, 0.86)
	x, width := d.x(margin), d.x(0.80)
	f, text := Fit(Display, 128*d.u, d.card.Text, width, 4)
	height := f.size * 1.12 * float64(len(text))
	top := (float64(d.H) - height) / 2
	d.layer(0, 0.4, 0, func(img *image.RGBA) { accentBox(img, x, top-46*d.u, 132*d.u, 12*d.u, 6*d.u) })
	d.spoken(f, text, x, top+f.size*0.92, 1.12, false, width)
}

func (d *drawing) title() {
	d.plainBack()
	x := d.x(margin)
	w, h := d.x(0.40), d.y(0.60)
	d.window(d.x(1-margin)-w, d.y(0.13), w, h, 36*d.u, 0.15)
	width := d.x(0.40)
	f, text := Fit(Display, 108*d.u, d.card.Heading, width, 3)
	sub, subtext := Fit(Body, 40*d.u, d.card.Text, width, 3)
	height := f.size*1.08*float64(len(text)) + 34*d.u + sub.size*1.4*float64(len(subtext))
	top := d.y(0.13) + (d.y(0.60)-height)/2
	d.layer(0.1, 0.5, 0, func(img *image.RGBA) { Mark(img, x+48*d.u, top-70*d.u, 96*d.u) })
	var y float64
	d.layer(0.2, 0.55, 34, func(img *image.RGBA) {
		y = lines(img, f, text, x, top+f.size*0.95, 1.08, func(l string, x, y float64) { f.Draw(img, l, x, y, Paper) })
	})
	y += 20*d.u - f.size*1.08 + f.size*0.25 + sub.size
	d.layer(0.45, 0.55, 26, func(img *image.RGBA) {
		lines(img, sub, subtext, x, y+10*d.u, 1.4, func(l string, x, y float64) { sub.Draw(img, l, x, y, Mist) })
	})
}

// chapter draws the number and heading at the top left and gives where the text below may begin.
func (d *drawing) chapter(width float64) float64 {
	x, y := d.x(margin), d.y(0.115)
	if d.card.Number > 0 {
		n := NewFace(Strong, 30*d.u)
		label := fmt.Sprintf("%02d", d.card.Number)
		d.layer(0.1, 0.4, 14, func(img *image.RGBA) {
			accentBox(img, x, y-4*d.u, 78*d.u, 48*d.u, 24*d.u)
			n.Draw(img, label, x+39*d.u-n.Width(label)/2, y+31*d.u, Ink)
		})
		y += 78 * d.u
	}
	f, text := Fit(Display, 84*d.u, d.card.Heading, width, 2)
	d.layer(0.18, 0.5, 30, func(img *image.RGBA) {
		lines(img, f, text, x, y+f.size*0.85, 1.1, func(l string, x, y float64) { f.Draw(img, l, x, y, Paper) })
	})
	return y + f.size*1.1*float64(len(text))
}

func (d *drawing) fullPicture() {
	d.pictureBack(0.66, 0.16, 0.80)
	d.chapter(d.x(0.62))
}

func (d *drawing) points() {
	d.plainBack()
	y := d.chapter(d.x(0.84)) + 40*d.u
	room := d.y(1-foot) - y
	n := min(len(d.card.Points), 4)
	if n == 0 {
		return
	}
	step := min(room/float64(n), 132*d.u)
	spread := max(0, d.card.Seconds-d.card.Lead-1.4) / float64(n)
	for i, p := range d.card.Points[:n] {
		at := d.card.Lead + 0.1 + float64(i)*min(spread, 1.6)
		top := y + float64(i)*step
		d.layer(at, 0.5, 32, func(img *image.RGBA) { d.point(img, i, p, top, step) })
	}
}

func (d *drawing) point(img *image.RGBA, i int, text string, top, step float64) {
	x, w, h := d.x(margin), d.x(1-2*margin), step-20*d.u
	box(img, fade(Paper, 0.075), x, top, w, h, 24*d.u)
	accentBox(img, x, top, 10*d.u, h, 5*d.u)
	n := NewFace(Display, 44*d.u)
	n.Draw(img, fmt.Sprint(i+1), x+44*d.u, top+h/2+n.size*0.36, Cyan)
	f, wrapped := Fit(Body, 42*d.u, text, w-160*d.u, 2)
	first := top + h/2 + f.size*0.36 - f.size*1.25*float64(len(wrapped)-1)/2
	lines(img, f, wrapped, x+116*d.u, first, 1.25, func(l string, x, y float64) { f.Draw(img, l, x, y, Paper) })
}

func (d *drawing) split() {
	d.plainBack()
	w, h := d.x(0.46), d.y(0.64)
	d.window(d.x(1-margin)-w, d.y(0.115), w, h, 36*d.u, 0.1)
	y := d.chapter(d.x(0.37)) + 44*d.u
	for i, p := range d.card.Points[:min(len(d.card.Points), 3)] {
		f, text := Fit(Body, 42*d.u, p, d.x(0.35), 3)
		at := y
		d.layer(d.card.Lead+0.3+0.7*float64(i), 0.5, 24, func(img *image.RGBA) {
			accentBox(img, d.x(margin), at+4*d.u, 8*d.u, f.size*1.32*float64(len(text))-4*d.u, 4*d.u)
			lines(img, f, text, d.x(margin)+36*d.u, at+f.size*0.98, 1.32, func(l string, x, y float64) { f.Draw(img, l, x, y, Mist) })
		})
		y += f.size*1.32*float64(len(text)) + 34*d.u
	}
}

func (d *drawing) statement() {
	d.plainBack()
	width := d.x(0.82)
	f, text := Fit(Display, 92*d.u, d.card.Text, width, 5)
	height := f.size * 1.18 * float64(len(text))
	top := (float64(d.H)-height)/2 + 10*d.u
	if d.card.Heading != "" {
		k := NewFace(Strong, 36*d.u)
		label := strings.ToUpper(d.card.Heading)
		d.layer(0.1, 0.45, 16, func(img *image.RGBA) {
			k.Draw(img, label, (float64(d.W)-k.Width(label))/2, top-54*d.u, Cyan)
		})
	}
	d.spoken(f, text, (float64(d.W)-width)/2, top+f.size*0.9, 1.18, true, width)
}

func (d *drawing) end() {
	d.plainBack()
	cx := float64(d.W) / 2
	d.layer(0.05, 0.6, 30, func(img *image.RGBA) { Mark(img, cx, d.y(0.27), 190*d.u) })
	f, text := Fit(Display, 104*d.u, d.card.Heading, d.x(0.8), 2)
	y := d.y(0.27) + 190*d.u
	d.layer(0.2, 0.55, 30, func(img *image.RGBA) {
		lines(img, f, text, 0, y+f.size*0.5, 1.1, func(l string, _, y float64) { f.Draw(img, l, cx-f.Width(l)/2, y, Paper) })
	})
	y += f.size * 1.1 * float64(len(text))
	if len(d.card.Points) == 0 {
		return
	}
	cta := NewFace(Strong, 48*d.u)
	label := d.card.Points[0]
	w := cta.Width(label) + 110*d.u
	d.layer(0.6, 0.5, 24, func(img *image.RGBA) {
		box(img, fade(Paper, 0.10), cx-w/2, y+6*d.u, w, 104*d.u, 52*d.u)
		cta.Draw(img, label, cx-cta.Width(label)/2, y+6*d.u+52*d.u+cta.size*0.36, Sun)
	})
}
