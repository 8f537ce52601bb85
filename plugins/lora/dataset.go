package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // decoders of what people have
	"image/jpeg"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // another

	"github.com/myspinbot/spinbot/plugins/lora/texts"
	"github.com/myspinbot/spinbot/sdk"
	seen "github.com/myspinbot/spinbot/sdk/picture"
)

type datasetIn struct {
	Images     []sdk.Artifact `spin:"images" min:"1" doc:"Pictures, or archives of them; a caption may lie beside each as .txt"`
	Captions   []string       `spin:"captions,optional" doc:"What is on each picture, in the order of images: such as a chat model says. Only without archives"`
	Trigger    string         `spin:"trigger,optional" doc:"A word that begins each caption: what the LoRA is called by later"`
	Resolution int            `spin:"resolution" default:"1024" min:"64" max:"4096" doc:"The side of a square with as many pixels as each picture has at most"`
	Bucket     int            `spin:"bucket" default:"64" min:"8" max:"512" doc:"Sides are multiples of this"`
	Smallest   int            `spin:"smallest" default:"256" min:"16" doc:"A picture with a shorter side is left out"`
	Alike      int            `spin:"alike" default:"5" min:"0" max:"32" doc:"Pictures are the same if their fingerprints differ in so many of 64 bits at most; 0: only equal fingerprints"`
	HeldOut    float64        `spin:"held_out" default:"0" min:"0" max:"0.5" doc:"The share that is kept apart, to test with"`
	Seed       int            `spin:"seed" default:"0" min:"0" doc:"Of which are kept apart"`
}

type datasetOut struct {
	Dataset sdk.Artifact   `spin:"dataset" accept:"application/x-tar" doc:"An archive of pictures and captions, as lora.train takes it"`
	HeldOut *sdk.Artifact  `spin:"held_out" doc:"What was kept apart"`
	Images  int            `spin:"images" doc:"How many it has"`
	Buckets map[string]int `spin:"buckets" doc:"How many of each size"`
	Dropped []dropped      `spin:"dropped" doc:"What was left out, and why"`
}

type dropped struct {
	Name string `spin:"name"`
	Why  string `spin:"why"`
}

func datasetNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "lora.dataset", Description: "Makes a dataset of pictures: brings them to sizes that train well, writes captions, leaves out what is the same twice.", Revision: "2", Idempotent: true,
		Examples: []sdk.Example{{Title: "With captions by a model", HCL: `node "lora.dataset" "faces" {
  images   = var.pictures
  captions = node.caption[*].text
  trigger  = "anna"
}
`}},
	}, dataset)
}

// picture is one of a dataset on its way.
type picture struct {
	name, path, caption string
	print               uint64
	scaled              string
	size                string
}

const (
	maxPixels = 200_000_000
	quality   = 95
)

func dataset(ctx context.Context, in datasetIn, t *sdk.Task) (datasetOut, error) {
	out := datasetOut{Buckets: map[string]int{}, Dropped: []dropped{}}
	all, err := gather(in, filepath.Join(t.Scratch, "given"))
	if err != nil {
		return out, err
	}
	made := filepath.Join(t.Scratch, "made")
	if err := os.Mkdir(made, 0o700); err != nil {
		return out, err
	}
	var kept []picture
	for i, p := range all {
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		t.Progress(float64(i)/float64(len(all)), p.name)
		why, err := p.prepare(in, filepath.Join(made, fmt.Sprintf("%05d.jpg", i)))
		if err != nil {
			return out, err
		}
		if at := slices.IndexFunc(kept, func(k picture) bool { return bits.OnesCount64(k.print^p.print) <= in.Alike }); why == "" && at >= 0 {
			why = "it is the same picture as " + kept[at].name
		}
		if why != "" {
			out.Dropped = append(out.Dropped, dropped{p.name, why})
			continue
		}
		kept = append(kept, p)
	}
	if len(kept) == 0 {
		return out, sdk.Refuse(fmt.Sprintf("none of the %d pictures can be used: %s", len(all), out.Dropped[0].Why), "give other pictures, or a smaller value of smallest")
	}
	rand.New(rand.NewPCG(uint64(in.Seed), 0)).Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
	apart := int(math.Round(float64(len(kept)) * in.HeldOut))
	for _, p := range kept[apart:] {
		out.Buckets[p.size]++
	}
	out.Images = len(kept) - apart
	if out.Dataset, err = pack(filepath.Join(t.Scratch, "dataset.tar"), kept[apart:]); err != nil {
		return out, err
	}
	if apart > 0 {
		a, err := pack(filepath.Join(t.Scratch, "held_out.tar"), kept[:apart])
		if err != nil {
			return out, err
		}
		out.HeldOut = &a
	}
	return out, nil
}

