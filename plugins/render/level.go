package main

import (
	"context"
	"path/filepath"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/loud"
	"github.com/myspinbot/spinbot/sdk"
)

type levelIn struct {
	Media    sdk.Artifact `spin:"media" accept:"video/*|audio/*" doc:"A film or a sound"`
	Loudness float64      `spin:"loudness" default:"-14" min:"-40" max:"-5" doc:"Loudness to reach, in LUFS (EBU R128)"`
}

type levelOut struct {
	Media    sdk.Artifact `spin:"media" doc:"The same, as loud; its pictures are as they were"`
	Loudness float64      `spin:"loudness" doc:"Loudness reached, in LUFS"`
}

func levelNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.level", Description: "Brings the sound of a film or a recording to a loudness, by one gain for all of it.", Revision: "1", Idempotent: true, Concurrency: 2,
		Examples: []sdk.Example{{Title: "As loud as others", HCL: "node \"render.level\" \"level\" {\n  media = node.captioned.video\n}"}},
	}, runLevel)
}

func runLevel(ctx context.Context, in levelIn, t *sdk.Task) (out levelOut, err error) {
	p, err := av.Probe(ctx, in.Media.Path, in.Media.Name)
	if err != nil {
		return out, err
	}
	if p.Audio == "" {
		return out, sdk.Refuse(av.Quoted(in.Media.Name)+" has no sound", "give a film or a recording in which something is heard")
	}
	input := av.Input(in.Media.Path)
	now, err := loud.Measure(ctx, input, "", t.Scratch)
	if err != nil {
		return out, err
	}
	master, err := loud.Master(ctx, input, now, in.Loudness, t.Scratch)
	if err != nil {
		return out, err
	}
	name, kind, args := "level.m4a", "audio/mp4", append(input, "-map", "0:a:0", "-af", master+",aresample=48000", "-c:a", "aac", "-b:a", "192k")
	if p.Video != "" && p.FPS > 0 {
		name, kind = "level.mp4", "video/mp4"
		args = append(args, "-map", "0:v:0", "-c:v", "copy", "-movflags", "+faststart")
	} else {
		args = append(args, "-vn")
	}
	path := filepath.Join(t.Scratch, name)
	if _, err := (av.FFmpeg{Args: append(args, path), Seconds: p.Seconds, Scratch: t.Scratch, Report: func(f float64) { t.Progress(f, "setting the level") }}).Run(ctx); err != nil {
		return out, err
	}
	after, err := loud.Measure(ctx, []string{"-i", path}, "", t.Scratch)
	return levelOut{sdk.File(path, name, kind), after.LUFS()}, err
}
