// Package floors holds no code: its test guards the plan of the house. A package may import packages of ours
// that stand on a lower floor, and beside itself only what its row names; some libraries may be imported from
// one room only. The table in ARCHITECTURE.md is printed from here (go test ./internal/floors -update).
package floors

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the table in ARCHITECTURE.md")

const ours = "github.com/myspinbot/spinbot/"

// A room is one package or, with a trailing /..., a folder of packages.
type room struct {
	path   string
	floor  int
	beside []string // rooms on the same floor that it may import
	owns   string
}

// rooms is the plan: first match wins, so a narrower row stands above a wider one.
var rooms = []room{
	{"sdk", 0, nil, "the words that cross the border: Node, Task, Values, Artifact, Address; standard library only"},
	{"sdk/comfyui", 0, []string{"sdk/comfyui/..."}, "ComfyUI's workflows, as drawn and as run, in whatever file; pure"},
	{"sdk/comfyui/ordered", 0, nil, "JSON whose order counts; pure"},
	{"sdk/comfyui/metadata", 0, nil, "what ComfyUI writes into PNG, WebP and MP4 files; pure"},
	{"ui", 0, nil, "the built web interface, embedded when present"},
	{"sdk/wire", 1, nil, "proto, generated code, both ends of go-plugin"},
	{"sdk/picture", 0, nil, "pictures as they are seen: photos turned as their EXIF says; pure"},
	{"sdk/weights", 1, nil, "files of model weights: safetensors, and adapters as GGUF"},
	{"sdk/guest", 1, nil, "main() of a Go control node (WASM)"},
	{"sdk/client", 1, nil, "Go client of the REST API, and its shapes"},
	{"sdk/longrun", 1, nil, "a program that a plugin runs for long: its lines as progress, stopped whole"},
	{"sdk/managed", 1, nil, "a server that a plugin starts, and starts anew when it has ended"},
	{"sdk/serve", 2, nil, "main() of a plugin"},
	{"sdk/sdktest", 2, nil, "conformance suite that a plugin's author runs"},
	{"sdk/sdktest/tinyllama", 2, nil, "a language model of 100,000 random numbers, for tests"},
	{"sdk/examples/...", 3, nil, "what sdk/README.md shows, compiled and run"},
	{"host/internal/core/graph", 1, nil, "DAG over names; pure"},
	{"host/internal/core/expr", 1, []string{"host/internal/core/expr/datum"}, "expressions parsed, evaluated within bounds, inferred; pure"},
	{"host/internal/core/expr/datum", 1, nil, "values of expressions to and from sdk.Values, and what of them is sensitive; pure"},
	{"host/internal/core/expr/builtin", 1, []string{"host/internal/core/expr", "host/internal/core/expr/datum"}, "what functions of the language are made of; pure"},
	{"host/internal/core/expr/builtin/...", 1, []string{"host/internal/core/expr", "host/internal/core/expr/datum", "host/internal/core/expr/builtin"}, "the functions of one subject each: text, numbers, collections; pure"},
	{"host/internal/core/expr/library", 1, []string{"host/internal/core/expr", "host/internal/core/expr/datum", "host/internal/core/expr/builtin", "host/internal/core/expr/builtin/..."}, "every function that can be called, and the files that they read; pure"},
	{"host/internal/core/expr/typeexpr", 1, []string{"host/internal/core/expr", "host/internal/core/expr/datum", "host/internal/core/expr/library"}, "types as the language writes them; pure"},
	{"host/internal/doclinks", 1, nil, "links of Markdown files that lead nowhere; pure"},
	{"host/internal/core/nodedoc", 1, []string{"host/internal/core/expr/..."}, "what node types say of themselves, as Markdown; pure"},
	{"host/internal/core/schedule", 1, nil, "when a cron schedule comes due; pure but for the system's time zones"},
	{"host/internal/core/asset", 1, nil, "what the library keeps: named, versioned artifacts, their licence and consent, who may use them; pure"},
	{"host/internal/core/about", 1, nil, "what an artifact is about, as one text; pure"},
	{"host/internal/core/provenance", 1, []string{"host/internal/core/asset"}, "how an artifact was made, as a statement, and what a signature of it is; pure"},
	{"host/internal/core/diagnostic", 1, nil, "what is wrong with a file or with values, and where; pure"},
	{"host/internal/core/pipeline", 1, []string{"host/internal/core/asset", "host/internal/core/diagnostic", "host/internal/core/graph", "host/internal/core/expr", "host/internal/core/expr/...", "host/internal/core/schedule", "host/internal/core/device"}, "what a pipeline file declares, as words and values; pure"},
	{"host/internal/core/pipeline/language", 1, []string{"host/internal/core/pipeline"}, "the documentation of the language; pure"},
	{"host/internal/core/pipeline/syntax", 1, []string{"host/internal/core/asset", "host/internal/core/pipeline", "host/internal/core/diagnostic", "host/internal/core/expr", "host/internal/core/expr/..."}, "the text of a pipeline file: blocks, constants, files it names, canonical form; pure"},
	{"host/internal/core/pipeline/decode", 1, []string{"host/internal/core/pipeline", "host/internal/core/pipeline/syntax", "host/internal/core/diagnostic", "host/internal/core/expr", "host/internal/core/expr/...", "host/internal/core/schedule", "host/internal/core/device"}, "the blocks of a file to a Pipeline, expressions as written; pure"},
	{"host/internal/core/pipeline/load", 1, []string{"host/internal/core/asset", "host/internal/core/pipeline", "host/internal/core/pipeline/syntax", "host/internal/core/pipeline/decode", "host/internal/core/diagnostic", "host/internal/core/graph", "host/internal/core/expr", "host/internal/core/expr/..."}, "HCL bytes to a checked Pipeline, or diagnostics; pure"},
	{"host/internal/core/pipeline/eval", 1, []string{"host/internal/core/pipeline", "host/internal/core/pipeline/syntax", "host/internal/core/pipeline/load", "host/internal/core/diagnostic", "host/internal/core/expr", "host/internal/core/expr/..."}, "the expressions of a pipeline during a run; pure"},
	{"host/internal/core/run", 1, nil, "the words of a run: events and their stored form, states and the table of them; pure"},
	{"host/internal/core/trace", 1, []string{"host/internal/core/run"}, "the trace of a run: ids that follow from its id, spans that follow from its events; pure"},
	{"host/internal/span", 1, []string{"host/internal/core/trace"}, "spans of what goes on inside an attempt, carried by a context"},
	{"host/internal/core/run/progress", 1, []string{"host/internal/core/run"}, "State, Fold, Decide: the run as a state machine; pure"},
	{"host/internal/core/run/explain", 1, []string{"host/internal/core/run", "host/internal/core/run/progress"}, "why a run or a node stands where it does, in words; pure"},
	{"host/internal/core/scopes", 1, []string{"host/internal/core/pipeline", "host/internal/core/pipeline/eval", "host/internal/core/diagnostic", "host/internal/core/run", "host/internal/core/run/progress"}, "what the expressions of a run see, kept as its events come in; pure"},
	{"host/internal/core/plan", 1, []string{"host/internal/core/pipeline", "host/internal/core/pipeline/eval", "host/internal/core/diagnostic"}, "what a run would do; pure"},
	{"host/internal/core/convert", 1, nil, "ComfyUI's files to a pipeline, and what it needs; pure"},
	{"host/internal/core/device", 1, nil, "devices, what is asked of them, the lease table; pure"},
	{"host/internal/core/placement", 1, []string{"host/internal/core/device"}, "the words of placing: tasks, agents, the policy, assignments, reasons; pure"},
	{"host/internal/core/placement/fleet", 1, []string{"host/internal/core/placement", "host/internal/core/device"}, "what is free in a fleet: devices, loaded models, what was given and reserved; pure"},
	{"host/internal/core/placement/turns", 1, []string{"host/internal/core/placement", "host/internal/core/placement/fleet"}, "who waits to be placed, in which order; pure"},
	{"host/internal/core/placement/reason", 1, []string{"host/internal/core/placement", "host/internal/core/placement/fleet", "host/internal/core/device"}, "sentences that say why a task waits; pure"},
	{"host/internal/core/placement/book", 1, []string{"host/internal/core/placement", "host/internal/core/placement/...", "host/internal/core/device"}, "which agent and devices a task gets, or why it waits; pure"},
	{"host/internal/core/lead", 1, []string{"host/internal/core/placement", "host/internal/core/placement/book", "host/internal/core/device"}, "one placement for several hosts as two state machines: what owners want and have, what a leader gives; pure"},
	{"host/internal/core/protocol", 1, []string{"host/internal/core/device"}, "both ends of the fleet protocol as state machines: what is sent, held, lost, done with; pure"},
	{"host/internal/core/tally", 1, []string{"host/internal/core/device"}, "what tasks have of devices that they share: time, and energy; pure"},
	{"host/internal/core/bill", 1, []string{"host/internal/core/run"}, "what runs have used: from events to lines, totals and money; pure"},
	{"host/internal/core/learned", 1, nil, "what earlier tasks have taught of their memory and time; pure"},
	{"host/internal/core/sim", 1, []string{"host/internal/core/placement", "host/internal/core/placement/book", "host/internal/core/device"}, "a fleet in virtual time: what a policy makes of it; pure"},
	{"host/internal/gpu", 2, nil, "Prober: the devices of this machine, measured in a child process or written down"},
	{"host/internal/gpu/...", 3, nil, "one adapter each: a way to ask for devices"},
	{"host/internal/config/hours", 1, nil, "windows of each week by the clock of a place: whether now lies in one; pure"},
	{"host/internal/config/written", 2, nil, "expressions of a configuration, evaluated, and what is wrong with them"},
	{"host/internal/config/value", 2, []string{"host/internal/config/written"}, "values of a configuration as they are read by the types of words, and shown to people"},
	{"host/internal/config/plugin", 2, []string{"host/internal/config/written", "host/internal/config/value"}, "the blocks of plugins: what each is told, held to what it declares, secrets shown nowhere"},
	{"host/internal/config", 3, nil, "spinbot.hcl: the host's configuration"},
	{"host/internal/exec", 2, []string{"host/internal/artifacts"}, "Executor (one method) and its decorators"},
	{"host/internal/store", 2, nil, "Journal, Index, Keeper, Keys, Files, Ownership, Records, Log and their errors"},
	{"host/internal/artifacts", 2, nil, "Store of immutable bytes"},
	{"host/internal/cache", 2, nil, "results that may be used again, by what went in"},
	{"host/internal/grant", 1, nil, "what this machine lets a control node do beyond computing: the words, which host is covered"},
	{"host/internal/outbound", 2, []string{"host/internal/secrets"}, "HTTP for control nodes: which addresses, redirects and sizes; secrets put in at the door"},
	{"host/internal/kv", 2, nil, "small state that control nodes keep between tasks"},
	{"host/internal/kv/...", 3, nil, "one adapter each, and the conformance suite"},
	{"host/internal/archive", 2, nil, "the format of what leaves a host as one file: a run, or a backup; knows no store"},
	{"host/internal/media", 2, nil, "what the head of a media file says: size in pixels, duration"},
	{"host/internal/secrets", 2, nil, "where secrets come from, the host's key that seals, the mask of what is said"},
	{"host/internal/mark", 1, nil, "that spinbot has made a media file, among its metadata; reads files it is given"},
	{"host/internal/secrets/seal", 1, nil, "what one machine encrypts for another: for its public key, bound to a context; pure but for randomness"},
	{"host/internal/exec/exectest/...", 3, []string{"host/internal/exec/exectest/..."}, "conformance suite of executors, and the node types it runs"},
	{"host/internal/exec/wasmexec/meter", 2, nil, "rewrites a WebAssembly module: what it computes is counted, and its state can be restored"},
	{"host/internal/exec/pluginexec/group", 2, nil, "one program and all that it starts: killed whole, watched until nothing is left"},
	{"host/internal/exec/pluginexec/symptom", 1, nil, "what messages of drivers, frameworks and engines mean for a device, and whether the kernel killed; reads files it is given"},
	{"host/internal/exec/pluginexec/pin", 2, nil, "the variables that hold a process to its devices; pure"},
	{"host/internal/exec/pluginexec/checksum", 1, nil, "whether a plugin's program is the trusted one"},
	{"host/internal/exec/...", 3, nil, "one adapter each, blind to the others and to engine"},
	{"host/internal/store/sqlstore/sqlfiles", 2, []string{"host/internal/store"}, "the artifacts of runs in the tables of sqlstore, and what they are about"},
	{"host/internal/store/pgstore/pgfiles", 2, []string{"host/internal/store"}, "the artifacts of runs in the tables of pgstore, and what they are about: with pgvector where it is"},
	{"host/internal/store/sqlstore/sumvfs", 2, nil, "the files under SQLite: damage is seen, not believed"},
	{"host/internal/freeport", 1, nil, "ports for programs of tests"},
	{"host/internal/store/pgstore/pgtest", 2, nil, "a PostgreSQL for tests, gone with them"},
	{"host/internal/store/...", 3, nil, "one adapter each"},
	{"host/internal/artifacts/...", 3, nil, "one adapter each"},
	{"host/internal/artifacts/s3/s3test", 3, nil, "real S3 servers for tests"},
	{"host/internal/cache/...", 3, nil, "one adapter each"},
	{"host/internal/fleet", 3, nil, "the fleet protocol over Redis Streams, both ends"},
	{"host/internal/fleet/spool", 2, nil, "what an agent notes of attempts on its disk"},
	{"host/internal/fleet/stream", 2, []string{"host/internal/fleet/dial"}, "streams of Redis, read from their beginning, and commands in order, whatever becomes of the connection"},
	{"host/internal/fleet/dial", 2, nil, "opens the Redis of a fleet, and refuses one that would lose work: addresses, TLS, rights"},
	{"host/internal/fleet/mirror", 3, []string{"host/internal/api/hub"}, "what becomes of runs, published in Redis to whoever subscribes"},
	{"host/internal/fleet/leader", 3, nil, "hosts that place together: what they say to each other, over Redis Streams"},
	{"host/internal/fleet/supervise", 3, nil, "the host's own Redis: its folder, its process, and how other machines join"},
	{"host/internal/fleet/redistest", 3, nil, "a real redis-server for tests: killed, halted, started again"},
	{"host/internal/fleet/chaos", 3, nil, "no code: real processes of a fleet over a real Redis, harmed in every way, and what they promise all the same"},
	{"host/internal/placer", 3, nil, "the book of one host: attempts that wait for devices, and what was learned of them"},
	{"host/internal/models", 3, nil, "the model files of one machine: which there are, how more of them come, how they get from agent to agent"},
	{"host/internal/leases", 3, nil, "this machine's devices: the lease table, what is kept warm on them, what has to go"},
	{"host/internal/engine", 3, []string{"host/internal/engine/..."}, "runs from submission to end: who begins, who waits, what people say, what a restart left"},
	{"host/internal/engine/loop", 3, []string{"host/internal/engine/..."}, "the only loop: decide, append intent, execute, append result"},
	{"host/internal/engine/draft", 3, []string{"host/internal/engine/reuse", "host/internal/engine/stored"}, "the events that one advance of a run adds, folded and not durable yet"},
	{"host/internal/engine/reuse", 3, []string{"host/internal/engine/stored"}, "results that need no new attempt: of the run that is repeated, of attempts under way, of the cache"},
	{"host/internal/engine/stored", 3, nil, "runs as they are stored: journals folded, pipelines by digest, values too big for an event"},
	{"host/internal/engine/queue", 2, nil, "runs that wait for their turn: order, how many at once, concurrency keys"},
	{"host/internal/engine/slots", 2, nil, "how many tasks are under way at once, shared fairly among runs"},
	{"host/internal/engine/alarm", 2, nil, "wakes runs at times: one timer for all"},
	{"host/internal/engine/crew", 2, nil, "goroutines that wait for the next function, so that their stacks have grown"},
	{"host/internal/library", 3, nil, "the assets of a host, or of all that share a store: one record"},
	{"host/internal/signing", 3, nil, "the key that provenance is signed with, and the public keys of all that were"},
	{"host/internal/pipelines", 3, nil, "which pipelines lie in the folders of the host"},
	{"host/internal/trigger", 3, nil, "what makes runs by itself: cron and webhooks"},
	{"host/internal/uploads", 3, nil, "files that come in pieces, until they are whole"},
	{"host/internal/bills", 3, nil, "what all runs have used: a row for each, made of its journal and kept longer"},
	{"host/internal/previews", 3, nil, "small pictures of artifacts, made by a plugin outside any run"},
	{"host/internal/search", 3, nil, "finding artifacts by what they are about: describing them in the background, and asking"},
	{"host/internal/retention", 3, nil, "how long runs and artifacts are kept: mark, sweep, and when"},
	{"host/internal/catalog", 3, nil, "which plugins, modules and node types there are, and which are trusted"},
	{"host/internal/auth", 3, nil, "who somebody is: tokens, sessions, who guesses; and what was done"},
	{"host/internal/auth/oidc/oidctest", 2, nil, "a provider of OpenID Connect for tests"},
	{"host/internal/auth/oidc", 3, []string{"host/internal/auth"}, "sign-ins with a provider of OpenID Connect"},
	{"host/internal/collector", 1, nil, "how often this process collects garbage: much memory or little time"},
	{"host/internal/reports", 4, nil, "what nodes say: told live, the last of it remembered, the logs of runs"},
	{"host/internal/telemetry", 3, nil, "Prometheus metrics"},
	{"host/control", 3, []string{"host/control/..."}, "the control nodes that ship: one WASM module"},
	{"host/control/value", 1, nil, "paths into values, texts that inputs give, one key for equal values: what control nodes share; reads files it is given"},
	{"host/control/condition", 2, nil, "whether something holds of a value, and why not; pure"},
	{"host/control/...", 3, nil, "one control node each, and the embedded module"},
	{"host/internal/floors", 3, nil, "no code: the test of this table"},
	{"host/internal/recording", 3, nil, "what the nodes of a real run gave, as a file that tests replay"},
	{"host/internal/pipetest", 4, nil, "tests of pipelines: mocks, the run blocks on the real engine, what came of them"},
	{"host/internal/pipetest/testfile", 3, []string{"host/internal/recording"}, "the language of test files, checked against the pipelines"},
	{"host/internal/pipetest/match", 2, nil, "a value beside what was expected of it; pure"},
	{"host/internal/replay", 4, nil, "a recorded run, stepped through event by event: its states and what its expressions saw"},
	{"host/internal/lsp", 4, nil, "the language server: one connection, its documents, their diagnostics"},
	{"host/internal/lsp/...", 3, []string{"host/internal/lsp/...", "host/internal/pipetest/testfile"}, "what an editor's questions are answered from: text, places in it, what names mean, answers, shapes"},
	{"host/internal/transfer", 4, nil, "runs out of a host as archives, and in from others; its state as a backup"},
	{"host/internal/tracing/tracingtest", 2, nil, "a collector of traces for tests"},
	{"host/internal/tracing", 4, nil, "spans to a collector by OTLP: what is traced, how much is held, what is dropped"},
	{"host/internal/lineage", 4, []string{"host/internal/replay"}, "where artifacts come from and what became of them: an index of runs, a few of them replayed"},
	{"host/internal/api/hub", 3, nil, "what happens to runs, told to many readers: one read of the journal for all, nobody waited for"},
	{"host/internal/api/socket", 3, []string{"host/internal/api/hub"}, "the WebSockets: what clients may send, how many there are, pings, checks, closing"},
	{"host/internal/api/route", 4, nil, "what routes are made of: who may ask, bodies, JSON, OpenAPI, errors, listening"},
	{"host/internal/api/...", 4, []string{"host/internal/api/route"}, "the routes of one kind of thing each: runs, pipelines, files, the fleet, accounts, assets"},
	{"host/internal/api", 4, []string{"host/internal/api/..."}, "all routes together, those of the server itself and of the first MySpinBot; JSON shapes are sdk/client's"},
	{"host/internal/app/host/shape", 4, nil, "how what a host has crosses the API: runs, devices and diagnostics shown, refusals as problems"},
	{"host/internal/app/host/assets", 5, nil, "the library as people, runs and the host's own nodes use it: terms of use, consent, provenance"},
	{"host/internal/app/host/agents", 5, []string{"host/internal/app/machine", "host/internal/app/local"}, "this host's part in a fleet: the other machines, what they offer, what people say of them and ask them"},
	{"host/internal/app/host/placing", 5, []string{"host/internal/app/machine", "host/internal/app/host/agents", "host/internal/app/host/nodetypes"}, "how tasks get devices: what the placer hears of this machine, who is told that a task waits"},
	{"host/internal/app/host/devices", 5, []string{"host/internal/app/machine", "host/internal/app/host/agents", "host/internal/app/host/placing"}, "the devices of all machines as people see them, taken out of use and back"},
	{"host/internal/app/host/modelfiles", 5, []string{"host/internal/app/machine", "host/internal/app/host/agents"}, "the model files of all machines: listed, fetched, removed"},
	{"host/internal/app/host/advance", 5, []string{"host/internal/app/host/agents"}, "which runs this process advances, and how hosts that share a store tell each other whose is which"},
	{"host/internal/app/host/runs", 5, []string{"host/internal/app/host/advance", "host/internal/app/host/agents", "host/internal/app/host/assets", "host/internal/app/host/placing"}, "what people see of runs and say to them: states, questions, why they stand where they do, the queue"},
	{"host/internal/app/host/submission", 5, []string{"host/internal/app/host/assets", "host/internal/app/host/placing"}, "runs and plans, made of what people submit: inputs, earlier runs, what may and could be run here"},
	{"host/internal/app/host/authoring", 5, []string{"host/internal/app/host/nodetypes"}, "pipelines as people write them: read, checked, saved, edited, imported"},
	{"host/internal/app/host/triggers", 5, []string{"host/internal/app/host/assets"}, "what makes runs by itself: the triggers of the pipelines in the host's folders"},
	{"host/internal/app/host/archives", 5, []string{"host/internal/app/local"}, "what leaves a host as files and comes in: runs, and its state as a backup"},
	{"host/internal/app/host/finding", 5, []string{"host/internal/app/host/agents", "host/internal/app/host/placing"}, "how a host finds artifacts by what they are about: who makes vectors, where"},
	{"host/internal/app/host/nodetypes", 5, []string{"host/internal/app/local", "host/internal/app/machine"}, "which node types a host has, who offers them, what they were granted and are configured with"},
	{"host/internal/app/...", 5, []string{"host/internal/app/..."}, "configuration and wiring only"},
	{"host/cmd/describe", 6, nil, "writes down at build time what a module says of itself"},
	{"host/cmd/soak/growth", 1, nil, "whether a series of measurements grows; pure"},
	{"host/cmd/soak/house", 6, nil, "a fleet of real processes, each started again when it ends"},
	{"host/cmd/soak", 6, []string{"host/cmd/soak/house"}, "such a fleet at work, harmed at random for a long time: what is lost, wrong or left behind"},
	{"host/cmd/spinbot", 6, nil, "the command line: one file per command"},
	{"plugins/...", 3, []string{"plugins/..."}, "a bundled plugin: sdk, and of what is below it serve, managed, longrun, comfyui and weights, nothing else of ours"},
	{"pipelines/...", 6, nil, "examples, and what draws their pictures"},
}

