package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/myspinbot/spinbot/plugins/lora/external"
	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/plugins/lora/meter"
	"github.com/myspinbot/spinbot/plugins/lora/texts"
	"github.com/myspinbot/spinbot/sdk"
)

type trainOut struct {
	Adapter  sdk.Artifact   `spin:"adapter" doc:"The LoRA, as safetensors"`
	Config   *sdk.Artifact  `spin:"adapter_config" doc:"PEFT's adapter_config.json; only of language models"`
	GGUF     *sdk.Artifact  `spin:"gguf" doc:"The same for llama.cpp and Ollama; only of language models whose shape is known here"`
	Settings sdk.Artifact   `spin:"settings" doc:"All that it was trained with, as JSON"`
	Log      sdk.Artifact   `spin:"log" doc:"Step, loss and learning rate, as JSON lines"`
	Curve    sdk.Artifact   `spin:"curve" accept:"image/png" doc:"The loss over the steps"`
	Samples  []sdk.Artifact `spin:"samples" doc:"What was made for sample_prompts, the newest last"`
	Kind     string         `spin:"kind" doc:"image or llm"`
	Trainer  string         `spin:"trainer" doc:"Who trained"`
	Family   string         `spin:"family" doc:"What kind of image model the base is; empty of language models"`
	Base     string         `spin:"base" doc:"The model that it is for"`
	Steps    int            `spin:"steps" doc:"How many were taken"`
	Loss     float64        `spin:"loss" doc:"At the end, smoothed"`
	Seconds  float64        `spin:"seconds" doc:"How long the last attempt took"`
}

func trainNode(s *shop) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "lora.train",
		Description: "Trains a LoRA adapter of an image or language model. It goes on from its last checkpoint after a crash, and shows the loss as it falls.",
		Idempotent:  true, Cases: cases(),
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

// cases say what trainers need: of image models a GPU, a larger one for larger models, with about how long a step takes there. The
// builtin trainer and a person's own run anywhere, and so does PEFT, if slowly.
func cases() []sdk.Case {
	const instead = `kind = "llm" with trainer = "builtin" trains a small language model on any machine`
	image := func(gb int64, pace float64, more ...sdk.Choice) sdk.Case {
		c := sdk.Case{When: append([]sdk.Choice{{Input: "kind", Value: "image"}}, more...), Device: &sdk.DeviceNeed{Memory: usable(gb)}}
		c.Pace = &sdk.Pace{Seconds: pace, Per: "steps", Made: "steps"}
		c.Instead = fmt.Sprintf("a LoRA of such an image model needs a machine with a GPU of %d GB or more: join one with spinbot agent --join; %s", gb, instead)
		return c
	}
	of := func(input, value string) sdk.Choice { return sdk.Choice{Input: input, Value: value} }
	all := []sdk.Case{{When: []sdk.Choice{of("trainer", "command")}}, image(8, 0.5, of("family", "sd15"))}
	for _, family := range []string{"flux", "sd3", "hunyuan", "qwen", "wan"} {
		all = append(all, image(24, 4, of("family", family)))
	}
	all = append(all, image(12, 1.5))
	for _, trainer := range []string{"axolotl", "llama-factory"} {
		all = append(all, sdk.Case{When: []sdk.Choice{of("trainer", trainer)}, Device: &sdk.DeviceNeed{Count: 1},
			Instead: trainer + " needs a machine with a GPU: join one with spinbot agent --join; " + instead})
	}
	return all
}

// usable is what can be had of a GPU that is sold as one of so many GB, in bytes.
func usable(gb int64) int64 { return (gb<<30 - gb<<30/12) >> 28 << 28 }

// trainer is one way to train.
type trainer interface {
	// Check says why it cannot do that, or nil.
	Check(j *job.Job) error
	// Train trains. The dataset is unpacked.
	Train(ctx context.Context, j *job.Job) (job.Trained, error)
}

func trainerNames() []string {
	return []string{"builtin", "peft", "axolotl", "llama-factory", "kohya", "ai-toolkit", "diffusers", "command"}
}

func (s *shop) train(ctx context.Context, in job.Input, t *sdk.Task) (trainOut, error) {
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
	j := &job.Job{In: in, Config: c, Program: c.Trainers[in.Trainer], Task: t}
	how := trainerOf(in.Trainer)
	if err := how.Check(j); err != nil {
		return trainOut{}, err
	}
	if err := open(j); err != nil {
		return trainOut{}, err
	}
	out, err := how.Train(ctx, j)
	if err != nil {
		return trainOut{}, errors.Join(err, j.Meter.Keep())
	}
	return finish(j, out)
}

// stale is how long what an attempt left is kept for one that goes on.
const stale = 14 * 24 * time.Hour

// open finds the job's folder, that of an earlier attempt if there is one, and lays out the dataset and the base there.
func open(j *job.Job) error {
	root := filepath.Join(j.Config.Work, "jobs")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	sweep(root, time.Now().Add(-stale))
	var c job.Checkpoint
	if j.Task.Checkpoint != nil && json.Unmarshal(j.Task.Checkpoint, &c) == nil && c.Folder == filepath.Base(c.Folder) && filepath.IsLocal(c.Folder) {
		if _, err := os.Stat(filepath.Join(root, c.Folder, "data")); err == nil {
			j.Work, j.Resumes = filepath.Join(root, c.Folder), true
		} else {
			j.Task.Log("warn", fmt.Sprintf("the checkpoint of step %d is not on this machine: training begins anew", c.Step))
		}
	}
	if !j.Resumes {
		var id [12]byte
		_, _ = rand.Read(id[:]) // never fails
		j.Work = filepath.Join(root, hex.EncodeToString(id[:]))
		if err := os.MkdirAll(j.Work, 0o700); err != nil {
			return err
		}
		if err := texts.Unpack(j.In.Dataset, j.Data()); err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
	}
	j.Meter = meter.New(j.Task, filepath.Join(j.Work, "log.jsonl"))
	if j.Resumes {
		if err := j.Meter.Resume(c.Step); err != nil {
			return err
		}
		j.Task.Log("info", fmt.Sprintf("goes on from step %d", c.Step))
	}
	return openBase(j)
}

// openBase finds the base model: its files, a folder or file of the models folder, or a name to fetch it by.
func openBase(j *job.Job) error {
	if len(j.In.BaseFiles) > 0 {
		j.Base = filepath.Join(j.Work, "base")
		if _, err := os.Stat(j.Base); err == nil {
			return nil // of an earlier attempt
		}
		if err := texts.Unpack(j.In.BaseFiles, j.Base); err != nil {
			return fmt.Errorf("base_files: %w", err)
		}
		return nil
	}
	j.Base = j.In.Base
	if j.Config.Models != "" && filepath.IsLocal(j.In.Base) {
		if path := filepath.Join(j.Config.Models, j.In.Base); job.Exists(path) {
			j.Base = path
		}
	}
	return nil
}

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

func trainerOf(name string) trainer {
	if name == "builtin" {
		return builtin{}
	}
	return external.Named(name)
}
