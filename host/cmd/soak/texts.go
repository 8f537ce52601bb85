package main

import "embed"

// texts are the pipelines of the runs. What may be repeated is, so that a run ends well whatever is done to the house; what may not is
// the effect, which is counted.
//
//go:embed runs/*.hcl
var texts embed.FS

// source gives a pipeline by the name of its file.
func source(name string) string {
	raw, err := texts.ReadFile("runs/" + name + ".hcl")
	if err != nil {
		panic(err) // it is in this folder
	}
	return string(raw)
}
