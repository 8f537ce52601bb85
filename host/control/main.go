// The control nodes that ship, as one WASM module:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags="-s -w" -o control/dist/control.wasm ./control
//
// Built for the machine itself it runs one node by hand: see sdk/guest.
package main

import (
	"github.com/myspinbot/spinbot/host/control/captions"
	"github.com/myspinbot/spinbot/host/control/choose"
	"github.com/myspinbot/spinbot/host/control/dedupe"
	"github.com/myspinbot/spinbot/host/control/score"
	"github.com/myspinbot/spinbot/host/control/http"
	"github.com/myspinbot/spinbot/host/control/ratelimit"
	"github.com/myspinbot/spinbot/host/control/splittext"
	"github.com/myspinbot/spinbot/host/control/storyboard"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

var plugin = sdk.Plugin{
	Name: "control", Version: "0.1.0", Description: "Control nodes that ship with MySpinBot",
	Nodes: []sdk.Node{
		captions.Node(),
		choose.Node(),
		dedupe.Node(),
		http.Node(),
		ratelimit.Node(),
		score.Node(),
		splittext.Node(),
		storyboard.Node(),
	},
}

func main() { guest.Main(plugin) }
