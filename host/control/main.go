// The control nodes that ship, as one WASM module:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags="-s -w" -o control/dist/control.wasm ./control
//
// Built for the machine itself it runs one node by hand: see sdk/guest.
package main

import (
	"github.com/myspinbot/spinbot/host/control/choose"
	"github.com/myspinbot/spinbot/host/control/score"
	"github.com/myspinbot/spinbot/host/control/splittext"
	"github.com/myspinbot/spinbot/host/control/storyboard"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

func main() {
	guest.Main(sdk.Plugin{
		Name: "control", Version: "0.1.0", Description: "Control nodes that ship with MySpinBot",
		Nodes: []sdk.Node{
			choose.Node(),
			score.Node(),
			splittext.Node(),
			storyboard.Node(),
		},
	})
}
