package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/wave"
	"github.com/myspinbot/spinbot/sdk"
)

// previewer finds ffmpeg. That it is not there is nothing against the file.
func previewer() (string, error) {
	path, err := av.Program("ffmpeg")
	if err != nil {
		return "", &sdk.Error{Cause: sdk.CauseRefused, Permanent: true, Message: "ffmpeg is not installed on this machine", Hint: av.InstallHint}
	}
	return path, nil
}

// glance takes two frames a second of a film's first six, small, and of them the one that is most like all: the very first often shows
// nothing yet.
const glance = "select='isnan(prev_selected_t)+gte(t-prev_selected_t,0.5)',scale='min(%d,iw)':-2:flags=area,thumbnail=12"

type thumbnailIn struct {
	Media sdk.Artifact `spin:"media" doc:"A picture or a film"`
	Width int          `spin:"width" default:"320" min:"16" max:"1920" doc:"Pixels; what is narrower stays so"`
}

type thumbnailOut struct {
	Picture sdk.Artifact `spin:"picture" accept:"image/jpeg" doc:"The picture, or a frame that stands for the film's beginning, made small"`
}

func thumbnailNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.thumbnail", Description: "Makes a picture, or a frame that stands for a film's beginning, small.", Revision: "2", Idempotent: true, Concurrency: 2,
		Examples: []sdk.Example{{Title: "A film at a glance", HCL: "node \"render.thumbnail\" \"small\" {\n  media = var.film\n}"}},
	}, func(ctx context.Context, in thumbnailIn, t *sdk.Task) (out thumbnailOut, err error) {
		if _, err := previewer(); err != nil {
			return out, err
		}
		path := filepath.Join(t.Scratch, "thumbnail.jpg")
		args := append(av.Input(in.Media.Path), "-map", "0:v:0", "-frames:v", "1", "-an", "-vf", fmt.Sprintf(glance, in.Width), "-q:v", "4", "-update", "1", "-f", "image2", path)
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
		if _, err := previewer(); err != nil {
			return out, err
		}
		loud, err := wave.Heights(ctx, in.Media.Path)
		if err != nil {
			return out, unreadable(err, in.Media, "sound")
		}
		out.Peaks = wave.Stretches(loud, in.Peaks)
		path := filepath.Join(t.Scratch, "waveform.png")
		out.Picture = sdk.Artifact{Path: path, MediaType: "image/png"}
		return out, av.WritePNG(path, wave.Draw(out.Peaks))
	})
}
