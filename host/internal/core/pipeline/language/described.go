package language

import (
	"maps"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
)

// The documentation of the language: one table, long because it says everything once.

var describedRoots = []Word{
	{Name: "var", Type: "object", Doc: "A variable's value, given when the run was submitted: `var.topic`"},
	{Name: "local", Type: "object", Doc: "A named value of this file: `local.style`"},
	{Name: "node", Type: "object", Doc: "A node's outputs, once it has ended: `node.plan.scenes`; with `for_each` a list or a map of them"},
	{Name: "gate", Type: "object", Doc: "What a person decided: `gate.review.approved`, `gate.review.form.title`"},
	{Name: "module", Type: "object", Doc: "A module's outputs: `module.finish.video`"},
	{Name: "each", Type: "object", Doc: "The element of the node's `for_each` that this instance is for: `each.key` and `each.value`"},
	{Name: "self", Type: "any", Doc: "In `repeat` the outputs of the round that has just ended; in a form field's validation its value"},
	{Name: "run", Type: "object", Doc: "The run itself: `run.id` and `run.user`"},
	{Name: "secret", Type: "object", Doc: "A value that the host keeps: `secret.hook`"},
	{Name: "trigger", Type: "object", Doc: "What set the run off, in the inputs of a `trigger`"},
}

var (
	descriptionWord = Word{Name: "description", Type: "string", Doc: "What it is, for people"}
	sensitiveWord   = Word{Name: "sensitive", Type: "bool", Default: "false", Doc: "Seals the value wherever it is stored, and masks it where it would be shown"}

	forEachWord = Word{Name: "for_each", Type: "any",
		Doc: "Makes one instance for each element of a list, a map or a set; `each.key` and `each.value` are the element. The result is a list or a map of outputs"}
	whenWord      = Word{Name: "when", Type: "bool", Default: "true", Doc: "`false` skips it, and all that depend on it"}
	dependsOnWord = Word{Name: "depends_on", Type: "nodes", Doc: "What must have ended before, beside what it refers to: `[node.a, gate.b]`"}
	onFailureWord = Word{Name: "on_failure", Type: "string", Options: []string{pipeline.FailRun, pipeline.SkipDependents, pipeline.Continue, pipeline.Pause}, Default: pipeline.FailRun,
		Doc: "What its last failure means: `fail` the run, `skip` its dependents, `continue` with null outputs, or `pause` the run until a person has decided"}

	conditionWords = []Word{
		{Name: "condition", Type: "bool", Required: true, Doc: "Must be true for the value to be taken"},
		{Name: "message", Type: "string", Required: true, Doc: "What a person is told when it is not"},
	}
	validationBlock = Block{Name: "validation", Many: true, Doc: "A condition on the value, checked before it is used", Words: conditionWords}

	repeatBlockDoc = Block{Name: "repeat", Doc: "Runs it again until its result is good enough", Words: []Word{
		{Name: "max", Type: "number", Required: true, Doc: "Most rounds, from 1 to 1000"},
		{Name: "until", Type: "bool", Required: true, Doc: "Ends the rounds when true; `self` is the round's result"},
		{Name: "next", Type: "object", Doc: "Inputs that differ in the next round; `self` is the result of the one before"},
		{Name: "on_exhausted", Type: "string", Options: []string{pipeline.FailRun, pipeline.Continue}, Default: pipeline.FailRun, Doc: "What it means that the rounds were not enough"},
	}}
	inputBlockDoc = Block{Name: "input", Inputs: true, Doc: "Inputs whose names the language uses otherwise"}
)

