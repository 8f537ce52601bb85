// Command voice is the plugin for speech: it says texts, makes voices of recordings, judges them, writes down and times what is said.
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
		Description:  "Speaks text, with a voice of an engine or one made of a recording; writes down and times what is said",
		Nodes:        []sdk.Node{sayNode(s), profileNode(), checkNode(), transcribeNode(s), alignNode()},
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
