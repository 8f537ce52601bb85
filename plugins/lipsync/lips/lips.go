// Package lips says how a mouth stands at each moment of a speech: from the sounds that are made, and how loud they are.
package lips

import (
	"math"
	"strings"
)

// Sound is one sound in the phonetic alphabet, with its time in seconds.
type Sound struct {
	Symbol     string
	Start, End float64
}

// Shape is how a mouth stands.
type Shape struct {
	Open  float64 // 0 closed, 1 wide open
	Wide  float64 // -1 rounded, 0 at rest, 1 spread
	Teeth float64 // how much of the upper teeth is seen, 0 to 1
}

// shapeOf is the shape that a sound is made with, and how strongly it insists on it.
func shapeOf(symbol string) (s Shape, weight float64) {
	r := []rune(symbol)
	if len(r) == 0 {
		return Shape{}, 0
	}
	switch c := r[0]; {
	case strings.ContainsRune("pbm", c):
		return Shape{0, 0, 0}, 3
	case strings.ContainsRune("fv", c):
		return Shape{0.12, 0.1, 0.7}, 2
	case strings.ContainsRune("wʍ", c):
		return Shape{0.22, -0.9, 0}, 1.5
	case strings.ContainsRune("ʃʒ", c) || strings.HasPrefix(symbol, "tʃ") || strings.HasPrefix(symbol, "dʒ"):
		return Shape{0.25, -0.6, 0.5}, 1.2
	case strings.ContainsRune("szθð", c):
		return Shape{0.18, 0.4, 0.8}, 1
	case strings.ContainsRune("tdnlɾ", c):
		return Shape{0.25, 0.2, 0.5}, 0.7
	case strings.ContainsRune("kɡgŋhxχ", c):
		return Shape{0.3, 0.1, 0.3}, 0.5
	case strings.ContainsRune("ɹrʁɻj", c):
		return Shape{0.3, -0.3, 0.3}, 0.8
	case strings.ContainsRune("iɪy", c):
		return Shape{0.35, 0.8, 0.6}, 1.2
	case strings.ContainsRune("eɛæœø", c):
		return Shape{0.6, 0.5, 0.5}, 1.2
	case strings.ContainsRune("aɑɐʌ", c):
		return Shape{0.95, 0.1, 0.4}, 1.3
	case strings.ContainsRune("oɔɒ", c):
		return Shape{0.65, -0.7, 0.1}, 1.3
	case strings.ContainsRune("uʊɯ", c):
		return Shape{0.35, -1, 0}, 1.3
	case strings.ContainsRune("əɚɜɝɨʉ", c):
		return Shape{0.45, 0, 0.3}, 0.8
	default:
		return Shape{0.3, 0, 0.3}, 0.4
	}
}

const (
	reach = 0.055 // seconds over which sounds colour each other
	rest  = 0.25  // weight of a mouth at rest
)

// Track gives the shape of the mouth for each frame of a film. levels are how loud the speech is, 100 a second, 1 for its loudest. Without
// sounds the mouth follows the levels alone.
func Track(sounds []Sound, levels []float64, frames int, fps float64) []Shape {
	out := make([]Shape, frames)
	first := 0
	for i := range out {
		t := (float64(i) + 0.5) / fps
		loud := level(levels, t)
		if len(sounds) == 0 {
			// Vowels are louder: the mouth opens with the square root, and not quite to the beat.
			out[i] = Shape{Open: math.Sqrt(loud) * 0.8, Wide: 0.25 * math.Sin(2*math.Pi*t*2.3) * loud, Teeth: 0.4}
			continue
		}
		for first < len(sounds) && sounds[first].End < t-4*reach {
			first++
		}
		sum, total := Shape{}, rest*math.Exp(-6*loud)
		for _, s := range sounds[first:] {
			if s.Start > t+4*reach {
				break
			}
			shape, insists := shapeOf(s.Symbol)
			// How far the moment is from the sound's time, in reaches.
			d := max(0, max(s.Start-t, t-s.End)) / reach
			w := insists * math.Exp(-d*d)
			sum.Open += w * shape.Open
			sum.Wide += w * shape.Wide
			sum.Teeth += w * shape.Teeth
			total += w
		}
		// A sound that is hardly heard hardly opens the mouth.
		strength := 0.35 + 0.65*math.Sqrt(loud)
		out[i] = Shape{sum.Open / total * strength, sum.Wide / total, sum.Teeth / total}
	}
	return smooth(out)
}

func level(levels []float64, t float64) float64 {
	i := int(t * 100)
	if i < 0 || i >= len(levels) {
		return 0
	}
	return levels[i]
}

// smooth takes the jitter out: a mouth has mass.
func smooth(in []Shape) []Shape {
	out := make([]Shape, len(in))
	for i := range in {
		a, b, c := in[max(0, i-1)], in[i], in[min(len(in)-1, i+1)]
		mix := func(x, y, z float64) float64 { return 0.2*x + 0.6*y + 0.2*z }
		out[i] = Shape{mix(a.Open, b.Open, c.Open), mix(a.Wide, b.Wide, c.Wide), mix(a.Teeth, b.Teeth, c.Teeth)}
	}
	return out
}
