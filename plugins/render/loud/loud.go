// Package loud measures how loud sound is, by EBU R128, and brings it to a loudness: by one gain for all of it, so that it keeps its
// liveliness, and a limiter for the peaks.
package loud

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/sdk"
)

// Level is what ffmpeg's loudnorm measures.
type Level struct {
	I string `json:"input_i"`
}

// Gauge is the filter at whose end ffmpeg says what Read reads.
const Gauge = "loudnorm=print_format=json"

// Read reads what ffmpeg said of a run with Gauge.
func Read(stderr string) (l Level, err error) {
	i, j := strings.LastIndex(stderr, "{"), strings.LastIndex(stderr, "}")
	if i < 0 || j < i {
		return l, sdk.Fail("ffmpeg did not say how loud the sound is", "install the full ffmpeg: apt-get install ffmpeg")
	}
	return l, json.Unmarshal([]byte(stderr[i:j+1]), &l)
}

// Silence is the least that is measured, in LUFS.
const Silence = -70

// LUFS is the integrated loudness.
func (l Level) LUFS() float64 {
	x, err := strconv.ParseFloat(l.I, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return Silence
	}
	return max(x, Silence)
}

// Master finds the filter that brings a sound to a loudness: input are ffmpeg's arguments that open it, now is how loud it is. What
// the limiter takes away is measured and given back.
func Master(ctx context.Context, input []string, now Level, want float64, scratch string) (string, error) {
	if now.LUFS() <= Silence {
		return "anull", nil
	}
	gain := want - now.LUFS()
	for range 3 {
		after, err := Measure(ctx, input, limited(gain)+",", scratch)
		if err != nil {
			return "", err
		}
		off := want - after.LUFS()
		gain += off
		if math.Abs(off) < 0.05 {
			break
		}
	}
	return limited(gain), nil
}

// limited turns up by gain dB and keeps true peaks under the ceiling; at four times the rate they cannot hide
// between samples.
func limited(gain float64) string {
	return fmt.Sprintf("volume=%.3fdB,aresample=192000,alimiter=level=false:attack=4:release=70:limit=%.4f", gain, math.Pow(10, ceiling/20))
}

// ceiling is the highest true peak in dBTP; a lossy codec adds a little to it.
const ceiling = -1.5

// Measure tells how loud the sound that ffmpeg's arguments open is, after the given filters, which end with a comma.
func Measure(ctx context.Context, input []string, before, scratch string) (Level, error) {
	args := append(append([]string{}, input...), "-map", "0:a:0", "-vn", "-af", before+Gauge, "-f", "null", "-")
	stderr, err := av.FFmpeg{Scratch: scratch, Args: args}.Run(ctx)
	if err != nil {
		return Level{}, err
	}
	return Read(stderr)
}