var described = []Block{
	{Name: "pipeline", Labels: []string{"name"}, Doc: "Names the pipeline. One file holds one pipeline", Words: []Word{
		descriptionWord,
		{Name: "timeout", Type: "duration", Doc: "How long a whole run may take: `\"2h\"`"},
		{Name: "priority", Type: "number", Default: "0", Doc: "Orders runs that wait, and tasks: higher goes first, from -1000 to 1000"},
		{Name: "commercial", Type: "bool", Default: "false", Doc: "What its runs make is to earn money: assets and models whose licence forbids that are refused"},
		{Name: "language", Type: "number", Default: "1", Doc: "The version of the pipeline language that the file is written for"},
	}, Blocks: []Block{
		{Name: "concurrency", Doc: "How many runs may go on at once", Words: []Word{
			{Name: "limit", Type: "number", Required: true, Doc: "Most runs at once; others wait for their turn"},
			{Name: "key", Type: "string", Doc: "Counts runs apart by this value: `run.user`, `var.channel`"},
		}},
	}},
	{Name: "requires", Doc: "What the pipeline asks of the host that runs it", Words: []Word{
		{Name: "spinbot", Type: "string", Doc: "Which versions of spinbot can run it: `\">= 0.3\"`"},
	}, Blocks: []Block{
		{Name: "plugin", Labels: []string{"plugin"}, Many: true, Doc: "A plugin that node types come from; the label is what their names begin with in this file", Words: []Word{
			{Name: "source", Type: "string", Doc: "Where the plugin comes from: `\"github.com/myspinbot/comfyui\"`"},
			{Name: "version", Type: "string", Doc: "Which versions will do: `\"~> 1.2\"`"},
		}},
	}},
	{Name: "variable", Labels: []string{"name"}, Many: true, Doc: "A value that is given when a run is submitted", Words: []Word{
		{Name: "type", Type: "type", Default: "any", Doc: "`string`, `number`, `bool`, `any`, `artifact`, `list(T)`, `set(T)`, `map(T)` or `object({ name = T })`"},
		descriptionWord,
		{Name: "default", Type: "any", Doc: "Stands in when no value is given; without one a value is required"},
		sensitiveWord,
		{Name: "accept", Type: "list(string)", Doc: "Media types of an artifact: `[\"image/*\"]`"},
		{Name: "max_size", Type: "size", Doc: "Size limit of each artifact: `\"20MiB\"`"},
	}, Blocks: []Block{validationBlock}},
	{Name: "secret", Labels: []string{"name"}, Many: true, Doc: "A value that the host keeps: never in events, logs, cache keys or on a screen", Words: []Word{descriptionWord}},
	{Name: "locals", Many: true, Names: true, Doc: "Named values of this file: `local.name`"},
	{Name: "node", Labels: []string{"type", "name"}, Many: true, Inputs: true, Doc: "One step of work: what it does is its type, its attributes are the type's inputs. It runs after all that it refers to", Words: []Word{
		forEachWord, whenWord, dependsOnWord,
		{Name: "timeout", Type: "duration", Doc: "How long one attempt may take: `\"5m\"`"},
		{Name: "idle_timeout", Type: "duration", Doc: "How long an attempt may be silent: `\"60s\"`. Any report begins it anew"},
		onFailureWord,
		{Name: "on_lost", Type: "string", Options: []string{pipeline.FailRun, pipeline.Ask}, Default: pipeline.FailRun, Doc: "What becomes of a node that is not idempotent when nobody knows how its attempt ended"},
		{Name: "priority", Type: "number", Default: "0", Doc: "Higher goes first among what waits, from -1000 to 1000"},
	}, Blocks: []Block{
		{Name: "retry", Doc: "How often a failing attempt is tried again", Words: []Word{
			{Name: "attempts", Type: "number", Default: "1", Doc: "Most attempts, the first one counted; up to 100"},
			{Name: "backoff", Type: "duration", Doc: "Pause before the second attempt; it doubles from there"},
		}},
		{Name: "device", Doc: "The accelerator that the node asks for", Words: []Word{
			{Name: "memory", Type: "size", Doc: "Device memory: `\"6GiB\"`"},
			{Name: "count", Type: "number", Default: "1", Doc: "How many devices of one agent, all at once, up to 64; 0 with `ram` or `disk` only"},
			{Name: "model", Type: "string", Doc: "What stays resident: a device that has it is preferred"},
			{Name: "at_least", Type: "map(string)", Doc: "Traits that each device must have: `{ compute = \"8.0\" }`; there are `architecture`, `compute`, `kind`, `memory` and `name`"},
			{Name: "files", Type: "list(string)", Doc: "Model files that have to be on its machine, each with its kind: `[\"loras/ink.safetensors\"]`"},
			{Name: "exclusive", Type: "bool", Default: "false", Doc: "Nobody else may use the devices meanwhile"},
			{Name: "only", Type: "list(string)", Doc: "The devices that will do: their UUIDs, how these begin, or a part of their names: `[\"4090\"]`"},
			{Name: "prefer", Type: "list(string)", Doc: "Devices to be taken first, named as in `only`"},
			{Name: "forbid", Type: "list(string)", Doc: "Devices that will not do, named as in `only`"},
			{Name: "spill", Type: "string", Options: []string{pipeline.SpillAllow, pipeline.SpillNever}, Default: pipeline.SpillAllow, Doc: "`never`: less than `memory` will not do, even for a node type that could work with less"},
			{Name: "evictable", Type: "bool", Default: "false", Doc: "Goes after everybody else, on devices that nobody else wants, and begins anew when somebody does"},
			{Name: "ram", Type: "size", Doc: "The machine's own memory: `\"32GiB\"`"},
			{Name: "disk", Type: "size", Doc: "Disk for its work"},
		}},
		repeatBlockDoc,
		{Name: "degrade", Many: true, Doc: "One rung of a ladder: inputs that differ after an attempt did not fit its device", Words: []Word{
			{Name: "on", Type: "string", Options: slices.Sorted(maps.Keys(pipeline.DegradeCauses)), Default: "out_of_memory", Doc: "What leads here"},
			{Name: "set", Type: "object", Required: true, Doc: "Inputs that differ, merged deeply: `{ width = 768 }`"},
		}},
		{Name: "cache", Doc: "Uses results of equal inputs again", Words: []Word{
			{Name: "ttl", Type: "duration", Doc: "How old a result may be; without it any age will do"},
		}},
		{Name: "limits", Doc: "What an attempt of a control node may use, beside its `timeout`; the host may allow less", Words: []Word{
			{Name: "memory", Type: "size", Default: "64 MiB", Doc: "Most memory: more is not given"},
			{Name: "budget", Type: "number", Doc: "Most work, in units of the cost model: then it is stopped"},
			{Name: "output", Type: "size", Default: "16 MiB", Doc: "Largest result: a larger one is refused"},
			{Name: "log", Type: "size", Default: "1 MiB", Doc: "Most that it may report: the rest is left out"},
			{Name: "calls", Type: "number", Default: "1000000", Doc: "Most calls of the host: then it is stopped"},
		}},
		inputBlockDoc,
	}},
	{Name: "gate", Labels: []string{"name"}, Many: true, Inputs: true, Doc: "Waits until a person has decided. Its outputs are `approved`, `form`, `by` and `comment`", Words: []Word{
		forEachWord, whenWord, dependsOnWord,
		{Name: "timeout", Type: "duration", Doc: "How long the gate waits; without one as long as it takes"},
		{Name: "on_timeout", Type: "string", Options: []string{pipeline.FailRun, pipeline.Approve, pipeline.Reject}, Default: pipeline.FailRun, Doc: "What happens when nobody has answered in time"},
		onFailureWord,
	}, Blocks: []Block{
		{Name: "form", Labels: []string{"name"}, Many: true, Doc: "A field that the person may fill in: `gate.<name>.form.<field>`", Words: []Word{
			{Name: "type", Type: "type", Default: "string", Doc: "The field's type"},
			descriptionWord,
			{Name: "default", Type: "any", Doc: "What stands in the field at first"},
			{Name: "options", Type: "list(any)", Doc: "The only values that may be chosen"},
		}, Blocks: []Block{validationBlock}},
	}},
	{Name: "module", Labels: []string{"name"}, Many: true, Inputs: true, Doc: "A pipeline within the pipeline: its variables are the inputs, its outputs the outputs", Words: []Word{
		{Name: "source", Type: "path", Required: true, Doc: "The pipeline's file or folder, relative to this file: `\"./finish.hcl\"`"},
		forEachWord, whenWord, dependsOnWord, onFailureWord,
	}, Blocks: []Block{repeatBlockDoc, inputBlockDoc}},
	{Name: "output", Labels: []string{"name"}, Many: true, Doc: "A named result of the pipeline", Words: []Word{
		{Name: "value", Type: "any", Required: true, Doc: "What is given: `node.film.video`"},
		descriptionWord, sensitiveWord,
	}},
	{Name: "trigger", Labels: []string{"kind", "name"}, Many: true, Doc: "Makes runs by itself: `\"cron\"` at times, `\"webhook\"` when another program asks", Words: []Word{
		{Name: "schedule", Type: "string", Doc: "When a `cron` fires: minute hour day month weekday, such as `\"0 3 * * *\"`"},
		{Name: "timezone", Type: "string", Default: "UTC", Doc: "Where the schedule's clock stands: `\"Europe/Berlin\"`"},
		{Name: "catch_up", Type: "bool", Default: "false", Doc: "Fires once for times that passed while no host was running"},
		{Name: "overlap", Type: "string", Options: []string{"skip", "queue"}, Default: "skip", Doc: "What to do while its last run goes on"},
		{Name: "secret", Type: "any", Doc: "The secret that a webhook's signatures are made with: `secret.hook`"},
		{Name: "inputs", Type: "object", Doc: "Values of the pipeline's variables"},
	}},
}
