package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/sdk"
)

// media opens a file of a stranger: no list of other files is followed, and no small file unpacks to a huge picture.
func media(path string) []string {
	return []string{"-protocol_whitelist", "file,pipe", "-max_pixels", strconv.Itoa(maxPixels), "-format_whitelist",
		"image2,png_pipe,jpeg_pipe,webp_pipe,gif_pipe,bmp_pipe,tiff_pipe,jpegxl_pipe,gif,apng,mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,wav,mp3,ogg,flac,aac,aiff,amr,w64,au", "-i", path}
}

// previewer finds ffmpeg. That it is not there is nothing against the file.
func previewer() (string, error) {
	path, err := av.Program("ffmpeg")
	if err != nil {
		return "", &sdk.Error{Cause: sdk.CauseRefused, Permanent: true, Message: "ffmpeg is not installed on this machine", Hint: av.InstallHint}
	}
	return path, nil
}

type thumbnailIn struct {
	Media sdk.Artifact `spin:"media" doc:"A picture or a film"`
	Width int          `spin:"width" default:"320" min:"16" max:"1920" doc:"Pixels; what is narrower stays so"`
}

type thumbnailOut struct {
	Picture sdk.Artifact `spin:"picture" accept:"image/jpeg" doc:"The picture, or the film's first frame, made small"`
}

func thumbnailNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.thumbnail", Description: "Makes a picture, or the first frame of a film, small.", Revision: "1", Idempotent: true, Concurrency: 2,
		Examples: []sdk.Example{{Title: "A film at a glance", HCL: "node \"render.thumbnail\" \"small\" {\n  media = var.film\n}"}},
	}, func(ctx context.Context, in thumbnailIn, t *sdk.Task) (out thumbnailOut, err error) {
		if _, err := previewer(); err != nil {
			return out, err
		}
		path := filepath.Join(t.Scratch, "thumbnail.jpg")
		args := append(media(in.Media.Path), "-map", "0:v:0", "-frames:v", "1", "-an", "-vf", fmt.Sprintf("scale='min(%d,iw)':-2:flags=area", in.Width), "-q:v", "4", "-update", "1", "-f", "image2", path)
		if _, err := (av.FFmpeg{Args: args, Scratch: t.Scratch}).Run(ctx); err != nil {
			return out, unreadable(err, in.Media, "picture or film")
		}
		out.Picture = sdk.Artifact{Path: path, MediaType: "image/jpeg"}
		return out, nil
	})
}

// unreadable says of what ffmpeg could not work with that it will not the next time either.
func unreadable(err error, a sdk.Artifact, kind string) error {
	var e *sdk.Error
	if errors.As(err, &e) && e.Cause == sdk.CauseFailed && e.Hint == "" {
		return &sdk.Error{Cause: sdk.CauseFailed, Permanent: true, Message: av.Quoted(a.Name) + " is no " + kind + " that ffmpeg can read", Hint: "check the file by opening it in a player", Detail: e.Detail}
	}
	return err
}

type waveformIn struct {
	Media sdk.Artifact `spin:"media" doc:"Sound, or a film with sound"`
	Peaks int          `spin:"peaks" default:"800" min:"1" max:"4000" doc:"How many stretches it is divided into; fewer where it is shorter than as many hundredths of a second"`
}

type waveformOut struct {
	Peaks   []float64    `spin:"peaks" doc:"How loud each stretch is at its loudest, from 0 to 1"`
	Picture sdk.Artifact `spin:"picture" accept:"image/png" doc:"The same as a picture on a transparent ground, a pixel wide for each"`
}

func waveformNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.waveform", Description: "Says how loud a sound is over its time, as numbers and as a picture.", Revision: "1", Idempotent: true, Concurrency: 2,
		Examples: []sdk.Example{{Title: "A recording at a glance", HCL: "node \"render.waveform\" \"wave\" {\n  media = var.voice\n}"}},
	}, func(ctx context.Context, in waveformIn, t *sdk.Task) (out waveformOut, err error) {
		loud, err := heights(ctx, in.Media)
		if err != nil {
			return out, err
		}
		out.Peaks = stretches(loud, in.Peaks)
		path := filepath.Join(t.Scratch, "waveform.png")
		out.Picture = sdk.Artifact{Path: path, MediaType: "image/png"}
		return out, drawWave(path, out.Peaks)
	})
}

// The sound is looked at in hundredths of a second.
const (
	waveRate = 16000
	waveStep = waveRate / 100
)

// heights gives the peak of each hundredth of a second.
func heights(ctx context.Context, a sdk.Artifact) ([]float64, error) {
	tool, err := previewer()
	if err != nil {
		return nil, err
	}
	args := append([]string{"-hide_banner", "-nostats", "-v", "error"}, media(a.Path)...)
	cmd := exec.CommandContext(ctx, tool, append(args, "-map", "0:a:0", "-vn", "-ac", "1", "-ar", strconv.Itoa(waveRate), "-f", "s16le", "pipe:1")...)
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
		return nil, unreadable(&sdk.Error{Cause: sdk.CauseFailed, Detail: strings.TrimSpace(stderr.String())}, a, "sound")
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
		if n++; n == waveStep {
			loud = append(loud, peak)
			peak, n = 0, 0
		}
	}
}

// stretches gives the peaks of at most n parts of equal length, to three places.
func stretches(loud []float64, n int) []float64 {
	n = min(n, len(loud))
	out := make([]float64, n)
	for k := range out {
		for _, v := range loud[k*len(loud)/n : (k+1)*len(loud)/n] {
			out[k] = max(out[k], math.Round(v*1000)/1000)
		}
	}
	return out
}

func drawWave(path string, peaks []float64) error {
	const height = 120
	img := image.NewNRGBA(image.Rect(0, 0, len(peaks), height))
	for x, p := range peaks {
		half := max(1, int(math.Round(p*height/2)))
		for y := height/2 - half; y < height/2+half; y++ {
			img.SetNRGBA(x, y, color.NRGBA{0x7c, 0x8b, 0x9a, 0xff})
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, img), f.Close())
}