// quarantine names libraries that may be imported from the listed rooms only.
var quarantine = []struct {
	library string
	rooms   []string
}{
	{"github.com/gofiber/", []string{"host/internal/api", "host/internal/api/route", "host/internal/api/runroutes", "host/internal/api/pipelineroutes", "host/internal/api/fileroutes", "host/internal/api/fleetroutes", "host/internal/api/accountroutes", "host/internal/api/socket"}},
	{"github.com/fasthttp/websocket", []string{"host/internal/api/socket"}},
	{"github.com/danielgtaylor/huma/", []string{"host/internal/api", "host/internal/api/route", "host/internal/api/runroutes", "host/internal/api/pipelineroutes", "host/internal/api/fileroutes", "host/internal/api/fleetroutes", "host/internal/api/accountroutes"}},
	{"github.com/tetratelabs/wazero", []string{"host/internal/exec/wasmexec"}},
	{"github.com/hashicorp/go-plugin", []string{"sdk/wire", "sdk/serve", "host/internal/exec/pluginexec"}},
	{"google.golang.org/grpc", []string{"sdk/wire", "sdk/serve", "host/internal/exec/pluginexec"}},
	{"github.com/NVIDIA/go-nvml", []string{"host/internal/gpu/nvml"}},
	{"github.com/hashicorp/hcl", []string{"host/internal/config", "host/internal/config/...", "host/internal/core/diagnostic", "host/internal/core/pipeline", "host/internal/core/pipeline/...", "host/internal/core/expr", "host/internal/core/expr/...", "host/internal/core/convert", "host/internal/catalog", "host/internal/pipetest", "host/internal/pipetest/testfile", "host/internal/lsp/..."}},
	{"github.com/zclconf/go-cty", []string{"host/internal/config", "host/internal/config/...", "host/internal/core/pipeline", "host/internal/core/pipeline/...", "host/internal/core/expr", "host/internal/core/expr/...", "host/internal/core/convert", "host/internal/pipetest", "host/internal/pipetest/testfile", "host/internal/lsp/outline"}},
	{"github.com/creachadair/jrpc2", []string{"host/internal/lsp"}},
	{"github.com/robfig/cron", []string{"host/internal/core/schedule"}},
	{"modernc.org/", []string{"host/internal/store/sqlstore", "host/internal/store/sqlstore/sumvfs"}},
	{"github.com/redis/go-redis", []string{"host/internal/fleet", "host/internal/fleet/...", "host/cmd/soak", "host/cmd/soak/house"}},
	{"github.com/minio/minio-go", []string{"host/internal/artifacts/s3"}},
	{"github.com/jackc/", []string{"host/internal/store/pgstore", "host/internal/store/pgstore/pgfiles", "host/internal/store/pgstore/pgtest"}},
	{"go.opentelemetry.io/", []string{"host/internal/tracing", "host/internal/tracing/tracingtest"}},
	{"github.com/prometheus/", []string{"host/internal/telemetry"}},
	{"github.com/coreos/go-oidc", []string{"host/internal/auth/oidc"}},
	{"golang.org/x/oauth2", []string{"host/internal/auth/oidc"}},
	{"github.com/spf13/cobra", []string{"host/cmd/spinbot"}},
}

