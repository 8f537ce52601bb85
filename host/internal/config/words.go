package config

import "github.com/myspinbot/spinbot/host/internal/core/pipeline"

// The types of words: how a value is written.
const (
	text     = "string"
	whole    = "whole number"
	size     = "size"
	duration = "duration"
	clock    = "time of day"
	texts    = "list(string)"
	yes      = "bool"
)

// When a model file is fetched.
const (
	fetchOffer = "offer"
	fetchAuto  = "auto"
)

// Language describes the file: its keys, as options name them, and its blocks.
func Language(o Options) pipeline.Block {
	b := pipeline.Block{Blocks: blocks}
	for _, k := range o.Keys {
		w := pipeline.Word{Name: k.Name, Doc: k.Doc, Type: k.Type, Default: k.Default}
		switch {
		case k.Type == "stringArray" && k.Pairs:
			w.Type = "object"
		case k.Type == "stringArray":
			w.Type = texts
		case k.Type == "int":
			w.Type = whole
		}
		b.Words = append(b.Words, w)
	}
	return b
}

// blocks is the one table of the blocks: the reader takes what it says, and the documentation is printed from it.
var blocks = []pipeline.Block{
	{Name: "plugin", Labels: []string{"name"}, Many: true,
		Doc: "What a plugin is told when its process starts. Its attributes are those that the plugin declares; a secret is written `secret(\"name\")`"},
	deviceBlock("fake", "A device that is not there, for tests and laptops",
		pipeline.Word{Name: "architecture", Type: text, Doc: "the architecture it claims to have"},
		pipeline.Word{Name: "used", Type: size, Default: `"0"`, Doc: "what foreign programs hold of its memory from the beginning"},
		pipeline.Word{Name: "figures", Type: text, Doc: "a file with its reading as JSON, in the form of `spinbot devices --json`; while it is there it goes before `used` and events"},
		pipeline.Word{Name: "count", Type: whole, Doc: "makes so many of it: `LABEL-0`, `LABEL-1`, …"}),
	deviceBlock("static", "A device that is there, and that nothing can probe",
		pipeline.Word{Name: "uuid", Type: text, Doc: "what it is known by; else `STATIC-` and its label"}),
	{Name: "reclaim", Doc: "What happens when a foreign program, such as a game, takes a device. Without the block, nothing",
		Words: []pipeline.Word{
			{Name: "policy", Type: text, Options: []string{string(Finish), string(Park), string(Cancel), string(Off)}, Default: `"finish"`,
				Doc: "whether the task there ends as it would, is parked where it can be, or is cancelled and queued again"},
			{Name: "memory", Type: size, Default: `"1GiB"`, Doc: "foreign use above which the device counts as taken"},
			{Name: "after", Type: duration, Default: `"5s"`, Doc: "how long it must have been above"},
			{Name: "return", Type: duration, Default: `"60s"`, Doc: "how long it must be below before the device is used again"},
		}},
	{Name: "hours", Many: true, Doc: "When devices may be used: in any of these windows. Without the block, always",
		Words: []pipeline.Word{
			{Name: "days", Type: texts, Options: dayNames, Default: `["mon", "tue", "wed", "thu", "fri", "sat", "sun"]`, Doc: "the days on which it begins"},
			{Name: "from", Type: clock, Required: true, Doc: "when it begins, such as `\"22:00\"`"},
			{Name: "to", Type: clock, Required: true, Doc: "when it ends; on the next day when that is not later than `from`. `\"24:00\"` is the end of the day"},
			{Name: "timezone", Type: text, Doc: "whose clock is meant, such as `\"Europe/Berlin\"`; else the machine's"},
		}},
	{Name: "quota", Labels: []string{"user"}, Many: true, Doc: "The most that the tasks of a user hold at a time; `quota \"*\"` is for everybody else, each",
		Words: []pipeline.Word{
			{Name: "devices", Type: whole, Doc: "how many devices"},
			{Name: "memory", Type: size, Doc: "how much memory of all devices together"},
		}},
	{Name: "engine", Labels: []string{"name"}, Many: true, Doc: "An engine that runs by itself, such as an Ollama. It computes on a device of this machine, or is a device of its own",
		Words: []pipeline.Word{
			{Name: "plugin", Type: text, Required: true, Doc: "whose node types use it"},
			{Name: "url", Type: text, Required: true, Doc: "where it answers, such as `\"http://127.0.0.1:11434\"`"},
			{Name: "device", Type: text, Doc: "the UUID of the device that it computes on"},
			{Name: "memory", Type: size, Doc: "what it has, when it is a device of its own; one of `device` and `memory` is given"},
			{Name: "models_dir", Type: text, Doc: "the folder of models that it reads, as this machine sees it: its plugin is told, and puts there what nodes make"},
		}},
	{Name: "models", Labels: []string{"name"}, Many: true, Doc: "A folder of model files on this machine. With one, tasks that need a file come here only when it is there",
		Words: []pipeline.Word{
			{Name: "folder", Type: text, Required: true, Doc: "where they are, such as `\"~/ComfyUI/models\"`"},
			{Name: "kind", Type: text, Doc: "what kind all of them are of, such as `\"loras\"`; else the sub-folders say it: `checkpoints`, `loras`, …"},
			{Name: "rate", Type: size, Doc: "how much fetching one file may take of the network in a second, such as `\"20MiB\"`; else all there is"},
			{Name: "private", Type: yes, Default: "false", Doc: "files may be fetched from URLs at private addresses, such as a NAS"},
		}},
	{Name: "model", Labels: []string{"name"}, Many: true, Doc: "Where a model file may be fetched from. Its label is the kind and the path: `model \"loras/ink.safetensors\" { }`",
		Words: []pipeline.Word{
			{Name: "url", Type: text, Required: true, Doc: "where it is: `http://…` or `https://…`"},
			{Name: "digest", Type: text, Required: true, Doc: "what it has to be: `\"sha256:\"` and 64 hexadecimal digits"},
			{Name: "fetch", Type: text, Options: []string{fetchOffer, fetchAuto}, Default: `"offer"`,
				Doc: "whether it is fetched by itself when a task waits for it, or that is offered only"},
		}},
	{Name: "placement", Doc: "How tasks are placed on devices",
		Words: []pipeline.Word{
			{Name: "preempt", Type: whole, Default: "100", Doc: "by how much a waiting task's priority exceeds a running one's to take its place; 0: it never does"},
			{Name: "ageing", Type: duration, Default: `"1m"`, Doc: "how long a task waits for its priority to rise by one; 0s: it does not rise"},
			{Name: "reserve", Type: size, Default: `"512MiB"`, Doc: "how much of each device's memory no task is given"},
		}},
	{Name: "auth", Doc: "How people sign in, beside tokens", Blocks: []pipeline.Block{
		{Name: "oidc", Doc: "A provider of OpenID Connect, with which people sign in who have no token. With the block, everybody has to sign in",
			Words: []pipeline.Word{
				{Name: "issuer", Type: text, Required: true, Doc: "its address, such as `\"https://id.example/realms/home\"`"},
				{Name: "client_id", Type: text, Required: true, Doc: "what it calls this host"},
				{Name: "client_secret", Type: text, Doc: "what this host shows it, such as `env(\"OIDC_SECRET\")`; a public client has none"},
				{Name: "client_secret_file", Type: text, Doc: "a file with the client's secret, in place of `client_secret`"},
				{Name: "redirect", Type: text, Required: true, Doc: "where it sends browsers back to: this host's address and `/api/v1/session/oidc/callback`"},
				{Name: "scopes", Type: texts, Doc: "what it is asked for beside `openid` and `profile`, such as `[\"email\"]`"},
				{Name: "user_claim", Type: text, Default: `"preferred_username"`, Doc: "what names who somebody is"},
				{Name: "unverified_email", Type: yes, Default: "false", Doc: "lets in by `email` as `user_claim` whose address the provider does not say it has verified: where nobody can choose their own"},
				{Name: "roles_claim", Type: text, Default: `"groups"`, Doc: "what `roles` is looked up by: a text or a list; dots lead into objects"},
			},
			Blocks: []pipeline.Block{{Name: "roles", Doc: "Who may do what: what may stand in `roles_claim`, by role. Whoever has none is refused", Words: []pipeline.Word{
				{Name: "viewer", Type: texts, Doc: "who sees everything but secrets"},
				{Name: "operator", Type: texts, Doc: "who makes runs and steers them"},
				{Name: "admin", Type: texts, Doc: "who changes the host"},
				{Name: "everybody", Type: text, Options: []string{"viewer", "operator", "admin"}, Doc: "the role of those who have none of the others"},
			}}}},
		{Name: "session", Doc: "How long a browser stays signed in", Words: []pipeline.Word{
			{Name: "idle", Type: duration, Default: `"12h"`, Doc: "without a request"},
			{Name: "longest", Type: duration, Default: `"30d"`, Doc: "at the longest; then the role is asked for anew"},
		}},
	}},
}

func deviceBlock(kind, doc string, more ...pipeline.Word) pipeline.Block {
	b := pipeline.Block{Name: "device", Labels: []string{kind, "label"}, Many: true, Doc: doc,
		Words: append([]pipeline.Word{
			{Name: "name", Type: text, Doc: "what it is called, as a vendor would; else its label"},
			{Name: "memory", Type: size, Required: true, Doc: "all that it has"},
			{Name: "compute", Type: text, Doc: "its CUDA compute capability, such as `\"8.9\"`"},
		}, more...)}
	if kind == "fake" {
		b.Blocks = []pipeline.Block{{Name: "event", Many: true, Doc: "Something that happens to it", Words: []pipeline.Word{
			{Name: "at", Type: duration, Required: true, Doc: "how long after the host began to look"},
			{Name: "do", Type: text, Required: true, Options: []string{"use", "lose", "sicken", "heal", "hang", "answer"},
				Doc: "foreign programs hold `used` from now on, it falls off the bus, it reports an error, it is well again, its probe hangs, its probe answers again"},
			{Name: "used", Type: size, Doc: "with `use`: how much"},
		}}}
	}
	return b
}

// Blocks describes the blocks of the file. The first label of a device is its kind.
func Blocks() []pipeline.Block { return blocks }
