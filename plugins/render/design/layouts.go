package design

import (
	"fmt"
	"image"
	"strings"
)

func (d *drawing) hook() {
	d.plainBack()
	x, width := d.x(margin), d.x(1-2*margin)
	f, text := Fit(Display, 190*d.u, d.card.Text, width, 4)
	height := f.size * 1.08 * float64(len(text))
	top := (float64(d.H)-height)/2 + 20*d.u
	d.layer(0, 0.3, 0, func(img *image.RGBA) { accentBox(img, x+6*d.u, top-56*d.u, 168*d.u, 14*d.u, 7*d.u) })
	d.spoken(f, text, x, top+f.size*0.88, 1.08, false, width)
}

// title stands low on the left: the picture's own subject is rarely there.
func (d *drawing) title() {
	d.pictureBack(0.16, 0.16, 0.90, whole)
	x := d.x(margin)
	f, text := Fit(Display, 220*d.u, d.card.Heading, d.x(1-2*margin), 1)
	if f.size < 130*d.u {
		f, text = Fit(Display, 150*d.u, d.card.Heading, d.x(0.78), 3)
	}
	sub, subtext := Fit(Strong, 58*d.u, d.card.Text, d.x(0.7), 2)
	y := d.y(1-foot) - 36*d.u - f.size*1.06*float64(len(text)) - 40*d.u - sub.size*1.35*float64(len(subtext))
	d.layer(0.06, 0.35, 0, func(img *image.RGBA) { accentBox(img, x+6*d.u, y-30*d.u, 168*d.u, 14*d.u, 7*d.u) })
	d.layer(0.14, 0.55, 40, func(img *image.RGBA) {
		lines(f, text, x, y+f.size*0.9, 1.06, func(l string, x, y float64) { d.shade(img, f, l, x-f.size*0.03, y) })
	})
	y += f.size*1.06*float64(len(text)) + 40*d.u
	d.layer(0.42, 0.55, 26, func(img *image.RGBA) {
		lines(sub, subtext, x+6*d.u, y+sub.size*0.9, 1.35, func(l string, x, y float64) { d.shade(img, sub, l, x, y) })
	})
}

// chapter draws the number and heading with their top at y and gives where the text below may begin.
func (d *drawing) chapter(width, y float64) float64 {
	x := d.x(margin)
	if d.card.Number > 0 {
		n := NewFace(Strong, 30*d.u)
		label := fmt.Sprintf("%02d", d.card.Number)
		d.layer(0.1, 0.4, 14, func(img *image.RGBA) {
			accentBox(img, x, y-4*d.u, 78*d.u, 48*d.u, 24*d.u)
			n.Draw(img, label, x+39*d.u-n.Width(label)/2, y+31*d.u, Ink)
		})
		y += 78 * d.u
	}
	f, text := d.headline(width)
	d.layer(0.18, 0.5, 30, func(img *image.RGBA) {
		lines(f, text, x, y+f.size*0.85, 1.1, func(l string, x, y float64) { d.shade(img, f, l, x, y) })
	})
	return y + f.size*1.1*float64(len(text))
}

func (d *drawing) headline(width float64) (*Face, []string) {
	return Fit(Display, 92*d.u, d.card.Heading, width, 2)
}

// fullPicture has its heading low, over the darkened foot of the picture, which shows another part in every scene.
func (d *drawing) fullPicture() {
	d.pictureBack(0.10, 0.14, 0.92, parts[d.card.Index%len(parts)])
	f, text := d.headline(d.x(0.8))
	height := f.size * 1.1 * float64(len(text))
	if d.card.Number > 0 {
		height += 78 * d.u
	}
	d.chapter(d.x(0.8), d.y(1-foot)-height-16*d.u)
}

func (d *drawing) points() {
	d.plainBack()
	y := d.chapter(d.x(0.84), d.y(0.105)) + 36*d.u
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
	accentBox(img, x+22*d.u, top+24*d.u, 8*d.u, h-48*d.u, 4*d.u)
	n := NewFace(Display, 44*d.u)
	n.Draw(img, fmt.Sprint(i+1), x+56*d.u, top+h/2+n.size*0.36, Cyan)
	f, wrapped := Fit(Body, 46*d.u, text, w-160*d.u, 2)
	first := top + h/2 + f.size*0.36 - f.size*1.25*float64(len(wrapped)-1)/2
	lines(f, wrapped, x+126*d.u, first, 1.25, func(l string, x, y float64) { f.Draw(img, l, x, y, Paper) })
}

func (d *drawing) split() {
	d.plainBack()
	w, h := d.x(0.42), d.y(0.655)
	d.window(d.x(1-margin)-w, d.y(0.115), w, h, 36*d.u, 0.1)
	y := d.chapter(d.x(0.40), d.y(0.115)) + 44*d.u
	for i, p := range d.card.Points[:min(len(d.card.Points), 3)] {
		f, text := Fit(Body, 50*d.u, p, d.x(0.37), 3)
		at := y
		d.layer(d.card.Lead+0.3+0.7*float64(i), 0.5, 24, func(img *image.RGBA) {
			accentBox(img, d.x(margin), at+4*d.u, 8*d.u, f.size*1.32*float64(len(text))-4*d.u, 4*d.u)
			lines(f, text, d.x(margin)+36*d.u, at+f.size*0.98, 1.32, func(l string, x, y float64) { f.Draw(img, l, x, y, Paper) })
		})
		y += f.size*1.32*float64(len(text)) + 34*d.u
	}
}

func (d *drawing) statement() {
	d.plainBack()
	width := d.x(0.84)
	f, text := Fit(Display, 140*d.u, d.card.Text, width, 5)
	height := f.size * 1.18 * float64(len(text))
	top := (float64(d.H)-height)/2 + 10*d.u
	if d.card.Heading != "" {
		k := NewFace(Strong, 42*d.u)
		label := strings.ToUpper(d.card.Heading)
		d.layer(0.1, 0.45, 16, func(img *image.RGBA) {
			k.Draw(img, label, (float64(d.W)-k.Width(label))/2, top-66*d.u, Cyan)
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
		lines(f, text, 0, y+f.size*0.5, 1.1, func(l string, _, y float64) { f.Draw(img, l, cx-f.Width(l)/2, y, Paper) })
	})
	y += f.size * 1.1 * float64(len(text))
	if len(d.card.Points) == 0 {
		return
	}
	cta := NewFace(Strong, 62*d.u)
	label := d.card.Points[0]
	w := cta.Width(label) + 128*d.u
	d.layer(0.6, 0.5, 24, func(img *image.RGBA) {
		box(img, fade(Paper, 0.10), cx-w/2, y+6*d.u, w, 124*d.u, 62*d.u)
		cta.Draw(img, label, cx-cta.Width(label)/2, y+6*d.u+62*d.u+cta.size*0.36, Sun)
	})
}