// forPlugins is what of ours a plugin may import.
var forPlugins = []string{"sdk", "sdk/serve", "sdk/managed", "sdk/longrun", "sdk/comfyui", "sdk/weights", "sdk/picture", "sdk/sdktest/tinyllama"}

// impure is what nothing in core may import, and no room that is called pure.
var impure = []string{"os", "net", "sync", "log", "io/ioutil", "os/exec", "net/http", "log/slog", "sync/atomic"}

type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
	ForTest    string
}

func TestFloors(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, ours)
		from, ok := find(name)
		if !ok {
			t.Errorf("%s stands on no floor: add a row to rooms", name)
			continue
		}
		for _, imp := range p.Imports {
			checkImport(t, name, from, imp)
		}
	}
}

func checkImport(t *testing.T, name string, from room, imp string) {
	t.Helper()
	if own, isOurs := strings.CutPrefix(imp, ours); isOurs {
		to, ok := find(own)
		if !ok {
			t.Errorf("%s imports %s, which stands on no floor", name, own)
			return
		}
		beside := slices.ContainsFunc(from.beside, func(b string) bool { return matches(b, own) })
		if to.floor > from.floor || to.floor == from.floor && !beside {
			t.Errorf("%s (floor %d) imports %s (floor %d): arrows run down", name, from.floor, own, to.floor)
		}
		if strings.HasPrefix(name, "plugins/") && !strings.HasPrefix(own, "plugins/") && !slices.Contains(forPlugins, own) {
			t.Errorf("%s imports %s: of ours a plugin imports only %s", name, own, strings.Join(forPlugins, ", "))
		}
		return
	}
	if (strings.HasPrefix(name, "host/internal/core/") || strings.HasPrefix(name, "sdk/comfyui")) && slices.Contains(impure, imp) {
		t.Errorf("%s imports %s: it is to be pure", name, imp)
	}
	if name == "sdk" && strings.Contains(strings.Split(imp, "/")[0], ".") {
		t.Errorf("sdk imports %s: standard library only", imp)
	}
	for _, q := range quarantine {
		if strings.HasPrefix(imp, q.library) && !slices.ContainsFunc(q.rooms, func(r string) bool { return matches(r, name) }) {
			t.Errorf("%s imports %s: only %s may", name, imp, strings.Join(q.rooms, ", "))
		}
	}
}

