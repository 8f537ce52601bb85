package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

func TestPlugin(t *testing.T) {
	sdktest.Suite{Cases: []sdktest.Case{
		{Type: "text.slug", Inputs: sdk.Values{"text": "Ünï, World 3!"}, Want: func(t testing.TB, out sdk.Values) {
			if out["slug"] != "n-world-3" {
				t.Errorf("got %v", out)
			}
		}},
		{Name: "nothing left", Type: "text.slug", Inputs: sdk.Values{"text": "…"}, Fails: "no letter"},
	}}.Run(t, plugin)
}

func build(t *testing.T, name string, env []string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build"}, args...), "-o", path, ".")...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

func TestModule(t *testing.T) {
	t.Parallel()
	path := build(t, "text.wasm", []string{"GOOS=wasip1", "GOARCH=wasm"}, "-buildmode=c-shared", "-ldflags=-s -w")
	code, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(code, []byte("\x00asm\x01\x00\x00\x00")) {
		t.Fatalf("%s is no WASM module: %v", path, err)
	}
	for _, export := range []string{"_initialize", "spinbot_abi", "spinbot_describe", "spinbot_alloc", "spinbot_run"} {
		if !bytes.Contains(code, []byte(export)) {
			t.Errorf("the module has no %s", export)
		}
	}
}

// TestByHand runs it as a program of this machine, as one does while writing a node.
func TestByHand(t *testing.T) {
	t.Parallel()
	path := build(t, "slug", nil)
	for _, c := range []struct{ arg, stdin, stdout, stderr string }{
		{"text.slug", `{"text": "Hello, World 3"}`, `{"slug":"hello-world-3"}` + "\n", ""},
		{"text.slug", `{"text": "?"}`, "", "the text has no letter and no digit (give a text with some)\n"},
		{"text.slug", `{}`, "", "input text: is required\n"},
		{"text.slug", `[]`, "", "inputs: json: cannot unmarshal"},
		{"text.absent", `{}`, "", `module text offers no node type "text.absent"` + "\n"},
		{"describe", "", string(plugin.Manifest().AppendJSON(nil)) + "\n", ""},
	} {
		cmd := exec.CommandContext(t.Context(), path, c.arg)
		cmd.Stdin = strings.NewReader(c.stdin)
		var out, said strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &said
		err := cmd.Run()
		if out.String() != c.stdout || !strings.HasPrefix(said.String(), c.stderr) || (err == nil) != (c.stderr == "") {
			t.Errorf("%s %s gave %q and %q, %v", c.arg, c.stdin, out.String(), said.String(), err)
		}
	}
}
