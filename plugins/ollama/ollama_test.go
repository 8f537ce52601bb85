package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/ollama/ollamatest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
	"github.com/myspinbot/spinbot/sdk/sdktest/tinyllama"
	"github.com/myspinbot/spinbot/sdk/weights"
)

type in = sdk.Values

// typed is a type expression as it reaches a node.
func typed(properties ...string) map[string]any {
	m, all := map[string]any{}, []any{}
	for _, p := range properties {
		name, kind, _ := strings.Cut(p, " ")
		m[name] = map[string]any{"type": kind}
		all = append(all, name)
	}
	return map[string]any{"type": "object", "properties": m, "required": all}
}

// both are cases that hold for every Ollama with a model "tiny".
func both(t testing.TB) []sdktest.Case {
	short := map[string]any{"num_predict": 4, "temperature": 0, "seed": 1}
	words := func(t testing.TB, v sdk.Values) {
		if v["text"] == "" || v["finish"] != "length" || v["model"] != "tiny" || v["tokens"] != json.Number("4") || v["answer"] != nil {
			t.Errorf("%v", v)
		}
	}
	flag := func(t testing.TB, v sdk.Values) {
		if a, _ := v["answer"].(map[string]any); len(a) != 1 {
			t.Errorf("%v", v)
		} else if _, ok := a["good"].(bool); !ok {
			t.Errorf("%v", v)
		}
	}
	return []sdktest.Case{
		{Name: "a text", Type: "ollama.chat", Inputs: in{"model": "tiny", "prompt": "hello", "options": short}, Want: words},
		{Name: "with all before it", Type: "ollama.chat", Inputs: in{"model": "tiny:latest", "prompt": "hello", "system": "x", "options": short, "keep_alive": "5m",
			"messages": []any{map[string]any{"role": "user", "content": "a"}, map[string]any{"role": "assistant", "content": "b"}}}, Want: func(t testing.TB, v sdk.Values) {
			if m, _ := v["messages"].([]any); len(m) != 4 || m[3].(map[string]any)["content"] != v["text"] {
				t.Errorf("%v", v)
			}
		}},
		{Name: "a value", Type: "ollama.chat", Inputs: in{"model": "tiny", "prompt": "hello", "answer": typed("good boolean"), "options": map[string]any{"temperature": 0, "seed": 1}}, Want: flag},
		{Name: "goes on", Type: "ollama.generate", Inputs: in{"model": "tiny", "prompt": "hello", "options": short}, Want: words},
		{Name: "goes on as a value", Type: "ollama.generate", Inputs: in{"model": "tiny", "prompt": "hello", "answer": typed("good boolean")}, Want: flag},
		{Name: "raw, and gone", Type: "ollama.generate", Inputs: in{"model": "tiny", "prompt": "hello", "raw": true, "keep_alive": "0", "options": short}, Want: words},
		{Name: "vectors", Type: "ollama.embed", Inputs: in{"model": "tiny", "texts": []any{"a", "bc"}}, Want: func(t testing.TB, v sdk.Values) {
			all, _ := v["embeddings"].([]any)
			if len(all) != 2 || len(all[0].([]any)) < 3 || v["dimensions"] == json.Number("0") {
				t.Errorf("%v", v)
			}
		}},
		{Name: "models", Type: "ollama.list", Inputs: in{}, Want: func(t testing.TB, v sdk.Values) {
			if all, _ := v["models"].([]any); len(all) == 0 || v["version"] == "" {
				t.Errorf("%v", v)
			}
		}},
		{Name: "a part of its own", Type: "ollama.create", Inputs: in{"model": "pirate", "from": "tiny", "system": "You are a pirate.", "options": map[string]any{"num_predict": 3}}},
		{Name: "with an adapter", Type: "ollama.create", Inputs: in{"model": "tuned", "from": "tiny", "adapter": peft(t), "alpha": 8}},
		{Name: "with an adapter that says its alpha", Type: "ollama.create", Inputs: in{"model": "tuned", "from": "tiny", "adapter": marked(t)}},
		{Name: "asked with the adapter", Type: "ollama.chat", Inputs: in{"model": "tuned", "prompt": "hello", "options": short}},
		{Name: "no such model", Type: "ollama.chat", Inputs: in{"model": "nope", "prompt": "x"}, Fails: "no model nope; installed: "},
		{Name: "no such model to embed", Type: "ollama.embed", Inputs: in{"model": "nope", "texts": []any{"x"}}, Fails: "no model nope; installed: "},
		{Name: "of no such model", Type: "ollama.create", Inputs: in{"model": "x", "from": "nope"}, Fails: "no model nope; installed: "},
		{Name: "no duration", Type: "ollama.chat", Inputs: in{"model": "tiny", "prompt": "x", "keep_alive": "soon"}, Fails: "keep_alive"},
		{Name: "an adapter of nothing", Type: "ollama.create", Inputs: in{"model": "x", "from": "tiny", "adapter": file(t, "a.safetensors", "what?"), "alpha": 1}, Fails: "no safetensors"},
		{Name: "no alpha", Type: "ollama.create", Inputs: in{"model": "x", "from": "tiny", "adapter": peft(t)}, Fails: "alpha is not known"},
		{Name: "no alpha in the file", Type: "ollama.create", Inputs: in{"model": "x", "from": "tiny", "adapter": peft(t), "adapter_config": file(t, "c.json", "{}")}, Fails: "no lora_alpha"},
	}
}

