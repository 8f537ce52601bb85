package sdk_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

type paintIn struct {
	Checkpoint string   `model:"checkpoints"`
	LoRAs      []string `spin:"loras,optional" model:"loras"`
	Prompt     string
	Extra      struct {
		VAE string `spin:"vae,optional" model:"vae"`
	} `spin:",optional"`
}

func painter(t *testing.T) sdk.NodeType {
	t.Helper()
	n := sdk.NodeOf(sdk.NodeType{Name: "test.paint"}, func(context.Context, paintIn, *sdk.Task) (struct{}, error) { return struct{}{}, nil })
	d := n.Type()
	if err := d.Validate(); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(d)
	if err != nil || strings.Count(string(raw), `"x-model"`) != 3 {
		t.Fatalf("%v: %s", err, raw)
	}
	var back sdk.NodeType
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func TestModelFilesOfATask(t *testing.T) {
	t.Parallel()
	nodeType := painter(t)
	got := nodeType.ModelFiles(sdk.Values{"checkpoint": `sdxl\base.safetensors`, "loras": []any{"ink.safetensors", "", "ink.safetensors", "../../etc/passwd"},
		"prompt": "a cat", "extra": map[string]any{"vae": "x.pt"}})
	want := []string{"checkpoints/sdxl/base.safetensors", "loras/etc/passwd", "loras/ink.safetensors", "vae/x.pt"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := nodeType.ModelFiles(sdk.Values{"checkpoint": sdk.Sealed{}, "loras": "no list"}); got != nil {
		t.Errorf("%q of what names none", got)
	}
	if !nodeType.NamesModelFiles() || (sdk.NodeType{}).NamesModelFiles() {
		t.Error("NamesModelFiles says otherwise")
	}
}

func TestModelFileNames(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"checkpoints/a.safetensors": true, "loras/styles/ink 2.safetensors": true, "vae/ü.pt": true,
		"": false, "a.safetensors": false, "/a/b": false, "a/": false, "a//b": false, "a/../b": false, "../a/b": false, "a/.hidden": false, ".a/b": false,
		"a/b\nc": false, `a\b`: false, `a/b\c`: false, "a/" + strings.Repeat("x", 512): false,
	} {
		if sdk.IsModelFile(name) != good {
			t.Errorf("IsModelFile(%q) is %v", name, !good)
		}
	}
	for _, file := range []string{"a.pt", `b\c.pt`, "/x", "./y/../z"} {
		if name := sdk.ModelFileName("loras", file); !sdk.IsModelFile(name) {
			t.Errorf("%q is made of %q", name, file)
		}
	}
}

func TestModelFileSchemasThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"type":"number","x-model":"loras"}`, `{"type":"string","x-model":"../loras"}`, `{"type":"string","x-model":"loras","x-sensitive":true}`,
		`{"type":"array","items":{"type":"string"},"x-model":"loras"}`} {
		if _, err := sdk.ParseSchema([]byte(text)); err == nil || !strings.Contains(err.Error(), "x-model") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{`{"type":"string","x-setting":"models dir"}`, `{"type":"string","x-setting":"a|"}`} {
		if _, err := sdk.ParseSchema([]byte(text)); err == nil || !strings.Contains(err.Error(), "x-setting") {
			t.Errorf("%s: %v", text, err)
		}
	}
	const text = `{"type":"string","x-setting":"models_dir|folder"}`
	if s, err := sdk.ParseSchema([]byte(text)); err != nil || s.Setting != "models_dir|folder" {
		t.Errorf("%+v, %v", s, err)
	} else if raw, err := s.MarshalJSON(); err != nil || string(raw) != text {
		t.Errorf("%s, %v", raw, err)
	}
	if s, err := sdk.ParseSchema([]byte(`{"type":"string","x-model":"loras"}`)); err != nil || s.ModelFile != "loras" {
		t.Errorf("%+v, %v", s, err)
	}
}
