package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/plugins/lipsync/face"
	"github.com/myspinbot/spinbot/plugins/lipsync/lips"
	"github.com/myspinbot/spinbot/plugins/lipsync/puppet"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	hearRate   = 16000 // samples a second that are listened to
	maxSeconds = 3600
	parallel   = 4 // frames that are drawn at once
)

// play makes the film of the builtin engine.
func play(ctx context.Context, img image.Image, f face.Face, in talkIn, t *sdk.Task) (talkOut, error) {
	levels, seconds, err := listen(ctx, in.Audio)
	if err != nil {
		return talkOut{}, err
	}
	w, h := even(img, in.Height)
	fps := float64(in.FPS)
	frames := max(1, int(math.Ceil(seconds*fps)))
	sounds := make([]lips.Sound, len(in.Phonemes))
	for i, p := range in.Phonemes {
		sounds[i] = lips.Sound{Symbol: p.Symbol, Start: p.Start, End: p.End}
	}
	poses := perform(lips.Track(sounds, levels, frames, fps), fps, t.Seed, in.Still)
	p := puppet.New(img, f, w, h)
	args := []string{"-f", "rawvideo", "-pix_fmt", "rgb24", "-s", fmt.Sprintf("%dx%d", w, h), "-r", strconv.Itoa(in.FPS), "-i", "pipe:0", "-i", in.Audio.Path, "-map", "0:v", "-map", "1:a",
		"-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "160k", "-shortest", "-movflags", "+faststart", "-metadata", "description=A preview: the mouth is drawn, not filmed", video(t)}
	if err := ffmpeg(ctx, args, func(to io.Writer) error { return frame(ctx, p, poses, w*h*3, to, t) }); err != nil {
		return talkOut{}, err
	}
	return talkOut{Video: sdk.File(video(t), "talk.mp4", "video/mp4"), Seconds: math.Round(1000*float64(frames)/fps) / 1000, Width: w, Height: h, Engine: "builtin", Preview: true}, nil
}

// frame draws the frames, some at once, and writes them in order.
func frame(ctx context.Context, p *puppet.Puppet, poses []puppet.Pose, size int, to io.Writer, t *sdk.Task) error {
	var drawn [parallel]chan []byte
	for k := range drawn {
		drawn[k] = make(chan []byte) // unbuffered: who takes one frame is done with the one before
		go func() {
			var spare [2][]byte // one is written while the other is drawn
			for i := k; i < len(poses) && ctx.Err() == nil; i += parallel {
				n := i / parallel % 2
				if spare[n] == nil {
					spare[n] = make([]byte, size)
				}
				p.Draw(poses[i], spare[n])
				select {
				case drawn[k] <- spare[n]:
				case <-ctx.Done():
				}
			}
		}()
	}
	told := time.Now()
	for i := range poses {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case raw := <-drawn[i%parallel]:
			if _, err := to.Write(raw); err != nil {
				return err
			}
		}
		if now := time.Now(); now.Sub(told) > 500*time.Millisecond {
			told = now
			t.Progress(float64(i)/float64(len(poses)), fmt.Sprintf("frame %d of %d", i, len(poses)))
		}
	}
	return nil
}

// perform adds what a living face does besides: it blinks now and then, and its head is never quite still.
func perform(track []lips.Shape, fps float64, seed uint64, still bool) []puppet.Pose {
	out := make([]puppet.Pose, len(track))
	r := rand.New(rand.NewPCG(seed, 0x11b5))
	phase := [3]float64{r.Float64() * 7, r.Float64() * 7, r.Float64() * 7}
	blink := 1.2 + r.Float64()*2
	const shutting = 0.16 // seconds of a blink
	for i, s := range track {
		out[i].Shape = s
		if still {
			continue
		}
		t := float64(i) / fps
		if t > blink+shutting {
			blink = t + 2 + r.Float64()*3.5
		}
		if d := (t - blink) / shutting; d > 0 && d < 1 {
			out[i].Shut = min(1, 1.3*math.Sin(math.Pi*d)) // shut for a moment, or frames would miss it
		}
		out[i].Turn = 0.008*math.Sin(0.9*t+phase[0]) + 0.004*math.Sin(2.3*t+phase[1])
		out[i].X = 0.004 * math.Sin(0.7*t+phase[2])
		out[i].Y = 0.003*math.Sin(1.1*t+phase[1]) + 0.003*s.Open // a nod with the voice
	}
	return out
}

// listen gives how loud a sound is, 100 times a second, 1 for its loudest, and how long it is.
func listen(ctx context.Context, a sdk.Artifact) (levels []float64, seconds float64, err error) {
	path, err := installed("ffmpeg")
	if err != nil {
		return nil, 0, err
	}
	cmd := exec.CommandContext(ctx, path, "-nostdin", "-v", "error", "-i", a.Path, "-t", strconv.Itoa(maxSeconds), "-map", "0:a:0", "-ac", "1", "-ar", strconv.Itoa(hearRate), "-f", "s16le", "pipe:1")
	ownGroup(cmd)
	var raw, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &raw, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, 0, context.Cause(ctx)
		}
		return nil, 0, sdk.Refuse(fmt.Sprintf("audio: %s cannot be heard: %s", a.Name, last(stderr.String())), "give speech that ffmpeg reads, such as WAV")
	}
	samples := raw.Len() / 2
	if samples == 0 {
		return nil, 0, sdk.Refuse(fmt.Sprintf("audio: %s has no sound in it", a.Name), "give speech")
	}
	const step = hearRate / 100
	loudest := 1e-3
	for at := 0; at < samples; at += step {
		var sum float64
		n := min(step, samples-at)
		for i := range n {
			x := float64(int16(binary.LittleEndian.Uint16(raw.Bytes()[2*(at+i):]))) / 32768
			sum += x * x
		}
		level := math.Sqrt(sum / float64(n))
		levels, loudest = append(levels, level), max(loudest, level)
	}
	for i := range levels {
		levels[i] /= loudest
	}
	return levels, float64(samples) / hearRate, nil
}

func installed(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", sdk.Refuse(name+" is not installed on this machine", "install it: apt-get install ffmpeg, or brew install ffmpeg")
	}
	return path, nil
}

// ffmpeg runs it with what feed writes.
func ffmpeg(ctx context.Context, args []string, feed func(io.Writer) error) error {
	path, err := installed("ffmpeg")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, append([]string{"-v", "error", "-y"}, args...)...)
	ownGroup(cmd)
	cmd.WaitDelay = 2 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start ffmpeg: %w", err)
	}
	fed := errors.Join(feed(in), in.Close())
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && strings.Contains(strings.ToLower(stderr.String()), "no space left"):
		return sdk.Fail("the disk is full: no room for the film", "free some space there, then resume the run")
	case err != nil:
		e := sdk.Fail("ffmpeg could not make the film: "+last(stderr.String()), "see the details")
		e.Detail = stderr.String()
		return e
	}
	return fed
}

// last is the last line of what a program said.
func last(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if lines[len(lines)-1] == "" {
		return "it said nothing"
	}
	return lines[len(lines)-1]
}
