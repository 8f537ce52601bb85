// A WASI command that uses nothing of the SDK but its node types' code: JSON in, JSON out.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest/nodes"
	"github.com/myspinbot/spinbot/sdk"
)

type task struct {
	Type, Address, Owner, Pipeline, Time, Seed, Deadline string
	Checkpoint                                           []byte
	Inputs                                               sdk.Values
}

func main() {
	plugin := nodes.Plugin()
	if len(os.Args) > 1 && os.Args[1] == "describe" {
		print(plugin.Manifest())
		return
	}
	var in task
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		fail(err)
	}
	t := sdk.Task{Type: in.Type, Owner: in.Owner, Pipeline: in.Pipeline, Inputs: in.Inputs, Checkpoint: in.Checkpoint}
	t.Address, _ = sdk.ParseAddress(in.Address)
	t.Time, _ = time.Parse(time.RFC3339Nano, in.Time)
	t.Deadline, _ = time.Parse(time.RFC3339Nano, in.Deadline)
	_, _ = fmt.Sscan(in.Seed, &t.Seed)
	for _, n := range plugin.Nodes {
		if n.Type().Name == in.Type {
			r, err := n.Run(nil, &t) //nolint:staticcheck // these nodes use no context
			if err != nil {
				fail(err)
			}
			print(map[string]any{"outputs": r.Outputs})
			return
		}
	}
	fail(fmt.Errorf("unknown node type %s", in.Type))
}

func print(v any) { _ = json.NewEncoder(os.Stdout).Encode(v) }

func fail(err error) {
	print(map[string]any{"error": sdk.AsError(err)})
	os.Exit(1)
}
