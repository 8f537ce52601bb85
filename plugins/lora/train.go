package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/weights"
)

type trainIn struct {
	Dataset    []sdk.Artifact `spin:"dataset" min:"1" doc:"Images, each with a caption in a .txt of its name, or texts: .jsonl, .txt, .md; as files or in .zip, .tar and .tar.gz"`
	Kind       string         `spin:"kind" enum:"image|llm" doc:"What the adapter is for: a model of images or of language"`
	Trainer    string         `spin:"trainer,optional" enum:"builtin|peft|axolotl|llama-factory|kohya|ai-toolkit|diffusers|command" doc:"Who trains; default: builtin for llm, kohya for image"`
	Base       string         `spin:"base,optional" doc:"The model that is adapted: a folder or file of the plugin's models folder, or a name that the trainer fetches it by"`
	BaseFiles  []sdk.Artifact `spin:"base_files,optional" doc:"The model as files, in place of base: config.json, tokenizer.json, *.safetensors; or an archive of them"`
	Family     string         `spin:"family,optional" enum:"sd15|sdxl|flux|sd3|lumina|hunyuan|anima|qwen|wan" doc:"What kind of image model the base is; default sdxl"`
	Rank       int            `spin:"rank" default:"16" min:"1" max:"1024" doc:"How wide the adapter is: more can learn more, and is larger"`
	Alpha      float64        `spin:"alpha,optional" min:"0" doc:"How strongly it acts, as alpha / rank; default: the rank"`
	Steps      int            `spin:"steps" default:"1000" min:"1" max:"10000000" doc:"How many batches are learned"`
	Rate       float64        `spin:"learning_rate" default:"0.0001" min:"0" doc:"By how much each step changes it"`
	Schedule   string         `spin:"schedule" default:"constant" enum:"constant|linear|cosine" doc:"How the learning rate falls to the end"`
	Batch      int            `spin:"batch" default:"1" min:"1" max:"1024" doc:"Images or texts in each step"`
	Resolution int            `spin:"resolution" default:"1024" min:"64" max:"8192" doc:"Of images: the side of a square with as many pixels"`
	Length     int            `spin:"length" default:"512" min:"2" max:"131072" doc:"Of texts: tokens at most; longer ones are cut"`
	Targets    []string       `spin:"targets,optional" doc:"Of language models: which projections are adapted, of q, k, v, o, gate, up and down; default all"`
	Samples    []string       `spin:"sample_prompts,optional" doc:"What is made with the adapter at each save, to look at"`
	Every      int            `spin:"save_every" default:"250" min:"1" doc:"Steps between two checkpoints, which training goes on from after a crash"`
	Seed       int            `spin:"seed" default:"0" min:"0" doc:"Of what is random"`
	Options    map[string]any `spin:"options,optional" doc:"More settings of the trainer, under its own names"`
}

type trainOut struct {
	Adapter  sdk.Artifact   `spin:"adapter" doc:"The LoRA, as safetensors"`
	Config   *sdk.Artifact  `spin:"adapter_config" doc:"PEFT's adapter_config.json; only of language models"`
	GGUF     *sdk.Artifact  `spin:"gguf" doc:"The same for llama.cpp and Ollama; only of language models whose shape is known here"`
	Settings sdk.Artifact   `spin:"settings" doc:"All that it was trained with, as JSON"`
	Log      sdk.Artifact   `spin:"log" doc:"Step, loss and learning rate, as JSON lines"`
	Curve    sdk.Artifact   `spin:"curve" accept:"image/png" doc:"The loss over the steps"`
	Samples  []sdk.Artifact `spin:"samples" doc:"What was made for sample_prompts, the newest last"`
	Kind     string         `spin:"kind" doc:"image or llm"`
	Base     string         `spin:"base" doc:"The model that it is for"`
	Steps    int            `spin:"steps" doc:"How many were taken"`
	Loss     float64        `spin:"loss" doc:"At the end, smoothed"`
	Seconds  float64        `spin:"seconds" doc:"How long the last attempt took"`
}

func trainNode(s *shop) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "lora.train",
		Description: "Trains a LoRA adapter of an image or language model. It goes on from its last checkpoint after a crash, and shows the loss as it falls.",
		Idempotent:  true,
		Examples: []sdk.Example{{Title: "A language model, on the CPU", HCL: `node "lora.train" "poet" {
  kind    = "llm"
  base    = "smollm2-135m"
  dataset = [var.poems]
  steps   = 300
}
`}, {Title: "A face, by kohya's scripts", HCL: `node "lora.train" "face" {
  kind    = "image"
  trainer = "kohya"
  family  = "sdxl"
  base    = "sd_xl_base_1.0.safetensors"
  dataset = [var.pictures]
  steps   = 1500
  device {
    memory = "16GiB"
  }
}
`}},
	}, s.train)
}

