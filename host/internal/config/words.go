package config

import (
	"github.com/myspinbot/spinbot/host/internal/config/hours"
	"github.com/myspinbot/spinbot/host/internal/config/value"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
)

// When a model file is fetched.
const (
	fetchOffer = "offer"
	fetchAuto  = "auto"
)

// Language describes the file: its keys, as options name them, and its blocks.
func Language(o Options) language.Block {
	b := language.Block{Blocks: blocks}
	for _, k := range o.Keys {
		w := language.Word{Name: k.Name, Doc: k.Doc, Type: k.Type, Default: k.Default}
		switch {
		case k.Type == "stringArray" && k.Pairs:
			w.Type = "object"
		case k.Type == "stringArray":
			w.Type = value.Texts
		case k.Type == "int":
			w.Type = value.Whole
		}
		b.Words = append(b.Words, w)
	}
	return b
}

// blocks is the one table of the blocks: the reader takes what it says, and the documentation is printed from it.
var blocks = []language.Block{
	{Name: "plugin", Labels: []string{"name"}, Many: true,
		Doc: "What a plugin is told when its process starts. Its attributes are those that the plugin declares; a secret is written `secret(\"name\")`"},
	deviceBlock("fake", "A device that is not there, for tests and laptops",
		language.Word{Name: "architecture", Type: value.Text, Doc: "the architecture it claims to have"},
		language.Word{Name: "used", Type: value.Size, Default: `"0"`, Doc: "what foreign programs hold of its memory from the beginning"},
		language.Word{Name: "figures", Type: value.Text, Doc: "a file with its reading as JSON, in the form of `spinbot devices --json`; while it is there it goes before `used` and events"},
		language.Word{Name: "count", Type: value.Whole, Doc: "makes so many of it: `LABEL-0`, `LABEL-1`, …"}),
	deviceBlock("static", "A device that is there, and that nothing can probe",
		language.Word{Name: "uuid", Type: value.Text, Doc: "what it is known by; else `STATIC-` and its label"}),
	{Name: "reclaim", Doc: "What happens when a foreign program, such as a game, takes a device. Without the block, nothing",
		Words: []language.Word{
			{Name: "policy", Type: value.Text, Options: []string{string(Finish), string(Park), string(Cancel), string(Off)}, Default: `"finish"`,
				Doc: "whether the task there ends as it would, is parked where it can be, or is cancelled and queued again"},
			{Name: "memory", Type: value.Size, Default: `"1GiB"`, Doc: "foreign use above which the device counts as taken"},
			{Name: "after", Type: value.Duration, Default: `"5s"`, Doc: "how long it must have been above"},
			{Name: "return", Type: value.Duration, Default: `"60s"`, Doc: "how long it must be below before the device is used again"},
		}},
	{Name: "hours", Many: true, Doc: "When devices may be used: in any of these windows. Without the block, always",
		Words: []language.Word{
			{Name: "days", Type: value.Texts, Options: hours.DayNames, Default: `["mon", "tue", "wed", "thu", "fri", "sat", "sun"]`, Doc: "the days on which it begins"},
			{Name: "from", Type: value.Clock, Required: true, Doc: "when it begins, such as `\"22:00\"`"},
			{Name: "to", Type: value.Clock, Required: true, Doc: "when it ends; on the next day when that is not later than `from`. `\"24:00\"` is the end of the day"},
			{Name: "timezone", Type: value.Text, Doc: "whose clock is meant, such as `\"Europe/Berlin\"`; else the machine's"},
		}},
	{Name: "quota", Labels: []string{"user"}, Many: true, Doc: "The most that the tasks of a user hold at a time; `quota \"*\"` is for everybody else, each",
		Words: []language.Word{
			{Name: "devices", Type: value.Whole, Doc: "how many devices"},
			{Name: "memory", Type: value.Size, Doc: "how much memory of all devices together"},
		}},
	{Name: "engine", Labels: []string{"name"}, Many: true, Doc: "An engine that runs by itself, such as an Ollama. It computes on a device of this machine, host or agent, or is a device of its own: here its plugin's tasks go to that device alone",
		Words: []language.Word{
			{Name: "plugin", Type: value.Text, Required: true, Doc: "whose node types use it"},
			{Name: "url", Type: value.Text, Required: true, Doc: "where it answers, such as `\"http://127.0.0.1:11434\"`"},
			{Name: "device", Type: value.Text, Doc: "the UUID of the device that it computes on"},
			{Name: "memory", Type: value.Size, Doc: "what it has, when it is a device of its own; one of `device` and `memory` is given"},
			{Name: "models_dir", Type: value.Text, Doc: "the folder of models that it reads, as this machine sees it: its plugin is told, and puts there what nodes make"},
		}},
	{Name: "models", Labels: []string{"name"}, Many: true, Doc: "A folder of model files on this machine. With one, tasks that need a file come here only when it is there",
		Words: []language.Word{
			{Name: "folder", Type: value.Text, Required: true, Doc: "where they are, such as `\"~/ComfyUI/models\"`"},
			{Name: "kind", Type: value.Text, Doc: "what kind all of them are of, such as `\"loras\"`; else the sub-folders say it: `checkpoints`, `loras`, …"},
			{Name: "rate", Type: value.Size, Doc: "how much fetching one file may take of the network in a second, such as `\"20MiB\"`; else all there is"},
			{Name: "private", Type: value.Yes, Default: "false", Doc: "files may be fetched from URLs at private addresses, such as a NAS"},
		}},
	{Name: "model", Labels: []string{"name"}, Many: true, Doc: "Where a model file may be fetched from. Its label is the kind and the path: `model \"loras/ink.safetensors\" { }`",
		Words: []language.Word{
			{Name: "url", Type: value.Text, Doc: "where it is: `http://…` or `https://…`"},
			{Name: "digest", Type: value.Text, Doc: "with `url`, what it has to be: `\"sha256:\"` and 64 hexadecimal digits"},
			{Name: "fetch", Type: value.Text, Options: []string{fetchOffer, fetchAuto}, Default: `"offer"`,
				Doc: "whether it is fetched by itself when a task waits for it, or that is offered only"},
			{Name: "licence", Type: value.Text, Doc: "its licence, such as `\"CC-BY-NC-4.0\"`; without it, what the file says"},
			{Name: "commercial", Type: value.Text, Options: []string{string(asset.Yes), string(asset.No), string(asset.Unknown)},
				Doc: "whether that allows a use that earns money; without it, what is known of the licence"},
		}},
	{Name: "placement", Doc: "How tasks are placed on devices",
		Words: []language.Word{
			{Name: "preempt", Type: value.Whole, Default: "100", Doc: "by how much a waiting task's priority exceeds a running one's to take its place; 0: it never does"},
			{Name: "ageing", Type: value.Duration, Default: `"1m"`, Doc: "how long a task waits for its priority to rise by one; 0s: it does not rise"},
			{Name: "reserve", Type: value.Size, Default: `"512MiB"`, Doc: "how much of each device's memory no task is given"},
		}},
	{Name: "tracing", Doc: "Where the traces of runs go, by OTLP over HTTP: one of each run. Without the block, where `OTEL_EXPORTER_OTLP_ENDPOINT` says; without both, nowhere",
		Words: []language.Word{
			{Name: "endpoint", Type: value.Text, Doc: "the collector, such as `\"http://127.0.0.1:4318\"`; else what `OTEL_EXPORTER_OTLP_ENDPOINT` says"},
			{Name: "headers", Type: value.Headers, Doc: "what it is shown, such as `{ authorization = secret(\"otlp\") }`"},
			{Name: "sample", Type: value.Part, Doc: "how large a part of all runs is traced; else what `OTEL_TRACES_SAMPLER_ARG` says, or all"},
			{Name: "service", Type: value.Text, Doc: "what this host is called there; else what `OTEL_SERVICE_NAME` says, or `spinbot`"},
		}},
	billBlock,
	{Name: "search", Doc: "The gallery finds artifacts by what they are about, too. Without the block, by their names alone, and nothing is computed",
		Words: []language.Word{
			{Name: "model", Type: value.Text, Required: true, Doc: "a model that makes vectors of texts, by its name in Ollama, such as `\"nomic-embed-text\"`: it is asked by `ollama.embed`. Another model describes everything anew"},
		}},
	{Name: "auth", Doc: "How people sign in, beside tokens", Words: []language.Word{
		{Name: "required", Type: value.Yes, Default: "false", Doc: "everybody has to sign in before there is a token, so that the host may listen on any address from its first start"},
		{Name: "proxies", Type: value.Texts, Default: `[]`, Doc: "addresses of proxies before this host, or their networks, such as `[\"10.0.0.2\", \"fd00::/64\"]`: who they say a request is from (`X-Forwarded-For`) counts, where wrong tokens lock an address out and in the audit"},
	}, Blocks: []language.Block{
		{Name: "oidc", Doc: "A provider of OpenID Connect, with which people sign in who have no token. With the block, everybody has to sign in",
			Words: []language.Word{
				{Name: "issuer", Type: value.Text, Required: true, Doc: "its address, such as `\"https://id.example/realms/home\"`"},
				{Name: "client_id", Type: value.Text, Required: true, Doc: "what it calls this host"},
				{Name: "client_secret", Type: value.Text, Doc: "what this host shows it, such as `env(\"OIDC_SECRET\")`; a public client has none"},
				{Name: "client_secret_file", Type: value.Text, Doc: "a file with the client's secret, in place of `client_secret`"},
				{Name: "redirect", Type: value.Text, Required: true, Doc: "where it sends browsers back to: this host's address and `/api/v1/session/oidc/callback`"},
				{Name: "scopes", Type: value.Texts, Doc: "what it is asked for beside `openid` and `profile`, such as `[\"email\"]`"},
				{Name: "user_claim", Type: value.Text, Default: `"preferred_username"`, Doc: "what names who somebody is"},
				{Name: "unverified_email", Type: value.Yes, Default: "false", Doc: "lets in by `email` as `user_claim` whose address the provider does not say it has verified: where nobody can choose their own"},
				{Name: "roles_claim", Type: value.Text, Default: `"groups"`, Doc: "what `roles` is looked up by: a text or a list; dots lead into objects"},
			},
			Blocks: []language.Block{{Name: "roles", Doc: "Who may do what: what may stand in `roles_claim`, by role. Whoever has none is refused", Words: []language.Word{
				{Name: "viewer", Type: value.Texts, Doc: "who sees everything but secrets"},
				{Name: "operator", Type: value.Texts, Doc: "who makes runs and steers them"},
				{Name: "admin", Type: value.Texts, Doc: "who changes the host"},
				{Name: "everybody", Type: value.Text, Options: []string{"viewer", "operator", "admin"}, Doc: "the role of those who have none of the others"},
			}}}},
		{Name: "session", Doc: "How long a browser stays signed in", Words: []language.Word{
			{Name: "idle", Type: value.Duration, Default: `"12h"`, Doc: "without a request"},
			{Name: "longest", Type: value.Duration, Default: `"30d"`, Doc: "at the longest; then the role is asked for anew"},
			{Name: "domain", Type: value.Text, Doc: "a domain all of whose names may see the session, such as `\"gpu.example\"` for a proxy that lets admins into other tools there; then over HTTPS only"},
		}},
	}},
}

func deviceBlock(kind, doc string, more ...language.Word) language.Block {
	b := language.Block{Name: "device", Labels: []string{kind, "label"}, Many: true, Doc: doc,
		Words: append([]language.Word{
			{Name: "name", Type: value.Text, Doc: "what it is called, as a vendor would; else its label"},
			{Name: "memory", Type: value.Size, Required: true, Doc: "all that it has"},
			{Name: "compute", Type: value.Text, Doc: "its CUDA compute capability, such as `\"8.9\"`"},
		}, more...)}
	if kind == "fake" {
		b.Blocks = []language.Block{{Name: "event", Many: true, Doc: "Something that happens to it", Words: []language.Word{
			{Name: "at", Type: value.Duration, Required: true, Doc: "how long after the host began to look"},
			{Name: "do", Type: value.Text, Required: true, Options: []string{"use", "lose", "sicken", "heal", "hang", "answer"},
				Doc: "foreign programs hold `used` from now on, it falls off the bus, it reports an error, it is well again, its probe hangs, its probe answers again"},
			{Name: "used", Type: value.Size, Doc: "with `use`: how much"},
		}}}
	}
	return b
}

// Blocks describes the blocks of the file. The first label of a device is its kind.
func Blocks() []language.Block { return blocks }
