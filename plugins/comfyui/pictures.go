package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/myspinbot/spinbot/sdk"
)

// sampling is what the built-in workflows have in common.
type sampling struct {
	Checkpoint string       `spin:"checkpoint,optional" doc:"A checkpoint that the server has; default: its first"`
	Prompt     string       `spin:"prompt" doc:"What should be in the picture"`
	Negative   string       `spin:"negative,optional" doc:"What should not"`
	Lora       string       `spin:"lora,optional" doc:"A LoRA that the server has"`
	Strength   float64      `spin:"lora_strength" default:"1" min:"-10" max:"10" doc:"How much the LoRA counts"`
	Seed       *json.Number `spin:"seed,optional" doc:"0 to 2^64-1; default: the task's own, the same at each retry"`
	Steps      int          `spin:"steps" default:"20" min:"1" max:"1000" doc:"Steps of sampling"`
	CFG        float64      `spin:"cfg" default:"7" min:"0" max:"100" doc:"How closely the prompt is followed"`
	Sampler    string       `spin:"sampler" default:"euler" doc:"A sampler that the server has"`
	Scheduler  string       `spin:"scheduler" default:"normal" doc:"A scheduler that the server has"`
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
		Device:      &need, Elastic: true, Idempotent: true, Concurrency: 4,
		Examples: []sdk.Example{{Title: "A picture", HCL: `node "comfyui.txt2img" "cover" {
  prompt = "a lighthouse at dusk, 35mm"
  width  = 1024
  height = 576
}
`}},
	}, func(ctx context.Context, in textIn, t *sdk.Task) (picturesOut, error) {
		return s.sample(ctx, t, in.sampling, nil, 1, func(p prompt) []any {
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
		Device:      &need, Elastic: true, Idempotent: true, Concurrency: 4,
		Examples: []sdk.Example{{Title: "A sketch, painted", HCL: `node "comfyui.img2img" "painted" {
  image   = var.sketch
  prompt  = "an oil painting"
  denoise = 0.55
}
`}},
	}, func(ctx context.Context, in imageIn, t *sdk.Task) (picturesOut, error) {
		return s.sample(ctx, t, in.sampling, map[string]sdk.Artifact{"image.image": in.Image}, in.Denoise, func(p prompt) []any {
			p["image"] = node("LoadImage", map[string]any{"image": ""})
			p["latent"] = node("VAEEncode", map[string]any{"pixels": from("image", 0), "vae": from("checkpoint", 2)})
			return from("latent", 0)
		})
	})
}

func node(class string, inputs map[string]any) *step { return &step{Class: class, Inputs: inputs} }

// from is the link to an output of a node.
func from(id string, output int) []any { return []any{id, json.Number(strconv.Itoa(output))} }

// sample runs the usual workflow: a checkpoint, two texts, a sampler, and a picture that is saved.
func (s *server) sample(ctx context.Context, t *sdk.Task, in sampling, files map[string]sdk.Artifact, denoise float64, latent func(prompt) []any) (picturesOut, error) {
	out := picturesOut{Checkpoint: in.Checkpoint, Seed: json.Number(strconv.FormatUint(t.Seed, 10))}
	if in.Seed != nil {
		if _, err := strconv.ParseUint(in.Seed.String(), 10, 64); err != nil {
			return out, sdk.Refuse("seed is "+in.Seed.String(), "it is a whole number from 0 to 18446744073709551615")
		}
		out.Seed = *in.Seed
	}
	if out.Checkpoint == "" {
		have, err := s.choices(ctx, "CheckpointLoaderSimple", "ckpt_name")
		if err != nil {
			return out, err
		}
		if len(have) == 0 {
			return out, sdk.Refuse("the server has no checkpoint", "put one into ComfyUI's models/checkpoints folder")
		}
		out.Checkpoint = have[0]
	}
	model, clip := from("checkpoint", 0), from("checkpoint", 1)
	p := prompt{"checkpoint": node("CheckpointLoaderSimple", map[string]any{"ckpt_name": out.Checkpoint})}
	if in.Lora != "" {
		p["lora"] = node("LoraLoader", map[string]any{"lora_name": in.Lora, "strength_model": in.Strength, "strength_clip": in.Strength, "model": model, "clip": clip})
		model, clip = from("lora", 0), from("lora", 1)
	}
	p["positive"] = node("CLIPTextEncode", map[string]any{"text": in.Prompt, "clip": clip})
	p["negative"] = node("CLIPTextEncode", map[string]any{"text": in.Negative, "clip": clip})
	p["sampler"] = node("KSampler", map[string]any{"model": model, "positive": from("positive", 0), "negative": from("negative", 0), "latent_image": latent(p),
		"seed": out.Seed, "steps": in.Steps, "cfg": in.CFG, "sampler_name": in.Sampler, "scheduler": in.Scheduler, "denoise": denoise})
	p["decode"] = node("VAEDecode", map[string]any{"samples": from("sampler", 0), "vae": from("checkpoint", 2)})
	p["save"] = node("SaveImage", map[string]any{"images": from("decode", 0), "filename_prefix": "spinbot"})
	made, err := s.make(ctx, t, p, files)
	out.Images = made.Images
	return out, err
}