// job is one training on its way.
type job struct {
	in      trainIn
	config  config
	program program
	task    *sdk.Task
	meter   *meter
	work    string // its folder, which stays until it is done; the dataset lies in work/data
	resumes bool   // an earlier attempt left a checkpoint there
	base    string // path or name of the base model
}

func (j *job) data() string { return filepath.Join(j.work, "data") }

// checkpoint names the folder in which an attempt left what the next goes on from.
type checkpoint struct {
	Folder string `json:"folder"`
	Step   int    `json:"step"`
}

// saved says to the host that there is something to go on from.
func (j *job) saved(step int) error {
	raw, err := json.Marshal(checkpoint{filepath.Base(j.work), step})
	if err != nil {
		return err
	}
	if err := j.meter.keep(); err != nil {
		return err
	}
	j.task.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: raw})
	return nil
}

// trained is what a trainer has made.
type trained struct {
	adapter string // path
	config  string // path; empty: none
	samples []string
	base    *weights.Base // nil: its shape is not known
}

// trainer is one way to train.
type trainer interface {
	// check says why it cannot do that, or nil.
	check(j *job) error
	// train trains. The dataset is unpacked.
	train(ctx context.Context, j *job) (trained, error)
}

func trainerNames() []string {
	return []string{"builtin", "peft", "axolotl", "llama-factory", "kohya", "ai-toolkit", "diffusers", "command"}
}

func trainerOf(name string) trainer {
	switch name {
	case "builtin":
		return builtin{}
	case "peft":
		return external{peft{}}
	case "axolotl":
		return external{axolotl{}}
	case "llama-factory":
		return external{factory{}}
	case "kohya":
		return external{kohya{}}
	case "ai-toolkit":
		return external{toolkit{}}
	case "diffusers":
		return external{diffusers{}}
	default:
		return external{command{}}
	}
}

func (s *shop) train(ctx context.Context, in trainIn, t *sdk.Task) (trainOut, error) {
	if in.Trainer == "" {
		if in.Trainer = "builtin"; in.Kind == "image" {
			in.Trainer = "kohya"
		}
	}
	if in.Alpha == 0 {
		in.Alpha = float64(in.Rank)
	}
	if in.Family == "" {
		in.Family = "sdxl"
	}
	if (in.Base == "") == (len(in.BaseFiles) == 0) {
		return trainOut{}, sdk.Refuse("the model that is to be adapted is not known", "give base, or base_files")
	}
	c := s.settings()
	j := &job{in: in, config: c, program: c.Trainers[in.Trainer], task: t}
	how := trainerOf(in.Trainer)
	if err := how.check(j); err != nil {
		return trainOut{}, err
	}
	if err := j.open(); err != nil {
		return trainOut{}, err
	}
	out, err := how.train(ctx, j)
	if err != nil {
		return trainOut{}, errors.Join(err, j.meter.keep())
	}
	return j.finish(out)
}

// stale is how long what an attempt left is kept for one that goes on.
const stale = 14 * 24 * time.Hour

// open finds the job's folder, that of an earlier attempt if there is one, and lays out the dataset and the base there.
func (j *job) open() error {
	root := filepath.Join(j.config.Work, "jobs")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	sweep(root, time.Now().Add(-stale))
	var c checkpoint
	if j.task.Checkpoint != nil && json.Unmarshal(j.task.Checkpoint, &c) == nil && c.Folder == filepath.Base(c.Folder) && filepath.IsLocal(c.Folder) {
		if _, err := os.Stat(filepath.Join(root, c.Folder, "data")); err == nil {
			j.work, j.resumes = filepath.Join(root, c.Folder), true
		} else {
			j.task.Log("warn", fmt.Sprintf("the checkpoint of step %d is not on this machine: training begins anew", c.Step))
		}
	}
	if !j.resumes {
		var id [12]byte
		_, _ = rand.Read(id[:]) // never fails
		j.work = filepath.Join(root, hex.EncodeToString(id[:]))
		if err := os.MkdirAll(j.work, 0o700); err != nil {
			return err
		}
		if err := unpack(j.in.Dataset, j.data()); err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
	}
	j.meter = newMeter(j.task, filepath.Join(j.work, "log.jsonl"))
	if j.resumes {
		if err := j.meter.resume(c.Step); err != nil {
			return err
		}
		j.task.Log("info", fmt.Sprintf("goes on from step %d", c.Step))
	}
	return j.openBase()
}

