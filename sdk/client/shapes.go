package client

import (
	"encoding/json"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// ShapeVersion is the "version" of every listing; it changes when a field changes its meaning.
const ShapeVersion = 1

// Source is a pipeline file with the files it reads.
type Source struct {
	// Path is an absolute path on the host's machine. It is taken over the private socket only; elsewhere send Text.
	Path string `json:"path,omitempty"`
	// Name is the file name to show in diagnostics when Text is given; empty means "pipeline.hcl".
	Name string `json:"name,omitempty"`
	// Saved is the name of a pipeline in the host's folders. With Text, that is in the place of its file.
	Saved string `json:"saved,omitempty"`
	// Text is the pipeline file itself.
	Text string `json:"text,omitempty"`
	// Files are what the pipeline's file() calls read, by relative slash path.
	Files map[string][]byte `json:"files,omitempty"`
}

// Submission asks for a run.
type Submission struct {
	Pipeline Source `json:"pipeline"`
	// Inputs are typed values of variables; artifacts are references to what was uploaded before.
	Inputs sdk.Values `json:"inputs,omitempty"`
	// Text are values as a person types them: converted to the variable's type, JSON for lists and objects.
	Text map[string]string `json:"text,omitempty"`
	// Rerun makes a run that repeats another: its pipeline and inputs are taken where none are given here.
	Rerun *Rerun `json:"rerun,omitempty"`
	// Priority orders runs that wait: higher first. nil: what the pipeline says.
	Priority *int `json:"priority,omitempty"`
	// Plan runs exactly what was planned, or is refused because something has changed. Nothing else is given with it.
	Plan *Plan `json:"plan,omitempty"`
	// Key, of at most 255 letters, digits and signs, lets the submission be sent again: for 24 hours it makes no other run. It goes as
	// the header Idempotency-Key; empty: each makes a run.
	Key string `json:"-"`
	// TraceParent is the span of who submits it, as W3C Trace Context writes it: where the host traces runs, the run's trace has a
	// link to it. It goes as the header traceparent.
	TraceParent string `json:"-"`
}

// The headers of a submission: its key, which comes with the request, and the answer says whether the run had been asked for
// before; and the span that it belongs to.
const (
	HeaderKey      = "Idempotency-Key"
	HeaderRepeated = "Idempotent-Replayed"
	HeaderTrace    = "traceparent"
)

// Plan is what a run would do.
type Plan struct {
	Version  int    `json:"version"`
	Pipeline string `json:"pipeline"`
	// Digest of the pipeline with all its files, which the host keeps.
	Digest string     `json:"digest"`
	Inputs sdk.Values `json:"inputs"`
	Nodes  []Planned  `json:"nodes"`
	// Assets are the versions of assets that the pipeline names: voice/anna@3.
	Assets []string `json:"assets,omitempty"`
	// Work is what all that will run takes, added up, in seconds; Least how long the run takes when nothing has to wait.
	Work  float64 `json:"work_seconds"`
	Least float64 `json:"least_seconds"`
	// Complete says whether both count everything that will run.
	Complete bool `json:"complete"`
}

// Planned is what would become of one node.
type Planned struct {
	At   string `json:"at"`
	Type string `json:"type,omitempty"`
	// Verdict is cached, run, skip, ask or unknown.
	Verdict string `json:"verdict"`
	Why     string `json:"why,omitempty"`
	// Instances is how many there are, Cached how many of them have a known result; -1: not known.
	Instances int      `json:"instances"`
	Cached    int      `json:"cached,omitempty"`
	Sources   []string `json:"sources,omitempty"`
	// Case is what its inputs make of its node type, such as "engine = latentsync", and Note what the node type says of that.
	Case   string  `json:"case,omitempty"`
	Note   string  `json:"note,omitempty"`
	Device *Device `json:"device,omitempty"`
	// Where is the device that it would get now; Waits, why it would wait.
	Where string `json:"where,omitempty"`
	Waits string `json:"waits,omitempty"`
	// Each is how long one instance takes in seconds, the median of Samples attempts; without any, as its node type says. 0:
	// nothing is known.
	Each    float64 `json:"each_seconds,omitempty"`
	Samples int     `json:"samples,omitempty"`
	// Warns says what is to be thought over before it runs.
	Warns string `json:"warns,omitempty"`
}

// Device is the accelerator that a node asks for. Memory is in bytes.
type Device struct {
	Memory  int64             `json:"memory,omitempty"`
	Count   int               `json:"count,omitempty"`
	Model   string            `json:"model,omitempty"`
	AtLeast map[string]string `json:"at_least,omitempty"`
	// RAM and Disk are the machine's own, in bytes.
	RAM       int64    `json:"ram,omitempty"`
	Disk      int64    `json:"disk,omitempty"`
	Exclusive bool     `json:"exclusive,omitempty"`
	Only      []string `json:"only,omitempty"`
	Prefer    []string `json:"prefer,omitempty"`
	Forbid    []string `json:"forbid,omitempty"`
	Evictable bool     `json:"evictable,omitempty"`
}

// Rerun names a run that is to be repeated. Whatever has the same inputs takes its result from it, but for the nodes
// that From names by their address within the run.
type Rerun struct {
	Of   string   `json:"of"`
	From []string `json:"from,omitempty"`
}

// CacheEntry is one result that is kept for later runs.
type CacheEntry struct {
	Key     string    `json:"key"`
	Type    string    `json:"type"`
	Source  string    `json:"source"` // address of the attempt that gave it
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
	Size    int64     `json:"size"` // bytes, with its artifacts
}

// CacheList is every result that is kept, the one used last first.
type CacheList struct {
	Version int          `json:"version"`
	Results []CacheEntry `json:"results"`
}

// CacheGC is what goes from the cache: everything when All, else what is beyond Limit bytes, the longest unused first.
type CacheGC struct {
	Limit int64 `json:"limit,omitempty"`
	All   bool  `json:"all,omitempty"`
}

// Run is one run. Lists leave Inputs, Outputs and Nodes empty.
type Run struct {
	ID       string `json:"id"`
	Pipeline string `json:"pipeline"`
	// Digest of the pipeline with all its files.
	Digest string `json:"digest,omitempty"`
	// State is created, running, paused, succeeded, failed or cancelled.
	State string `json:"state"`
	// Interrupted: the run has not ended, and no process is advancing it.
	Interrupted bool `json:"interrupted,omitempty"`
	// Error is why it failed, was cancelled or is paused.
	Error string `json:"error,omitempty"`
	Owner string `json:"owner,omitempty"`
	// Parent is the run that this one repeats.
	Parent string `json:"parent,omitempty"`
	// Imported says where the run is from, when another host carried it out.
	Imported *Origin `json:"imported,omitempty"`
	// Pinned: the run is kept, however old it gets.
	Pinned bool `json:"pinned,omitempty"`
	// Seq is the sequence number of the run's last event.
	Seq     uint64    `json:"seq"`
	Created time.Time `json:"created"`
	// Updated is when the last event was recorded: the end, once the run has ended.
	Updated time.Time  `json:"updated"`
	Inputs  sdk.Values `json:"inputs,omitempty"`
	Outputs sdk.Values `json:"outputs,omitempty"`
	Nodes   []Node     `json:"nodes,omitempty"`
	// Repeated: the key of the submission had been used for it before.
	Repeated bool `json:"-"`
}

// Ended says whether nothing more will happen unless somebody resumes the run.
func (r Run) Ended() bool {
	return r.State == "succeeded" || r.State == "failed" || r.State == "cancelled"
}

// Node is one node instance of a run.
type Node struct {
	// At is its address within the run: node.shot[2], gate.review, module.finish~2/node.mix.
	At string `json:"at"`
	// In is the module instance around it, as in an address; empty: the run itself.
	In string `json:"in,omitempty"`
	// Name is a node's name, gate.<name> or module.<name>; Key the for_each key as written in an address: "", "[2]" or `["a"]`.
	Name string `json:"name"`
	Key  string `json:"key,omitempty"`
	// Iter is the round of a repeat, from 1.
	Iter int    `json:"iter,omitempty"`
	Type string `json:"type,omitempty"`
	// Needs are the names of the nodes beside it that had to end before it.
	Needs []string `json:"needs,omitempty"`
	State string   `json:"state"`
	// Attempt is the latest attempt's number, Attempts how many may fail before the node does.
	Attempt  int        `json:"attempt,omitempty"`
	Attempts int        `json:"attempts,omitempty"`
	Started  *time.Time `json:"started,omitempty"`
	Ended    *time.Time `json:"ended,omitempty"`
	Error    *sdk.Error `json:"error,omitempty"`
	Outputs  sdk.Values `json:"outputs,omitempty"`
	// OutputsRef is the digest of an artifact that holds the outputs as JSON: they are too big to be given here.
	OutputsRef string `json:"outputs_ref,omitempty"`
	// Source is the address of the attempt whose result it is, when it was cached.
	Source string `json:"source,omitempty"`
	// Devices are UUIDs of what its latest attempt was given of the Agent's, each with Memory bytes; 0: all of it.
	Devices []string `json:"devices,omitempty"`
	Agent   string   `json:"agent,omitempty"`
	Memory  int64    `json:"memory,omitempty"`
	// Rung is how far down its ladder of degrade blocks it is.
	Rung int `json:"rung,omitempty"`
	// Usage is what its latest attempt used, or the one whose result it is, as far as it was measured.
	Usage *sdk.Usage `json:"usage,omitempty"`
	// Ask is what an open gate asks; Until when it waits at the latest.
	Ask *Question `json:"ask,omitempty"`
	// AskRef is the digest of an artifact that holds the question, when it is big.
	AskRef string     `json:"ask_ref,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	// Doubt: it waits because nobody knows how its attempt ended.
	Doubt bool `json:"doubt,omitempty"`
}

// Question is what a gate asks a person.
type Question struct {
	Message string     `json:"message,omitempty"`
	Show    sdk.Values `json:"show,omitempty"`
	Form    []Field    `json:"form,omitempty"`
}

// Field is one entry of a question's form. Type is a type expression such as list(string).
type Field struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Type        string `json:"type"`
	Default     any    `json:"default,omitempty"`
	Options     []any  `json:"options,omitempty"`
}

// What a person may say to a run.
const (
	WordCancel     = "cancel" // At: one node or instance; empty: the run
	WordResume     = "resume" // what failed, was cancelled, interrupted or paused goes on
	WordPause      = "pause"
	WordAnswer     = "answer"     // At: an open gate; Approved, Form
	WordPrioritize = "prioritize" // Priority
	WordDecide     = "decide"     // At: a node instance that waits because it failed or is in doubt; Decision, Inputs, Outputs
)

// Word is what a person says to a run. At is an address within the run, such as gate.review.
type Word struct {
	At       string     `json:"at,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Approved bool       `json:"approved,omitempty"`
	Form     sdk.Values `json:"form,omitempty"` // text is read as the field's type says
	Priority int        `json:"priority,omitempty"`
	// Decision is retry, accept, skip or fail.
	Decision string     `json:"decision,omitempty"`
	Inputs   sdk.Values `json:"inputs,omitempty"`  // set anew, with retry
	Outputs  sdk.Values `json:"outputs,omitempty"` // the result, with accept
}

// Explanation says why a run or a node instance stands where it stands.
type Explanation struct {
	At    string `json:"at"`
	State string `json:"state"`
	Why   string `json:"why"`
	// Next is what a person may do about it.
	Next string `json:"next,omitempty"`
	// Changed says of what failed which versions are not those of the last run of the pipeline that went well.
	Changed string `json:"changed,omitempty"`
}

// Explained is what is to be explained of a run.
type Explained struct {
	Version int           `json:"version"`
	Run     string        `json:"run"`
	List    []Explanation `json:"list"`
}

// RunList is a page of runs, newest first.
type RunList struct {
	Version int   `json:"version"`
	Runs    []Run `json:"runs"`
	// Next is the run id to ask for older ones with; empty at the end.
	Next string `json:"next,omitempty"`
}

// Event is one recorded fact of a run, as the journal holds it.
type Event struct {
	Seq  uint64          `json:"seq"`
	Data json.RawMessage `json:"data"`
}

// EventList is a page of a run's events.
type EventList struct {
	Version int     `json:"version"`
	Events  []Event `json:"events"`
	// Next is the sequence number to read on after.
	Next uint64 `json:"next"`
}

// Report is what a node says while working.
type Report struct {
	Time    time.Time   `json:"time"`
	Address sdk.Address `json:"address"`
	sdk.Report
}

// ReportList is what nodes of a run said last, the oldest first.
type ReportList struct {
	Version int      `json:"version"`
	Reports []Report `json:"reports"`
	// Gone is how many more they have said since the host was started that it does not remember any more. The run's log may have them.
	Gone int `json:"gone,omitempty"`
}

// Attempt is one attempt of a node instance; without a number it is one round of a module, or a result that was known already.
type Attempt struct {
	// At is the node instance's address within the run, with its round.
	At     string `json:"at"`
	Number int    `json:"number,omitempty"`
	// State is running, succeeded, failed, cancelled or cached.
	State   string     `json:"state"`
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"`
	// Agent is who carried it out, Devices the UUIDs of what it was given, each with Memory bytes; 0: all of it.
	Agent   string   `json:"agent,omitempty"`
	Devices []string `json:"devices,omitempty"`
	Memory  int64    `json:"memory,omitempty"`
	// Rung is how far down its ladder of degrade blocks it was.
	Rung int `json:"rung,omitempty"`
	// Source is the address of the attempt whose result it is, when it was cached.
	Source string     `json:"source,omitempty"`
	Error  *sdk.Error `json:"error,omitempty"`
	Usage  *sdk.Usage `json:"usage,omitempty"`
	// Inputs are what it was given, with what is sensitive sealed. Problem says why they are not there.
	Inputs  sdk.Values `json:"inputs,omitempty"`
	Problem string     `json:"problem,omitempty"`
}

// AttemptList is a node instance's last attempts, the oldest of them first.
type AttemptList struct {
	Version  int       `json:"version"`
	Run      string    `json:"run"`
	Attempts []Attempt `json:"attempts"`
}

// Frame is one item of a run's live stream; exactly one field is set.
type Frame struct {
	Event  *Event
	Report *Report
}

// LogLine is one line of a run's log.
type LogLine struct {
	Time    time.Time `json:"time"`
	Address string    `json:"address"`
	Level   string    `json:"level"`
	Message string    `json:"message"`
}

// NodeTypeList is every node type known now.
type NodeTypeList struct {
	Version   int            `json:"version"`
	NodeTypes []sdk.NodeType `json:"node_types"`
	// Grants say, by node type, what it asks for beyond computing and what this machine gives it. Node types without
	// either are not there.
	Grants map[string][]Grant `json:"grants,omitempty"`
}

// Grant is one thing that a control node may ask for beyond computing. It counts when it is asked for and granted.
type Grant struct {
	Name string `json:"name"` // http, secret or kv
	// Asked: the node type declares it. Granted: this machine's trust file gives it.
	Asked   bool `json:"asked"`
	Granted bool `json:"granted"`
	// What was granted: of http, of secret, of kv. Sizes are in bytes, Timeout in seconds.
	Hosts       []string `json:"hosts,omitempty"`
	Methods     []string `json:"methods,omitempty"`
	Private     bool     `json:"private,omitempty"`
	MaxRequest  int64    `json:"max_request,omitempty"`
	MaxResponse int64    `json:"max_response,omitempty"`
	Timeout     float64  `json:"timeout,omitempty"`
	Secrets     []string `json:"secrets,omitempty"`
	Max         int64    `json:"max,omitempty"`
	// Command grants what is asked for and was not granted; its capitals are to be filled in.
	Command string `json:"command,omitempty"`
}

// Plugin is one plugin or WASM module in the catalog.
type Plugin struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	// Kind is "plugin" (a subprocess), "module" (WASM) or "host" (carried out by the host itself).
	Kind   string `json:"kind"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"`
	// State is ready, refused or broken; Reason says why, with the command that mends it.
	State     string   `json:"state"`
	Reason    string   `json:"reason,omitempty"`
	NodeTypes []string `json:"node_types,omitempty"`
	// Configuration is what is wrong with the plugin's block in the host's configuration. While there are errors among it,
	// its tasks are refused.
	Configuration []Diagnostic `json:"configuration,omitempty"`
}

