// Package dist holds the built module of the control nodes that ship, when there is one.
package dist

import "embed"

// The folder always holds at least this file, so that the host builds without the module.
//
//go:embed *
var files embed.FS

// Module gives the built module; ok is false when it was not built into this binary (make control).
func Module() (code []byte, ok bool) {
	code, err := files.ReadFile("control.wasm")
	return code, err == nil
}
