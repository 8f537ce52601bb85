package main

import (
	"math"
	"testing"
)

func TestPolish(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s             sound
		seconds, peak float64
	}{
		"quiet":        {speech(0.2, 1), 1, peakLevel},
		"loud":         {speech(1, 1), 1, peakLevel},
		"whisper":      {speech(0.01, 1), 1, 0.01 * maxGain},
		"long silence": {speech(0.2, 0, 0.5, 1, 0.7), leadSeconds + 1 + tailSeconds, peakLevel},
		"keeps pauses": {speech(0.2, 0.5, 2, 0.5), 3, peakLevel},
		"click":        {sound{16000, []float32{0, 0.5, 0}}, 3.0 / 16000, peakLevel},
	} {
		got, err := c.s.polish()
		if err != nil || math.Abs(got.seconds()-c.seconds) > 2*frameSeconds || math.Abs(peak(got)-c.peak) > 0.01 {
			t.Errorf("%s: %v s with peak %v, %v; want %v s, %v", name, got.seconds(), peak(got), err, c.seconds, c.peak)
		}
	}
	s, err := speech(0.2, 1).polish()
	if err != nil || s.samples[0] != 0 || s.samples[len(s.samples)-1] != 0 {
		t.Errorf("its ends are not faded: %v", err)
	}
	for name, s := range map[string]sound{"silence": speech(0, 1), "noise floor": speech(0.00005, 1), "nothing": {rate: 8000}} {
		if _, err := s.polish(); err == nil {
			t.Errorf("%s is taken for speech", name)
		}
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	begin, end, pauses := speech(0.3, 0, 0.1, 0.5, 0.2, 0.4, 0.04, 0.3, 0.3, 0.2, 0.5).pauses()
	near := func(a, b float64) bool { return math.Abs(a-b) < 0.011 }
	if !near(begin, 0.1) || !near(end, 2.04) {
		t.Errorf("speech from %v to %v, want 0.1 to 2.04", begin, end)
	}
	want := []pause{{0.6, 0.8}, {1.54, 1.84}} // the gap of 0.04 s is within a word
	if len(pauses) != len(want) {
		t.Fatalf("got pauses %v, want %v", pauses, want)
	}
	for i, p := range pauses {
		if !near(p.start, want[i].start) || !near(p.end, want[i].end) {
			t.Errorf("got pauses %v, want %v", pauses, want)
		}
	}
}
