package main

import (
	"errors"
	"math"
)

const (
	frameSeconds = 0.01  // step of the envelope
	leadSeconds  = 0.06  // kept before the first sound
	tailSeconds  = 0.12  // kept after the last
	fadeSeconds  = 0.005 // at both ends, against clicks
	peakLevel    = 0.708 // -3 dBFS: the loudest sample
	maxGain      = 8     // +18 dB: more would raise hiss, not speech
)

// envelope gives the loudness (RMS) of each frame.
func (s sound) envelope() []float64 {
	step := s.frame()
	out := make([]float64, 0, len(s.samples)/step+1)
	for i := 0; i < len(s.samples); i += step {
		sum, part := 0.0, s.samples[i:min(i+step, len(s.samples))]
		for _, x := range part {
			sum += float64(x) * float64(x)
		}
		out = append(out, math.Sqrt(sum/float64(len(part))))
	}
	return out
}

// frame is the number of samples in a frame.
func (s sound) frame() int { return max(1, int(frameSeconds*float64(s.rate))) }

// threshold is the loudness that tells speech from silence: 35 dB below the loud frames, and above what is next to
// nothing.
func threshold(env []float64) float64 {
	loud := 0.0
	for _, e := range env {
		loud = max(loud, e)
	}
	return max(loud*math.Pow(10, -35.0/20), 1e-4)
}

// polish trims silence at both ends, brings the peak to the usual level and fades the ends.
func (s sound) polish() (sound, error) {
	env := s.envelope()
	limit := threshold(env)
	first, last := -1, -1
	for i, e := range env {
		if e > limit {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return sound{}, errors.New("what it made is silent")
	}
	from := max(0, first*s.frame()-int(leadSeconds*float64(s.rate)))
	to := min(len(s.samples), (last+1)*s.frame()+int(tailSeconds*float64(s.rate)))
	out := sound{rate: s.rate, samples: append([]float32(nil), s.samples[from:to]...)}
	out.normalise()
	out.fade()
	return out, nil
}

func (s sound) normalise() {
	peak := float32(0)
	for _, x := range s.samples {
		peak = max(peak, x, -x)
	}
	gain := min(peakLevel/peak, maxGain)
	for i := range s.samples {
		s.samples[i] *= gain
	}
}

func (s sound) fade() {
	n := min(int(fadeSeconds*float64(s.rate)), len(s.samples)/2)
	for i := range n {
		g := float32(i) / float32(n)
		s.samples[i] *= g
		s.samples[len(s.samples)-1-i] *= g
	}
}

// pause is a stretch without speech.
type pause struct{ start, end float64 } // seconds

func (p pause) seconds() float64 { return p.end - p.start }

// minPause is the shortest pause that is looked at; the closures of p, t and k are shorter, mostly.
const minPause = 0.06

// pauses gives where speech begins and ends, and the pauses between.
func (s sound) pauses() (begin, end float64, inner []pause) {
	env := s.envelope()
	limit := threshold(env)
	at := func(frame int) float64 { return float64(frame*s.frame()) / float64(s.rate) }
	first, silent := -1, -1
	for i, e := range env {
		switch {
		case e <= limit && silent < 0:
			silent = i
		case e > limit:
			if first < 0 {
				first = i
			} else if silent >= 0 && at(i)-at(silent) >= minPause {
				inner = append(inner, pause{at(silent), at(i)})
			}
			silent = -1
			end = min(at(i+1), s.seconds())
		}
	}
	return at(max(first, 0)), end, inner
}
