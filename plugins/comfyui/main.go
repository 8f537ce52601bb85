// Command comfyui is the plugin that runs workflows on a ComfyUI server: comfyui.workflow, comfyui.txt2img, comfyui.img2img,
// comfyui.upscale, comfyui.models and comfyui.system.
package main

import (
	"context"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

func main() { serve.Plugin(plugin()) }

type config struct {
	URL     string            `spin:"url" default:"http://127.0.0.1:8188" doc:"Where the ComfyUI server is"`
	Headers map[string]string `spin:"headers,optional,sensitive" doc:"Headers to send with each request, such as Authorization for a proxy before it"`
}

func plugin() sdk.Plugin {
	s := newServer()
	schema, err := sdk.SchemaOf[config]()
	if err != nil {
		panic(err) // a mistake in the struct tags; every test would find it
	}
	return sdk.Plugin{
		Name:         "comfyui",
		Version:      "0.1.0",
		Description:  "Runs ComfyUI workflows on a server that you have: checked before they are queued, watched, and cancelled one by one",
		Nodes:        []sdk.Node{workflowNode(s), textNode(s), imageNode(s), upscaleNode(s), modelsNode(s), systemNode(s)},
		ConfigSchema: &schema,
		Configure: func(_ context.Context, v sdk.Values) error {
			var c config
			if err := sdk.Bind(v, &c); err != nil {
				return err
			}
			return s.configure(c)
		},
		Resident: s.resident,
		Unload:   s.unload,
	}
}
