package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/myspinbot/spinbot/plugins/ollama/api"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/weights"
)

type createIn struct {
	Model   string        `spin:"model" doc:"What the new model is called; one of that name is replaced" pattern:"^[A-Za-z0-9][A-Za-z0-9._:/-]*$" max:"300"`
	From    string        `spin:"from" doc:"The installed model that it is made of" min:"1"`
	Adapter *sdk.Artifact `spin:"adapter" doc:"A LoRA for that model: PEFT's adapter_model.safetensors, or a GGUF"`
	Config  *sdk.Artifact `spin:"adapter_config" doc:"PEFT's adapter_config.json, with lora_alpha"`
	Alpha   float64       `spin:"alpha,optional" min:"0" doc:"The adapter's lora_alpha, where neither adapter_config nor the file itself says it"`
	System  string        `spin:"system,optional" doc:"What the model is told about its part"`
	Pattern string        `spin:"template,optional" doc:"The template of its prompts, in Ollama's words"`
	Options options       `spin:"options,optional" doc:"Ollama's options that it has from then on"`
}

func createNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "ollama.create",
		Description: "Makes a model of an installed one, with a LoRA adapter, a system text or options of its own.", Idempotent: true,
		Examples: []sdk.Example{{Title: "With an adapter", HCL: `node "ollama.create" "poet" {
  model          = "poet"
  from           = "llama3.2"
  adapter        = artifact("adapter_model.safetensors")
  adapter_config = artifact("adapter_config.json")
}
`}},
	}, s.create)
}

func (s *server) create(ctx context.Context, in createIn, t *sdk.Task) (pullOut, error) {
	c, err := s.reach(ctx, t)
	if err != nil {
		return pullOut{}, stopped(ctx, err, "Ollama was started")
	}
	defer s.hold(in.From)()
	out, err := s.make(ctx, c, in, t)
	return out, stopped(ctx, s.explain(err), in.Model+" was made")
}

func (s *server) make(ctx context.Context, c *api.Client, in createIn, t *sdk.Task) (pullOut, error) {
	// Asked first: Ollama would pull one that it does not have.
	var base shown
	if err := c.Ask(ctx, http.MethodPost, "/api/show", map[string]any{"model": in.From}, &base); err != nil {
		return pullOut{}, s.missing(ctx, c, in.From, err)
	}
	body := map[string]any{"model": in.Model, "from": in.From, "parameters": in.Options}
	if in.System != "" {
		body["system"] = in.System
	}
	if in.Pattern != "" {
		body["template"] = in.Pattern
	}
	if in.Adapter != nil {
		path, err := in.gguf(base.base(), t.Scratch)
		if err != nil {
			return pullOut{}, err
		}
		t.Progress(-1, "uploading the adapter")
		digest, err := upload(ctx, c, path)
		if err != nil {
			return pullOut{}, err
		}
		body["adapters"] = map[string]string{"adapter.gguf": digest}
	}
	done := false
	err := c.Stream(ctx, http.MethodPost, "/api/create", body, func(line []byte) error {
		var p struct{ Status string }
		err := json.Unmarshal(line, &p)
		done = p.Status == "success"
		t.Progress(-1, p.Status)
		return err
	})
	if err == nil && !done {
		err = sdk.Fail("making "+in.Model+" was cut off", "Ollama may have crashed: its log knows more; try again")
	}
	if err != nil {
		return pullOut{}, err
	}
	return s.about(ctx, c, in.Model)
}

// upload gives Ollama a file, unless it has it, and gives the file's digest.
func upload(ctx context.Context, c *api.Client, path string) (digest string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return "", err
	}
	digest = "sha256:" + hex.EncodeToString(h.Sum(nil))
	res, err := c.Send(ctx, http.MethodHead, "/api/blobs/"+digest, nil, 0)
	var a *api.Answered
	if errors.As(err, &a) && a.Status == http.StatusNotFound {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return "", err
		}
		res, err = c.Send(ctx, http.MethodPost, "/api/blobs/"+digest, io.NopCloser(f), n)
	}
	if err != nil {
		return "", c.Failure(err)
	}
	return digest, res.Body.Close()
}

// shown is what /api/show tells of a model, under names such as "llama.attention.head_count".
type shown struct {
	Info map[string]any `json:"model_info"`
}

func (s shown) base() weights.Base {
	number := func(name string) int {
		f, _ := s.Info[name].(float64)
		return int(f)
	}
	b := weights.Base{Queries: number("llama.attention.head_count"), Keys: number("llama.attention.head_count_kv")}
	b.Architecture, _ = s.Info["general.architecture"].(string)
	if b.Keys == 0 {
		b.Keys = b.Queries
	}
	return b
}

// gguf gives the path of the adapter in the form that Ollama takes without changing it. Its own reading of safetensors spoils the
// projections of queries and keys, so they are written here.
func (in createIn) gguf(base weights.Base, scratch string) (string, error) {
	f, err := os.Open(in.Adapter.Path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var magic [4]byte
	if _, err := io.ReadFull(f, magic[:]); err == nil && string(magic[:]) == weights.MagicGGUF {
		return in.Adapter.Path, nil
	}
	alpha := in.Alpha
	if in.Config != nil {
		var c struct {
			Alpha float64 `json:"lora_alpha"`
		}
		raw, err := os.ReadFile(in.Config.Path)
		if err != nil {
			return "", err
		}
		if err := json.Unmarshal(raw, &c); err != nil || c.Alpha <= 0 {
			return "", sdk.Refuse("adapter_config has no lora_alpha", "give the adapter_config.json that was saved with the adapter")
		}
		alpha = c.Alpha
	}
	a, err := weights.Open(in.Adapter.Path)
	if err != nil {
		return "", sdk.Refuse("adapter: "+err.Error(), "give PEFT's adapter_model.safetensors, or a GGUF")
	}
	defer func() { _ = a.Close() }() // only read
	if alpha <= 0 {
		alpha, _ = strconv.ParseFloat(a.Metadata["spinbot.alpha"], 64) // lora.train writes it; 0: there is none
	}
	if !(alpha > 0) {
		return "", sdk.Refuse("the adapter's alpha is not known", "give adapter_config, or alpha")
	}
	path := filepath.Join(scratch, "adapter.gguf")
	if err := a.WriteAdapter(path, base, alpha); err != nil {
		return "", fmt.Errorf("adapter: %w", err)
	}
	return path, nil
}
