package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/myspinbot/spinbot/plugins/comfyui/api"
	"github.com/myspinbot/spinbot/plugins/comfyui/prompt"
	"github.com/myspinbot/spinbot/sdk"
)

// sampling is what the built-in workflows have in common.
type sampling struct {
	Checkpoint string        `spin:"checkpoint,optional" doc:"A checkpoint that the server has; default: its first"`
	Prompt     string        `spin:"prompt" doc:"What should be in the picture"`
	Negative   string        `spin:"negative,optional" doc:"What should not"`
	CheckFile  *sdk.Artifact `spin:"checkpoint_file" doc:"A checkpoint (safetensors) to put among the server's. Needs models_dir" setting:"models_dir|folder"`
	Lora       string        `spin:"lora,optional" doc:"A LoRA that the server has"`
	LoraFile   *sdk.Artifact `spin:"lora_file" doc:"A LoRA (safetensors) to put among the server's, such as one that a node has trained. Needs models_dir" setting:"models_dir|folder"`
	Strength   float64       `spin:"lora_strength" default:"1" min:"-10" max:"10" doc:"How much the LoRA counts"`
	Seed       *json.Number  `spin:"seed,optional" doc:"0 to 2^64-1; default: the task's own, the same at each retry"`
	Steps      int           `spin:"steps" default:"20" min:"1" max:"1000" doc:"Steps of sampling"`
	CFG        float64       `spin:"cfg" default:"7" min:"0" max:"100" doc:"How closely the prompt is followed"`
	Sampler    string        `spin:"sampler" default:"euler" doc:"A sampler that the server has"`
	Scheduler  string        `spin:"scheduler" default:"normal" doc:"A scheduler that the server has"`
}

type textIn struct {
	sampling
	Width  int `spin:"width" default:"1024" min:"16" max:"16384" doc:"In pixels"`
	Height int `spin:"height" default:"1024" min:"16" max:"16384" doc:"In pixels"`
	Count  int `spin:"count" default:"1" min:"1" max:"64" doc:"How many pictures at once"`
}

type imageIn struct {
	sampling
	Image   sdk.Artifact `spin:"image" accept:"image/*" doc:"The picture to begin with"`
	Denoise float64      `spin:"denoise" default:"0.6" min:"0" max:"1" doc:"How much of it may change"`
}

type picturesOut struct {
	Images     []sdk.Artifact `spin:"images" doc:"The pictures"`
	Checkpoint string         `spin:"checkpoint" doc:"The checkpoint that made them"`
	Seed       json.Number    `spin:"seed" doc:"The seed of the first"`
}

var samplingNeed = sdk.DeviceNeed{Memory: 6 << 30, ModelInput: "checkpoint"}

func textNode(s *server) sdk.Node {
	need := samplingNeed
	need.SizeInputs = []string{"width", "height", "count"}
	return sdk.NodeOf(sdk.NodeType{
		Name:        "comfyui.txt2img",
		Description: "Makes pictures of a text with a checkpoint of the server.",
		Device:      &need, Elastic: true, Generates: true, Idempotent: true, Concurrency: 4,
		Examples: []sdk.Example{{Title: "A picture", HCL: `node "comfyui.txt2img" "cover" {
  prompt = "a lighthouse at dusk, 35mm"
  width  = 1024
  height = 576
}
`}},
	}, func(ctx context.Context, in textIn, t *sdk.Task) (picturesOut, error) {
		return s.sample(ctx, t, in.sampling, nil, 1, func(p prompt.Prompt) []any {
			p["latent"] = node("EmptyLatentImage", map[string]any{"width": in.Width, "height": in.Height, "batch_size": in.Count})
			return from("latent", 0)
		})
	})
}

func imageNode(s *server) sdk.Node {
	need := samplingNeed
	return sdk.NodeOf(sdk.NodeType{
		Name:        "comfyui.img2img",
		Description: "Makes a picture of a picture and a text with a checkpoint of the server.",
		Device:      &need, Elastic: true, Generates: true, Idempotent: true, Concurrency: 4,
		Examples: []sdk.Example{{Title: "A sketch, painted", HCL: `node "comfyui.img2img" "painted" {
  image   = var.sketch
  prompt  = "an oil painting"
  denoise = 0.55
}
`}},
	}, func(ctx context.Context, in imageIn, t *sdk.Task) (picturesOut, error) {
		return s.sample(ctx, t, in.sampling, map[string]sdk.Artifact{"image.image": in.Image}, in.Denoise, func(p prompt.Prompt) []any {
			p["image"] = node("LoadImage", map[string]any{"image": ""})
			p["latent"] = node("VAEEncode", map[string]any{"pixels": from("image", 0), "vae": from("checkpoint", 2)})
			return from("latent", 0)
		})
	})
}

func node(class string, inputs map[string]any) *prompt.Step {
	return &prompt.Step{Class: class, Inputs: inputs}
}

// from is the link to an output of a node.
func from(id string, output int) []any { return []any{id, json.Number(strconv.Itoa(output))} }

