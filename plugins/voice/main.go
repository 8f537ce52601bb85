// Command voice is the plugin that speaks text: voice.say.
package main

import (
	"context"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

func main() { serve.Plugin(plugin()) }

func plugin() sdk.Plugin {
	s := &speaker{}
	schema, err := sdk.SchemaOf[config]()
	if err != nil {
		panic(err) // a mistake in the struct tags; every test would find it
	}
	return sdk.Plugin{
		Name:         "voice",
		Version:      "0.1.0",
		Description:  "Speaks text with the first engine that can: an HTTP service, Piper, flite or espeak-ng",
		Nodes:        []sdk.Node{sayNode(s)},
		ConfigSchema: &schema,
		Configure: func(_ context.Context, v sdk.Values) error {
			var c config
			if err := sdk.Bind(v, &c); err != nil {
				return err
			}
			return s.configure(c)
		},
	}
}
