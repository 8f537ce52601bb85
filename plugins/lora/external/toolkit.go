package external

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"

	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/sdk"
)

// toolkit is ostris' ai-toolkit, which trains image models.
type toolkit struct{}

func (toolkit) kinds() []string { return []string{"image"} }
func (toolkit) needs(p job.Program) (string, error) {
	return inFolder(p, "ai-toolkit", "https://github.com/ostris/ai-toolkit", "torch==2.13.0\ntorchvision==0.28.0\ntorchaudio==2.11.0\n")
}

// architecture is a family of models as ai-toolkit knows it.
type architecture struct {
	name  string
	flow  bool // it is learned by flow matching
	large bool // it fits into the memory that is asked for only with its weights in 8 bits
}

var architectures = map[string]architecture{"sd15": {name: "sd1"}, "sdxl": {name: "sdxl"}, "flux": {"flux", true, true}, "sd3": {"sd3", true, true}, "lumina": {"lumina2", true, false},
	"anima": {"anima", true, false}, "qwen": {"qwen_image", true, true}, "wan": {"wan21", true, true}}

func (toolkit) order(j *job.Job, python string) (order, error) {
	a, known := architectures[j.In.Family]
	if !known {
		return order{}, sdk.Refuse(fmt.Sprintf("ai-toolkit trains no models of the family %s", j.In.Family), `set trainer = "kohya"`)
	}
	dir, err := imageData(j)
	if err != nil {
		return order{}, err
	}
	in := j.In
	train := map[string]any{"batch_size": in.Batch, "steps": in.Steps, "lr": in.Rate, "lr_scheduler": in.Schedule, "optimizer": "adamw8bit", "dtype": "bf16", "gradient_checkpointing": true}
	if in.Schedule == "linear" { // its own rises from a third
		train["lr_scheduler_params"] = map[string]any{"start_factor": 1, "end_factor": 0}
	}
	sample := map[string]any{"sample_every": in.Every, "width": in.Resolution, "height": in.Resolution, "prompts": in.Samples, "neg": "", "seed": in.Seed} // without neg it reads a prompt that is no text, and fails
	if a.flow {
		train["noise_scheduler"], sample["sampler"] = "flowmatch", "flowmatch"
	}
	process := map[string]any{"type": "sd_trainer", "training_folder": j.Out("out"), "device": "cuda:0", "training_seed": in.Seed, "network": map[string]any{"type": "lora", "linear": in.Rank, "linear_alpha": in.Alpha},
		"save":     map[string]any{"dtype": "float16", "save_every": in.Every, "max_step_saves_to_keep": 2},
		"datasets": []any{map[string]any{"folder_path": dir, "caption_ext": "txt", "resolution": []int{in.Resolution}}},
		"train":    train, "model": map[string]any{"name_or_path": j.Base, "arch": a.name, "quantize": a.large}}
	if len(in.Samples) > 0 {
		process["sample"] = sample
	} else {
		train["disable_sampling"] = true // it asks for samples as soon as there is a place for them
	}
	over(process, in.Options)
	raw, err := json.MarshalIndent(map[string]any{"job": "extension", "config": map[string]any{"name": "lora", "process": []any{process}}}, "", "  ")
	if err != nil {
		return order{}, err
	}
	path, err := j.Write("toolkit.yaml", raw)
	return order{args: []string{python, filepath.Join(j.Program.Folder, "run.py"), path}, dir: j.Program.Folder, bar: regexp.MustCompile(`^lora:`), adapter: j.Out("out/lora/lora*.safetensors"),
		samples: j.Out("out/lora/samples/[^.]*"), saves: j.Out("out/lora/lora_*.safetensors")}, err // it goes on by itself; a folder .thumbs lies beside the samples
}

// over lays settings over others: what is a group in both is laid over part by part.
func over(under, settings map[string]any) {
	for name, v := range settings {
		group, is := v.(map[string]any)
		if below, both := under[name].(map[string]any); is && both {
			under[name] = maps.Clone(below)
			over(under[name].(map[string]any), group)
			continue
		}
		under[name] = v
	}
}