// choices are the values that an input of a class takes.
func (s *server) choices(ctx context.Context, name, input string) ([]string, error) {
	c, err := s.classes(ctx, prompt{"": {Class: name}})
	if err != nil || c[name] == nil {
		return nil, err
	}
	return ruleOf(c[name].Input.Required[input]).choices, nil
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
		p := prompt{"image": node("LoadImage", map[string]any{"image": ""})}
		if in.Model != "" {
			p["model"] = node("UpscaleModelLoader", map[string]any{"model_name": in.Model})
			p["larger"] = node("ImageUpscaleWithModel", map[string]any{"upscale_model": from("model", 0), "image": from("image", 0)})
		} else {
			p["larger"] = node("ImageScaleBy", map[string]any{"image": from("image", 0), "upscale_method": "lanczos", "scale_by": in.Factor})
		}
		p["save"] = node("SaveImage", map[string]any{"images": from("larger", 0), "filename_prefix": "spinbot"})
		made, err := s.make(ctx, t, p, map[string]sdk.Artifact{"image.image": in.Image})
		if err != nil {
			return upscaleOut{}, err
		}
		if len(made.Images) != 1 {
			return upscaleOut{}, sdk.Fail(fmt.Sprintf("ComfyUI gave %d pictures for one", len(made.Images)), "")
		}
		return upscaleOut{made.Images[0]}, nil
	})
}

type modelsIn struct {
	Folder string `spin:"folder,optional" doc:"Only of this kind, such as checkpoints or loras"`
}

type modelsOut struct {
	Models map[string][]string `spin:"models" doc:"Names, by kind"`
}

func modelsNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "comfyui.models", Description: "Lists the model files of the server.", Idempotent: true,
		Examples: []sdk.Example{{Title: "The LoRAs", HCL: `node "comfyui.models" "loras" {
  folder = "loras"
}
`}},
	}, func(ctx context.Context, in modelsIn, _ *sdk.Task) (modelsOut, error) {
		out := modelsOut{map[string][]string{}}
		folders := []string{in.Folder}
		if in.Folder == "" {
			if err := s.ask(ctx, http.MethodGet, "/models", nil, nil, &folders); err != nil {
				return out, s.failure(ctx, err)
			}
		}
		slices.Sort(folders)
		for _, f := range folders {
			var names []string
			if err := s.ask(ctx, http.MethodGet, "/models/"+url.PathEscape(f), nil, nil, &names); err != nil {
				return out, s.failure(ctx, err)
			}
			out.Models[f] = names
		}
		return out, nil
	})
}

// stats is what a server says of itself.
type stats struct {
	System struct {
		Version string `json:"comfyui_version"`
		Torch   string `json:"pytorch_version"`
		Python  string `json:"python_version"`
		OS      string `json:"os"`
	} `json:"system"`
	Devices []struct {
		Name  string `json:"name"`
		Type  string `json:"type"`
		Total int64  `json:"vram_total"`
		Free  int64  `json:"vram_free"`
		Torch int64  `json:"torch_vram_total"` // what it holds itself
	} `json:"devices"`
}

func (s *server) stats(ctx context.Context) (st stats, err error) {
	err = s.ask(ctx, http.MethodGet, "/system_stats", nil, nil, &st)
	return st, s.failure(ctx, err)
}

func (st stats) versions() map[string]string {
	v := map[string]string{}
	for name, value := range map[string]string{"comfyui": st.System.Version, "pytorch": st.System.Torch, "python": st.System.Python} {
		if value != "" {
			v[name] = value
		}
	}
	return v
}

type systemOut struct {
	Versions map[string]string `spin:"versions" doc:"Of ComfyUI, PyTorch and Python"`
	OS       string            `spin:"os" doc:"Its operating system"`
	Devices  []deviceOut       `spin:"devices" doc:"What it computes on"`
	Waiting  int               `spin:"waiting" doc:"Prompts in its queue, whoever's"`
}

type deviceOut struct {
	Name  string `spin:"name" doc:"Its name"`
	Type  string `spin:"type" doc:"Such as cuda or cpu"`
	Total int64  `spin:"total" format:"bytes" doc:"Its memory"`
	Free  int64  `spin:"free" format:"bytes" doc:"What of it nobody uses"`
}

func systemNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "comfyui.system", Description: "Says which server there is, what it runs on, and how long its queue is.", Idempotent: true,
		Examples: []sdk.Example{{Title: "The server", HCL: "node \"comfyui.system\" \"server\" {\n}\n"}},
	}, func(ctx context.Context, _ struct{}, _ *sdk.Task) (systemOut, error) {
		st, err := s.stats(ctx)
		if err != nil {
			return systemOut{}, err
		}
		out := systemOut{Versions: st.versions(), OS: st.System.OS}
		for _, d := range st.Devices {
			out.Devices = append(out.Devices, deviceOut{d.Name, d.Type, d.Total, d.Free})
		}
		out.Waiting, err = s.waiting(ctx)
		return out, err
	})
}

// waiting is how many prompts wait and run, whoever's.
func (s *server) waiting(ctx context.Context) (int, error) {
	var q struct {
		Info struct {
			Left int `json:"queue_remaining"`
		} `json:"exec_info"`
	}
	err := s.ask(ctx, http.MethodGet, "/prompt", nil, nil, &q)
	return q.Info.Left, s.failure(ctx, err)
}
