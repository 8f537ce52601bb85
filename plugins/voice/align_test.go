package main

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestAlign(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lengths []float64
		stops   []int
		end     float64
		pauses  []pause
		want    []span
	}{
		"one word":          {[]float64{1}, []int{2}, 1, nil, []span{{0, 1}}},
		"by length":         {[]float64{1, 3}, []int{0, 2}, 2, nil, []span{{0, 0.5}, {0.5, 2}}},
		"pause at the stop": {[]float64{1, 1, 1, 1}, []int{0, 2, 0, 2}, 4.5, []pause{{2, 2.5}}, []span{{0, 1}, {1, 2}, {2.5, 3.5}, {3.5, 4.5}}},
		"stop off the estimate": {[]float64{1, 1, 1, 1}, []int{2, 0, 0, 2}, 4.5, []pause{{1.3, 1.8}},
			[]span{{0, 1.3}, {1.8, 2.7}, {2.7, 3.6}, {3.6, 4.5}}},
		"between words, stop before": {[]float64{1, 1, 1, 1}, []int{2, 0, 0, 2}, 4.2, []pause{{1.5, 1.7}},
			[]span{{0, 1.5}, {1.7, 2.533}, {2.533, 3.367}, {3.367, 4.2}}},
		"between words, stop after": {[]float64{1, 1, 1, 1}, []int{0, 2, 0, 2}, 4.2, []pause{{1.5, 1.7}},
			[]span{{0, 0.75}, {0.75, 1.5}, {1.7, 2.95}, {2.95, 4.2}}},
		"stop without a pause": {[]float64{1, 1, 1}, []int{1, 0, 2}, 3, nil, []span{{0, 1}, {1, 2}, {2, 3}}},
		"pause within a word":  {[]float64{1}, []int{2}, 2, []pause{{0.9, 1.0}}, []span{{0, 2}}},
		"more pauses than may be ignored": {[]float64{2}, []int{2}, 2,
			[]pause{{0.1, 0.2}, {0.3, 0.4}, {0.5, 0.6}, {0.7, 0.8}, {0.9, 1}, {1.1, 1.2}, {1.3, 1.4}, {1.5, 1.6}}, []span{{0, 2}}},
		"no speech": {[]float64{1, 1}, []int{0, 2}, 0, nil, []span{{0, 0}, {0, 0}}},
	} {
		got := align(c.lengths, c.stops, 0, c.end, c.pauses)
		for i, want := range c.want {
			if len(got) != len(c.want) || math.Abs(got[i].start-want.start) > 0.001 || math.Abs(got[i].end-want.end) > 0.001 {
				t.Errorf("%s: got %v, want %v", name, got, c.want)
				break
			}
		}
	}
}

// TestAlignFollowsSpeech makes speech whose words take up to a tenth more or less than estimated, with pauses at the
// stops, and wants the words found there.
func TestAlignFollowsSpeech(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		n := 2 + r.IntN(60)
		ls, stops, said := make([]float64, n), make([]int, n), make([]span, n)
		var pauses []pause
		at := 0.1
		for i := range ls {
			ls[i] = 1 + 4*r.Float64()
			said[i].start = at
			at += 0.1 * ls[i] * (0.9 + 0.2*r.Float64())
			said[i].end = at
			if r.IntN(6) == 0 && i < n-1 {
				stops[i] = 2
				pauses = append(pauses, pause{at, at + 0.3})
				at += 0.3
			}
		}
		stops[n-1] = 2
		for i, got := range align(ls, stops, 0.1, at, pauses) {
			if math.Abs(got.start-said[i].start) > 0.2 || math.Abs(got.end-said[i].end) > 0.2 {
				t.Errorf("word %d of %d: got %v, it was said at %v", i, n, got, said[i])
			}
		}
	}
}
