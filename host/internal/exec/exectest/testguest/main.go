// The test nodes as a WASM module.
package main

import (
	"github.com/myspinbot/spinbot/host/internal/exec/exectest/nodes"
	"github.com/myspinbot/spinbot/sdk/guest"
)

func main() { guest.Main(nodes.Plugin()) }
