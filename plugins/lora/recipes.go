package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

func digest8(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:4])
}

// write writes a file of a job's folder and gives its path.
func (j *job) write(name string, raw []byte) (string, error) {
	path := filepath.Join(j.work, name)
	return path, os.WriteFile(path, raw, 0o600)
}

// writeJSON writes a configuration with the options of the node over it. JSON is YAML, too.
func (j *job) writeJSON(name string, settings map[string]any) (string, error) {
	maps.Copy(settings, j.in.Options)
	raw, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return "", err
	}
	return j.write(name, append(raw, '\n'))
}

// textData writes the dataset's texts as one file, and gives their form.
func (j *job) textData() (path, form string, err error) {
	all, err := texts(j.data())
	if err != nil {
		return "", "", err
	}
	path = filepath.Join(j.work, "train.jsonl")
	f, err := os.Create(path)
	if err != nil {
		return "", "", err
	}
	return path, all[0].form(), errors.Join(writeTexts(f, all), f.Close())
}

// imageData sees that the dataset has images, and gives their folder.
func (j *job) imageData() (string, error) {
	all, err := files(j.data(), ".png", ".jpg", ".jpeg", ".webp", ".bmp")
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", sdk.Refuse("the dataset has no images", "give .png, .jpg or .webp, each with its caption in a .txt of the same name; lora.dataset prepares them")
	}
	dir := filepath.Dir(all[0])
	for _, p := range all {
		if filepath.Dir(p) != dir {
			return "", sdk.Refuse("the dataset's images lie in several folders", "put them into one")
		}
	}
	return dir, nil
}

func (j *job) out(name string) string { return filepath.Join(j.work, name) }

// targets are the projections' names as trainers in Python have them.
func (j *job) targets() []string {
	names := j.in.Targets
	if len(names) == 0 {
		names = targetNames
	}
	var out []string
	for _, n := range names {
		out = append(out, strings.TrimSuffix(n, "_proj")+"_proj")
	}
	return out
}

// peft trains language models with our own script over Hugging Face's libraries.
type peft struct{}

//go:embed peft.py
var peftScript []byte

// What the script was written for.
const peftNeeds = "torch==2.9.1\ntransformers==4.57.3\npeft==0.18.0\naccelerate==1.12.0\nsafetensors==0.7.0\n"

func (peft) kinds() []string               { return []string{"llm"} }
func (peft) needs(program) (string, error) { return peftNeeds, nil }
func (peft) order(j *job, python string) (order, error) {
	data, _, err := j.textData()
	if err != nil {
		return order{}, err
	}
	in := j.in
	settings, err := j.writeJSON("peft.json", map[string]any{"base": j.base, "data": data, "out": j.out("out"), "log": j.out("steps.jsonl"), "rank": in.Rank, "alpha": in.Alpha, "steps": in.Steps,
		"learning_rate": in.Rate, "schedule": in.Schedule, "batch": in.Batch, "length": in.Length, "targets": j.targets(), "save_every": in.Every, "seed": in.Seed, "samples": in.Samples, "resume": j.resumes})
	if err != nil {
		return order{}, err
	}
	script, err := j.write("peft.py", peftScript)
	return order{args: []string{python, script, settings}, dir: j.work, bar: regexp.MustCompile(`^\b$`), follow: j.out("steps.jsonl"), adapter: j.out("out/adapter_model.safetensors"),
		config: j.out("out/adapter_config.json"), samples: j.out("out/sample-*.txt"), saves: j.out("out/checkpoint-*/trainer_state.json")}, err
}

// axolotl trains language models.
type axolotl struct{}

