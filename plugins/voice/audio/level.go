package audio

import (
	"errors"
	"math"
)

// FrameSeconds is the step of the envelope.
const FrameSeconds = 0.01

const (
	leadSeconds = 0.06  // kept before the first sound
	tailSeconds = 0.12  // kept after the last
	fadeSeconds = 0.005 // at both ends, against clicks
	peakLevel   = 0.708 // -3 dBFS: the loudest sample
	maxGain     = 8     // +18 dB: more would raise hiss, not speech
)

// Envelope gives the loudness (RMS) of each frame.
func (s Sound) Envelope() []float64 {
	step := s.frame()
	out := make([]float64, 0, len(s.Samples)/step+1)
	for i := 0; i < len(s.Samples); i += step {
		sum, part := 0.0, s.Samples[i:min(i+step, len(s.Samples))]
		for _, x := range part {
			sum += float64(x) * float64(x)
		}
		out = append(out, math.Sqrt(sum/float64(len(part))))
	}
	return out
}

// frame is the number of samples in a frame.
func (s Sound) frame() int { return max(1, int(FrameSeconds*float64(s.Rate))) }

// Threshold is the loudness that tells speech from silence: 35 dB below the loud frames, and above what is next to
// nothing.
func Threshold(env []float64) float64 {
	loud := 0.0
	for _, e := range env {
		loud = max(loud, e)
	}
	return max(loud*math.Pow(10, -35.0/20), 1e-4)
}

// Polish trims silence at both ends, brings the peak to the usual level and fades the ends.
func (s Sound) Polish() (Sound, error) {
	env := s.Envelope()
	limit := Threshold(env)
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
		return Sound{}, errors.New("what it made is silent")
	}
	from := max(0, first*s.frame()-int(leadSeconds*float64(s.Rate)))
	to := min(len(s.Samples), (last+1)*s.frame()+int(tailSeconds*float64(s.Rate)))
	out := Sound{Rate: s.Rate, Samples: append([]float32(nil), s.Samples[from:to]...)}
	out.normalise()
	out.fade()
	return out, nil
}

func (s Sound) normalise() {
	peak := float32(0)
	for _, x := range s.Samples {
		peak = max(peak, x, -x)
	}
	gain := min(peakLevel/peak, maxGain)
	for i := range s.Samples {
		s.Samples[i] *= gain
	}
}

func (s Sound) fade() {
	n := min(int(fadeSeconds*float64(s.Rate)), len(s.Samples)/2)
	for i := range n {
		g := float32(i) / float32(n)
		s.Samples[i] *= g
		s.Samples[len(s.Samples)-1-i] *= g
	}
}

// Pause is a stretch without speech.
type Pause struct{ Start, End float64 } // seconds

// Seconds is how long it is.
func (p Pause) Seconds() float64 { return p.End - p.Start }

// MinPause is the shortest pause that is looked at; the closures of p, t and k are shorter, mostly.
const MinPause = 0.06

// Pauses gives where speech begins and ends, and the pauses between.
func (s Sound) Pauses() (begin, end float64, inner []Pause) {
	env := s.Envelope()
	limit := Threshold(env)
	at := func(frame int) float64 { return float64(frame*s.frame()) / float64(s.Rate) }
	first, silent := -1, -1
	for i, e := range env {
		switch {
		case e <= limit && silent < 0:
			silent = i
		case e > limit:
			if first < 0 {
				first = i
			} else if silent >= 0 && at(i)-at(silent) >= MinPause {
				inner = append(inner, Pause{at(silent), at(i)})
			}
			silent = -1
			end = min(at(i+1), s.Seconds())
		}
	}
	return at(max(first, 0)), end, inner
}
