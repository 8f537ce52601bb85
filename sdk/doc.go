// Package sdk is the contract between MySpinBot's host and everything that does work for it.
//
// It owns the words that cross that border: Node and NodeType (what can be done), Task (one attempt of it),
// Values (what goes in and comes out), Artifact (immutable bytes), Report (what a node says while working),
// Result, Error, Manifest and Address. It imports the standard library only, so that a plugin's author
// takes on nothing else; transport lives in sdk/wire and sdk/serve, WASM guests in sdk/guest.
package sdk
