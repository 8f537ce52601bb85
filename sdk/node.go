package sdk

import (
	"context"
	"math"
	"slices"
	"time"
)

// Node does the work of one node type. New abilities are new node types, optional one-method interfaces
// or fields of NodeType; this interface does not grow.
type Node interface {
	// Type describes the node type. It is called once, and must return the same every time.
	Type() NodeType
	// Run carries out one task. It may be called from many goroutines at once, up to NodeType.Concurrency.
	// It returns when ctx ends; an *Error says what went wrong and whether another attempt could help.
	Run(ctx context.Context, t *Task) (Result, error)
}

// NodeType describes what a node does and what it needs, in enough detail to check a pipeline without running it.
type NodeType struct {
	// Name is "<plugin>.<verb>", both matching [a-z][a-z0-9_]*, as written in a pipeline: node "render.clip" "x".
	Name        string `json:"name"`
	Description string `json:"description"`
	// Inputs and Outputs are object schemas.
	Inputs  Schema `json:"inputs"`
	Outputs Schema `json:"outputs"`
	// Device is nil when the node needs no accelerator.
	Device *DeviceNeed `json:"device,omitempty"`
	// Cases say what it needs, and how long it takes, where that depends on inputs. The first that fits counts.
	Cases []Case `json:"cases,omitempty"`
	// Revision changes whenever equal inputs may give other outputs. Empty: results are never cached.
	Revision string `json:"revision,omitempty"`
	// Idempotent says that a second attempt after a lost one does no harm.
	Idempotent bool `json:"idempotent"`
	// Concurrency is how many tasks one process takes at once; 0 means no limit.
	Concurrency int `json:"concurrency,omitempty"`
	// Elastic types use whatever device memory they are given.
	Elastic bool `json:"elastic,omitempty"`
	// Parks: a task that is stopped goes on from its last checkpoint, and little is lost. Where a device is to be given up to
	// another program, such a task is stopped rather than waited for.
	Parks bool `json:"parks,omitempty"`
	// Generates: what it makes shows or says what no camera and no microphone has recorded: a model has made it, or it imitates a person.
	// Its files are marked as AI-generated, and those made of them as holding such parts.
	Generates bool `json:"generates,omitempty"`
	// Grants are what a control node asks for beyond pure computation: "http", "secret" (in requests of
	// http), "kv". "random" may be declared too; it needs no grant.
	Grants []string `json:"grants,omitempty"`
	// Workflow is the input, a text, that has a ComfyUI workflow: a task goes only where the plugin's Installed names the class of
	// each of its nodes, or names nothing. Empty: there is none.
	Workflow string    `json:"workflow,omitempty"`
	Examples []Example `json:"examples,omitempty"`
}

// DeviceNeed is what a node type wants of a device when the pipeline does not say.
type DeviceNeed struct {
	Memory int64             `json:"memory,omitempty"` // bytes
	Count  int               `json:"count,omitempty"`
	Traits map[string]string `json:"traits,omitempty"` // at least, e.g. compute = "8.0"
	// ModelInput is the input, a text, that names the model which stays loaded after a task, by the name that the
	// plugin's Resident gives: a task goes where its model is. Empty: nothing stays.
	ModelInput string `json:"model_input,omitempty"`
	// SizeInputs are inputs, numbers, that its work and memory grow with, such as width, height and frames: what is learned
	// of one size is not believed of another.
	SizeInputs []string `json:"size_inputs,omitempty"`
	// Exclusive: no other task may use the device at the same time.
	Exclusive bool `json:"exclusive,omitempty"`
}

// Example is a piece of HCL that uses the node type, for its documentation.
type Example struct {
	Title string `json:"title"`
	HCL   string `json:"hcl"`
}

