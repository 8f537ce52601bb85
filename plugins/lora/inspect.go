package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/weights"
)

type inspectIn struct {
	Adapter sdk.Artifact `spin:"adapter" doc:"A LoRA as safetensors"`
}

type inspectOut struct {
	Kind     string            `spin:"kind" doc:"image or llm; empty when its names do not tell"`
	Base     string            `spin:"base" doc:"The model that it is for, where its metadata say so"`
	Rank     int               `spin:"rank" doc:"The widest of its modules'"`
	Alpha    float64           `spin:"alpha" doc:"0 where neither it nor its metadata say it"`
	Modules  []moduleOut       `spin:"modules" doc:"What it changes, the strongest first"`
	Numbers  int               `spin:"parameters" doc:"How many numbers it has"`
	Metadata map[string]string `spin:"metadata" doc:"What its trainer wrote into it"`
}

type moduleOut struct {
	Name string  `spin:"name"`
	Rank int     `spin:"rank"`
	Norm float64 `spin:"norm" doc:"How strongly it acts: the length of B times that of A"`
}

func inspectNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "lora.inspect", Description: "Says what a LoRA is: for which kind of model, how wide, and what it changes most.", Revision: "1", Idempotent: true,
		Examples: []sdk.Example{{Title: "What is in a file", HCL: "node \"lora.inspect\" \"it\" {\n  adapter = var.adapter\n}\n"}},
	}, func(_ context.Context, in inspectIn, _ *sdk.Task) (inspectOut, error) {
		out, err := inspectFile(in.Adapter.Path)
		if err != nil {
			return out, sdk.Refuse(in.Adapter.Name+": "+err.Error(), "give a LoRA as safetensors")
		}
		return out, nil
	})
}

// halves are how trainers call the two matrices of a module: A, then B.
var halves = regexp.MustCompile(`^(.*?)(?:\.(lora_A|lora_down|lora\.down)(?:\.default)?\.weight|\.(lora_B|lora_up|lora\.up)(?:\.default)?\.weight|_lora\.(down)\.weight|_lora\.(up)\.weight)$`)

// module is a LoRA's change of one weight: the names of its tensors.
type module struct {
	a, b, alpha string
}

// modules finds what a LoRA changes. What is no part of one is given, too.
func modules(f *weights.File) (all map[string]*module, others []string) {
	all = map[string]*module{}
	at := func(name string) *module {
		if all[name] == nil {
			all[name] = &module{}
		}
		return all[name]
	}
	for name := range f.Tensors {
		m := halves.FindStringSubmatch(name)
		switch {
		case m != nil && m[2]+m[4] != "":
			at(m[1]).a = name
		case m != nil:
			at(m[1]).b = name
		case strings.HasSuffix(name, ".alpha"):
			at(strings.TrimSuffix(name, ".alpha")).alpha = name
		default:
			others = append(others, name)
		}
	}
	slices.Sort(others)
	return all, others
}

