// Package music makes the quiet music under a film: pads, plucks and a bass over a few chords, from a seed. What it
// gives is a loop without a seam, so that a film of any length can lie on it.
package music

import (
	"math"
	"math/rand/v2"
)

// Rate is the sample rate in Hz.
const Rate = 44100

// Mood is how the music feels.
type Mood string

// The moods.
const (
	Calm   Mood = "calm"   // slow and wide
	Bright Mood = "bright" // a little faster, major
)

// Loop is stereo sound between -1 and 1 that repeats without a seam.
type Loop struct{ Left, Right []float32 }

// Seconds is its length.
func (l *Loop) Seconds() float64 { return float64(len(l.Left)) / Rate }

// chord is a bass note and the notes over it, as MIDI numbers.
type chord struct {
	bass  int
	notes [4]int
}

type score struct {
	beat   float64 // seconds
	chords []chord // four beats each
}

var scores = map[Mood]score{
	Calm: {60.0 / 76, []chord{ // D, with ninths and suspensions: open, never sad for long
		{38, [4]int{57, 62, 64, 66}}, {35, [4]int{57, 62, 66, 69}}, {43, [4]int{55, 59, 62, 69}}, {45, [4]int{57, 62, 64, 69}},
		{38, [4]int{57, 62, 66, 69}}, {42, [4]int{57, 61, 64, 69}}, {43, [4]int{59, 62, 66, 69}}, {45, [4]int{57, 61, 64, 71}},
	}},
	Bright: {60.0 / 100, []chord{
		{43, [4]int{59, 62, 67, 69}}, {38, [4]int{57, 62, 66, 69}}, {40, [4]int{59, 62, 64, 67}}, {36, [4]int{55, 60, 64, 67}},
		{43, [4]int{59, 62, 67, 71}}, {38, [4]int{57, 62, 66, 69}}, {36, [4]int{55, 60, 64, 71}}, {38, [4]int{57, 62, 64, 69}},
	}},
}

// Compose makes a loop; equal moods and seeds give equal loops. An unknown mood is calm.
func Compose(m Mood, seed uint64) *Loop {
	s, ok := scores[m]
	if !ok {
		s = scores[Calm]
	}
	rng := rand.New(rand.NewPCG(seed, 77))
	const rounds = 2
	bar := 4 * s.beat
	n := int(bar * float64(rounds*len(s.chords)) * Rate)
	l := &Loop{make([]float32, n), make([]float32, n)}
	for i := range rounds * len(s.chords) {
		c, at := s.chords[i%len(s.chords)], float64(i)*bar
		l.pad(c, at, bar, rng)
		l.bass(c.bass, at, bar)
		l.plucks(c, at, s.beat/2, rng, i >= len(s.chords))
	}
	l.echo(int(s.beat*0.75*Rate), 0.34)
	l.level(0.5)
	return l
}

func hz(note int) float64 { return 440 * math.Pow(2, float64(note-69)/12) }

// voice is one sounding note.
type voice struct {
	freq      float64
	at        float64 // seconds
	attack    float64
	hold      float64
	release   float64 // time in which it falls to a third, after hold
	gain, pan float64 // pan from -1 (left) to 1
	harmonics []float64
}

// add puts a note into the loop; what hangs over the end goes on at the beginning.
func (l *Loop) add(v voice) {
	n := len(l.Left)
	length := int((v.hold + 5*v.release) * Rate)
	left := v.gain * math.Cos((v.pan+1)*math.Pi/4)
	right := v.gain * math.Sin((v.pan+1)*math.Pi/4)
	step := v.freq / Rate
	wave := table(v.harmonics)
	phase, at := 0.0, int(v.at*Rate)
	fall := math.Exp(-1 / (v.release * Rate))
	env, rise := 1.0, v.attack*Rate
	hold := int(v.hold * Rate)
	for i := range length {
		if i > hold {
			env *= fall
		}
		e := env
		if f := float64(i); f < rise {
			x := f / rise
			e *= x * x * (3 - 2*x)
		}
		k := int(phase * tableSize)
		y := wave[k&(tableSize-1)] * e
		j := (at + i) % n
		l.Left[j] += float32(y * left)
		l.Right[j] += float32(y * right)
		if phase += step; phase >= 1 {
			phase--
		}
	}
}

const tableSize = 8192

func table(harmonics []float64) []float64 {
	w := make([]float64, tableSize)
	for i := range w {
		for h, a := range harmonics {
			w[i] += a * math.Sin(2*math.Pi*float64(i*(h+1))/tableSize)
		}
	}
	return w
}

var (
	soft = []float64{1, 0.32, 0.14, 0.06, 0.03}
	bell = []float64{1, 0.18, 0.05, 0.10}
	deep = []float64{1, 0.22}
)

// pad lets each note of the chord swell twice, slightly apart in pitch and place.
func (l *Loop) pad(c chord, at, bar float64, rng *rand.Rand) {
	for i, n := range c.notes {
		for side := -1.0; side <= 1; side += 2 {
			detune := 1 + side*(0.0011+0.0006*rng.Float64())
			l.add(voice{hz(n) * detune, at, bar * 0.35, bar * 0.92, bar * 0.16, 0.050, side * (0.3 + 0.15*float64(i)), soft})
		}
	}
}

func (l *Loop) bass(note int, at, bar float64) {
	l.add(voice{hz(note), at, 0.05, bar * 0.8, bar * 0.10, 0.15, 0, deep})
}

// plucks play the chord's notes in eighths, with gaps, higher in the second round.
func (l *Loop) plucks(c chord, at, eighth float64, rng *rand.Rand, high bool) {
	order := [8]int{0, 2, 1, 3, 2, 1, 3, 2}
	for k, i := range order {
		if rng.Float64() < 0.22 && k > 0 {
			continue
		}
		n := c.notes[i] + 12
		if high && k%4 == 3 {
			n += 12
		}
		gain := 0.075 * (0.7 + 0.3*rng.Float64())
		if k == 0 {
			gain *= 1.25
		}
		l.add(voice{hz(n), at + float64(k)*eighth, 0.006, 0.01, 0.26, gain, 0.7 * (2*rng.Float64() - 1), bell})
	}
}

// echo repeats the sound to and fro between the sides, three times.
func (l *Loop) echo(delay int, back float64) {
	n := len(l.Left)
	a, b := append([]float32(nil), l.Left...), append([]float32(nil), l.Right...)
	g := 1.0
	for k := 1; k <= 3; k++ {
		g *= back
		a, b = b, a
		for i := range n {
			j := (i + k*delay) % n
			l.Left[j] += a[i] * float32(g)
			l.Right[j] += b[i] * float32(g)
		}
	}
}

// level sets the peak.
func (l *Loop) level(peak float32) {
	var most float32
	for i := range l.Left {
		most = max(most, abs(l.Left[i]), abs(l.Right[i]))
	}
	if most == 0 {
		return
	}
	for i := range l.Left {
		l.Left[i] *= peak / most
		l.Right[i] *= peak / most
	}
}

func abs(x float32) float32 { return max(x, -x) }