// openBase finds the base model: its files, a folder or file of the models folder, or a name to fetch it by.
func (j *job) openBase() error {
	if len(j.in.BaseFiles) > 0 {
		j.base = filepath.Join(j.work, "base")
		if _, err := os.Stat(j.base); err == nil {
			return nil // of an earlier attempt
		}
		if err := unpack(j.in.BaseFiles, j.base); err != nil {
			return fmt.Errorf("base_files: %w", err)
		}
		return nil
	}
	j.base = j.in.Base
	if j.config.Models != "" && filepath.IsLocal(j.in.Base) {
		if path := filepath.Join(j.config.Models, j.in.Base); exists(path) {
			j.base = path
		}
	}
	return nil
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// sweep removes folders of jobs that nobody has gone on with.
func sweep(root string, before time.Time) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return
	}
	for _, e := range entries {
		if st, err := e.Info(); err == nil && st.ModTime().Before(before) {
			_ = os.RemoveAll(filepath.Join(root, e.Name())) // the next sweep tries again
		}
	}
}

// finish gives what was trained, and removes the job's folder.
func (j *job) finish(made trained) (trainOut, error) {
	out := trainOut{Kind: j.in.Kind, Base: j.baseName(), Steps: j.meter.newest.Step, Loss: j.meter.loss(), Seconds: j.meter.now().Sub(j.meter.began).Seconds(), Samples: []sdk.Artifact{}}
	about, err := inspectFile(made.adapter)
	if err != nil {
		return out, sdk.Fail("what the trainer made is no LoRA: "+err.Error(), "its last lines say what went wrong")
	}
	if about.Kind != "" && about.Kind != j.in.Kind {
		return out, sdk.Refuse(fmt.Sprintf("the trainer made a LoRA of the kind %s, not %s", about.Kind, j.in.Kind), "set kind as the base model is")
	}
	take := func(path, name, media string) sdk.Artifact {
		if err != nil {
			return sdk.Artifact{}
		}
		to := filepath.Join(j.task.Scratch, name)
		err = copyFile(path, to)
		return sdk.File(to, name, media)
	}
	out.Adapter = take(made.adapter, "adapter_model.safetensors", mediaOf(j.in.Kind))
	if made.config != "" {
		a := take(made.config, "adapter_config.json", "application/json")
		out.Config = &a
	}
	if made.base != nil && err == nil {
		path := filepath.Join(j.task.Scratch, "adapter.gguf")
		err = writeGGUF(made.adapter, path, *made.base, j.in.Alpha)
		a := sdk.File(path, "adapter.gguf", mediaOf(j.in.Kind)+"-gguf")
		out.GGUF = &a
	}
	settings := filepath.Join(j.work, "settings.json")
	if err == nil {
		err = errors.Join(j.writeSettings(settings), j.meter.keep())
	}
	out.Settings, out.Log = take(settings, "settings.json", "application/json"), take(j.meter.log, "log.jsonl", "application/x-ndjson")
	for i, p := range made.samples {
		out.Samples = append(out.Samples, take(p, fmt.Sprintf("sample-%03d%s", i+1, strings.ToLower(filepath.Ext(p))), ""))
	}
	if err == nil {
		out.Curve, err = j.meter.curve(j.task.Scratch, "curve.png")
	}
	if err == nil {
		err = os.RemoveAll(j.work)
	}
	return out, err
}

func writeGGUF(from, to string, base weights.Base, alpha float64) error {
	f, err := weights.Open(from)
	if err != nil {
		return err
	}
	return errors.Join(f.WriteAdapter(to, base, alpha), f.Close())
}

// mediaOf is the media type of an adapter: what may load it is known by it.
func mediaOf(kind string) string { return "application/vnd.spinbot.lora-" + kind }

func (j *job) baseName() string {
	if j.in.Base != "" {
		return j.in.Base
	}
	names := make([]string, 0, len(j.in.BaseFiles))
	for _, a := range j.in.BaseFiles {
		names = append(names, a.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// writeSettings writes all that decides what was trained: the inputs with the dataset and the base by digest.
func (j *job) writeSettings(path string) error {
	digests := func(all []sdk.Artifact) (out []map[string]string) {
		for _, a := range all {
			out = append(out, map[string]string{"name": a.Name, "digest": a.Digest})
		}
		return out
	}
	in := j.in
	raw, err := json.MarshalIndent(map[string]any{
		"dataset": digests(in.Dataset), "base_files": digests(in.BaseFiles), "base": in.Base, "kind": in.Kind, "trainer": in.Trainer, "family": in.Family, "rank": in.Rank,
		"alpha": in.Alpha, "steps": in.Steps, "learning_rate": in.Rate, "schedule": in.Schedule, "batch": in.Batch, "resolution": in.Resolution, "length": in.Length,
		"targets": in.Targets, "sample_prompts": in.Samples, "save_every": in.Every, "seed": in.Seed, "options": in.Options,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o600)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
