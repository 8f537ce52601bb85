package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // decoders of what people have
	_ "image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	_ "golang.org/x/image/webp" // another

	"github.com/myspinbot/spinbot/plugins/lipsync/face"
	"github.com/myspinbot/spinbot/sdk"
	seen "github.com/myspinbot/spinbot/sdk/picture"
)

type talkIn struct {
	Portrait sdk.Artifact `spin:"portrait" accept:"image/*" doc:"One face, seen from the front"`
	Audio    sdk.Artifact `spin:"audio" accept:"audio/*" doc:"What is said"`
	Consent  bool         `spin:"consent" default:"false" doc:"That whoever is shown has agreed: set it from a variable that a person sets"`
	Engine   string       `spin:"engine" default:"builtin" enum:"builtin|wav2lip|sadtalker|latentsync|infinitetalk|command|service" doc:"Who moves the lips. builtin is for previews: it is quick, runs anywhere, and only moves the picture"`
	Phonemes []phoneme    `spin:"phonemes,optional" doc:"Which sound is made when, from voice.align: builtin shapes the mouth by them"`
	Mouth    *place       `spin:"mouth" doc:"Where the closed lips are; default: builtin looks for them"`
	Height   int          `spin:"height" default:"512" min:"64" max:"2160" doc:"Of the film, in pixels; its width follows the portrait. infinitetalk has sizes of its own"`
	FPS      int          `spin:"fps" default:"25" min:"10" max:"60" doc:"Frames a second, of builtin"`
	Still    bool         `spin:"still" default:"false" doc:"Only the lips move: no blinking, no turning of the head"`
}

type phoneme struct {
	Symbol string  `spin:"symbol"`
	Start  float64 `spin:"start"`
	End    float64 `spin:"end"`
}

type place struct {
	X      float64 `spin:"x" min:"0" max:"1" doc:"Its middle, as a share of the width"`
	Y      float64 `spin:"y" min:"0" max:"1" doc:"Its middle, as a share of the height"`
	Width  float64 `spin:"width" min:"0.01" max:"1" doc:"As a share of the width"`
	Height float64 `spin:"height" min:"0.002" max:"1" doc:"As a share of the height"`
}

type talkOut struct {
	Video   sdk.Artifact `spin:"video" accept:"video/mp4" doc:"The portrait, speaking"`
	Seconds float64      `spin:"seconds" doc:"How long it is"`
	Width   int          `spin:"width" doc:"Pixels"`
	Height  int          `spin:"height" doc:"Pixels"`
	Engine  string       `spin:"engine" doc:"Who moved the lips"`
	Preview bool         `spin:"preview" doc:"Whether that is an engine for previews"`
}

func talkNode(s *stage) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "lipsync.talk",
		Description: "Makes a portrait speak. The builtin engine is for previews: it runs on any machine, faster than the speech. It needs the consent of whoever is shown.",
		Generates:   true, Idempotent: true, Concurrency: 2, Cases: cases(),
		Examples: []sdk.Example{{Title: "A preview", HCL: `node "voice.align" "lips" {
  audio = node.speech.audio
  text  = var.text
}
node "lipsync.talk" "film" {
  portrait = var.portrait
  audio    = node.speech.audio
  phonemes = node.lips.phonemes
  consent  = var.consent
}
`}},
	}, s.talk)
}

const maxPixels = 100_000_000

func (s *stage) talk(ctx context.Context, in talkIn, t *sdk.Task) (talkOut, error) {
	if !in.Consent {
		return talkOut{}, noConsent(in.Portrait.Name)
	}
	var err error
	if in.Portrait, err = upright(in.Portrait, t.Scratch); err != nil {
		return talkOut{}, err
	}
	switch in.Engine {
	case "builtin":
	case "service":
		return s.service(ctx, in, t)
	default:
		return s.command(ctx, in, t)
	}
	t.Log("info", "the builtin engine makes a preview; engines with models of their own look better")
	img, err := readPortrait(in.Portrait)
	if err != nil {
		return talkOut{}, err
	}
	f, err := find(img, in)
	if err != nil {
		return talkOut{}, err
	}
	return play(ctx, img, f, in, t)
}

func noConsent(who string) error {
	return sdk.Refuse("making "+who+" speak imitates a person, and nobody has said that they agreed",
		"ask them; then set consent = var.consent in the node, with a variable consent of type bool, and give it as true: --var consent=true")
}

// upright gives a portrait that lies on its side in its file, as phones leave them, a file in which it does not: not every engine would turn it.
func upright(a sdk.Artifact, dir string) (sdk.Artifact, error) {
	f, err := os.Open(a.Path)
	if err != nil {
		return a, err
	}
	defer f.Close()
	if w, h, _, err := seen.Size(f); err != nil || w*h > maxPixels || !seen.Turned(f) {
		return a, nil // whoever reads it says what is wrong with it
	}
	img, _, err := seen.Decode(f)
	if err != nil {
		return a, nil
	}
	a.Name, a.MediaType, a.Path = strings.TrimSuffix(a.Name, filepath.Ext(a.Name))+".png", "image/png", filepath.Join(dir, "upright.png")
	to, err := os.Create(a.Path)
	if err != nil {
		return a, err
	}
	return a, errors.Join(png.Encode(to, img), to.Close())
}

func readPortrait(a sdk.Artifact) (image.Image, error) {
	raw, err := os.ReadFile(a.Path)
	if err != nil {
		return nil, err
	}
	refused := func(why string) error {
		return sdk.Refuse(fmt.Sprintf("portrait: %s %s", a.Name, why), "give a PNG, JPEG, WebP or GIF with one face, seen from the front")
	}
	head, _, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return nil, refused("cannot be read as a picture")
	}
	if head.Width < 32 || head.Height < 32 || head.Width*head.Height > maxPixels {
		return nil, refused(fmt.Sprintf("has %d by %d pixels", head.Width, head.Height))
	}
	img, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, refused("is damaged")
	}
	return img, nil
}

// find gives the face: its mouth where the node says, or where it is found.
func find(img image.Image, in talkIn) (face.Face, error) {
	f, err := face.Find(img)
	if in.Mouth != nil {
		m := *in.Mouth
		f.Mouth = face.Rect{X: m.X, Y: m.Y, Width: m.Width, Height: m.Height}
		return f, nil
	}
	if errors.Is(err, face.ErrNone) {
		return f, sdk.Refuse("no face was found in "+in.Portrait.Name, "give a picture of one face, seen from the front, or say where the lips are: mouth = { x = 0.5, y = 0.65, width = 0.2, height = 0.05 }")
	}
	return f, err
}

// even gives the film's size: the height that was asked for, the width of the portrait's shape.
func even(img image.Image, height int) (w, h int) {
	b := img.Bounds()
	h = height / 2 * 2
	w = h * b.Dx() / b.Dy() / 2 * 2
	return max(16, w), h
}

func video(t *sdk.Task) string { return filepath.Join(t.Scratch, "talk.mp4") }
