package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/timing"
	"github.com/myspinbot/spinbot/sdk"
)

type checkIn struct {
	Sample   sdk.Artifact `spin:"sample" accept:"audio/*|video/*" doc:"Speech: WAV, or what ffmpeg reads"`
	Shortest float64      `spin:"shortest" default:"6" min:"0" doc:"Seconds of speech that are wanted at least"`
	Longest  float64      `spin:"longest" default:"30" min:"1" doc:"Seconds that are of use at most"`
}

type checkOut struct {
	Good    bool     `spin:"good" doc:"Whether a voice can be made of it as it is"`
	Advice  []string `spin:"advice" doc:"What would make it better, the most important first"`
	Seconds float64  `spin:"seconds" doc:"Its length"`
	Speech  float64  `spin:"speech" doc:"Seconds in which somebody speaks"`
	Rate    int      `spin:"rate" doc:"Samples a second"`
	Peak    float64  `spin:"peak" doc:"The loudest sample, in dBFS"`
	Clipped float64  `spin:"clipped" doc:"The share of samples that are cut off at full scale"`
	Noise   float64  `spin:"noise" doc:"How loud it is where nobody speaks, in dBFS"`
	SNR     float64  `spin:"snr" doc:"By how many dB speech is louder than that"`
}

func checkNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "voice.check", Description: "Says whether a recording is good enough to make a voice of it, and what would make it better.", Revision: "1", Idempotent: true, Concurrency: 4,
		Examples: []sdk.Example{{Title: "Before a voice is made", HCL: "node \"voice.check\" \"sample\" {\n  sample = var.sample\n}\n"}},
	}, func(ctx context.Context, in checkIn, t *sdk.Task) (checkOut, error) {
		s, err := audio.Listen(ctx, in.Sample, t.Scratch)
		if err != nil {
			return checkOut{}, err
		}
		return judge(s, in), nil
	})
}

const (
	quietFrames  = 10 // the quietest, at least: their middle is the noise
	clipLevel    = 0.999
	mostClipped  = 0.0005
	leastSNR     = 20 // dB
	leastPeak    = -20
	goodRate     = 22050
	unusableRate = 16000
)

// judge measures a recording. What is good enough is what engines that clone voices ask for.
func judge(s audio.Sound, in checkIn) checkOut {
	env := s.Envelope()
	sorted := slices.Sorted(slices.Values(env))
	limit := audio.Threshold(env)
	out := checkOut{Seconds: timing.Millis(s.Seconds()), Rate: s.Rate, Noise: decibels(sorted[min(len(sorted)-1, max(quietFrames, len(sorted)/100)/2)]), Advice: []string{}}
	var loud float64
	spoken := 0
	for _, e := range env {
		if e > limit {
			spoken++
			loud += e * e
		}
	}
	out.Speech = timing.Millis(float64(spoken) * audio.FrameSeconds)
	if spoken > 0 {
		out.SNR = math.Round(10*(decibels(math.Sqrt(loud/float64(spoken)))-out.Noise)) / 10
	}
	peak, clipped := float32(0), 0
	for _, x := range s.Samples {
		peak = max(peak, x, -x)
		if x >= clipLevel || x <= -clipLevel {
			clipped++
		}
	}
	out.Peak, out.Clipped = decibels(float64(peak)), float64(clipped)/float64(len(s.Samples))
	bad := func(format string, args ...any) { out.Advice = append(out.Advice, fmt.Sprintf(format, args...)) }
	switch {
	case out.Speech == 0:
		bad("nobody speaks in it: record it again")
	case out.Speech < in.Shortest:
		bad("there are %.1f seconds of speech: record at least %.0f", out.Speech, in.Shortest)
	}
	if out.Clipped > mostClipped {
		bad("it is too loud, and its peaks are cut off: record it again with less gain, or farther from the microphone")
	}
	if out.Speech > 0 && out.SNR < leastSNR {
		bad("speech is only %.0f dB louder than the noise: record in a quieter room, nearer to the microphone", out.SNR)
	}
	if s.Rate < unusableRate {
		bad("it has %d samples a second, as a telephone has: record with 44,100 or 48,000", s.Rate)
	}
	out.Good = len(out.Advice) == 0
	if out.Speech > 0 && out.Peak < leastPeak {
		bad("it is quiet (%.0f dBFS): a little more gain would help", out.Peak)
	}
	if s.Rate >= unusableRate && s.Rate < goodRate {
		bad("%d samples a second will do; 44,100 sound better", s.Rate)
	}
	if out.Seconds > in.Longest {
		bad("of %.0f seconds the first %.0f are of use", out.Seconds, in.Longest)
	}
	return out
}

// decibels gives a level as dBFS, with one digit; -120 is silence.
func decibels(level float64) float64 {
	return math.Round(10*max(-120, 20*math.Log10(max(level, 1e-6)))) / 10
}

// advised joins what is wrong with a sample.
func (c checkOut) advised() string { return strings.Join(c.Advice, "; ") }
