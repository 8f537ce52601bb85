package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/plugins/lora/llama"
	"github.com/myspinbot/spinbot/plugins/lora/meter"
	"github.com/myspinbot/spinbot/plugins/lora/texts"
	"github.com/myspinbot/spinbot/plugins/lora/tokens"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/weights"
)

// builtin trains Llama-shaped language models on the CPU, without Python.
type builtin struct{}

const (
	maxParameters = 2 << 30 // of a base: 8 GiB in memory
	sampleTokens  = 64
)

func (builtin) Check(j *job.Job) error {
	if j.In.Kind != "llm" {
		return sdk.Refuse("the builtin trainer trains language models only", `set trainer: kohya, ai-toolkit or diffusers train image models`)
	}
	_, err := projections(j.In.Targets)
	return err
}

func projections(names []string) ([]llama.Projection, error) {
	if len(names) == 0 {
		names = job.TargetNames
	}
	var out []llama.Projection
	for _, n := range names {
		at := slices.Index(job.TargetNames, strings.TrimSuffix(n, "_proj"))
		if at < 0 {
			return nil, sdk.Refuse(fmt.Sprintf("targets: no projection is called %q", n), "there are "+strings.Join(job.TargetNames, ", "))
		}
		if !slices.Contains(out, llama.Projection(at)) {
			out = append(out, llama.Projection(at))
		}
	}
	return out, nil
}

// school is a training of the builtin trainer under way.
type school struct {
	*job.Job
	model    *llama.Model
	tokens   *tokens.Tokenizer
	adapter  *llama.Adapter
	trainer  *llama.Trainer
	examples []llama.Example
}

func (builtin) Train(ctx context.Context, j *job.Job) (job.Trained, error) {
	s := &school{Job: j}
	j.Task.Progress(-1, "reading "+j.BaseName())
	if err := s.load(); err != nil {
		return job.Trained{}, err
	}
	if err := s.read(); err != nil {
		return job.Trained{}, err
	}
	on, _ := projections(j.In.Targets) // checked
	s.adapter = llama.NewAdapter(s.model.Config, j.In.Rank, j.In.Alpha, on, uint64(j.In.Seed))
	s.trainer = llama.NewTrainer(s.model, s.adapter)
	if j.Resumes {
		if err := s.restore(); err != nil {
			return job.Trained{}, err
		}
	}
	for step := s.trainer.Steps; step < j.In.Steps; step++ {
		if ctx.Err() != nil {
			return job.Trained{}, errors.Join(context.Cause(ctx), s.save())
		}
		rate := rateAt(j.In, step)
		loss := s.trainer.Step(s.batch(step), rate, 0)
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return job.Trained{}, sdk.Refuse(fmt.Sprintf("the loss is no number at step %d", step+1), "use a smaller learning_rate")
		}
		j.Meter.Says(meter.Point{Step: step + 1, Total: j.In.Steps, Loss: loss, Rate: rate})
		if (step+1)%j.In.Every == 0 && step+1 < j.In.Steps {
			if err := s.save(); err != nil {
				return job.Trained{}, err
			}
		}
	}
	return s.export()
}

// find gives the path of a file of the base model.
func (s *school) find(name string) (string, error) {
	found, err := texts.Files(s.Base, "/"+name)
	if err != nil || len(found) == 0 {
		return "", sdk.Refuse(fmt.Sprintf("the model %s has no %s on this machine", s.BaseName(), name),
			"put its folder, as Hugging Face lays it out, into the plugin's models folder, or give base_files; the builtin trainer fetches no models")
	}
	return found[0], nil
}

