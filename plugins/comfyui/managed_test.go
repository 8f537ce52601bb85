//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/comfyui/comfytest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

// TestMain lets the test binary be the Python that runs ComfyUI's main.py.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "python" {
		if len(os.Args) < 2 || os.Args[1] != "main.py" {
			fmt.Println("can't open file")
			os.Exit(2)
		}
		fmt.Println("it ended:", comfytest.Program(os.Args[2:]))
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// install makes a folder with a ComfyUI in it; new: one that knows of databases.
func install(t testing.TB, more string) config {
	t.Helper()
	dir := t.TempDir()
	here, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"comfy", "models/checkpoints", "models/loras", ".venv/bin"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"main.py": "", "comfy/cli_args.py": more, "models/checkpoints/own.safetensors": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(here, filepath.Join(dir, ".venv", "bin", "python")); err != nil {
		t.Fatal(err)
	}
	return config{URL: "http://127.0.0.1:8188", Managed: true, Folder: dir, Data: filepath.Join(dir, "data"), StartTimeout: time.Minute}
}

func (c config) values() sdk.Values {
	return sdk.Values{"managed": true, "folder": c.Folder, "data": c.Data}
}

// TestManagedPlugin: everything, on a server of ours.
func TestManagedPlugin(t *testing.T) {
	t.Parallel()
	c := install(t, `parser.add_argument("--database-url", type=str)`)
	c.Checkpoints(t, "base.safetensors")
	all := cases(t)
	s := &server{}
	t.Cleanup(func() { s.managed.Close() })
	v := c.values()
	sdktest.Suite{Config: v, Cases: all}.Run(t, plugin(s))
}

// Checkpoints makes these the only checkpoints of the server.
func (c config) Checkpoints(t testing.TB, name string) {
	t.Helper()
	dir := filepath.Join(c.Folder, "models", "checkpoints")
	if err := errors.Join(os.Remove(filepath.Join(dir, "own.safetensors")), os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// TestPinned: a server for each set of devices, which sees these, in a folder of its own, with the models of both folders; without devices it
// computes on the CPU.
func TestPinned(t *testing.T) { // not parallel: the environment is the process's
	c := install(t, "")
	c.ModelsDir = t.TempDir()
	if err := os.MkdirAll(filepath.Join(c.ModelsDir, "loras", "styles"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.ModelsDir, "loras", "styles", "ink.safetensors"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Args = []string{"--lowvram", "--disable-metadata"}
	for devices, want := range map[string]string{"GPU-1a": "cuda:0 GPU-1a", "GPU-1a,MIG-GPU-2b/1/0": "cuda:0 GPU-1a,MIG-GPU-2b/1/0", "": "cpu"} {
		t.Setenv("SPINBOT_DEVICES", devices)
		t.Setenv("CUDA_VISIBLE_DEVICES", devices)
		r := newManaged(t, c)
		client, err := r.reach(t.Context(), r.task(t, ""))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.managed.Close)
		st, err := r.stats(t.Context(), client)
		if err != nil || len(st.Devices) != 1 || st.Devices[0].Name != want {
			t.Errorf("%+v, %v, want %s", st.Devices, err, want)
		}
		if have, err := r.first(t.Context(), client); err != nil || have != "own.safetensors" {
			t.Errorf("%s: %v", have, err)
		}
		var loras []string
		if err := client.Ask(t.Context(), "GET", "/models/loras", nil, nil, &loras); err != nil || len(loras) != 1 || loras[0] != "styles/ink.safetensors" {
			t.Errorf("%v, %v", loras, err)
		}
	}
	for _, folder := range []string{"GPU-1a", "GPU-1a+MIG-GPU-2b_1_0", "cpu"} {
		for _, name := range []string{"comfyui.log", "extra_model_paths.yaml", "input", "output", "temp", "user"} {
			if _, err := os.Stat(filepath.Join(c.Data, folder, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestManagedKilled: a server that dies amid a prompt fails the task with its last words, at once; the next one starts it anew, and nothing
// counts as loaded that was.
func TestManagedKilled(t *testing.T) {
	t.Parallel()
	r := newManaged(t, install(t, ""))
	t.Cleanup(r.managed.Close)
	got := make(chan error, 1)
	task := r.task(t, "")
	go func() {
		_, err := r.workflow(t.Context(), workflowIn{Workflow: graph("FakeWait")}, task)
		got <- err
	}()
	until(t, "it runs", func() bool { return r.checkpoint() != "" })
	r.hold([]string{"big.safetensors"})()
	if all, err := r.resident(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%v", all)
	}
	if err := syscall.Kill(r.managed.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := sdk.AsError(<-got); e == nil || !strings.HasPrefix(e.Message, "the managed ComfyUI ended: ") || !strings.Contains(e.Detail, "To see the GUI") || e.Permanent {
		t.Errorf("%+v", e)
	}
	if all, err := r.resident(t.Context()); all != nil || err != nil || r.unload(t.Context(), "") != nil {
		t.Error("a dead server has something loaded")
	}
	// The next attempt asks for the prompt of the one before, which is lost, and queues it anew.
	if out, err := r.workflow(t.Context(), workflowIn{Workflow: saved}, r.task(t, r.checkpoint())); err != nil || len(out.Images) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if all, err := r.resident(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v", all)
	}
}

// TestNotManaged: what is wrong with the plugin's block, or with what it names.
func TestNotManaged(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*config){
		"headers are for a ComfyUI that you run": func(c *config) { c.Headers = map[string]string{"a": "b"} },
		"has no main.py":                         func(c *config) { c.Folder = t.TempDir() },
		"folder \"\" has no main.py":             func(c *config) { c.Folder = "" },
		"folder is \"~/ComfyUI\"":                func(c *config) { c.Folder = "~/ComfyUI" },
		"models_dir is \"models\"":               func(c *config) { c.ModelsDir = "models" },
		"data is \"here\"":                       func(c *config) { c.Data = "here" },
		"start_timeout":                          func(c *config) { c.StartTimeout = 0 },
	} {
		c := install(t, "")
		change(&c)
		if e := sdk.AsError((&server{}).configure(c)); e == nil || !strings.Contains(e.Message, want) || e.Hint == "" {
			t.Errorf("%+v, want %q", e, want)
		}
	}
	for want, change := range map[string]func(*config){
		"/no/such/python":  func(c *config) { c.Python = "/no/such/python" },
		"no-such-argument": func(c *config) { c.Args = []string{"-no-such-argument"} },
		"not a directory":  func(c *config) { c.Data = filepath.Join(c.Folder, "main.py") },
		"can't open file":  func(c *config) { c.Python = filepath.Join(c.Folder, "wrapper") },
		"from its environment": func(c *config) {
			c.Env = map[string]string{"X": "from its environment"}
			c.Python = filepath.Join(c.Folder, "echoes")
		},
	} {
		c := install(t, "")
		for name, text := range map[string]string{"wrapper": "exec \"$(dirname \"$0\")/.venv/bin/python\"", "echoes": "echo $X; exit 1"} {
			if err := os.WriteFile(filepath.Join(c.Folder, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		change(&c)
		r := newManaged(t, c)
		_, err := r.workflow(t.Context(), workflowIn{Workflow: saved}, r.task(t, ""))
		if e := sdk.AsError(err); e == nil || !strings.Contains(e.Message+e.Detail, want) || e.Hint == "" {
			t.Errorf("%+v, want %q", e, want)
		}
	}
}
