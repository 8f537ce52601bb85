package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/managed"
)

// manage says how the server is started that the plugin's block asks for.
func (c config) manage() (*managed.Server, error) {
	if len(c.Headers) > 0 {
		return nil, sdk.Refuse("headers are for a ComfyUI that you run, and managed starts one", "leave out one of them")
	}
	if _, err := os.Stat(filepath.Join(c.Folder, "main.py")); err != nil || c.Folder == "" {
		return nil, sdk.Refuse(fmt.Sprintf("folder %q has no main.py", c.Folder), "folder is where ComfyUI is installed, such as \"/home/anna/ComfyUI\"")
	}
	if c.StartTimeout <= 0 {
		return nil, sdk.Refuse("start_timeout has to be longer than nothing", "write it like \"5m\"")
	}
	data, err := c.data()
	if err != nil {
		return nil, err
	}
	return managed.New(managed.Launch{
		Name: "ComfyUI", Patience: c.StartTimeout, Log: filepath.Join(data, "comfyui.log"),
		Install: "say which Python has what ComfyUI needs: plugin \"comfyui\" { python = \"…\" } in spinbot.hcl",
		Command: func(address string) (*exec.Cmd, error) { return c.command(data, address) },
		Ready: func(ctx context.Context, address string) error {
			return own(address).Ask(ctx, http.MethodGet, "/system_stats", nil, nil, &stats{})
		},
	}), nil
}

// data is the folder of the server that has this process's devices: two servers in one would clear each other's pictures away.
func (c config) data() (string, error) {
	folder := c.Data
	if folder == "" {
		state := os.Getenv("XDG_STATE_HOME")
		if state == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", sdk.Refuse("there is no home folder for what ComfyUI writes", "name one: plugin \"comfyui\" { data = \"…\" } in spinbot.hcl")
			}
			state = filepath.Join(home, ".local", "state")
		}
		folder = filepath.Join(state, "spinbot-comfyui")
	}
	return filepath.Join(folder, strings.NewReplacer(",", "+", "/", "_").Replace(cmp.Or(os.Getenv("SPINBOT_DEVICES"), "cpu"))), nil
}

// The arguments that say how memory of devices is used; of them and --cpu ComfyUI takes one.
var memoryArgs = []string{"--gpu-only", "--highvram", "--normalvram", "--lowvram", "--novram"}

// command makes the server. It sees the devices of this process, whose environment it has.
func (c config) command(data, address string) (*exec.Cmd, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	args := []string{"main.py", "--listen", host, "--port", port, "--disable-auto-launch", "--preview-method", "auto", "--max-upload-size", "16384"} // MB
	for _, kind := range []string{"input", "output", "temp", "user"} {
		dir := filepath.Join(data, kind)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		args = append(args, "--"+kind+"-directory", dir)
	}
	if c.ModelsDir != "" {
		file := filepath.Join(data, "extra_model_paths.yaml")
		if err := os.WriteFile(file, modelPaths(c.ModelsDir), 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--extra-model-paths-config", file)
	}
	// Its database would be the one of the person's own ComfyUI, which locks it or moves it away. Older versions have none.
	if known, err := os.ReadFile(filepath.Join(c.Folder, "comfy", "cli_args.py")); err == nil && strings.Contains(string(known), `"--database-url"`) {
		args = append(args, "--database-url", "sqlite:///"+filepath.Join(data, "user", "comfyui.db"))
	}
	more := slices.Clone(c.Args)
	if os.Getenv("SPINBOT_DEVICES") == "" {
		args = append(args, "--cpu")
		more = slices.DeleteFunc(more, func(a string) bool { return slices.Contains(memoryArgs, a) })
	}
	cmd := exec.Command(c.python(), append(args, more...)...)
	cmd.Dir = c.Folder
	cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1")
	for k, v := range c.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd, nil
}

// python is the configured one, else that of an environment in ComfyUI's folder, else the system's.
func (c config) python() string {
	if c.Python != "" {
		return c.Python
	}
	for _, venv := range []string{".venv", "venv"} {
		path := filepath.Join(c.Folder, venv, "bin", "python")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return "python3"
}

// modelKinds are the folders of models that ComfyUI itself has.
var modelKinds = []string{"audio_encoders", "checkpoints", "clip_vision", "configs", "controlnet", "diffusion_models", "embeddings", "gligen", "hypernetworks",
	"latent_upscale_models", "loras", "model_patches", "photomaker", "style_models", "text_encoders", "upscale_models", "vae", "vae_approx"}

// modelPaths is extra_model_paths.yaml for a folder of models: ComfyUI's kinds, and those that node packs have added to it.
func modelPaths(folder string) []byte {
	kinds := slices.Clone(modelKinds)
	entries, _ := os.ReadDir(folder) // one that is not there yet has none
	for _, e := range entries {
		if e.IsDir() && sdk.IsModelFile(e.Name()+"/x") {
			kinds = append(kinds, e.Name())
		}
	}
	slices.Sort(kinds)
	text := fmt.Appendf(nil, "spinbot:\n  base_path: %s\n", quoted(folder))
	for _, kind := range slices.Compact(kinds) {
		text = fmt.Appendf(text, "  %s: %s\n", quoted(kind), quoted(kind))
	}
	return text
}

// quoted writes a text for YAML, which reads JSON's as they are.
func quoted(s string) string {
	raw, _ := json.Marshal(s) // a text can be written
	return string(raw)
}
