package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/design"
	"github.com/myspinbot/spinbot/plugins/render/frame"
	"github.com/myspinbot/spinbot/sdk"
)

type clipIn struct {
	look
	Seconds float64 `spin:"seconds" default:"4" min:"0" max:"600" doc:"How long its speech is; the clip lasts a second longer, an end card two"`
	Words   []word  `spin:"words,optional" max:"5000" doc:"When each word is said, from voice.say: hook and statement light up their text, the others show a caption"`
	FPS     int     `spin:"fps" default:"30" min:"1" max:"60" doc:"Frames a second"`
}

type clipOut struct {
	Video   sdk.Artifact `spin:"video" accept:"video/*" doc:"Silent clip, lightly compressed, for render.film"`
	Seconds float64      `spin:"seconds" doc:"Duration of the clip"`
}

func clipNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.clip", Description: "Draws one scene and moves it: slow zoom, text that comes in, captions whose words light up as they are said.",
		Revision: "3", Idempotent: true, Concurrency: 2,
		Examples: []sdk.Example{{Title: "A scene as long as its speech", HCL: "node \"render.clip\" \"shot\" {\n  layout  = \"picture\"\n  heading = \"Warm plugins\"\n  picture = var.picture\n  seconds = node.speech.seconds\n}"}},
	}, runClip)
}

func runClip(ctx context.Context, in clipIn, t *sdk.Task) (clipOut, error) {
	picture, err := in.picture()
	if err != nil {
		return clipOut{}, err
	}
	w, h := in.size()
	length := in.Seconds + lead + rest
	if in.Layout == string(design.End) {
		length += linger
	}
	frames := max(1, int(math.Round(length*float64(in.FPS))))
	length = float64(frames) / float64(in.FPS)
	card := in.card()
	card.Seconds, card.Lead = length, lead
	var said strings.Builder
	said.WriteString(in.Heading + in.Text + strings.Join(in.Points, ""))
	for _, x := range in.Words {
		said.WriteString(x.Text)
		if x.Text = strings.TrimSpace(x.Text); x.Text != "" {
			card.Words = append(card.Words, design.Word(x))
		}
	}
	if m := design.Missing(said.String()); m != "" {
		t.Log("warn", fmt.Sprintf("no font here has %.40q, so it is left out; install one: apt-get install fonts-noto-cjk fonts-dejavu-core", m))
	}
	scene := design.Draw(card, picture, w, h)
	path := filepath.Join(t.Scratch, "clip.mp4")
	f := av.FFmpeg{Scratch: t.Scratch, Seconds: length,
		Report: func(done float64) { t.Progress(done, fmt.Sprintf("%s, %.1f s", in.Layout, length)) },
		Args: []string{"-f", "rawvideo", "-pix_fmt", "rgba", "-s", fmt.Sprintf("%dx%d", w, h), "-r", strconv.Itoa(in.FPS), "-i", "pipe:0",
			"-vf", "scale=out_color_matrix=bt709:out_range=tv", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709",
			"-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-pix_fmt", "yuv420p", "-video_track_timescale", strconv.Itoa(in.FPS * 512), path},
		Stdin: func(out io.Writer) error { return pour(ctx, out, scene, length, frames, in.FPS) }}
	if _, err := f.Run(ctx); err != nil {
		return clipOut{}, err
	}
	return clipOut{sdk.File(path, "clip.mp4", "video/mp4"), length}, nil
}

// pour writes the scene's frames as raw RGBA.
func pour(ctx context.Context, out io.Writer, s *design.Scene, length float64, frames, fps int) error {
	m := frame.New(s, length)
	b := bufio.NewWriterSize(out, 1<<20)
	for i := range frames {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := b.Write(m.At(float64(i) / float64(fps)).Pix); err != nil {
			return err
		}
	}
	return b.Flush()
}
