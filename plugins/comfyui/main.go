// Command comfyui is the plugin that runs workflows on a ComfyUI server: comfyui.workflow, comfyui.txt2img, comfyui.img2img,
// comfyui.upscale, comfyui.models and comfyui.system.
package main

import (
	"context"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

func main() { serve.Plugin(plugin(&server{})) }

// config is the plugin's block in spinbot.hcl.
type config struct {
	URL          string            `spin:"url" default:"http://127.0.0.1:8188" doc:"Where the ComfyUI is that you run; it may end in /api. Not with managed"`
	Headers      map[string]string `spin:"headers,optional,sensitive" doc:"Headers to send with each request, such as Authorization for a proxy before it"`
	Managed      bool              `spin:"managed" default:"false" doc:"Start ComfyUI, one for each set of devices, pinned to them"`
	Folder       string            `spin:"folder,optional" doc:"Where ComfyUI is installed, with its main.py. For managed"`
	Python       string            `spin:"python,optional" doc:"The Python that managed runs it with. Default: that of .venv or venv in its folder, else python3"`
	Args         []string          `spin:"args,optional" doc:"More arguments for it, such as \"--lowvram\""`
	Env          map[string]string `spin:"env,optional" doc:"More variables for it"`
	Data         string            `spin:"data,optional" doc:"Folder for what it writes: its log, pictures, settings. Default: spinbot-comfyui in the user's state folder"`
	StartTimeout time.Duration     `spin:"start_timeout" default:"5m" doc:"How long it may take until it answers"`
	ModelsDir    string            `spin:"models_dir,optional" doc:"A folder of models that it reads, with checkpoints, loras and so on in it. With managed it is told of it"`
}

func plugin(s *server) sdk.Plugin {
	schema, err := sdk.SchemaOf[config]()
	if err != nil {
		panic(err) // a mistake in the struct tags; every test would find it
	}
	return sdk.Plugin{
		Name:         "comfyui",
		Version:      "0.1.0",
		Description:  "Runs ComfyUI workflows on a server that you have, or that it starts: checked before they are queued, watched, and cancelled one by one",
		Nodes:        []sdk.Node{workflowNode(s), textNode(s), imageNode(s), upscaleNode(s), modelsNode(s), systemNode(s)},
		ConfigSchema: &schema,
		Configure: func(_ context.Context, v sdk.Values) error {
			var c config
			if err := sdk.Bind(v, &c); err != nil {
				return err
			}
			return s.configure(c)
		},
		Resident:  s.resident,
		Unload:    s.unload,
		Installed: s.classNames,
	}
}