func (axolotl) kinds() []string               { return []string{"llm"} }
func (axolotl) needs(program) (string, error) { return "axolotl==0.13.0\n", nil }
func (axolotl) order(j *job, python string) (order, error) {
	data, form, err := j.textData()
	if err != nil {
		return order{}, err
	}
	set := map[string]any{"path": data, "ds_type": "json"}
	switch form {
	case "messages":
		set["type"] = "chat_template"
	case "completion":
		set["type"] = map[string]any{"field_instruction": "prompt", "field_output": "completion", "format": "{instruction}", "no_input_format": "{instruction}"}
	default:
		set["type"], set["field"] = "completion", "text"
	}
	in := j.in
	c := map[string]any{"base_model": j.base, "datasets": []any{set}, "adapter": "lora", "lora_r": in.Rank, "lora_alpha": in.Alpha, "lora_dropout": 0, "lora_target_modules": j.targets(),
		"sequence_len": in.Length, "micro_batch_size": in.Batch, "gradient_accumulation_steps": 1, "max_steps": in.Steps, "learning_rate": in.Rate, "lr_scheduler": in.Schedule,
		"optimizer": "adamw_torch", "save_steps": in.Every, "save_total_limit": 2, "logging_steps": 1, "output_dir": j.out("out"), "seed": in.Seed, "bf16": "auto", "val_set_size": 0,
		"dataset_prepared_path": j.out("prepared"), "auto_resume_from_checkpoints": j.resumes}
	path, err := j.writeJSON("axolotl.yaml", c)
	return order{args: []string{python, "-m", "axolotl.cli.main", "train", path}, dir: j.work, bar: regexp.MustCompile(`^\s*\d+%\|`), adapter: j.out("out/adapter_model.safetensors"),
		config: j.out("out/adapter_config.json"), saves: j.out("out/checkpoint-*/trainer_state.json")}, err
}

// factory is LLaMA-Factory, which trains language models.
type factory struct{}

func (factory) kinds() []string               { return []string{"llm"} }
func (factory) needs(program) (string, error) { return "llamafactory==0.9.3\n", nil }
func (factory) order(j *job, python string) (order, error) {
	_, form, err := j.textData()
	if err != nil {
		return order{}, err
	}
	info, stage := map[string]any{"file_name": "train.jsonl"}, "sft"
	switch form {
	case "messages":
		info["formatting"], info["columns"] = "sharegpt", map[string]string{"messages": "messages"}
		info["tags"] = map[string]string{"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant", "system_tag": "system"}
	case "completion":
		info["columns"] = map[string]string{"prompt": "prompt", "response": "completion"}
	default:
		info["columns"], stage = map[string]string{"prompt": "text"}, "pt"
	}
	raw, err := json.MarshalIndent(map[string]any{"train": info}, "", "  ")
	if err != nil {
		return order{}, err
	}
	if _, err := j.write("dataset_info.json", raw); err != nil {
		return order{}, err
	}
	in := j.in
	c := map[string]any{"model_name_or_path": j.base, "stage": stage, "do_train": true, "finetuning_type": "lora", "lora_rank": in.Rank, "lora_alpha": int(in.Alpha), "lora_target": strings.Join(j.targets(), ","),
		"dataset": "train", "dataset_dir": j.work, "template": "default", "cutoff_len": in.Length, "per_device_train_batch_size": in.Batch, "gradient_accumulation_steps": 1, "max_steps": in.Steps,
		"learning_rate": in.Rate, "lr_scheduler_type": in.Schedule, "logging_steps": 1, "save_steps": in.Every, "output_dir": j.out("out"), "overwrite_output_dir": !j.resumes, "seed": in.Seed, "report_to": "none"}
	if j.resumes {
		if at, err := newest(j.out("out/checkpoint-*/trainer_state.json")); err == nil && at != "" {
			c["resume_from_checkpoint"] = filepath.Dir(at)
		}
	}
	path, err := j.writeJSON("factory.yaml", c)
	return order{args: []string{python, "-m", "llamafactory.cli", "train", path}, dir: j.work, bar: regexp.MustCompile(`^\b$`), follow: j.out("out/trainer_log.jsonl"),
		adapter: j.out("out/adapter_model.safetensors"), config: j.out("out/adapter_config.json"), saves: j.out("out/checkpoint-*/trainer_state.json")}, err
}

// kohya is kohya-ss/sd-scripts, which trains image models.
type kohya struct{}

func (kohya) kinds() []string { return []string{"image"} }
func (kohya) needs(p program) (string, error) {
	return inFolder(p, "kohya", "https://github.com/kohya-ss/sd-scripts")
}

// kohyaScripts are its scripts by the family of the base, and the networks that they train.
var kohyaScripts = map[string][2]string{"sd15": {"train_network.py", "networks.lora"}, "sdxl": {"sdxl_train_network.py", "networks.lora"}, "flux": {"flux_train_network.py", "networks.lora_flux"},
	"sd3": {"sd3_train_network.py", "networks.lora_sd3"}, "lumina": {"lumina_train_network.py", "networks.lora_lumina"}, "hunyuan": {"hunyuan_image_train_network.py", "networks.lora_hunyuan_image"},
	"anima": {"anima_train_network.py", "networks.lora_anima"}}

