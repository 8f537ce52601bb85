// Package face finds where mouth and eyes are in a portrait: one face, seen from the front. It is simple, and says so when it does not know.
package face

import (
	"errors"
	"image"
	"math"
	"slices"

	"golang.org/x/image/draw"
)

// Rect is a part of a picture, in shares of its width and height: X and Y are its middle.
type Rect struct {
	X, Y, Width, Height float64
}

// Face is where things are.
type Face struct {
	Box   Rect   // from the hairline to the chin
	Mouth Rect   // the closed lips
	Eyes  []Rect // two, or none where they were not found
}

// ErrNone says that no face was found.
var ErrNone = errors.New("no face was found")

const side = 192 // pixels of the longer side that is looked at

// Find looks for a face.
func Find(img image.Image) (Face, error) {
	p := newPlane(img)
	box, ok := p.head()
	if !ok {
		return Face{}, ErrNone
	}
	f := Face{Box: p.share(box)}
	mouth, ok := p.mouth(box)
	if !ok {
		return Face{}, ErrNone
	}
	f.Mouth = p.share(mouth)
	f.Eyes = p.eyes(box, mouth)
	return f, nil
}

// plane is a small picture as what is looked for: brightness, redness, and whether a pixel may be skin.
type plane struct {
	w, h int
	luma []float64
	red  []float64 // how much redder than skin usually is
	skin []bool
}

// box is a part of a plane in pixels.
type box struct{ x0, y0, x1, y1 int }

