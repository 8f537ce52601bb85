package external

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/plugins/lora/texts"
	"github.com/myspinbot/spinbot/sdk"
)

// writeJSON writes a configuration with the options of the node over it. JSON is YAML, too.
func writeJSON(j *job.Job, name string, settings map[string]any) (string, error) {
	maps.Copy(settings, j.In.Options)
	raw, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return "", err
	}
	return j.Write(name, append(raw, '\n'))
}

// textData writes the dataset's texts as one file, and gives their form.
func textData(j *job.Job) (path, form string, err error) {
	all, err := texts.Read(j.Data())
	if err != nil {
		return "", "", err
	}
	path = filepath.Join(j.Work, "train.jsonl")
	f, err := os.Create(path)
	if err != nil {
		return "", "", err
	}
	return path, all[0].Form(), errors.Join(texts.Write(f, all), f.Close())
}

// imageData sees that the dataset has images, and gives their folder.
func imageData(j *job.Job) (string, error) {
	all, err := texts.Files(j.Data(), texts.Pictures...)
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

// peft trains language models with our own script over Hugging Face's libraries.
type peft struct{}

//go:embed peft.py
var peftScript []byte

// What the script was written for.
const peftNeeds = "torch==2.9.1\ntransformers==4.57.3\npeft==0.18.0\naccelerate==1.12.0\nsafetensors==0.7.0\n"

func (peft) kinds() []string                   { return []string{"llm"} }
func (peft) needs(job.Program) (string, error) { return peftNeeds, nil }
func (peft) order(j *job.Job, python string) (order, error) {
	data, _, err := textData(j)
	if err != nil {
		return order{}, err
	}
	in := j.In
	settings, err := writeJSON(j, "peft.json", map[string]any{"base": j.Base, "data": data, "out": j.Out("out"), "log": j.Out("steps.jsonl"), "rank": in.Rank, "alpha": in.Alpha, "steps": in.Steps,
		"learning_rate": in.Rate, "schedule": in.Schedule, "batch": in.Batch, "length": in.Length, "targets": j.Targets(), "save_every": in.Every, "seed": in.Seed, "samples": in.Samples, "resume": j.Resumes})
	if err != nil {
		return order{}, err
	}
	script, err := j.Write("train_peft.py", peftScript) // peft.py would stand in the way of the library of that name
	return order{args: []string{python, script, settings}, dir: j.Work, bar: regexp.MustCompile(`^\b$`), follow: j.Out("steps.jsonl"), adapter: j.Out("out/adapter_model.safetensors"),
		config: j.Out("out/adapter_config.json"), samples: j.Out("out/sample-*.txt"), saves: j.Out("out/checkpoint-*/trainer_state.json")}, err
}

// axolotl trains language models.
type axolotl struct{}

// It takes any newer peft, and would get one that refuses its torchao; and it asks for no torchvision, without which its trainer is not loaded.
const axolotlNeeds = "axolotl==0.13.2\npeft==0.18.1\ntorch==2.8.0\ntorchvision==0.23.0\n"

func (axolotl) kinds() []string                   { return []string{"llm"} }
func (axolotl) needs(job.Program) (string, error) { return axolotlNeeds, nil }
func (axolotl) order(j *job.Job, python string) (order, error) {
	data, form, err := textData(j)
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
	in := j.In
	c := map[string]any{"base_model": j.Base, "datasets": []any{set}, "adapter": "lora", "lora_r": in.Rank, "lora_alpha": in.Alpha, "lora_dropout": 0, "lora_target_modules": j.Targets(),
		"sequence_len": in.Length, "micro_batch_size": in.Batch, "gradient_accumulation_steps": 1, "max_steps": in.Steps, "learning_rate": in.Rate, "lr_scheduler": in.Schedule,
		"optimizer": "adamw_torch", "save_steps": in.Every, "save_total_limit": 2, "logging_steps": 1, "output_dir": j.Out("out"), "seed": in.Seed, "bf16": "auto", "val_set_size": 0,
		"dataset_prepared_path": j.Out("prepared"), "auto_resume_from_checkpoints": j.Resumes}
	if pad := padding(j.Base); pad != "" {
		c["special_tokens"] = map[string]string{"pad_token": pad}
	}
	path, err := writeJSON(j, "axolotl.yaml", c)
	// It tells its makers what it trains unless told not to, and fails: the file that says of which models it may tell is not in its package.
	return order{args: []string{python, "-m", "accelerate.commands.launch", "-m", "axolotl.cli.train", path}, dir: j.Work, env: []string{"AXOLOTL_DO_NOT_TRACK=1"}, bar: regexp.MustCompile(`^\s*\d+%\|`), adapter: j.Out("out/adapter_model.safetensors"),
		config: j.Out("out/adapter_config.json"), saves: j.Out("out/checkpoint-*/trainer_state.json")}, err
}

// padding is what shorter texts are filled up with if a model has nothing for that: its end of a text. axolotl refuses such a model, as Llama 3
// is one. Empty: it has, or is fetched by its name.
func padding(base string) string {
	raw, err := os.ReadFile(filepath.Join(base, "tokenizer_config.json"))
	var c struct {
		Pad any `json:"pad_token"`
		End any `json:"eos_token"`
	}
	if err != nil || json.Unmarshal(raw, &c) != nil || c.Pad != nil {
		return ""
	}
	if full, is := c.End.(map[string]any); is {
		c.End = full["content"]
	}
	end, _ := c.End.(string)
	return end
}

// factory is LLaMA-Factory, which trains language models.
type factory struct{}

// It takes any torch, and would get one that is newer than its transformers.
const factoryNeeds = "llamafactory==0.9.4\ntorch==2.9.1\ntorchvision==0.24.1\ntorchaudio==2.9.1\n"

func (factory) kinds() []string                   { return []string{"llm"} }
func (factory) needs(job.Program) (string, error) { return factoryNeeds, nil }
func (factory) order(j *job.Job, python string) (order, error) {
	_, form, err := textData(j)
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
	if _, err := j.Write("dataset_info.json", raw); err != nil {
		return order{}, err
	}
	in := j.In
	c := map[string]any{"packing": false, // of texts it would fill whole lengths, and drop what fills none: a few short ones are nothing
		"model_name_or_path": j.Base, "stage": stage, "do_train": true, "finetuning_type": "lora", "lora_rank": in.Rank, "lora_alpha": int(in.Alpha), "lora_target": strings.Join(j.Targets(), ","),
		"dataset": "train", "dataset_dir": j.Work, "template": "default", "cutoff_len": in.Length, "per_device_train_batch_size": in.Batch, "gradient_accumulation_steps": 1, "max_steps": in.Steps,
		"learning_rate": in.Rate, "lr_scheduler_type": in.Schedule, "logging_steps": 1, "save_steps": in.Every, "output_dir": j.Out("out"), "overwrite_output_dir": !j.Resumes, "seed": in.Seed, "report_to": "none"}
	if j.Resumes {
		if at, err := job.Newest(j.Out("out/checkpoint-*/trainer_state.json")); err == nil && at != "" {
			c["resume_from_checkpoint"] = filepath.Dir(at)
		}
	}
	path, err := writeJSON(j, "factory.yaml", c)
	return order{args: []string{python, "-m", "llamafactory.cli", "train", path}, dir: j.Work, bar: regexp.MustCompile(`^\b$`), follow: j.Out("out/trainer_log.jsonl"),
		adapter: j.Out("out/adapter_model.safetensors"), config: j.Out("out/adapter_config.json"), saves: j.Out("out/checkpoint-*/trainer_state.json")}, err
}

// kohya is kohya-ss/sd-scripts, which trains image models.
type kohya struct{}

func (kohya) kinds() []string { return []string{"image"} }
func (kohya) needs(p job.Program) (string, error) {
	return inFolder(p, "kohya", "https://github.com/kohya-ss/sd-scripts", "torch==2.6.0\ntorchvision==0.21.0\n")
}

// kohyaScripts are its scripts by the family of the base, and the networks that they train.
var kohyaScripts = map[string][2]string{"sd15": {"train_network.py", "networks.lora"}, "sdxl": {"sdxl_train_network.py", "networks.lora"}, "flux": {"flux_train_network.py", "networks.lora_flux"},
	"sd3": {"sd3_train_network.py", "networks.lora_sd3"}, "lumina": {"lumina_train_network.py", "networks.lora_lumina"}, "hunyuan": {"hunyuan_image_train_network.py", "networks.lora_hunyuan_image"},
	"anima": {"anima_train_network.py", "networks.lora_anima"}}

func (kohya) order(j *job.Job, python string) (order, error) {
	script, known := kohyaScripts[j.In.Family]
	if !known {
		return order{}, sdk.Refuse(fmt.Sprintf("kohya's scripts train no models of the family %s", j.In.Family), `set trainer = "ai-toolkit"`)
	}
	dir, err := imageData(j)
	if err != nil {
		return order{}, err
	}
	in := j.In
	set := fmt.Sprintf("[general]\ncaption_extension = \".txt\"\n\n[[datasets]]\nresolution = %d\nbatch_size = %d\nenable_bucket = true\nmin_bucket_reso = %d\nmax_bucket_reso = %d\n\n[[datasets.subsets]]\nimage_dir = %s\nnum_repeats = 1\n",
		in.Resolution, in.Batch, min(256, in.Resolution), max(1024, 2*in.Resolution), strconv.Quote(dir)) // its own bounds, 256 and 1024, refuse other resolutions
	data, err := j.Write("dataset.toml", []byte(set))
	if err != nil {
		return order{}, err
	}
	args := []string{python, "-m", "accelerate.commands.launch", "--num_cpu_threads_per_process", "1", filepath.Join(j.Program.Folder, script[0]), "--pretrained_model_name_or_path=" + j.Base,
		"--dataset_config=" + data, "--output_dir=" + j.Out("out"), "--output_name=lora", "--save_model_as=safetensors", "--network_module=" + script[1], "--network_dim=" + strconv.Itoa(in.Rank),
		"--network_alpha=" + job.Number(in.Alpha), "--learning_rate=" + job.Number(in.Rate), "--lr_scheduler=" + in.Schedule, "--optimizer_type=AdamW8bit", "--max_train_steps=" + strconv.Itoa(in.Steps),
		"--save_every_n_steps=" + strconv.Itoa(in.Every), "--save_last_n_steps=" + strconv.Itoa(in.Every), "--save_state", "--mixed_precision=bf16", "--gradient_checkpointing", "--sdpa", "--seed=" + strconv.Itoa(in.Seed)}
	if j.Resumes {
		if at, err := job.Newest(j.Out("out/lora-step*-state/*")); err == nil && at != "" {
			args = append(args, "--resume="+filepath.Dir(at))
		}
	}
	if len(in.Samples) > 0 {
		var lines strings.Builder // of 512 pixels a side where none are said
		for _, prompt := range in.Samples {
			fmt.Fprintf(&lines, "%s --w %d --h %d --d %d\n", strings.Join(strings.Fields(prompt), " "), in.Resolution, in.Resolution, in.Seed)
		}
		prompts, err := j.Write("prompts.txt", []byte(lines.String()))
		if err != nil {
			return order{}, err
		}
		args = append(args, "--sample_prompts="+prompts, "--sample_every_n_steps="+strconv.Itoa(in.Every), "--sample_sampler=euler_a")
	}
	args = append(args, flags(in.Options)...)
	return order{args: args, dir: j.Program.Folder, bar: regexp.MustCompile(`^steps:`), adapter: j.Out("out/lora.safetensors"), samples: j.Out("out/sample/*.png"), saves: j.Out("out/lora-step*-state/*")}, nil
}

// diffusers trains image models with the example scripts of Hugging Face's diffusers.
type diffusers struct{}

func (diffusers) kinds() []string { return []string{"image"} }

// What the scripts need beside diffusers: their own lists leave that out, and name a peft that it refuses.
const diffusersNeeds = "torch==2.9.1\ntorchvision==0.24.1\ntransformers==4.57.3\naccelerate==1.12.0\npeft==0.18.0\ndatasets\nftfy\nJinja2\nsentencepiece\nprotobuf\ntensorboard\nbitsandbytes\n"

// needs takes diffusers from the clone that the scripts lie in: each refuses one that is older than itself.
func (diffusers) needs(p job.Program) (string, error) {
	const where = "https://github.com/huggingface/diffusers and take examples/dreambooth"
	if _, err := inFolder(p, "diffusers", where, ""); err != nil {
		return "", err
	}
	clone := filepath.Join(p.Folder, "..", "..")
	about, err := os.ReadFile(filepath.Join(clone, "src", "diffusers", "__init__.py"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", sdk.Refuse(p.Folder+" does not lie in a clone of diffusers", "get it with git clone "+where+" in it")
	}
	version, _, _ := strings.Cut(string(about), "\n")
	return fmt.Sprintf("%sdiffusers @ %s\n# %s\n", diffusersNeeds, (&url.URL{Scheme: "file", Path: clone}).String(), version), err
}

// picturesAlone gives a folder with nothing but the pictures: the scripts open each file as one.
func picturesAlone(j *job.Job, dir string) (string, error) {
	all, err := texts.Files(dir, texts.Pictures...)
	if err != nil {
		return "", err
	}
	alone := j.Out("pictures")
	if err := os.MkdirAll(alone, 0o700); err != nil {
		return "", err
	}
	for _, p := range all {
		if err := job.CopyFile(p, filepath.Join(alone, filepath.Base(p))); err != nil {
			return "", err
		}
	}
	return alone, nil
}

var diffusersScripts = map[string]string{"sd15": "train_dreambooth_lora.py", "sdxl": "train_dreambooth_lora_sdxl.py", "flux": "train_dreambooth_lora_flux.py", "sd3": "train_dreambooth_lora_sd3.py",
	"lumina": "train_dreambooth_lora_lumina2.py", "qwen": "train_dreambooth_lora_qwen_image.py"}

func (diffusers) order(j *job.Job, python string) (order, error) {
	script, known := diffusersScripts[j.In.Family]
	if !known {
		return order{}, sdk.Refuse(fmt.Sprintf("diffusers' scripts train no models of the family %s", j.In.Family), `set trainer = "kohya" or "ai-toolkit"`)
	}
	dir, err := imageData(j)
	if err != nil {
		return order{}, err
	}
	in := j.In
	if dir, err = picturesAlone(j, dir); err != nil {
		return order{}, err
	}
	prompt := "a photo"
	if len(in.Samples) > 0 {
		prompt = in.Samples[0]
	}
	j.Task.Log("info", fmt.Sprintf("diffusers' scripts read no captions: all pictures are learned as %q", prompt))
	args := []string{python, "-m", "accelerate.commands.launch", filepath.Join(j.Program.Folder, script), "--pretrained_model_name_or_path=" + j.Base, "--instance_data_dir=" + dir, "--instance_prompt=" + prompt,
		"--output_dir=" + j.Out("out"), "--rank=" + strconv.Itoa(in.Rank), "--resolution=" + strconv.Itoa(in.Resolution), "--train_batch_size=" + strconv.Itoa(in.Batch), "--learning_rate=" + job.Number(in.Rate),
		"--lr_scheduler=" + in.Schedule, "--max_train_steps=" + strconv.Itoa(in.Steps), "--checkpointing_steps=" + strconv.Itoa(in.Every), "--checkpoints_total_limit=2", "--mixed_precision=bf16",
		"--gradient_checkpointing", "--seed=" + strconv.Itoa(in.Seed)}
	if j.Resumes {
		args = append(args, "--resume_from_checkpoint=latest")
	}
	args = append(args, flags(in.Options)...)
	return order{args: args, dir: j.Program.Folder, bar: regexp.MustCompile(`^Steps:`), adapter: j.Out("out/pytorch_lora_weights.safetensors"), saves: j.Out("out/checkpoint-*/*")}, nil
}

// command is any program of the person's.
type command struct{}

func (command) kinds() []string { return []string{"image", "llm"} }
func (command) needs(p job.Program) (string, error) {
	if len(p.Command) == 0 {
		return "", sdk.Refuse("it is not known which program the trainer command is", `name it: plugin "lora" { trainers = { command = { command = ["/…", "…"] } } }`)
	}
	return "", nil
}

func (command) order(j *job.Job, _ string) (order, error) {
	settings := j.Out("settings.json")
	if err := j.WriteSettings(settings); err != nil {
		return order{}, err
	}
	if err := os.MkdirAll(j.Out("out"), 0o700); err != nil {
		return order{}, err
	}
	env := []string{"LORA_SETTINGS=" + settings, "LORA_DATA=" + j.Data(), "LORA_BASE=" + j.Base, "LORA_OUT=" + j.Out("out"), "LORA_PROGRESS=" + j.Out("progress.jsonl")}
	if j.Resumes {
		env = append(env, "LORA_RESUME=1")
	}
	return order{args: j.Program.Command, dir: j.Work, env: env, follow: j.Out("progress.jsonl"), adapter: j.Out("out/*.safetensors"), config: j.Out("out/adapter_config.json"),
		samples: j.Out("out/sample-*"), saves: j.Out("out/checkpoint*")}, nil
}

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

func digest8(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:4])
}