// gather lays the pictures out and finds their captions.
func gather(in datasetIn, dir string) ([]picture, error) {
	if len(in.Captions) > 0 && len(in.Captions) != len(in.Images) {
		return nil, sdk.Refuse(fmt.Sprintf("there are %d images and %d captions", len(in.Images), len(in.Captions)), "give a caption for each, or none")
	}
	var out []picture
	for i, a := range in.Images {
		sub := filepath.Join(dir, fmt.Sprintf("%05d", i))
		if err := texts.Unpack([]sdk.Artifact{a}, sub); err != nil {
			return nil, fmt.Errorf("images: %w", err)
		}
		found, err := texts.Files(sub, ".png", ".jpg", ".jpeg", ".webp", ".gif")
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			p := picture{name: filepath.Base(path), path: path}
			if raw, err := os.ReadFile(strings.TrimSuffix(path, filepath.Ext(path)) + ".txt"); err == nil {
				p.caption = strings.TrimSpace(string(raw))
			}
			if len(in.Captions) > 0 {
				if len(found) > 1 {
					return nil, sdk.Refuse("captions are given, and "+a.Name+" holds several pictures", "put captions beside the pictures in the archive, as .txt")
				}
				p.caption = strings.TrimSpace(in.Captions[i])
			}
			if in.Trigger != "" {
				p.caption = strings.TrimSuffix(in.Trigger+", "+p.caption, ", ")
			}
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, sdk.Refuse("there are no pictures", "give .png, .jpg, .webp or .gif, or archives of them")
	}
	return out, nil
}

// prepare brings a picture to its size. It says why it cannot be used, or nothing.
func (p *picture) prepare(in datasetIn, to string) (why string, err error) {
	f, err := os.Open(p.path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	width, height, _, err := seen.Size(f)
	switch {
	case err != nil:
		return "it cannot be read as a picture", nil
	case width*height > maxPixels:
		return "it has more than 200 million pixels", nil
	case min(width, height) < in.Smallest:
		return fmt.Sprintf("it is only %d by %d pixels", width, height), nil
	}
	img, _, err := seen.Decode(f)
	if err != nil {
		return "it is damaged", nil
	}
	w, h := bucket(width, height, in.Resolution, in.Bucket)
	p.size, p.print, p.scaled = fmt.Sprintf("%dx%d", w, h), fingerprint(img), to
	out, err := os.Create(to)
	if err != nil {
		return "", err
	}
	return "", errors.Join(jpeg.Encode(out, fill(img, w, h), &jpeg.Options{Quality: quality}), out.Close())
}

// bucket gives the sides of a picture: multiples of step, about in its proportions, with at most as many pixels as a square of a side, and not
// larger than it is.
func bucket(w, h, side, step int) (int, int) {
	scale := min(1, float64(side)/math.Sqrt(float64(w)*float64(h)))
	down := func(n float64) int { return max(step, int(n)/step*step) }
	return down(float64(w) * scale), down(float64(h) * scale)
}

// fill scales a picture so that it covers a size, and cuts what stands out on both sides. What is transparent becomes white.
func fill(img image.Image, w, h int) image.Image {
	b := img.Bounds()
	scale := max(float64(w)/float64(b.Dx()), float64(h)/float64(b.Dy()))
	cw, ch := float64(w)/scale, float64(h)/scale
	x, y := b.Min.X+int((float64(b.Dx())-cw)/2), b.Min.Y+int((float64(b.Dy())-ch)/2)
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(out, out.Rect, img, image.Rect(x, y, x+int(cw), y+int(ch)).Intersect(b), draw.Over, nil)
	return out
}

// fingerprint says of each of 64 places whether it is brighter than the one to its right: alike pictures have alike ones.
func fingerprint(img image.Image) (out uint64) {
	small := image.NewGray(image.Rect(0, 0, 9, 8))
	draw.ApproxBiLinear.Scale(small, small.Rect, img, img.Bounds(), draw.Src, nil)
	for y := range 8 {
		for x := range 8 {
			out <<= 1
			if small.GrayAt(x, y).Y > small.GrayAt(x+1, y).Y {
				out |= 1
			}
		}
	}
	return out
}

// pack writes an archive of pictures and captions.
func pack(path string, all []picture) (sdk.Artifact, error) {
	f, err := os.Create(path)
	if err != nil {
		return sdk.Artifact{}, err
	}
	defer f.Close()
	w := tar.NewWriter(f)
	put := func(name string, raw []byte) error {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(raw))}); err != nil {
			return err
		}
		_, err := w.Write(raw)
		return err
	}
	slices.SortFunc(all, func(a, b picture) int { return strings.Compare(a.scaled, b.scaled) })
	for _, p := range all {
		raw, err := os.ReadFile(p.scaled)
		if err != nil {
			return sdk.Artifact{}, err
		}
		name := filepath.Base(p.scaled)
		if err := put(name, raw); err != nil {
			return sdk.Artifact{}, err
		}
		if err := put(strings.TrimSuffix(name, ".jpg")+".txt", []byte(p.caption+"\n")); err != nil {
			return sdk.Artifact{}, err
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		return sdk.Artifact{}, err
	}
	return sdk.File(path, filepath.Base(path), "application/x-tar"), nil
}
