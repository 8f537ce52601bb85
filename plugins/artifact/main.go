// Command artifact is the plugin that makes artifacts and lays them out: artifact.store and artifact.stage.
package main

import (
	"context"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

func main() { serve.Plugin(plugin()) }

func plugin() sdk.Plugin {
	f := &folders{}
	schema, err := sdk.SchemaOf[config]()
	if err != nil {
		panic(err) // a mistake in the struct tags; every test would find it
	}
	return sdk.Plugin{
		Name:         "artifact",
		Version:      "0.1.0",
		Description:  "Makes artifacts of values and files, and lays artifacts out in folders of the machine",
		Nodes:        []sdk.Node{storeNode(f), stageNode(f)},
		ConfigSchema: &schema,
		Configure: func(_ context.Context, v sdk.Values) error {
			var c config
			if err := sdk.Bind(v, &c); err != nil {
				return err
			}
			return f.configure(c)
		},
	}
}
