package timing

import (
	"math"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
)

// span is when a word is said, in seconds.
type span struct{ start, end float64 }

// The costs by which align judges a placement. They are in squares of standard deviations: 1 is as unlikely as a
// stretch of words that takes 15 % longer than estimated.
const (
	spread       = 0.15 // relative error of an estimated length
	spreadFixed  = 0.05 // seconds, besides
	missedStop   = 7.0  // no pause at the end of a clause
	missedComma  = 3.0
	strangePause = 3.0 // a pause where no punctuation is
	ignoredPause = 35  // per second over audio.MinPause of a pause that is taken for part of a word
	maxIgnored   = 6   // pauses in a row
)

// align lays words over speech that was measured: it decides which pause follows which word, so that the words
// between two pauses fill the speech between them at a rate that is likely, and divides that speech by their
// estimated lengths. lengths are in any unit; stops are those of stop.
func align(lengths []float64, stops []int, begin, end float64, pauses []audio.Pause) []span {
	a := aligner{lengths: lengths, pauses: append(pauses, audio.Pause{Start: end, End: end})}
	a.total = make([]float64, len(lengths)+1)
	a.missed = make([]float64, len(lengths)+1)
	for i, l := range lengths {
		a.total[i+1] = a.total[i] + l
		a.missed[i+1] = a.missed[i] + [...]float64{0, missedComma, missedStop}[stops[i]]
	}
	a.stops = stops
	a.speech = make([]float64, len(a.pauses)+1)
	from := begin
	for k, p := range a.pauses {
		a.speech[k+1] = a.speech[k] + p.Start - from
		from = p.End
	}
	a.rate = a.speech[len(a.pauses)] / a.total[len(lengths)]
	return a.layout(begin, a.solve(begin))
}

type aligner struct {
	lengths []float64
	stops   []int
	pauses  []audio.Pause // the last one is the end
	total   []float64     // of the lengths before word i
	missed  []float64     // cost of the stops before word i
	speech  []float64     // seconds of speech before pause k
	rate    float64       // seconds per unit of length
}

// place says that pause k comes right after the first n words; back is the place before it.
type place struct {
	words int
	cost  float64
	back  *place
	pause int
}

// solve gives the cheapest chain of places that ends with all words at the end.
func (a *aligner) solve(begin float64) *place {
	origin := &place{pause: -1}
	layers := [][]*place{{origin}} // layers[k+1]: places for pause k
	for k := range a.pauses {
		var layer []*place
		lo, hi := a.band(k)
		for n := lo; n <= hi; n++ {
			best := &place{words: n, cost: math.Inf(1), pause: k}
			for j := k; j >= max(0, k-maxIgnored); j-- {
				for _, p := range layers[j] {
					if c := a.step(p, k, n, begin); c < best.cost {
						best.cost, best.back = c, p
					}
				}
			}
			if best.back != nil {
				layer = append(layer, best)
			}
		}
		layers = append(layers, layer)
	}
	if last := layers[len(layers)-1]; len(last) > 0 {
		return last[0]
	}
	return &place{words: len(a.lengths), pause: len(a.pauses) - 1, back: origin}
}

// band limits how many words may come before pause k to those near its share of the speech.
func (a *aligner) band(k int) (lo, hi int) {
	n := len(a.lengths)
	if k == len(a.pauses)-1 {
		return n, n
	}
	share := a.speech[k+1] / a.rate
	near := 0
	for near < n && a.total[near] < share {
		near++
	}
	width := 6 + n/8
	return max(1, near-min(width, 30)), min(n-1, near+min(width, 30))
}

// step is the cost of going from place p to pause k after n words.
func (a *aligner) step(p *place, k, n int, begin float64) float64 {
	if n <= p.words {
		return math.Inf(1)
	}
	from := begin
	if p.pause >= 0 {
		from = a.pauses[p.pause].End
	}
	want := (a.total[n] - a.total[p.words]) * a.rate
	off := (a.pauses[k].Start - from - want) / (spread*want + spreadFixed)
	cost := p.cost + off*off + a.missed[n-1] - a.missed[p.words]
	for j := p.pause + 1; j < k; j++ {
		cost += ignoredPause * (a.pauses[j].Seconds() - audio.MinPause)
	}
	if k < len(a.pauses)-1 && a.stops[n-1] == 0 {
		cost += strangePause
	}
	return cost
}

// layout divides the speech between the places of the chain among their words.
func (a *aligner) layout(begin float64, last *place) []span {
	out := make([]span, len(a.lengths))
	for p := last; p.back != nil; p = p.back {
		from, to := begin, a.pauses[p.pause].Start
		if p.back.pause >= 0 {
			from = a.pauses[p.back.pause].End
		}
		unit := (to - from) / (a.total[p.words] - a.total[p.back.words])
		for i := p.back.words; i < p.words; i++ {
			out[i].start = from + (a.total[i]-a.total[p.back.words])*unit
			out[i].end = from + (a.total[i+1]-a.total[p.back.words])*unit
		}
	}
	return out
}