func (s *school) file(name string) ([]byte, error) {
	path, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// load reads the base model and its tokenizer.
func (s *school) load() error {
	raw, err := s.file("config.json")
	if err != nil {
		return err
	}
	c, err := llama.ReadConfig(raw)
	if err != nil {
		return sdk.Refuse(err.Error(), "the builtin trainer knows Llama and Mistral; peft trains others")
	}
	if c.Parameters() > maxParameters {
		return sdk.Refuse(fmt.Sprintf("the model has %d million parameters, too many for the CPU", c.Parameters()>>20), "set trainer = \"peft\", on a machine with a GPU")
	}
	if raw, err = s.file("tokenizer.json"); err != nil {
		return err
	}
	var settings []byte
	if path, err := s.find("tokenizer_config.json"); err == nil {
		if settings, err = os.ReadFile(path); err != nil {
			return err
		}
	}
	if s.tokens, err = tokens.Read(raw, settings); err != nil {
		return sdk.Refuse(err.Error(), "the builtin trainer knows byte-pair encodings as GPT-2, Llama 2 and Llama 3 have them; peft knows others")
	}
	if s.tokens.Most() >= c.Vocabulary {
		return sdk.Refuse(fmt.Sprintf("the tokenizer has token %d, and the model only %d tokens", s.tokens.Most(), c.Vocabulary), "tokenizer and model are of different models")
	}
	shards, err := openShards(s.Base)
	if err != nil {
		return err
	}
	defer shards.close()
	if s.model, err = llama.Load(c, shards); err != nil {
		return sdk.Refuse("the model's weights do not fit its config.json: "+err.Error(), "fetch the model again")
	}
	return nil
}

// shards are a model's weights in as many files as they come in.
type shards []*weights.File

func openShards(dir string) (shards, error) {
	paths, err := texts.Files(dir, ".safetensors")
	if err != nil || len(paths) == 0 {
		return nil, sdk.Refuse("the model has no weights as safetensors", "fetch them in that form")
	}
	var out shards
	for _, p := range paths {
		f, err := weights.Open(p)
		if err != nil {
			out.close()
			return nil, sdk.Refuse(filepath.Base(p)+": "+err.Error(), "fetch the model again")
		}
		out = append(out, f)
	}
	return out, nil
}

func (all shards) close() {
	for _, f := range all {
		_ = f.Close() // only read
	}
}

// Floats implements llama.Source.
func (all shards) Floats(name string, shape ...int) ([]float32, error) {
	for _, f := range all {
		if _, found := f.Tensors[name]; found {
			return f.Floats(name, shape...)
		}
	}
	return nil, fmt.Errorf("tensor %s is missing", name)
}

// read turns the dataset into examples.
func (s *school) read() error {
	all, err := texts.Read(s.Data())
	if err != nil {
		return err
	}
	length := min(s.In.Length, s.model.Positions)
	cut := 0
	for i, t := range all {
		if t.Form() == "messages" {
			return sdk.Refuse("the builtin trainer knows no talks", `give {"prompt": "…", "completion": "…"} with the model's own marks in the prompt, or set trainer = "peft"`)
		}
		e, err := s.example(t)
		if err != nil {
			return sdk.Refuse(fmt.Sprintf("text %d: %v", i+1, err), "the tokenizer is not of this model, or the text of another language")
		}
		if len(e.Tokens) > length {
			e.Tokens, e.Learn = e.Tokens[:length], e.Learn[:length]
			cut++
		}
		if len(e.Tokens) >= 2 && slices.Contains(e.Learn[1:], true) {
			s.examples = append(s.examples, e)
		}
	}
	if len(s.examples) == 0 {
		return sdk.Refuse(fmt.Sprintf("no text of the dataset has anything to learn within %d tokens", length), "give longer texts, shorter prompts, or a larger length")
	}
	if cut > 0 {
		s.Task.Log("warn", fmt.Sprintf("%d of %d texts were longer than %d tokens, and were cut", cut, len(all), length))
	}
	return nil
}

// example gives a text's tokens. Of what completes a prompt only that is learned, and its end.
func (s *school) example(t texts.Text) (e llama.Example, err error) {
	put := func(part string, learn bool) {
		if err != nil {
			return
		}
		var ids []int
		ids, err = s.tokens.Encode(part)
		for _, id := range ids {
			e.Tokens, e.Learn = append(e.Tokens, id), append(e.Learn, learn)
		}
	}
	if b := s.tokens.Begin(); b >= 0 {
		e.Tokens, e.Learn = append(e.Tokens, b), append(e.Learn, false)
	}
	if t.Form() == "completion" {
		put(t.Prompt, false)
		put(t.Completion, true)
	} else {
		put(t.Text, true)
	}
	if end := s.tokens.End(); end >= 0 {
		e.Tokens, e.Learn = append(e.Tokens, end), append(e.Learn, true)
	}
	return e, err
}

// batch gives the examples of a step: all once in an order of chance, then again in another.
func (s *school) batch(step int) []llama.Example {
	out := make([]llama.Example, s.In.Batch)
	n := len(s.examples)
	round, order := -1, []int(nil)
	for i := range out {
		at := step*s.In.Batch + i
		if at/n != round {
			round = at / n
			order = rand.New(rand.NewPCG(uint64(s.In.Seed), uint64(round))).Perm(n)
		}
		out[i] = s.examples[order[at%n]]
	}
	return out
}

// rateAt is the learning rate of a step.
func rateAt(in job.Input, step int) float64 {
	done := float64(step) / float64(in.Steps)
	switch in.Schedule {
	case "linear":
		return in.Rate * (1 - done)
	case "cosine":
		return in.Rate * (1 + math.Cos(math.Pi*done)) / 2
	default:
		return in.Rate
	}
}

func (s *school) state() string { return filepath.Join(s.Work, "state.safetensors") }

// save keeps the adapter and the optimiser's memory, so that a later attempt gives what this one would have given.
func (s *school) save() error {
	var all []weights.New
	for _, t := range append(s.adapter.Tensors(), s.trainer.Moments()...) {
		all = append(all, weights.New{Name: t.Name, Shape: []int{t.Rows, t.Cols}, Data: t.Data})
	}
	if err := weights.Write(s.state(), map[string]string{"steps": strconv.Itoa(s.trainer.Steps)}, all); err != nil {
		return fmt.Errorf("the checkpoint of step %d cannot be kept: %w", s.trainer.Steps, err)
	}
	return s.Saved(s.trainer.Steps)
}

// restore goes back to what save kept. Without it training begins anew.
func (s *school) restore() error {
	f, err := weights.Open(s.state())
	if err != nil {
		s.Task.Log("warn", "the checkpoint cannot be read: training begins anew")
		return nil
	}
	defer func() { _ = f.Close() }() // only read
	for _, t := range append(s.adapter.Tensors(), s.trainer.Moments()...) {
		data, err := f.Floats(t.Name, t.Rows, t.Cols)
		if err != nil {
			return sdk.Refuse("the checkpoint is of another training: "+err.Error(), "run the node anew")
		}
		copy(t.Data, data)
	}
	s.trainer.Steps, err = strconv.Atoi(f.Metadata["steps"])
	return err
}

// export writes the adapter as PEFT does.
func (s *school) export() (job.Trained, error) {
	out := job.Trained{Adapter: filepath.Join(s.Work, "adapter_model.safetensors"), Config: filepath.Join(s.Work, "adapter_config.json"),
		Base: &weights.Base{Architecture: "llama", Queries: s.model.Heads, Keys: s.model.KVHeads}}
	var all []weights.New
	for _, t := range s.adapter.Tensors() {
		all = append(all, weights.New{Name: t.Name, Shape: []int{t.Rows, t.Cols}, Data: t.Data})
	}
	meta := map[string]string{"format": "pt", "spinbot.kind": "llm", "spinbot.base": s.BaseName(), "spinbot.trainer": "builtin", "spinbot.steps": strconv.Itoa(s.trainer.Steps),
		"spinbot.rank": strconv.Itoa(s.In.Rank), "spinbot.alpha": strconv.FormatFloat(s.In.Alpha, 'g', -1, 64)}
	if err := weights.Write(out.Adapter, meta, all); err != nil {
		return out, err
	}
	var modules []string
	for _, p := range s.adapter.On {
		modules = append(modules, job.TargetNames[p]+"_proj")
	}
	raw, err := json.MarshalIndent(map[string]any{"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": s.BaseName(), "r": s.In.Rank, "lora_alpha": s.In.Alpha,
		"lora_dropout": 0.0, "bias": "none", "fan_in_fan_out": false, "inference_mode": true, "target_modules": modules}, "", "  ")
	if err != nil {
		return out, err
	}
	if err := os.WriteFile(out.Config, append(raw, '\n'), 0o600); err != nil {
		return out, err
	}
	for i, prompt := range s.In.Samples {
		path := filepath.Join(s.Work, fmt.Sprintf("sample-%d.txt", i))
		said, err := s.sample(prompt)
		if err == nil {
			err = os.WriteFile(path, []byte(prompt+said+"\n"), 0o600)
		}
		if err != nil {
			return out, err
		}
		s.Task.Log("info", fmt.Sprintf("%q goes on: %q", prompt, said))
		out.Samples = append(out.Samples, path)
	}
	return out, nil
}

// sample gives what the model most likely says after a prompt.
func (s *school) sample(prompt string) (string, error) {
	ids, err := s.tokens.Encode(prompt)
	if b := s.tokens.Begin(); b >= 0 {
		ids = append([]int{b}, ids...)
	}
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return s.tokens.Decode(s.trainer.Continue(ids, sampleTokens, s.tokens.End())), nil
}