// Plugin is what a plugin binary offers. Pass it to serve.Plugin (subprocess) or guest.Main (WASM).
type Plugin struct {
	Name        string
	Version     string // semantic version
	Description string
	Nodes       []Node
	// ConfigSchema describes the plugin's block in spinbot.hcl; nil when there is nothing to configure.
	ConfigSchema *Schema
	// Configure is called once before the first task when ConfigSchema is set.
	Configure func(ctx context.Context, config Values) error
	// Resident says which models this process, or an engine that it started or talks to, holds loaded now. It is asked
	// after tasks, and answers within moments: what it knows, not what it would have to measure. nil when nothing stays.
	Resident func(ctx context.Context) ([]Model, error)
	// Installed names what the engine has that this process talks to, as NodeType.Workflow has need of it: of a ComfyUI, its node
	// classes. It is asked every minute or so, and may take seconds. nil when tasks need nothing that has a name.
	Installed func(ctx context.Context) ([]string, error)
	// Unload frees one model; "" frees all that can be freed. A model that is not loaded is as it should be: nil. One that
	// a task uses is an error, and stays. nil when memory is only freed by ending the process.
	Unload func(ctx context.Context, model string) error
}

// Model is what a plugin's process keeps loaded, so that the next task need not load it.
type Model struct {
	// Name is what tasks call it: the value of the input that DeviceNeed.ModelInput names.
	Name string `json:"name"`
	// Devices are UUIDs of those whose memory holds it; empty: it lies in the machine's own.
	Devices []string `json:"devices,omitempty"`
	// Memory in bytes on all its devices together; 0: unknown.
	Memory int64 `json:"memory,omitempty"`
	// InUse: a task works with it now.
	InUse bool `json:"in_use,omitempty"`
}

// Manifest is a Plugin's description of itself, as data.
type Manifest struct {
	Name         string     `json:"name"`
	Version      string     `json:"version"`
	Description  string     `json:"description"`
	NodeTypes    []NodeType `json:"node_types"`
	ConfigSchema *Schema    `json:"config_schema,omitempty"`
	// Resident, Unload and Installed say whether the plugin has these functions.
	Resident  bool `json:"resident,omitempty"`
	Unload    bool `json:"unload,omitempty"`
	Installed bool `json:"installed,omitempty"`
}

// UsesDevices says whether any of the node types always wants a device. One that wants it only in a case does other work without.
func (m Manifest) UsesDevices() bool {
	return slices.ContainsFunc(m.NodeTypes, func(t NodeType) bool { return t.Device != nil })
}

// Manifest describes the plugin.
func (p Plugin) Manifest() Manifest {
	m := Manifest{
		Name: p.Name, Version: p.Version, Description: p.Description, ConfigSchema: p.ConfigSchema,
		Resident: p.Resident != nil, Unload: p.Unload != nil, Installed: p.Installed != nil,
	}
	for _, n := range p.Nodes {
		m.NodeTypes = append(m.NodeTypes, n.Type())
	}
	return m
}

// Task is one attempt of one node instance, inputs evaluated.
type Task struct {
	Address Address
	// Type is the node type's name.
	Type   string
	Inputs Values
	// Time is the task's clock reading: fixed when the attempt was dispatched, the same at every replay.
	Time time.Time
	// Seed feeds a node's randomness; the same at every replay.
	Seed uint64
	// Deadline is absolute; zero means none.
	Deadline time.Time
	// Owner is whoever submitted the run, Pipeline the digest of its pipeline: a sandbox is reset between them.
	Owner    string
	Pipeline string
	// PipelineName is the pipeline's name, the same after each edit: what a node keeps between runs is kept under it. It
	// stays on the host that dispatched the task.
	PipelineName string
	// Scratch is an empty folder that belongs to this task and is removed after it. Files returned as
	// artifacts are written here. Empty for control nodes.
	Scratch string
	// Devices are UUIDs of the devices the task may use. In a plugin's process they stand in the order in which CUDA and
	// HIP number them: Devices[1] is cuda:1.
	Devices []string
	// Checkpoint is the last one an earlier attempt reported; nil on the first.
	Checkpoint []byte
	// Limits bound a control node; other nodes are bound by their processes.
	Limits Limits
	// TraceParent is the span in which the task is carried out, as the header traceparent of W3C Trace Context has it. Empty:
	// its run is not traced. In Run's context it is too: see TraceParent.
	TraceParent string

	report func(Report)
}

// WithReporter returns a copy of t whose reports go to fn. Executors call it; nodes call Report.
func (t Task) WithReporter(fn func(Report)) *Task { t.report = fn; return &t }

