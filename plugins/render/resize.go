package main

import (
	"context"
	"fmt"
	"image"
	"image/draw"
	"math"

	xdraw "golang.org/x/image/draw"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/sdk"
)

type resizeIn struct {
	Picture sdk.Artifact `spin:"picture" accept:"image/*" doc:"PNG, JPEG, WebP or GIF"`
	Factor  float64      `spin:"factor" default:"2" min:"0.05" max:"8" doc:"How much larger; below 1 smaller"`
}

type resizeOut struct {
	Image  sdk.Artifact `spin:"image" accept:"image/png" doc:"The picture in its new size"`
	Width  int          `spin:"width" doc:"Pixels"`
	Height int          `spin:"height" doc:"Pixels"`
}

func resizeNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.resize", Description: "Makes a picture larger or smaller by bicubic filtering. It invents nothing, and needs no device.",
		Revision: "2", Idempotent: true, Concurrency: 2,
		Examples: []sdk.Example{{Title: "Twice as large", HCL: "node \"render.resize\" \"large\" {\n  picture = var.picture\n}"}},
	}, func(_ context.Context, in resizeIn, t *sdk.Task) (resizeOut, error) {
		img, err := (look{Picture: &in.Picture}).picture()
		if err != nil {
			return resizeOut{}, err
		}
		grown := func(n int) int { return max(1, int(math.Round(float64(n)*in.Factor))) }
		w, h := grown(img.Bounds().Dx()), grown(img.Bounds().Dy())
		if w*h > av.MaxPixels {
			return resizeOut{}, sdk.Refuse(fmt.Sprintf("%s would have %d by %d pixels", av.Quoted(in.Picture.Name), w, h), "use a smaller factor: at most 100 million pixels are made")
		}
		to := image.NewNRGBA(image.Rect(0, 0, w, h))
		xdraw.CatmullRom.Scale(to, to.Rect, img, img.Bounds(), draw.Src, nil)
		a, err := savePNG(to, t, "picture.png")
		return resizeOut{a, w, h}, err
	})
}