func (kohya) order(j *job, python string) (order, error) {
	script, known := kohyaScripts[j.in.Family]
	if !known {
		return order{}, sdk.Refuse(fmt.Sprintf("kohya's scripts train no models of the family %s", j.in.Family), `set trainer = "ai-toolkit"`)
	}
	dir, err := j.imageData()
	if err != nil {
		return order{}, err
	}
	in := j.in
	set := fmt.Sprintf("[general]\ncaption_extension = \".txt\"\n\n[[datasets]]\nresolution = %d\nbatch_size = %d\nenable_bucket = true\n\n[[datasets.subsets]]\nimage_dir = %s\nnum_repeats = 1\n",
		in.Resolution, in.Batch, strconv.Quote(dir))
	data, err := j.write("dataset.toml", []byte(set))
	if err != nil {
		return order{}, err
	}
	args := []string{python, "-m", "accelerate.commands.launch", "--num_cpu_threads_per_process", "1", filepath.Join(j.program.Folder, script[0]), "--pretrained_model_name_or_path=" + j.base,
		"--dataset_config=" + data, "--output_dir=" + j.out("out"), "--output_name=lora", "--save_model_as=safetensors", "--network_module=" + script[1], "--network_dim=" + strconv.Itoa(in.Rank),
		"--network_alpha=" + number(in.Alpha), "--learning_rate=" + number(in.Rate), "--lr_scheduler=" + in.Schedule, "--optimizer_type=AdamW8bit", "--max_train_steps=" + strconv.Itoa(in.Steps),
		"--save_every_n_steps=" + strconv.Itoa(in.Every), "--save_last_n_steps=" + strconv.Itoa(in.Every), "--save_state", "--mixed_precision=bf16", "--gradient_checkpointing", "--sdpa", "--seed=" + strconv.Itoa(in.Seed)}
	if j.resumes {
		if at, err := newest(j.out("out/lora-step*-state/*")); err == nil && at != "" {
			args = append(args, "--resume="+filepath.Dir(at))
		}
	}
	if len(in.Samples) > 0 {
		prompts, err := j.write("prompts.txt", []byte(strings.Join(in.Samples, "\n")+"\n"))
		if err != nil {
			return order{}, err
		}
		args = append(args, "--sample_prompts="+prompts, "--sample_every_n_steps="+strconv.Itoa(in.Every), "--sample_sampler=euler_a")
	}
	args = append(args, flags(in.Options)...)
	return order{args: args, dir: j.program.Folder, bar: regexp.MustCompile(`^steps:`), adapter: j.out("out/lora.safetensors"), samples: j.out("out/sample/*.png"), saves: j.out("out/lora-step*-state/*")}, nil
}

// toolkit is ostris' ai-toolkit, which trains image models.
type toolkit struct{}

func (toolkit) kinds() []string { return []string{"image"} }
func (toolkit) needs(p program) (string, error) {
	return inFolder(p, "ai-toolkit", "https://github.com/ostris/ai-toolkit")
}

func (toolkit) order(j *job, python string) (order, error) {
	dir, err := j.imageData()
	if err != nil {
		return order{}, err
	}
	in := j.in
	model := map[string]any{"name_or_path": j.base, "arch": in.Family, "quantize": false}
	process := map[string]any{"type": "sd_trainer", "training_folder": j.out("out"), "device": "cuda:0", "network": map[string]any{"type": "lora", "linear": in.Rank, "linear_alpha": in.Alpha},
		"save":     map[string]any{"dtype": "float16", "save_every": in.Every, "max_step_saves_to_keep": 2},
		"datasets": []any{map[string]any{"folder_path": dir, "caption_ext": "txt", "resolution": []int{in.Resolution}}},
		"train":    map[string]any{"batch_size": in.Batch, "steps": in.Steps, "lr": in.Rate, "lr_scheduler": in.Schedule, "optimizer": "adamw8bit", "dtype": "bf16", "gradient_checkpointing": true, "seed": in.Seed}, "model": model}
	if len(in.Samples) > 0 {
		process["sample"] = map[string]any{"sample_every": in.Every, "width": in.Resolution, "height": in.Resolution, "prompts": in.Samples, "seed": in.Seed}
	}
	maps.Copy(process, in.Options)
	raw, err := json.MarshalIndent(map[string]any{"job": "extension", "config": map[string]any{"name": "lora", "process": []any{process}}}, "", "  ")
	if err != nil {
		return order{}, err
	}
	path, err := j.write("toolkit.yaml", raw)
	return order{args: []string{python, filepath.Join(j.program.Folder, "run.py"), path}, dir: j.program.Folder, bar: regexp.MustCompile(`^lora:`), adapter: j.out("out/lora/lora*.safetensors"),
		samples: j.out("out/lora/samples/*"), saves: j.out("out/lora/lora_*.safetensors")}, err // it goes on by itself
}

