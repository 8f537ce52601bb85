package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/plugins/lora/llama"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/weights"
)

// finish gives what was trained, and removes the job's folder.
func finish(j *job.Job, made job.Trained) (trainOut, error) {
	out := trainOut{Kind: j.In.Kind, Trainer: j.In.Trainer, Base: j.BaseName(), Steps: j.Meter.Newest.Step, Loss: j.Meter.Loss(), Seconds: j.Meter.Seconds(), Samples: []sdk.Artifact{}}
	if j.In.Kind == "image" {
		out.Family = j.In.Family
	}
	about, err := inspectFile(made.Adapter)
	if err != nil {
		return out, sdk.Fail("what the trainer made is no LoRA: "+err.Error(), "its last lines say what went wrong")
	}
	if about.Kind != "" && about.Kind != j.In.Kind {
		return out, sdk.Refuse(fmt.Sprintf("the trainer made a LoRA of the kind %s, not %s", about.Kind, j.In.Kind), "set kind as the base model is")
	}
	take := func(path, name, media string) sdk.Artifact {
		if err != nil {
			return sdk.Artifact{}
		}
		to := filepath.Join(j.Task.Scratch, name)
		err = job.CopyFile(path, to)
		return sdk.File(to, name, media)
	}
	out.Adapter = sdk.File(filepath.Join(j.Task.Scratch, "adapter_model.safetensors"), "adapter_model.safetensors", mediaOf(j.In.Kind))
	alpha, err := mark(j, made, about, out)
	if err != nil {
		return out, err
	}
	if made.Config != "" {
		a := take(made.Config, "adapter_config.json", "application/json")
		out.Config = &a
	}
	if base := shape(j, made); base != nil && alpha > 0 && err == nil {
		path := filepath.Join(j.Task.Scratch, "adapter.gguf")
		var unfit *sdk.Error
		switch bad := writeGGUF(made.Adapter, path, *base, alpha); {
		case bad == nil:
			a := sdk.File(path, "adapter.gguf", mediaOf(j.In.Kind)+"-gguf")
			out.GGUF = &a
		case errors.As(bad, &unfit):
			j.Task.Log("warn", "there is no GGUF of it: "+bad.Error())
		default:
			err = bad
		}
	}
	settings := filepath.Join(j.Work, "settings.json")
	if err == nil {
		err = errors.Join(j.WriteSettings(settings), j.Meter.Keep())
	}
	out.Settings, out.Log = take(settings, "settings.json", "application/json"), take(j.Meter.Log, "log.jsonl", "application/x-ndjson")
	for i, p := range made.Samples {
		out.Samples = append(out.Samples, take(p, fmt.Sprintf("sample-%03d%s", i+1, strings.ToLower(filepath.Ext(p))), ""))
	}
	if err == nil {
		out.Curve, err = j.Meter.Curve(j.Task.Scratch, "curve.png")
	}
	if err == nil {
		err = os.RemoveAll(j.Work)
	}
	return out, err
}

// mark copies the adapter, and writes into it what it is, where its trainer did not. It gives its alpha; 0: nobody says it.
func mark(j *job.Job, made job.Trained, about inspectOut, out trainOut) (alpha float64, err error) {
	if alpha = about.Alpha; made.Config != "" {
		var c struct {
			Alpha float64 `json:"lora_alpha"`
		}
		raw, err := os.ReadFile(made.Config)
		if err != nil {
			return 0, err
		}
		if json.Unmarshal(raw, &c) == nil && c.Alpha > 0 {
			alpha = c.Alpha
		}
	}
	says := map[string]string{"spinbot.kind": j.In.Kind, "spinbot.base": out.Base, "spinbot.trainer": j.In.Trainer, "spinbot.steps": strconv.Itoa(out.Steps), "spinbot.rank": strconv.Itoa(about.Rank)}
	if alpha > 0 {
		says["spinbot.alpha"] = job.Number(alpha)
	}
	f, err := weights.Open(made.Adapter)
	if err != nil {
		return 0, err
	}
	return alpha, errors.Join(f.Copy(out.Adapter.Path, says), f.Close())
}

// shape is what a GGUF of the adapter has to know of its base: of a Llama or Mistral whose files are on this machine; nil: it is not known.
func shape(j *job.Job, made job.Trained) *weights.Base {
	if made.Base != nil || j.In.Kind != "llm" {
		return made.Base
	}
	raw, err := os.ReadFile(filepath.Join(j.Base, "config.json"))
	if err != nil {
		return nil
	}
	c, err := llama.ReadConfig(raw)
	if err != nil {
		return nil
	}
	return &weights.Base{Architecture: "llama", Queries: c.Heads, Keys: c.KVHeads}
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