// PluginList is everything the catalog found.
type PluginList struct {
	Version int      `json:"version"`
	Plugins []Plugin `json:"plugins"`
}

// Checked is what checking a pipeline found.
type Checked struct {
	Version  int    `json:"version"`
	Valid    bool   `json:"valid"`
	Pipeline string `json:"pipeline,omitempty"`
	// Nodes is how many nodes it declares, and Declared which. A file that is no pipeline yet declares none.
	Nodes       int            `json:"nodes"`
	Declared    []PipelineNode `json:"declared,omitempty"`
	Diagnostics []Diagnostic   `json:"diagnostics"`
	// Graph is the pipeline's graph in the format that was asked for, else empty.
	Graph string `json:"graph,omitempty"`
}

// Diagnostic is one thing wrong in a pipeline, or worth a warning.
type Diagnostic struct {
	Severity string `json:"severity"` // "error" or "warning"
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
	Range    Range  `json:"range"`
}

// Range is a piece of a file. An empty File means that the diagnostic concerns no place in a file.
type Range struct {
	File  string   `json:"file,omitempty"`
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// Position in a file: line and column from 1, byte from 0.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Health answers whether the host is well.
type Health struct {
	Status  string `json:"status"` // "ok", or "failing"
	Version string `json:"version"`
	// Checks name what was tried and how it went: "ok" or the error.
	Checks map[string]string `json:"checks"`
}
