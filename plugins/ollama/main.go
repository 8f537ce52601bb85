// Command ollama is the plugin for language models of an Ollama: ollama.chat, ollama.generate, ollama.embed, ollama.list, ollama.pull and
// ollama.create.
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
	URL         string            `spin:"url" default:"http://127.0.0.1:11434" doc:"Where the Ollama is that you run. Not with managed"`
	Headers     map[string]string `spin:"headers,optional,sensitive" doc:"Headers to send with each request, such as Authorization for a proxy before it"`
	Managed     bool              `spin:"managed" default:"false" doc:"Start ollama serve, one for each set of devices, pinned to them"`
	Program     string            `spin:"program" default:"ollama" doc:"The program that managed starts"`
	Models      string            `spin:"models,optional" doc:"Folder of its models. Default: Ollama's own"`
	Env         map[string]string `spin:"env,optional" doc:"More variables for it, such as OLLAMA_FLASH_ATTENTION"`
	Model       string            `spin:"model,optional" doc:"The model of nodes that name none. Default: the one that was installed last"`
	KeepAlive   string            `spin:"keep_alive,optional" doc:"How long models of nodes that do not say stay loaded: \"30m\", \"-1\" for ever. Default: Ollama's own"`
	LoadTimeout time.Duration     `spin:"load_timeout" default:"10m" doc:"How long loading a model may take, and starting a managed server"`
	Registry    string            `spin:"registry" default:"https://registry.ollama.ai" doc:"Where ollama.pull asks how large a model is"`
}

func plugin(s *server) sdk.Plugin {
	schema, err := sdk.SchemaOf[config]()
	if err != nil {
		panic(err) // a mistake in the struct tags; every test would find it
	}
	return sdk.Plugin{
		Name:         "ollama",
		Version:      "0.1.0",
		Description:  "Language models of an Ollama that you have, or that it starts: chats with checked answers, embeddings, adapters",
		Nodes:        []sdk.Node{chatNode(s), generateNode(s), embedNode(s), listNode(s), pullNode(s), createNode(s)},
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