// faults are what only a fake does when it is told to.
func faults(t testing.TB) []sdktest.Case {
	ask := func(model string, more in) in {
		v := in{"model": model, "prompt": "hello"}
		for k, x := range more {
			v[k] = x
		}
		return v
	}
	thought := func(t testing.TB, v sdk.Values) {
		if v["thinking"] != "hmm" || !strings.HasPrefix(v["text"].(string), "w0") {
			t.Errorf("thought %q, said %q", v["thinking"], v["text"])
		}
	}
	good := in{"answer": typed("good boolean", "n number")}
	return []sdktest.Case{
		{Name: "thinks apart", Type: "ollama.chat", Inputs: ask("thinks", in{"think": "on"}), Want: thought},
		{Name: "thinks inline", Type: "ollama.generate", Inputs: ask("thinks", nil), Want: thought},
		{Name: "right when asked again", Type: "ollama.chat", Inputs: ask("stubborn", good), Want: func(t testing.TB, v sdk.Values) {
			if v["tries"] != json.Number("2") || v["answer"].(map[string]any)["n"] != json.Number("7") {
				t.Errorf("%v", v)
			}
		}},
		{Name: "right when asked to go on again", Type: "ollama.generate", Inputs: ask("stubborn", good)},
		{Name: "prose is no answer", Type: "ollama.chat", Inputs: ask("hopeless", good), Fails: "does not fit after 3 tries: it is no JSON"},
		{Name: "prose is no answer, once", Type: "ollama.chat", Inputs: ask("hopeless", in{"answer": map[string]any{}, "tries": 1}), Fails: "after 1 tries: it is no JSON"},
		{Name: "another type is none", Type: "ollama.chat", Inputs: ask("vague", good), Fails: "good: is required"},
		{Name: "any JSON", Type: "ollama.chat", Inputs: ask("tiny", in{"answer": map[string]any{}})},
		{Name: "files cannot be made", Type: "ollama.chat", Inputs: ask("tiny", in{"answer": map[string]any{"type": "object", "x-type": "artifact"}}), Fails: "no artifact"},
		{Name: "500", Type: "ollama.chat", Inputs: ask("broken", nil), Fails: "with 500: llama runner process has terminated"},
		{Name: "out of memory", Type: "ollama.chat", Inputs: ask("large", nil), Fails: "requires more system memory"},
		{Name: "out of memory midway", Type: "ollama.chat", Inputs: ask("crashes", nil), Fails: "broke off /api/chat"},
		{Name: "busy", Type: "ollama.chat", Inputs: ask("busy", nil), Fails: "503: server busy"},
		{Name: "cut off", Type: "ollama.chat", Inputs: ask("cut", nil), Fails: "was cut off"},
		{Name: "no Ollama", Type: "ollama.chat", Inputs: ask("html", nil), Fails: "cannot be read: <html>"},
		{Name: "embeds only", Type: "ollama.chat", Inputs: ask("embed", nil), Fails: "does not support chat"},
		{Name: "pulled", Type: "ollama.pull", Inputs: in{"model": "new"}, Want: func(t testing.TB, v sdk.Values) {
			if v["model"] != "new" || v["digest"] == "" {
				t.Errorf("%v", v)
			}
		}},
		{Name: "too large", Type: "ollama.pull", Inputs: in{"model": "new", "max_size": "1MiB"}, Fails: "new has 3 MiB, and max_size is 1 MiB"},
		{Name: "too large midway", Type: "ollama.pull", Inputs: in{"model": "unlisted", "max_size": "1MiB"}, Fails: "unlisted has 3 MiB"},
		{Name: "nothing to pull", Type: "ollama.pull", Inputs: in{"model": "nothing"}, Fails: "file does not exist"},
	}
}

// TestPlugin: everything, on an Ollama as it is and on one behind a proxy with a key.
func TestPlugin(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*ollamatest.Server{"open": {}, "key": {Key: "Bearer x"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.Start(t)
			c := in{"url": s.URL(), "registry": s.URL()}
			if s.Key != "" {
				c["headers"] = map[string]any{"Authorization": s.Key}
			}
			sdktest.Suite{Config: c, Cases: append(both(t), faults(t)...)}.Run(t, plugin(&server{}))
		})
	}
}

func file(t testing.TB, name, text string) sdk.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return sdk.File(path, name, "application/octet-stream")
}

// lora is an adapter for the tiny model: rank 2, of queries and of what goes down, in F16 and F32.
func peft(t testing.TB) sdk.Artifact {
	head := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var data bytes.Buffer
	add := func(name, kind string, rows, cols int) {
		begin := data.Len()
		for i := range rows * cols {
			x := float32(i/cols) / 64 // the number of the row
			if kind == "F32" {
				_ = binary.Write(&data, binary.LittleEndian, x)
			} else {
				_ = binary.Write(&data, binary.LittleEndian, tinyllama.Half(x))
			}
		}
		head["base_model.model.model.layers.0."+name+".weight"] = map[string]any{"dtype": kind, "shape": []int{rows, cols}, "data_offsets": []int{begin, data.Len()}}
	}
	add("self_attn.q_proj.lora_A", "F16", 2, 64)
	add("self_attn.q_proj.lora_B", "F16", 64, 2)
	add("mlp.down_proj.lora_A", "F32", 2, 128)
	add("mlp.down_proj.lora_B", "F32", 64, 2)
	raw, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	size := binary.LittleEndian.AppendUint64(nil, uint64(len(raw)))
	return file(t, "adapter_model.safetensors", string(size)+string(raw)+data.String())
}

// marked is an adapter as lora.train leaves it.
func marked(t testing.TB) sdk.Artifact {
	t.Helper()
	f, err := weights.Open(peft(t).Path)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "adapter_model.safetensors")
	if err := errors.Join(f.Copy(path, map[string]string{"spinbot.alpha": "8"}), f.Close()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "adapter_model.safetensors", string(raw))
}
