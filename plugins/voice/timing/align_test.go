package timing

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
)

func TestAlign(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lengths []float64
		stops   []int
		end     float64
		pauses  []audio.Pause
		want    []span
	}{
		"one word":          {[]float64{1}, []int{2}, 1, nil, []span{{0, 1}}},
		"by length":         {[]float64{1, 3}, []int{0, 2}, 2, nil, []span{{0, 0.5}, {0.5, 2}}},
		"pause at the stop": {[]float64{1, 1, 1, 1}, []int{0, 2, 0, 2}, 4.5, []audio.Pause{{Start: 2, End: 2.5}}, []span{{0, 1}, {1, 2}, {2.5, 3.5}, {3.5, 4.5}}},
		"stop off the estimate": {[]float64{1, 1, 1, 1}, []int{2, 0, 0, 2}, 4.5, []audio.Pause{{Start: 1.3, End: 1.8}},
			[]span{{0, 1.3}, {1.8, 2.7}, {2.7, 3.6}, {3.6, 4.5}}},
		"between words, stop before": {[]float64{1, 1, 1, 1}, []int{2, 0, 0, 2}, 4.2, []audio.Pause{{Start: 1.5, End: 1.7}},
			[]span{{0, 1.5}, {1.7, 2.533}, {2.533, 3.367}, {3.367, 4.2}}},
		"between words, stop after": {[]float64{1, 1, 1, 1}, []int{0, 2, 0, 2}, 4.2, []audio.Pause{{Start: 1.5, End: 1.7}},
			[]span{{0, 0.75}, {0.75, 1.5}, {1.7, 2.95}, {2.95, 4.2}}},
		"stop without a pause": {[]float64{1, 1, 1}, []int{1, 0, 2}, 3, nil, []span{{0, 1}, {1, 2}, {2, 3}}},
		"pause within a word":  {[]float64{1}, []int{2}, 2, []audio.Pause{{Start: 0.9, End: 1.0}}, []span{{0, 2}}},
		"more pauses than may be ignored": {[]float64{2}, []int{2}, 2,
			[]audio.Pause{{Start: 0.1, End: 0.2}, {Start: 0.3, End: 0.4}, {Start: 0.5, End: 0.6}, {Start: 0.7, End: 0.8}, {Start: 0.9, End: 1}, {Start: 1.1, End: 1.2}, {Start: 1.3, End: 1.4}, {Start: 1.5, End: 1.6}}, []span{{0, 2}}},
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
		var pauses []audio.Pause
		at := 0.1
		for i := range ls {
			ls[i] = 1 + 4*r.Float64()
			said[i].start = at
			at += 0.1 * ls[i] * (0.9 + 0.2*r.Float64())
			said[i].end = at
			if r.IntN(6) == 0 && i < n-1 {
				stops[i] = 2
				pauses = append(pauses, audio.Pause{Start: at, End: at + 0.3})
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

// FuzzAlign lays any text over pauses of any sound: words follow each other within it.
func FuzzAlign(f *testing.F) {
	f.Add("Hi, you.", uint16(300), uint16(100), uint16(200))
	f.Add("a — b", uint16(1), uint16(0), uint16(1))
	f.Add("one", uint16(0), uint16(1), uint16(0))
	f.Fuzz(func(t *testing.T, text string, first, silent, second uint16) {
		text, err := Clean(text)
		if err != nil {
			return
		}
		s := audio.Sound{Rate: voicetest.Rate, Samples: voicetest.Speech(0.3, float64(first)/1000, float64(silent)/1000, float64(second)/1000)}
		words := split(text)
		ls, stops := make([]float64, len(words)), make([]int, len(words))
		for i, w := range words {
			ls[i], stops[i] = syllableLength(w), stop(w)
		}
		begin, end, pauses := s.Pauses()
		at := 0.0
		for _, w := range align(ls, stops, begin, end, pauses) {
			if !(w.start >= at-1e-9 && w.end >= w.start && w.end <= s.Seconds()+1e-9) {
				t.Fatalf("%q is said at %v, after %v, in %v s", text, w, at, s.Seconds())
			}
			at = w.end
		}
	})
}