func inspectFile(path string) (inspectOut, error) {
	out := inspectOut{Modules: []moduleOut{}, Metadata: map[string]string{}}
	f, err := weights.Open(path)
	if err != nil {
		return out, err
	}
	defer func() { _ = f.Close() }() // only read
	maps.Copy(out.Metadata, f.Metadata)
	all, others := modules(f)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m := all[name]
		if m.a == "" || m.b == "" {
			return out, fmt.Errorf("%s has only one of its two matrices", name)
		}
		a, b := f.Tensors[m.a], f.Tensors[m.b]
		if len(a.Shape) < 2 || len(b.Shape) < 2 || a.Shape[0] != b.Shape[1] {
			return out, fmt.Errorf("the matrices of %s, %v and %v, do not fit each other", name, a.Shape, b.Shape)
		}
		rank := a.Shape[0]
		normA, err := norm(f, m.a)
		if err != nil {
			return out, err
		}
		normB, err := norm(f, m.b)
		if err != nil {
			return out, err
		}
		if m.alpha != "" && out.Alpha == 0 {
			if v, err := f.Floats(m.alpha, f.Tensors[m.alpha].Shape...); err == nil && len(v) == 1 {
				out.Alpha = float64(v[0])
			}
		}
		out.Modules = append(out.Modules, moduleOut{name, rank, normA * normB})
		out.Rank = max(out.Rank, rank)
	}
	if len(all) == 0 {
		what := "no tensors"
		if len(others) > 0 {
			what = "tensors such as " + others[0]
		}
		return out, fmt.Errorf("it has %s, and none of a LoRA", what)
	}
	for _, t := range f.Tensors {
		out.Numbers += int(t.Count())
	}
	slices.SortStableFunc(out.Modules, func(a, b moduleOut) int {
		switch {
		case a.Norm > b.Norm:
			return -1
		case a.Norm < b.Norm:
			return 1
		}
		return 0
	})
	out.Kind = kindOf(f, all)
	out.Base = first(f.Metadata["spinbot.base"], f.Metadata["ss_sd_model_name"], f.Metadata["modelspec.architecture"])
	if out.Alpha == 0 {
		out.Alpha, _ = strconv.ParseFloat(first(f.Metadata["spinbot.alpha"], f.Metadata["ss_network_alpha"]), 64)
	}
	return out, nil
}

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// kindOf tells from its names what a LoRA is for; empty: they do not tell.
func kindOf(f *weights.File, all map[string]*module) string {
	if k := f.Metadata["spinbot.kind"]; k == "image" || k == "llm" {
		return k
	}
	for name := range all {
		switch {
		case strings.Contains(name, "self_attn.") || strings.Contains(name, "mlp.") && strings.HasPrefix(name, "base_model."):
			return "llm"
		case strings.HasPrefix(name, "lora_unet") || strings.HasPrefix(name, "lora_te") || strings.HasPrefix(name, "unet.") || strings.HasPrefix(name, "transformer.") ||
			strings.HasPrefix(name, "diffusion_model.") || strings.HasPrefix(name, "text_encoder.") || strings.HasPrefix(name, "lycoris_"):
			return "image"
		}
	}
	return ""
}

// norm is the length of a tensor's numbers. Numbers that are none are an error: a training that broke leaves them.
func norm(f *weights.File, name string) (float64, error) {
	data, err := f.Floats(name, f.Tensors[name].Shape...)
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, v := range data {
		sum += float64(v) * float64(v)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return 0, fmt.Errorf("%s holds what is no number", name)
	}
	return math.Sqrt(sum), nil
}

type mergeIn struct {
	Adapters []sdk.Artifact `spin:"adapters" min:"1" doc:"LoRAs for the same model, as safetensors, all named in the same way"`
	Weights  []float64      `spin:"weights,optional" doc:"How strongly each acts; default 1"`
	Alphas   []float64      `spin:"alphas,optional" doc:"The alpha of each, where neither the file nor its metadata say it"`
}

type mergeOut struct {
	Adapter sdk.Artifact `spin:"adapter" doc:"One LoRA that does what all of them do together"`
	Config  sdk.Artifact `spin:"adapter_config" doc:"PEFT's adapter_config.json"`
	Rank    int          `spin:"rank" doc:"The sum of their ranks"`
}

func mergeNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "lora.merge", Description: "Makes one LoRA of several, each as strong as you say. Nothing is lost: their matrices are put side by side.", Revision: "1", Idempotent: true,
		Examples: []sdk.Example{{Title: "A face in a style", HCL: "node \"lora.merge\" \"both\" {\n  adapters = [var.face, var.style]\n  weights  = [1, 0.6]\n}\n"}},
	}, merge)
}

// part is one adapter's share of a module.
type part struct {
	a, b   []float32
	rank   int
	in     int
	out    int
	factor float64 // alpha / rank, times its weight
}

func merge(_ context.Context, in mergeIn, t *sdk.Task) (mergeOut, error) {
	if n := len(in.Weights); n > 0 && n != len(in.Adapters) {
		return mergeOut{}, sdk.Refuse(fmt.Sprintf("there are %d adapters and %d weights", len(in.Adapters), n), "give a weight for each, or none")
	}
	parts := map[string][]part{}
	kind := ""
	for i, a := range in.Adapters {
		about, err := inspectFile(a.Path)
		if err != nil {
			return mergeOut{}, sdk.Refuse(a.Name+": "+err.Error(), "give LoRAs as safetensors")
		}
		if kind == "" {
			kind = about.Kind
		}
		if about.Kind != kind {
			return mergeOut{}, sdk.Refuse(fmt.Sprintf("%s is a LoRA of the kind %q, %s of %q", in.Adapters[0].Name, kind, a.Name, about.Kind), "merge LoRAs of one model")
		}
		weight := 1.0
		if len(in.Weights) > 0 {
			weight = in.Weights[i]
		}
		alpha := about.Alpha
		if i < len(in.Alphas) && in.Alphas[i] > 0 {
			alpha = in.Alphas[i]
		}
		if alpha == 0 {
			return mergeOut{}, sdk.Refuse("the alpha of "+a.Name+" is not known", "give alphas: adapter_config.json has it as lora_alpha")
		}
		if err := takeParts(a, weight, alpha, parts); err != nil {
			return mergeOut{}, sdk.Refuse(a.Name+": "+err.Error(), "merge LoRAs of one model, named in the same way")
		}
	}
	return writeMerged(t, kind, parts)
}