func matches(pattern, name string) bool {
	if folder, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(name, folder+"/")
	}
	return pattern == name
}

func find(name string) (room, bool) {
	for _, r := range rooms {
		if matches(r.path, name) {
			return r, true
		}
	}
	return room{}, false
}

// list gives every package of the workspace, without tests.
func list(t *testing.T) []pkg {
	t.Helper()
	mods := exec.Command("go", "list", "-m", "-f", "{{.Path}}/...")
	out, err := mods.Output()
	if err != nil {
		t.Fatalf("go list -m: %v", err)
	}
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Imports,Standard"}, strings.Fields(string(out))...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(raw))); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.ImportPath, ours) {
			pkgs = append(pkgs, p)
		}
	}
	if len(pkgs) < 10 {
		t.Fatalf("go list found %d packages of ours; the test would guard nothing", len(pkgs))
	}
	return pkgs
}

const (
	begin = "<!-- floors: begin (printed by host/internal/floors) -->"
	end   = "<!-- floors: end -->"
)

// TestTable keeps ARCHITECTURE.md telling what this file says.
func TestTable(t *testing.T) {
	t.Parallel()
	file := path.Join("..", "..", "..", "ARCHITECTURE.md")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(raw), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s: the markers of the floors table are gone", file)
	}
	want := head + begin + "\n" + table() + end + tail
	if want == string(raw) {
		return
	}
	if !*update {
		t.Fatalf("%s differs from the rows in this file; go test ./internal/floors -update rewrites it", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("| floor | room | owns | may also import, beside it |\n|---|---|---|---|\n")
	sorted := slices.Clone(rooms)
	slices.SortStableFunc(sorted, func(a, b room) int { return a.floor - b.floor })
	for _, r := range sorted {
		beside := ""
		if len(r.beside) > 0 {
			beside = "`" + strings.Join(r.beside, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| %d | `%s` | %s | %s |\n", r.floor, r.path, r.owns, beside)
	}
	b.WriteString("\n| library | may be imported from |\n|---|---|\n")
	for _, q := range quarantine {
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", strings.TrimSuffix(q.library, "/"), strings.Join(q.rooms, "`, `"))
	}
	return b.String()
}
