package main

import (
	"context"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/sdk"
)

type probeIn struct {
	Media sdk.Artifact `spin:"media" doc:"What to look at: video, sound or a picture"`
}

func probeNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.probe", Description: "Tells what a media file holds: duration, size, codecs.", Revision: "2", Idempotent: true,
		Examples: []sdk.Example{{Title: "How long is it?", HCL: "node \"render.probe\" \"facts\" {\n  media = var.film\n}"}},
	}, func(ctx context.Context, in probeIn, _ *sdk.Task) (av.Facts, error) {
		return av.Probe(ctx, in.Media.Path, in.Media.Name)
	})
}
