package pipeline

import "github.com/myspinbot/spinbot/host/internal/core/diagnostic"

// Requires is what a pipeline asks of the host that runs it.
type Requires struct {
	// Spinbot is a version constraint, such as ">= 0.3"; empty: any.
	Spinbot string
	Plugins []RequiredPlugin
}

// RequiredPlugin is a plugin that a pipeline's node types come from.
type RequiredPlugin struct {
	// Local is the name that the pipeline's node types begin with, Name the plugin's own: the last part of Source.
	Local, Name string
	// Source is where the plugin comes from, such as "github.com/myspinbot/comfyui"; empty: whoever offers Local.
	Source string
	// Version is a constraint; empty: any.
	Version string
	Range   diagnostic.Range
}
