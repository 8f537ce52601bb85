package audio

import (
	"math"
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
)

// speech is what voicetest.Speech makes.
func speech(level float64, lengths ...float64) Sound {
	return Sound{voicetest.Rate, voicetest.Speech(level, lengths...)}
}

func TestPolish(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s             Sound
		seconds, peak float64
	}{
		"quiet":        {speech(0.2, 1), 1, peakLevel},
		"loud":         {speech(1, 1), 1, peakLevel},
		"whisper":      {speech(0.01, 1), 1, 0.01 * maxGain},
		"long silence": {speech(0.2, 0, 0.5, 1, 0.7), leadSeconds + 1 + tailSeconds, peakLevel},
		"keeps pauses": {speech(0.2, 0.5, 2, 0.5), 3, peakLevel},
		"click":        {Sound{16000, []float32{0, 0.5, 0}}, 3.0 / 16000, peakLevel},
	} {
		got, err := c.s.Polish()
		if err != nil || math.Abs(got.Seconds()-c.seconds) > 2*FrameSeconds || math.Abs(voicetest.Peak(got.Samples)-c.peak) > 0.01 {
			t.Errorf("%s: %v s with peak %v, %v; want %v s, %v", name, got.Seconds(), voicetest.Peak(got.Samples), err, c.seconds, c.peak)
		}
	}
	s, err := speech(0.2, 1).Polish()
	if err != nil || s.Samples[0] != 0 || s.Samples[len(s.Samples)-1] != 0 {
		t.Errorf("its ends are not faded: %v", err)
	}
	for name, s := range map[string]Sound{"silence": speech(0, 1), "noise floor": speech(0.00005, 1), "nothing": {Rate: 8000}} {
		if _, err := s.Polish(); err == nil {
			t.Errorf("%s is taken for speech", name)
		}
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	begin, end, pauses := speech(0.3, 0, 0.1, 0.5, 0.2, 0.4, 0.04, 0.3, 0.3, 0.2, 0.5).Pauses()
	near := func(a, b float64) bool { return math.Abs(a-b) < 0.011 }
	if !near(begin, 0.1) || !near(end, 2.04) {
		t.Errorf("speech from %v to %v, want 0.1 to 2.04", begin, end)
	}
	want := []Pause{{0.6, 0.8}, {1.54, 1.84}} // the gap of 0.04 s is within a word
	if len(pauses) != len(want) {
		t.Fatalf("got pauses %v, want %v", pauses, want)
	}
	for i, p := range pauses {
		if !near(p.Start, want[i].Start) || !near(p.End, want[i].End) {
			t.Errorf("got pauses %v, want %v", pauses, want)
		}
	}
}
