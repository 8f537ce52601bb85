package suite

import (
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
)

// described says what may stand in a test file: at its top, and within each block. It documents what testfile takes; a test
// holds one to the other.
var described = language.Block{
	Words: []language.Word{
		{Name: "types", Type: "path", Doc: "A file of node types for machines that lack them: `spinbot node-types --json`, or what `spinbot test --record` wrote."},
	},
	Blocks: []language.Block{
		{Name: "run", Labels: []string{"name"}, Many: true, Doc: "One run of the pipeline beside the file, and what it must come to.",
			Words: []language.Word{
				{Name: "inputs", Type: "object", Doc: "Values of the pipeline's variables."},
				{Name: "file", Type: "path", Doc: "Another pipeline than the one beside the test file."},
				{Name: "diagnostics", Type: "list(string)", Doc: "The pipeline or its inputs must be refused, with diagnostics that say each of these."},
			},
			Blocks: []language.Block{mockBlock, answerBlock, expectBlock}},
		mockBlock,
	},
}

var mockBlock = language.Block{Name: "mock", Labels: []string{"target"}, Many: true,
	Doc: "Stands in for every node of a type, for one node, or for one instance of it: `\"render.clip\"`, `\"node.shot\"`, `\"node.shot[2]\"`, `\"module.finish/node.mix\"`. Its values may use `inputs`, `attempt`, `round` and `each.key`.",
	Words: []language.Word{
		{Name: "outputs", Type: "object", Doc: "What the node gives. `artifact(\"file\")` makes an artifact of a file beside the test file."},
		{Name: "fail", Type: "object", Doc: "How the node fails: `{ message = \"…\" }`; with `attempts` only that often, and then it gives its outputs."},
		{Name: "recorded", Type: "path", Doc: "What the node gave in a real run: a file that `spinbot test --record RUN` wrote."},
	}}

var answerBlock = language.Block{Name: "answer", Labels: []string{"waits"}, Many: true,
	Doc: "What a person says: to a gate, or to a node that waits because it failed or is in doubt.",
	Words: []language.Word{
		{Name: "approved", Type: "bool", Default: "true", Doc: "Whether the person approves."},
		{Name: "form", Type: "object", Doc: "What the person fills in; the rest has its defaults."},
		{Name: "timed_out", Type: "bool", Default: "false", Doc: "Nobody answers: the gate's `on_timeout` counts."},
		{Name: "message", Type: "string", Doc: "Text that the question must have."},
		{Name: "decide", Type: "string", Options: []string{"retry", "accept", "skip", "fail"}, Doc: "What becomes of a node that waits."},
		{Name: "inputs", Type: "object", Doc: "Other inputs for the node that is tried again."},
		{Name: "outputs", Type: "object", Doc: "What the node that is accepted should have given."},
		{Name: "by", Type: "string", Doc: "Who says it."},
		{Name: "comment", Type: "string", Doc: "What is said with it."},
	}}

var expectBlock = language.Block{Name: "expect",
	Doc: "What the run must come to. What is not said may be anything, but for the state: succeeded, or failed where an error is expected.",
	Words: []language.Word{
		{Name: "state", Type: "string", Options: texts(testfile.RunStates), Doc: "How the run ends; `paused`: it waits for a person."},
		{Name: "error", Type: "string", Doc: "Text that the run's error must have."},
		{Name: "outputs", Type: "object", Doc: "Outputs of the pipeline. Objects may have more members than are named."},
		{Name: "nodes", Type: "object", Doc: "States of nodes, by address: `{ \"node.shot[0]\" = \"cached\" }`."},
	},
	Blocks: []language.Block{
		{Name: "artifact", Labels: []string{"value"}, Many: true, Doc: "What must be true of an artifact: `artifact \"output.video\"`.",
			Words: []language.Word{
				{Name: "media_type", Type: "string", Doc: "Such as `image/png`; `image/*` takes any image."},
				{Name: "width", Type: "number", Doc: "In pixels."},
				{Name: "height", Type: "number", Doc: "In pixels."},
				{Name: "duration", Type: "duration", Doc: "How long it plays."},
				{Name: "tolerance", Type: "duration", Doc: "By how much the duration may differ."},
				{Name: "min_size", Type: "size", Doc: "It has this many bytes at least."},
				{Name: "max_size", Type: "size", Doc: "It has this many bytes at most."},
				{Name: "contains", Type: "string", Doc: "Text that stands in it."},
			}},
		{Name: "condition", Many: true, Doc: "Something that must hold. It may use `output`, `node`, `gate`, `module`, `var` and `run`.",
			Words: []language.Word{
				{Name: "check", Type: "bool", Required: true, Doc: "Must be true: `output.seconds > 10`."},
				{Name: "message", Type: "string", Doc: "What is said when it is not."},
			}},
	}}

func texts(list []any) []string {
	out := make([]string, len(list))
	for k := range list {
		out[k] = list[k].(string)
	}
	return out
}
