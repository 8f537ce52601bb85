package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
		s, err := listen(ctx, in.Sample, t.Scratch)
		if err != nil {
			return checkOut{}, err
		}
		return judge(s, in), nil
	})
}

// listen reads a recording of any form. Other forms than WAV are ffmpeg's.
func listen(ctx context.Context, a sdk.Artifact, dir string) (sound, error) {
	raw, err := os.ReadFile(a.Path)
	if err != nil {
		return sound{}, err
	}
	s, err := readWAV(raw)
	if err != nil && len(raw) >= 4 && string(raw[:4]) != "RIFF" {
		if lookPath("ffmpeg") != nil {
			return sound{}, sdk.Refuse(fmt.Sprintf("%s is no WAV file, and ffmpeg is not installed", a.Name), "give a WAV file, or install it: apt-get install ffmpeg")
		}
		path := filepath.Join(dir, "listened.wav")
		if _, err := command(ctx, nil, "ffmpeg", "-nostdin", "-v", "error", "-y", "-i", a.Path, "-map", "0:a:0", "-ac", "1", "-c:a", "pcm_s16le", path); err != nil {
			if ctx.Err() != nil {
				return sound{}, context.Cause(ctx)
			}
			return sound{}, sdk.Refuse(a.Name+" cannot be heard: "+err.Error(), "give a recording of speech: WAV, MP3, M4A, OGG, FLAC or a film with sound")
		}
		if raw, err = os.ReadFile(path); err == nil {
			s, err = readWAV(raw)
		}
	}
	if err != nil {
		return sound{}, sdk.Refuse(a.Name+": "+err.Error(), "give a recording of speech")
	}
	if len(s.samples) == 0 {
		return sound{}, sdk.Refuse(a.Name+" has no sound in it", "give a recording of speech")
	}
	return s, nil
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
func judge(s sound, in checkIn) checkOut {
	env := s.envelope()
	sorted := slices.Sorted(slices.Values(env))
	limit := threshold(env)
	out := checkOut{Seconds: millis(s.seconds()), Rate: s.rate, Noise: decibels(sorted[min(len(sorted)-1, max(quietFrames, len(sorted)/100)/2)]), Advice: []string{}}
	var loud float64
	spoken := 0
	for _, e := range env {
		if e > limit {
			spoken++
			loud += e * e
		}
	}
	out.Speech = millis(float64(spoken) * frameSeconds)
	if spoken > 0 {
		out.SNR = math.Round(10*(decibels(math.Sqrt(loud/float64(spoken)))-out.Noise)) / 10
	}
	peak, clipped := float32(0), 0
	for _, x := range s.samples {
		peak = max(peak, x, -x)
		if x >= clipLevel || x <= -clipLevel {
			clipped++
		}
	}
	out.Peak, out.Clipped = decibels(float64(peak)), float64(clipped)/float64(len(s.samples))
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
	if s.rate < unusableRate {
		bad("it has %d samples a second, as a telephone has: record with 44,100 or 48,000", s.rate)
	}
	out.Good = len(out.Advice) == 0
	if out.Speech > 0 && out.Peak < leastPeak {
		bad("it is quiet (%.0f dBFS): a little more gain would help", out.Peak)
	}
	if s.rate >= unusableRate && s.rate < goodRate {
		bad("%d samples a second will do; 44,100 sound better", s.rate)
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
