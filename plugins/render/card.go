package main

import (
	"context"
	"fmt"
	"image"
	_ "image/gif"  // pictures may be GIF
	_ "image/jpeg" // or JPEG
	"image/png"
	"os"
	"path/filepath"

	_ "golang.org/x/image/webp" // or WebP

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/design"
	"github.com/myspinbot/spinbot/plugins/render/frame"
	"github.com/myspinbot/spinbot/sdk"
	seen "github.com/myspinbot/spinbot/sdk/picture"
)

// look is what card and clip have in common: what a scene shows.
type look struct {
	Layout  string        `spin:"layout" default:"statement" enum:"hook|title|picture|points|split|statement|end" doc:"How the scene is arranged"`
	Heading string        `spin:"heading,optional" max:"200" doc:"Headline; the film's title on title and end"`
	Text    string        `spin:"text,optional" max:"1000" doc:"The sentence of hook and statement, the subtitle of title"`
	Points  []string      `spin:"points,optional" max:"8" doc:"Up to four points; the text of split; what to do next on end"`
	Number  int           `spin:"number" default:"0" min:"0" max:"99" doc:"Number of the chapter; 0 for none"`
	Index   int           `spin:"index" default:"0" min:"0" max:"10000" doc:"Position in the film, from 0; varies light and movement"`
	Picture *sdk.Artifact `spin:"picture,optional" accept:"image/*" doc:"Shown where the layout has room for it"`
	Height  int           `spin:"height" default:"1080" min:"90" max:"2160" doc:"Height in pixels; the width follows, 16:9"`
}

// size gives even pixels, as video wants them.
func (l look) size() (w, h int) {
	h = l.Height &^ 1
	return (h*16/9 + 1) &^ 1, h
}

func (l look) card() design.Card {
	return design.Card{Layout: design.Layout(l.Layout), Heading: l.Heading, Text: l.Text, Points: l.Points, Number: l.Number, Index: l.Index}
}

// picture reads the picture, nil when there is none.
func (l look) picture() (image.Image, error) {
	if l.Picture == nil {
		return nil, nil
	}
	refuse := func(err error) error {
		return &sdk.Error{Cause: sdk.CauseFailed, Permanent: true, Message: av.Quoted(l.Picture.Name) + " is not a picture that can be read",
			Hint: "use a PNG, JPEG, WebP or GIF", Detail: err.Error()}
	}
	f, err := os.Open(l.Picture.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	width, height, _, err := seen.Size(f)
	if err != nil {
		return nil, refuse(err)
	}
	if width*height > av.MaxPixels || width < 2 || height < 2 {
		return nil, sdk.Refuse(fmt.Sprintf("%s has %d by %d pixels", av.Quoted(l.Picture.Name), width, height), "use a picture of 2 to 100 million pixels")
	}
	img, _, err := seen.Decode(f)
	if err != nil {
		return nil, refuse(err)
	}
	return img, nil
}

type cardIn struct {
	look
}

type cardOut struct {
	Image sdk.Artifact `spin:"image" accept:"image/png" doc:"The card"`
}

func cardNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.card", Description: "Draws a still card in the house's type and colours, such as a title or a list of points.",
		Revision: "2", Idempotent: true,
		Examples: []sdk.Example{{Title: "A title card", HCL: "node \"render.card\" \"title\" {\n  layout  = \"title\"\n  heading = \"One GPU for everything\"\n  text    = \"How leases work\"\n}"}},
	}, func(_ context.Context, in cardIn, t *sdk.Task) (cardOut, error) {
		img, err := in.picture()
		if err != nil {
			return cardOut{}, err
		}
		w, h := in.size()
		const settled = 3600 // seconds: everything has come in
		still := frame.New(design.Draw(in.card(), img, w, h), 2*settled).At(settled)
		a, err := savePNG(still, t, "card.png")
		return cardOut{a}, err
	})
}

// savePNG writes a picture into the task's scratch folder.
func savePNG(img image.Image, t *sdk.Task, name string) (sdk.Artifact, error) {
	path := filepath.Join(t.Scratch, name)
	f, err := os.Create(path)
	if err != nil {
		return sdk.Artifact{}, av.DiskError(err, t.Scratch)
	}
	defer f.Close()
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(f, img); err != nil {
		return sdk.Artifact{}, av.DiskError(err, t.Scratch)
	}
	if err := f.Close(); err != nil {
		return sdk.Artifact{}, av.DiskError(err, t.Scratch)
	}
	return sdk.File(path, name, "image/png"), nil
}

// word is one spoken word as voice.say gives it.
type word struct {
	Text  string  `spin:"text" doc:"As written"`
	Start float64 `spin:"start" doc:"Seconds from the start of speech"`
	End   float64 `spin:"end" doc:"Seconds from the start of speech"`
}

// Silence around the speech of a scene, in seconds: what clip leaves and film relies on.
const (
	lead   = 0.45
	rest   = 0.55
	linger = 1.1 // what an end card stays longer
)