// diffusers trains image models with the example scripts of Hugging Face's diffusers.
type diffusers struct{}

func (diffusers) kinds() []string { return []string{"image"} }
func (diffusers) needs(p program) (string, error) {
	return inFolder(p, "diffusers", "https://github.com/huggingface/diffusers and take examples/dreambooth")
}

var diffusersScripts = map[string]string{"sd15": "train_dreambooth_lora.py", "sdxl": "train_dreambooth_lora_sdxl.py", "flux": "train_dreambooth_lora_flux.py", "sd3": "train_dreambooth_lora_sd3.py",
	"lumina": "train_dreambooth_lora_lumina2.py", "qwen": "train_dreambooth_lora_qwen_image.py"}

func (diffusers) order(j *job, python string) (order, error) {
	script, known := diffusersScripts[j.in.Family]
	if !known {
		return order{}, sdk.Refuse(fmt.Sprintf("diffusers' scripts train no models of the family %s", j.in.Family), `set trainer = "kohya" or "ai-toolkit"`)
	}
	dir, err := j.imageData()
	if err != nil {
		return order{}, err
	}
	in := j.in
	prompt := "a photo"
	if len(in.Samples) > 0 {
		prompt = in.Samples[0]
	}
	args := []string{python, "-m", "accelerate.commands.launch", filepath.Join(j.program.Folder, script), "--pretrained_model_name_or_path=" + j.base, "--instance_data_dir=" + dir, "--instance_prompt=" + prompt,
		"--output_dir=" + j.out("out"), "--rank=" + strconv.Itoa(in.Rank), "--resolution=" + strconv.Itoa(in.Resolution), "--train_batch_size=" + strconv.Itoa(in.Batch), "--learning_rate=" + number(in.Rate),
		"--lr_scheduler=" + in.Schedule, "--max_train_steps=" + strconv.Itoa(in.Steps), "--checkpointing_steps=" + strconv.Itoa(in.Every), "--checkpoints_total_limit=2", "--mixed_precision=bf16",
		"--gradient_checkpointing", "--seed=" + strconv.Itoa(in.Seed)}
	if j.resumes {
		args = append(args, "--resume_from_checkpoint=latest")
	}
	args = append(args, flags(in.Options)...)
	return order{args: args, dir: j.program.Folder, bar: regexp.MustCompile(`^Steps:`), adapter: j.out("out/pytorch_lora_weights.safetensors"), saves: j.out("out/checkpoint-*/*")}, nil
}

// command is any program of the person's.
type command struct{}

func (command) kinds() []string { return []string{"image", "llm"} }
func (command) needs(p program) (string, error) {
	if len(p.Command) == 0 {
		return "", sdk.Refuse("it is not known which program the trainer command is", `name it: plugin "lora" { trainers = { command = { command = ["/…", "…"] } } }`)
	}
	return "", nil
}

func (command) order(j *job, _ string) (order, error) {
	settings := j.out("settings.json")
	if err := j.writeSettings(settings); err != nil {
		return order{}, err
	}
	if err := os.MkdirAll(j.out("out"), 0o700); err != nil {
		return order{}, err
	}
	env := []string{"LORA_SETTINGS=" + settings, "LORA_DATA=" + j.data(), "LORA_BASE=" + j.base, "LORA_OUT=" + j.out("out"), "LORA_PROGRESS=" + j.out("progress.jsonl")}
	if j.resumes {
		env = append(env, "LORA_RESUME=1")
	}
	return order{args: j.program.Command, dir: j.work, env: env, follow: j.out("progress.jsonl"), adapter: j.out("out/*.safetensors"), config: j.out("out/adapter_config.json"),
		samples: j.out("out/sample-*"), saves: j.out("out/checkpoint*")}, nil
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// flags writes options as flags of a program: --name=value, and --name alone for true.
func flags(options map[string]any) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(options)) {
		switch v := options[k].(type) {
		case bool:
			if v {
				out = append(out, "--"+k)
			}
		case []any:
			for _, e := range v {
				out = append(out, "--"+k+"="+fmt.Sprint(e))
			}
		default:
			out = append(out, "--"+k+"="+fmt.Sprint(v))
		}
	}
	return out
}
