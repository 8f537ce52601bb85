// Package job is one training on its way: what is asked for, where its files lie, how it goes on after a crash, and what it has made.
package job

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/plugins/lora/meter"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/weights"
)

// Input is what lora.train is asked for.
type Input struct {
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

// Config is what the host hands over.
type Config struct {
	Models   string             `spin:"models,optional" doc:"Folder of base models, each a folder as Hugging Face lays it out, or a file. Absolute. A base that is not there is looked for under its name by trainers that fetch models"`
	Work     string             `spin:"work,optional" doc:"Folder for checkpoints and Python environments. Absolute; default: spinbot-lora in the user's cache folder"`
	Trainers map[string]Program `spin:"trainers,optional" doc:"Where trainers are on this machine, by the names that nodes know them by"`
}

// Program is how a trainer is started on this machine.
type Program struct {
	Folder  string            `spin:"folder,optional" doc:"Where its source lies: what git clone made"`
	Python  string            `spin:"python,optional" doc:"The Python to run it with. Without one an environment is made for it, once"`
	Command []string          `spin:"command,optional" doc:"Of the trainer called command: a program and its arguments, which get what plugins/lora/README.md says"`
	Env     map[string]string `spin:"env,optional" doc:"Variables that it gets beside those of the plugin"`
}

// Job is one training on its way.
type Job struct {
	In      Input
	Config  Config
	Program Program
	Task    *sdk.Task
	Meter   *meter.Meter
	Work    string // its folder, which stays until it is done; the dataset lies in work/data
	Resumes bool   // an earlier attempt left a checkpoint there
	Base    string // path or name of the base model
}

// Data is the folder of what is learned from.
func (j *Job) Data() string { return filepath.Join(j.Work, "data") }

// Out is the path of a file of the job.
func (j *Job) Out(name string) string { return filepath.Join(j.Work, name) }

// Write writes a file of a job's folder and gives its path.
func (j *Job) Write(name string, raw []byte) (string, error) {
	path := filepath.Join(j.Work, name)
	return path, os.WriteFile(path, raw, 0o600)
}

// Checkpoint names the folder in which an attempt left what the next goes on from.
type Checkpoint struct {
	Folder string `json:"folder"`
	Step   int    `json:"step"`
}

// Saved says to the host that there is something to go on from.
func (j *Job) Saved(step int) error {
	raw, err := json.Marshal(Checkpoint{filepath.Base(j.Work), step})
	if err != nil {
		return err
	}
	if err := j.Meter.Keep(); err != nil {
		return err
	}
	j.Task.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: raw})
	return nil
}

// BaseName is what the base is called.
func (j *Job) BaseName() string {
	if j.In.Base != "" {
		return j.In.Base
	}
	names := make([]string, 0, len(j.In.BaseFiles))
	for _, a := range j.In.BaseFiles {
		names = append(names, a.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// WriteSettings writes all that decides what was trained: the inputs with the dataset and the base by digest.
func (j *Job) WriteSettings(path string) error {
	digests := func(all []sdk.Artifact) (out []map[string]string) {
		for _, a := range all {
			out = append(out, map[string]string{"name": a.Name, "digest": a.Digest})
		}
		return out
	}
	in := j.In
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

// TargetNames are the projections that can be adapted, in the order of llama.Projection.
var TargetNames = []string{"q", "k", "v", "o", "gate", "up", "down"}

// Targets are the projections' names as trainers in Python have them.
func (j *Job) Targets() []string {
	names := j.In.Targets
	if len(names) == 0 {
		names = TargetNames
	}
	var out []string
	for _, n := range names {
		out = append(out, strings.TrimSuffix(n, "_proj")+"_proj")
	}
	return out
}

// Trained is what a trainer has made.
type Trained struct {
	Adapter string // path
	Config  string // path; empty: none
	Samples []string
	Base    *weights.Base // nil: its shape is not known
}

// Number writes a number as trainers read it.
func Number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// CopyFile copies a file.
func CopyFile(from, to string) error {
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

// Exists says whether there is something at a path.
func Exists(path string) bool { _, err := os.Stat(path); return err == nil }

// Newest gives the file that was written last of those that are like a pattern; empty: there is none.
func Newest(pattern string) (string, error) {
	all, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	best, at := "", time.Time{}
	for _, p := range all {
		if st, err := os.Stat(p); err == nil && (best == "" || !st.ModTime().Before(at)) {
			best, at = p, st.ModTime()
		}
	}
	return best, nil
}