// sample runs the usual workflow: a checkpoint, two texts, a sampler, and a picture that is saved.
func (s *server) sample(ctx context.Context, t *sdk.Task, in sampling, files map[string]sdk.Artifact, denoise float64, latent func(prompt.Prompt) []any) (picturesOut, error) {
	out := picturesOut{Checkpoint: in.Checkpoint, Seed: json.Number(strconv.FormatUint(t.Seed, 10))}
	if in.Seed != nil {
		if _, err := strconv.ParseUint(in.Seed.String(), 10, 64); err != nil {
			return out, sdk.Refuse("seed is "+in.Seed.String(), "it is a whole number from 0 to 18446744073709551615")
		}
		out.Seed = *in.Seed
	}
	models := map[string]sdk.Artifact{}
	for _, m := range []struct {
		input, name string
		file        *sdk.Artifact
		sets        string
	}{{"checkpoint", in.Checkpoint, in.CheckFile, "checkpoint.ckpt_name"}, {"lora", in.Lora, in.LoraFile, "lora.lora_name"}} {
		if m.file == nil {
			continue
		}
		if m.name != "" {
			return out, sdk.Refuse(fmt.Sprintf("both %s and %s_file are given", m.input, m.input), "leave one of them out")
		}
		models[m.sets] = *m.file
	}
	c, err := s.reach(ctx, t)
	if err != nil {
		return out, err
	}
	if out.Checkpoint == "" && in.CheckFile == nil {
		if out.Checkpoint, err = s.first(ctx, c); err != nil {
			return out, err
		}
	}
	model, clip := from("checkpoint", 0), from("checkpoint", 1)
	p := prompt.Prompt{"checkpoint": node("CheckpointLoaderSimple", map[string]any{"ckpt_name": out.Checkpoint})}
	if in.Lora != "" || in.LoraFile != nil {
		p["lora"] = node("LoraLoader", map[string]any{"lora_name": in.Lora, "strength_model": in.Strength, "strength_clip": in.Strength, "model": model, "clip": clip})
		model, clip = from("lora", 0), from("lora", 1)
	}
	p["positive"] = node("CLIPTextEncode", map[string]any{"text": in.Prompt, "clip": clip})
	p["negative"] = node("CLIPTextEncode", map[string]any{"text": in.Negative, "clip": clip})
	p["sampler"] = node("KSampler", map[string]any{"model": model, "positive": from("positive", 0), "negative": from("negative", 0), "latent_image": latent(p),
		"seed": out.Seed, "steps": in.Steps, "cfg": in.CFG, "sampler_name": in.Sampler, "scheduler": in.Scheduler, "denoise": denoise})
	p["decode"] = node("VAEDecode", map[string]any{"samples": from("sampler", 0), "vae": from("checkpoint", 2)})
	p["save"] = node("SaveImage", map[string]any{"images": from("decode", 0), "filename_prefix": "spinbot"})
	made, err := s.make(ctx, c, t, p, files, models)
	out.Images, out.Checkpoint = made.Images, p["checkpoint"].Inputs["ckpt_name"].(string)
	return out, err
}

// first is the first checkpoint that the server lists.
func (s *server) first(ctx context.Context, c *api.Client) (string, error) {
	const loader = "CheckpointLoaderSimple"
	classes, err := s.classes(ctx, c, []string{loader})
	if err != nil {
		return "", err
	}
	if l := classes[loader]; l != nil {
		if have := l.Choices("ckpt_name"); len(have) > 0 {
			return have[0], nil
		}
	}
	return "", sdk.Refuse("the server has no checkpoint", "put one into ComfyUI's models/checkpoints folder")
}

type upscaleIn struct {
	Image  sdk.Artifact `spin:"image" accept:"image/*" doc:"The picture"`
	Model  string       `spin:"model,optional" doc:"An upscale model that the server has; without one the picture is only resized"`
	Factor float64      `spin:"factor" default:"2" min:"0.1" max:"8" doc:"How much larger; a model has a factor of its own"`
}

type upscaleOut struct {
	Image sdk.Artifact `spin:"image" doc:"The larger picture"`
}

func upscaleNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "comfyui.upscale",
		Description: "Makes a picture larger, with an upscale model or by resizing.",
		Device:      &sdk.DeviceNeed{Memory: 2 << 30, ModelInput: "model"}, Elastic: true, Idempotent: true, Concurrency: 4,
		Examples: []sdk.Example{{Title: "Twice as large", HCL: `node "comfyui.upscale" "large" {
  image = var.picture
}
`}},
	}, func(ctx context.Context, in upscaleIn, t *sdk.Task) (upscaleOut, error) {
		p := prompt.Prompt{"image": node("LoadImage", map[string]any{"image": ""})}
		if in.Model != "" {
			p["model"] = node("UpscaleModelLoader", map[string]any{"model_name": in.Model})
			p["larger"] = node("ImageUpscaleWithModel", map[string]any{"upscale_model": from("model", 0), "image": from("image", 0)})
		} else {
			p["larger"] = node("ImageScaleBy", map[string]any{"image": from("image", 0), "upscale_method": "lanczos", "scale_by": in.Factor})
		}
		p["save"] = node("SaveImage", map[string]any{"images": from("larger", 0), "filename_prefix": "spinbot"})
		c, err := s.reach(ctx, t)
		if err != nil {
			return upscaleOut{}, err
		}
		made, err := s.make(ctx, c, t, p, map[string]sdk.Artifact{"image.image": in.Image}, nil)
		if err != nil {
			return upscaleOut{}, err
		}
		if len(made.Images) != 1 {
			return upscaleOut{}, sdk.Fail(fmt.Sprintf("ComfyUI gave %d pictures for one", len(made.Images)), "its log may know why")
		}
		return upscaleOut{made.Images[0]}, nil
	})
}
