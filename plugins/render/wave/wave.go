// Package wave is how loud a sound is over its time: as numbers, as a picture, as bars that move.
package wave

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/sdk"
)

// Sound is looked at in hundredths of a second.
const (
	rate = 16000
	step = rate / 100
)

// Heights gives the peak of each hundredth of a second of a file's sound, from 0 to 1. before are arguments for ffmpeg that cut the
// file. An *sdk.Error without a hint says that ffmpeg found no sound in it; its detail is what ffmpeg said.
func Heights(ctx context.Context, path string, before ...string) ([]float64, error) {
	tool, err := av.Program("ffmpeg")
	if err != nil {
		return nil, err
	}
	args := append([]string{"-hide_banner", "-nostats", "-v", "error"}, before...)
	args = append(append(args, av.Input(path)...), "-map", "0:a:0", "-vn", "-ac", "1", "-ar", strconv.Itoa(rate), "-f", "s16le", "pipe:1")
	cmd := exec.CommandContext(ctx, tool, args...)
	av.OwnGroup(cmd)
	cmd.WaitDelay = 2 * time.Second
	var stderr av.Tail
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start ffmpeg: %w", err)
	}
	loud := peaks(pipe)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil || len(loud) == 0:
		return nil, &sdk.Error{Cause: sdk.CauseFailed, Message: "there is no sound in it", Detail: strings.TrimSpace(stderr.String())}
	}
	return loud, nil
}

// peaks reads samples of 16 bits.
func peaks(r io.Reader) (loud []float64) {
	in, peak, n := bufio.NewReaderSize(r, 64<<10), 0.0, 0
	var sample [2]byte
	for {
		if _, err := io.ReadFull(in, sample[:]); err != nil {
			if n > 0 {
				loud = append(loud, peak)
			}
			return loud
		}
		peak = max(peak, math.Abs(float64(int16(binary.LittleEndian.Uint16(sample[:])))/32768))
		if n++; n == step {
			loud = append(loud, peak)
			peak, n = 0, 0
		}
	}
}

// Stretches gives the peaks of at most n parts of equal length, to three places.
func Stretches(loud []float64, n int) []float64 {
	n = min(n, len(loud))
	out := make([]float64, n)
	for k := range out {
		for _, v := range loud[k*len(loud)/n : (k+1)*len(loud)/n] {
			out[k] = max(out[k], math.Round(v*1000)/1000)
		}
	}
	return out
}

// Draw draws peaks on a transparent ground, a pixel wide each.
func Draw(peaks []float64) image.Image {
	const height = 120
	img := image.NewNRGBA(image.Rect(0, 0, len(peaks), height))
	for x, p := range peaks {
		half := max(1, int(math.Round(p*height/2)))
		for y := height/2 - half; y < height/2+half; y++ {
			img.SetNRGBA(x, y, color.NRGBA{0x7c, 0x8b, 0x9a, 0xff})
		}
	}
	return img
}