func newPlane(img image.Image) *plane {
	b := img.Bounds()
	scale := float64(side) / float64(max(b.Dx(), b.Dy()))
	w, h := max(1, int(float64(b.Dx())*scale)), max(1, int(float64(b.Dy())*scale))
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(small, small.Rect, image.White, image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(small, small.Rect, img, b, draw.Over, nil)
	p := &plane{w: w, h: h, luma: make([]float64, w*h), red: make([]float64, w*h), skin: make([]bool, w*h)}
	for i := range p.luma {
		r, g, bl := float64(small.Pix[4*i]), float64(small.Pix[4*i+1]), float64(small.Pix[4*i+2])
		y := 0.299*r + 0.587*g + 0.114*bl
		cb, cr := (bl-y)*0.564, (r-y)*0.713
		p.luma[i], p.red[i] = y/255, cr/128
		// The cluster of human skin of all tones in chroma; very dark and very bright pixels tell nothing.
		p.skin[i] = cr > 5 && cr < 60 && cb < 2 && cb > -60 && y > 35 && y < 250 && r > bl
	}
	return p
}

func (p *plane) share(b box) Rect {
	w, h := float64(p.w), float64(p.h)
	return Rect{float64(b.x0+b.x1) / 2 / w, float64(b.y0+b.y1) / 2 / h, float64(b.x1-b.x0) / w, float64(b.y1-b.y0) / h}
}

// head finds the largest patch of skin and takes the part of it that has the shape of a head.
func (p *plane) head() (box, bool) {
	best := p.largest()
	if len(best) < p.w*p.h/100 {
		return box{}, false
	}
	// Brown hair has the hue of skin, and is darker than the face.
	lumas := make([]float64, len(best))
	for i, at := range best {
		lumas[i] = p.luma[at]
	}
	slices.Sort(lumas)
	bright := lumas[len(lumas)*3/5]
	for i, l := range p.luma {
		p.skin[i] = p.skin[i] && l > 0.55*bright
	}
	best = p.largest()
	// The middle column is where most of it is; a neck and shoulders hang below.
	rows := make([]int, p.h)
	var sumX float64
	for _, i := range best {
		rows[i/p.w]++
		sumX += float64(i % p.w)
	}
	widest, top := 0, -1
	for y, n := range rows {
		widest = max(widest, n)
		if top < 0 && n > 2 {
			top = y
		}
	}
	// The head ends where its width is narrowest between cheeks and shoulders, or where the patch ends.
	cheeks, at := 0, top
	for y := top; y < p.h && y < top+int(1.2*float64(widest)); y++ {
		if rows[y] > cheeks {
			cheeks, at = rows[y], y
		}
		if float64(rows[y]) < 0.3*float64(cheeks) && y > at {
			break
		}
	}
	var left, right, n float64
	mid := sumX / float64(len(best))
	for _, i := range best {
		if y := i / p.w; y >= top && y <= at+cheeks/2 {
			if d := float64(i%p.w) - mid; d < 0 {
				left += -d
			} else {
				right += d
			}
			n++
		}
	}
	half := 2 * (left + right) / max(1, n) // of an even spread the mean distance is half of half the width
	half = min(half, float64(cheeks)/2)
	bottom := min(p.h, top+int(half*2*1.38))
	return box{max(0, int(mid-half)), top, min(p.w, int(mid+half)), bottom}, half > 6
}

// largest gives the pixels of the largest patch of skin that hangs together.
func (p *plane) largest() []int {
	seen := make([]bool, len(p.skin))
	var best []int
	for start, is := range p.skin {
		if !is || seen[start] {
			continue
		}
		patch := []int{start}
		seen[start] = true
		for k := 0; k < len(patch); k++ {
			x, y := patch[k]%p.w, patch[k]/p.w
			for _, d := range [4][2]int{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
				nx, ny := x+d[0], y+d[1]
				if nx < 0 || ny < 0 || nx >= p.w || ny >= p.h {
					continue
				}
				if i := ny*p.w + nx; p.skin[i] && !seen[i] {
					seen[i] = true
					patch = append(patch, i)
				}
			}
		}
		if len(patch) > len(best) {
			best = patch
		}
	}
	return best
}

// mouth finds the row of lips in the lower part of a head: dark between lips that are redder than skin.
func (p *plane) mouth(head box) (box, bool) {
	w, h := head.x1-head.x0, head.y1-head.y0
	mid := (head.x0 + head.x1) / 2
	score := func(y int) float64 {
		var sum, n float64
		for x := mid - w/6; x <= mid+w/6; x++ {
			if x >= 0 && x < p.w {
				i := y*p.w + x
				sum += 1.6*p.red[i] - p.luma[i]
				n++
			}
		}
		return sum / max(1, n)
	}
	best, at := math.Inf(-1), -1
	from, to := head.y0+h*62/100, min(p.h-1, head.y0+h*88/100)
	for y := from; y < to; y++ {
		// Against the skin a lip's height above and below.
		around := (score(max(0, y-h/9)) + score(min(p.h-1, y+h/9))) / 2
		far := math.Abs(float64(y-head.y0)/float64(h)-0.76) * 0.6
		if s := score(y) - around - far; s > best {
			best, at = s, y
		}
	}
	if at < 0 || w < 12 {
		return box{}, false
	}
	width, height := w*38/100, max(3, h*8/100)
	return box{mid - width/2, at - height/2, mid + width/2, at + height/2}, true
}

// eyes finds the two places above the mouth, at both sides of its middle, that are dark with something brighter at both sides: an iris
// has the white of the eye there, a brow has more of itself.
func (p *plane) eyes(head, mouth box) []Rect {
	w, h := head.x1-head.x0, head.y1-head.y0
	mid, y := (mouth.x0+mouth.x1)/2, (mouth.y0+mouth.y1)/2
	mean := func(x, y int) float64 {
		var sum, n float64
		for dy := -1; dy <= 1; dy++ {
			for dx := -w / 40; dx <= w/40; dx++ {
				if xx, yy := x+dx, y+dy; xx >= 0 && xx < p.w && yy >= 0 && yy < p.h {
					sum += p.luma[yy*p.w+xx]
					n++
				}
			}
		}
		return sum / max(1, n)
	}
	var out []Rect
	var rows []int
	aside := max(2, w*7/100)
	for _, way := range []int{-1, 1} {
		best, bx, by := math.Inf(-1), 0, 0
		for ey := y - h*46/100; ey < y-h*22/100; ey++ {
			for ex := mid + way*w*13/100; ex != mid+way*w*33/100; ex += way {
				c := mean(ex, ey)
				if s := min(mean(ex-aside, ey), mean(ex+aside, ey)) - 1.5*c; s > best {
					best, bx, by = s, ex, ey
				}
			}
		}
		width, height := w*22/100, max(3, h*8/100)
		out, rows = append(out, p.share(box{bx - width/2, by - height/2, bx + width/2, by + height/2})), append(rows, by)
	}
	if d := rows[0] - rows[1]; d > h/14 || d < -h/14 {
		return nil // they are no pair
	}
	return out
}