func takeParts(a sdk.Artifact, weight, alpha float64, parts map[string][]part) error {
	f, err := weights.Open(a.Path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	all, _ := modules(f)
	for name, m := range all {
		ta, tb := f.Tensors[m.a], f.Tensors[m.b]
		p := part{rank: ta.Shape[0], in: int(ta.Count()) / ta.Shape[0], out: tb.Shape[0]}
		if int(tb.Count()) != p.out*p.rank {
			return fmt.Errorf("%s is no plain LoRA", name)
		}
		own := alpha
		if m.alpha != "" {
			if v, err := f.Floats(m.alpha, f.Tensors[m.alpha].Shape...); err == nil && len(v) == 1 {
				own = float64(v[0])
			}
		}
		p.factor = weight * own / float64(p.rank)
		if p.a, err = f.Floats(m.a, ta.Shape...); err != nil {
			return err
		}
		if p.b, err = f.Floats(m.b, tb.Shape...); err != nil {
			return err
		}
		if at := parts[name]; len(at) > 0 && (at[0].in != p.in || at[0].out != p.out) {
			return fmt.Errorf("%s is %d by %d there and %d by %d in the first", name, p.out, p.in, at[0].out, at[0].in)
		}
		parts[name] = append(parts[name], p)
	}
	return nil
}

// writeMerged puts the shares of each module side by side. All get the same rank, and an alpha like it: the factors are in B.
func writeMerged(t *sdk.Task, kind string, parts map[string][]part) (mergeOut, error) {
	rank := 0
	for _, all := range parts {
		sum := 0
		for _, p := range all {
			sum += p.rank
		}
		rank = max(rank, sum)
	}
	var tensors []weights.New
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		all := parts[name]
		in, out := all[0].in, all[0].out
		a, b := make([]float32, rank*in), make([]float32, out*rank)
		at := 0
		for _, p := range all {
			copy(a[at*in:], p.a)
			for o := range out {
				for r := range p.rank {
					b[o*rank+at+r] = p.b[o*p.rank+r] * float32(p.factor)
				}
			}
			at += p.rank
		}
		sides := [2]string{".lora_A.weight", ".lora_B.weight"}
		if kind == "image" {
			sides = [2]string{".lora_down.weight", ".lora_up.weight"}
			tensors = append(tensors, weights.New{Name: name + ".alpha", Shape: []int{}, Data: []float32{float32(rank)}})
		}
		tensors = append(tensors, weights.New{Name: name + sides[0], Shape: []int{rank, in}, Data: a}, weights.New{Name: name + sides[1], Shape: []int{out, rank}, Data: b})
	}
	path := t.Scratch + "/adapter_model.safetensors"
	meta := map[string]string{"format": "pt", "spinbot.kind": kind, "spinbot.rank": strconv.Itoa(rank), "spinbot.alpha": strconv.Itoa(rank)}
	if err := weights.Write(path, meta, tensors); err != nil {
		return mergeOut{}, err
	}
	config := t.Scratch + "/adapter_config.json"
	raw := fmt.Sprintf("{\n  \"peft_type\": \"LORA\",\n  \"r\": %d,\n  \"lora_alpha\": %d\n}\n", rank, rank)
	if err := os.WriteFile(config, []byte(raw), 0o600); err != nil {
		return mergeOut{}, err
	}
	return mergeOut{sdk.File(path, "adapter_model.safetensors", mediaOf(kind)), sdk.File(config, "adapter_config.json", "application/json"), rank}, nil
}