// Report tells the host how the task is doing. It never blocks for long and may be called from any goroutine.
func (t *Task) Report(r Report) {
	if t.report != nil {
		t.report(r)
	}
}

// Progress reports a fraction between 0 and 1 and what is being done.
func (t *Task) Progress(fraction float64, message string) {
	t.Report(Report{Kind: ReportProgress, Fraction: fraction, Message: message})
}

// Curve reports how a figure has gone so far. Of more than MaxCurve points each stands for several, the mean of them.
func (t *Task) Curve(name string, x, y []float64) {
	c := Curve{Name: name}
	each := max(1, (len(x)+MaxCurve-1)/MaxCurve)
	for i := 0; i < min(len(x), len(y)); i += each {
		var sx, sy float64
		n := min(each, len(x)-i, len(y)-i)
		for k := range n {
			sx, sy = sx+x[i+k], sy+y[i+k]
		}
		c.X, c.Y = append(c.X, sx/float64(n)), append(c.Y, sy/float64(n))
	}
	t.Report(Report{Kind: ReportCurve, Curve: &c})
}

// Log reports a line of text at the given level: "debug", "info", "warn" or "error".
func (t *Task) Log(level, message string) {
	t.Report(Report{Kind: ReportLog, Level: level, Message: message})
}

// Versions reports of what version an engine is that the task works with, parts of it that it uses, and models: "comfyui", "llama3.2". They
// are kept with the run, and a change since it went well is named when it fails. At most 64, of 200 bytes each.
func (t *Task) Versions(v map[string]string) {
	t.Report(Report{Kind: ReportUsage, Usage: &Usage{Versions: v}})
}

// LicenceOf names the licence of a model among Versions, where a plugin knows it. A model's own version is its SHA-256 where it has one.
func LicenceOf(model string) string { return "licence of " + model }

// ReportKind says which fields of a Report carry meaning.
type ReportKind string

// The kinds of reports.
const (
	ReportProgress   ReportKind = "progress"   // Fraction, Message
	ReportLog        ReportKind = "log"        // Level, Message
	ReportPreview    ReportKind = "preview"    // Preview, Message
	ReportCheckpoint ReportKind = "checkpoint" // Checkpoint
	ReportCurve      ReportKind = "curve"      // Curve; the newest of a name counts, and has all of it
	ReportUsage      ReportKind = "usage"      // Usage: an executor's, once, at the end; a plugin's is versions only
)

// MaxCheckpoint is the size limit of a checkpoint in bytes.
const MaxCheckpoint = 4 << 10

// Report is what a node says while working. Reports may be dropped under load, but for checkpoints.
type Report struct {
	Kind ReportKind `json:"kind"`
	// Fraction done, 0..1; negative when unknown.
	Fraction float64 `json:"fraction,omitempty"`
	Message  string  `json:"message,omitempty"`
	Level    string  `json:"level,omitempty"`
	// Preview is a small artifact to look at, such as the picture so far.
	Preview *Artifact `json:"preview,omitempty"`
	Curve   *Curve    `json:"curve,omitempty"`
	// Checkpoint of at most MaxCheckpoint bytes is given to the next attempt.
	Checkpoint []byte `json:"checkpoint,omitempty"`
	Usage      *Usage `json:"usage,omitempty"`
}

// Curve is how a figure has gone so far, such as the loss of a training over its steps.
type Curve struct {
	Name string    `json:"name"`
	X    []float64 `json:"x"` // rising
	Y    []float64 `json:"y"` // as many
}

// MaxCurve is how many points a curve has at most.
const MaxCurve = 256

// Whole says whether the curve can be drawn: as many figures on each side, MaxCurve at most, all of them numbers, X rising.
func (c *Curve) Whole() bool {
	odd := func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }
	return len(c.X) == len(c.Y) && len(c.X) <= MaxCurve && slices.IsSorted(c.X) && !slices.ContainsFunc(c.X, odd) && !slices.ContainsFunc(c.Y, odd)
}

// Result is how a task ended well.
type Result struct {
	// Outputs fit the node type's Outputs schema. New files are Artifacts with only Path (and perhaps Name and
	// MediaType) set; the host takes them in and fills the rest.
	Outputs Values
}
