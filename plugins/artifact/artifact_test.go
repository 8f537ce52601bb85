package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

func TestPlugin(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret")
	for path, text := range map[string]string{filepath.Join(folder, "sample.txt"): "from the machine", outside: "a secret", filepath.Join(folder, "old.txt"): "old"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "deeper"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "in.png")
	if err := os.WriteFile(file, []byte("\x89PNG"), 0o600); err != nil {
		t.Fatal(err)
	}
	picture := sdk.File(file, "in.png", "image/png")
	type in = sdk.Values
	stores := func(name, called, text string, v in) sdktest.Case {
		return sdktest.Case{Name: name, Type: "artifact.store", Inputs: v, Want: func(t testing.TB, v sdk.Values) {
			var out storeOut
			if err := sdk.Bind(v, &out); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(out.File.Path)
			if err != nil || string(raw) != text || out.File.Name != called || out.Size != int64(len(text)) {
				t.Errorf("%+v holds %q, %v", out, raw, err)
			}
		}}
	}
	stages := func(name string, v in, want map[string]string) sdktest.Case {
		return sdktest.Case{Name: name, Type: "artifact.stage", Inputs: v, Want: func(t testing.TB, v sdk.Values) {
			var out stageOut
			if err := sdk.Bind(v, &out); err != nil {
				t.Fatal(err)
			}
			for name, text := range want {
				raw, err := os.ReadFile(out.Paths[name])
				if err != nil || string(raw) != text || !strings.HasPrefix(out.Paths[name], folder) {
					t.Errorf("%s: %s holds %q, %v", name, out.Paths[name], raw, err)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(folder, ".spinbot-*")); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		}}
	}
	refuses := func(name, kind, fails string, v in) sdktest.Case {
		return sdktest.Case{Name: name, Type: kind, Inputs: v, Fails: fails}
	}
	const store, stage = "artifact.store", "artifact.stage"
	sdktest.Suite{Config: in{"folders": map[string]any{"media": folder}}, Cases: []sdktest.Case{
		stores("text", "script.txt", "Hello.", in{"text": "Hello.", "name": "script.txt"}),
		stores("json", "value.json", `{"a":[1,null]}`, in{"json": map[string]any{"a": []any{1, nil}}}),
		stores("base64", "file", "\x00\xff", in{"base64": "AP8="}),
		stores("of a folder", "sample.txt", "from the machine", in{"folder": "media", "path": "sample.txt"}),
		refuses("nothing", store, "0 of text", in{}),
		refuses("two", store, "2 of text", in{"text": "a", "base64": "AP8="}),
		refuses("bad base64", store, "base64", in{"base64": "?"}),
		refuses("bad name", store, "name", in{"text": "a", "name": "../x"}),
		refuses("no such folder", store, "there are media", in{"folder": "other", "path": "x"}),
		refuses("out of it", store, "no path within a folder", in{"folder": "media", "path": "../secret"}),
		refuses("absolute", store, "no path within a folder", in{"folder": "media", "path": outside}),
		refuses("a link out of it", store, "escapes", in{"folder": "media", "path": "link"}),
		refuses("not there", store, "no such file", in{"folder": "media", "path": "none"}),
		refuses("a folder", store, "not a file", in{"folder": "media", "path": "deeper"}),
		refuses("empty text", store, "nothing in it", in{"text": ""}),
		stages("pictures", in{"folder": "media", "files": map[string]any{"deep/down/a.png": picture, "b.png": picture}}, map[string]string{"deep/down/a.png": "\x89PNG", "b.png": "\x89PNG"}),
		stages("again", in{"folder": "media", "files": map[string]any{"b.png": picture}}, map[string]string{"b.png": "\x89PNG"}),
		refuses("another file", stage, "is another file", in{"folder": "media", "files": map[string]any{"old.txt": picture}}),
		refuses("out of the folder", stage, "no path within a folder", in{"folder": "media", "files": map[string]any{"../a.png": picture}}),
		refuses("through a link", stage, "escapes", in{"folder": "media", "replace": false, "files": map[string]any{"link": picture}}),
		stages("replaced", in{"folder": "media", "replace": true, "files": map[string]any{"old.txt": picture}}, map[string]string{"old.txt": "\x89PNG"}),
	}}.Run(t, plugin())
	if raw, _ := os.ReadFile(outside); string(raw) != "a secret" {
		t.Errorf("outside of the folder: %q", raw)
	}
}

// TestConfigure refuses what is no folder.
func TestConfigure(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"media": "not absolute", "/nothing/here": "no such file", file: "is a file"} {
		err := plugin().Configure(t.Context(), sdk.Values{"folders": map[string]any{"a": path}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestPluginFile compares what the host reads with what the program says.
func TestPluginFile(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("plugin.hcl")
	if err != nil {
		t.Fatal(err)
	}
	p := plugin()
	for _, want := range []string{p.Name, p.Version, p.Description} {
		if !strings.Contains(string(raw), `"`+want+`"`) {
			t.Errorf("plugin.hcl does not say %q", want)
		}
	}
}
