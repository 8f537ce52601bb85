// Command painter is a plugin whose models stay loaded between tasks.
package main

import (
	"context"
	"os"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

type paintIn struct {
	Model string `doc:"What paints"`
	Text  string `doc:"What to paint"`
}

type paintOut struct {
	Picture sdk.Artifact `accept:"image/svg+xml"`
}

func newPlugin() sdk.Plugin {
	m := &models{loaded: map[string]*model{}}
	paint := func(_ context.Context, in paintIn, t *sdk.Task) (paintOut, error) {
		_, done := m.use(in.Model, t.Devices)
		defer done()
		path := t.Scratch + "/picture.svg"
		err := os.WriteFile(path, []byte(`<svg xmlns="http://www.w3.org/2000/svg"><text y="20">`+in.Text+`</text></svg>`), 0o600)
		return paintOut{sdk.File(path, "picture.svg", "image/svg+xml")}, err
	}
	return sdk.Plugin{
		Name: "painter", Version: "1.0.0", Description: "Paints words", Resident: m.resident, Unload: m.unload,
		Nodes: []sdk.Node{sdk.NodeOf(sdk.NodeType{
			Name: "painter.paint", Description: "Paints a text", Revision: "1", Idempotent: true,
			Device: &sdk.DeviceNeed{Memory: 6 << 30, Count: 1, ModelInput: "model"},
		}, paint)},
	}
}

func main() { serve.Plugin(newPlugin()) }
