// Package pipeline is what a pipeline file declares: the Pipeline and its parts, the Bundle that it can be loaded from again, and
// the values of variables and nodes as they are checked and sealed. Its words are those of DESIGN: pipeline, node, node type, run.
//
// The packages below it read a file (syntax, decode), check it (load), evaluate its expressions during a run (eval), and document
// the language (language). The fields that hold expressions are for them: everybody else sees plain values and sdk.Schema. All of
// them read files only through the fs.FS that they are given, know no clock and run nothing.
package pipeline

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/core/graph"
	"github.com/myspinbot/spinbot/sdk"
)

// Language is the newest version of the pipeline language that this package reads.
const Language = 1

// Types knows the node types that a pipeline may use.
type Types interface {
	NodeType(name string) (sdk.NodeType, bool)
	// Names lists all node types, for "did you mean".
	Names() []string
}

// Explainer is a Types that can say why a node type is not there although its plugin is; empty when it cannot.
type Explainer interface{ Why(name string) string }

// Configured is a Types that knows which settings plugins have: it says why an input that needs one cannot be used; empty: it can.
type Configured interface {
	Unset(nodeType, setting string) string
}

// Pipeline is what a file declares. It is never changed after Load and may be shared by many runs.
type Pipeline struct {
	Name, Description string
	// Timeout of a whole run; 0 means none.
	Timeout time.Duration
	// Language is the version that the file is written for, from 1.
	Language int
	// Priority orders runs that wait: higher first, 0 when left out.
	Priority int
	// Commercial says, here or in a module, that what the runs make is to earn money: assets and models whose licence forbids that are refused.
	Commercial bool
	// Concurrency is nil when any number of runs may go on at once.
	Concurrency *Concurrency
	// Requires is nil when the file has no such block.
	Requires *Requires
	// Variables, Nodes, Outputs, Secrets and Triggers stand in the order of the file.
	Variables []*Variable
	Nodes     []*Node
	Outputs   []*Output
	Secrets   []Secret
	Triggers  []*Trigger

	// What its expressions are evaluated with.
	Locals         map[string]*Local
	VariableByName map[string]*Variable
	NodeByID       map[string]*Node
	Functions      map[string]function.Function
	Files          library.Files
	Used           *Assets // that asset() names, here and in modules

	bundle Bundle
}

// Variable is a value that whoever submits a run gives.
type Variable struct {
	Name, Description string
	// Type is the type expression as written, "any" when left out.
	Type   string
	Schema sdk.Schema
	// Default stands in when no value is given; nil may be a default, see HasDefault.
	Default    any
	HasDefault bool
	// Sensitive values are sealed in the journal, and masked wherever they would be shown.
	Sensitive bool
	// Accept lists the media types of an artifact variable; empty means any.
	Accept []string
	// MaxSize is the size limit of each artifact in bytes; 0 means none.
	MaxSize int64
	Range   diagnostic.Range

	// Set says that the type is a set, which Schema has as a list.
	Set         bool
	Validations []Validation
}

// Validation is a condition on a value, and what a person is told when it does not hold.
type Validation struct {
	Condition, Message hclsyntax.Expression
}

// Kind says what a vertex of the graph is; it is also the root of references to it.
type Kind string

// The kinds of vertices.
const (
	KindNode   Kind = "node"   // does something: a node type
	KindGate   Kind = "gate"   // waits for a person
	KindModule Kind = "module" // a pipeline within the pipeline
)

// Node is one vertex of the graph: a node, a gate or a module.
type Node struct {
	// ID is unique within its pipeline: the name of a node, gate.<name> or module.<name>.
	ID   string
	Kind Kind
	Name string
	// Type is what the node does. A gate's and a module's say what goes in and comes out, and have no executor.
	Type sdk.NodeType
	// Needs are the IDs of the nodes that must have ended before this one is looked at, in the order of the file.
	Needs []string
	// ForEach and When say whether the node has these expressions; Scope.Expand evaluates them.
	ForEach, When bool
	// Timeout is for one attempt, IdleTimeout for the silence between two reports; 0 means none.
	Timeout, IdleTimeout time.Duration
	// Limits are those of a control node; Time is Timeout's to say.
	Limits sdk.Limits
	Retry  Retry
	// OnFailure is FailRun, SkipDependents, Continue or Pause.
	OnFailure string
	// OnLost says what becomes of a node that is not idempotent when nobody knows how its attempt ended: FailRun or Ask.
	OnLost string
	// Priority orders what waits: higher first, 0 when left out.
	Priority int
	// Device is nil when the file does not say; the node type's own need then counts: see Wants.
	Device *Device
	// Unset says why the node could not be run where the pipeline was loaded: its plugin lacks settings that its inputs need.
	Unset []string
	// Repeat, Degrade, Cache, Gate and Module are nil when the file does not say.
	Repeat  *Repeat
	Degrade []Rung
	Cache   *Cache
	Gate    *Gate
	Module  *Pipeline
	Range   diagnostic.Range // of its head, as diagnostics show it
	Whole   diagnostic.Range // of its block, to the closing brace

	// The expressions as they are written, and what they refer to.
	ForEachExpr, WhenExpr hclsyntax.Expression
	Inputs                []Input
	Gives                 sdk.Schema // the type's, with what x-type-from leaves open filled in
	Refs                  Refs
	DependsOn             hclsyntax.Expression
}

// What a node's last failure means for the run.
const (
	FailRun        = "fail"
	SkipDependents = "skip"
	Continue       = "continue"
	Pause          = "pause" // hold the run until a person has decided
	Ask            = "ask"   // hold the node until a person has decided
)

// Retry says how often a failing node is tried again.
type Retry struct {
	Attempts int           // at least 1, the first one counted
	Backoff  time.Duration // before the second attempt; it doubles from there
}

// Output is a named result of the pipeline.
type Output struct {
	Name, Description string
	Sensitive         bool
	// Needs are the IDs of the nodes that the value refers to.
	Needs []string
	// Schema is the value's type, as far as it is known before a run.
	Schema sdk.Schema
	Range  diagnostic.Range

	Value hclsyntax.Expression
	Refs  Refs
}

// Input is one attribute of a node's body.
type Input struct {
	Name   string
	Expr   hclsyntax.Expression
	Range  diagnostic.Range // of the name
	Schema *sdk.Schema
	Fixed  any // a type expression as JSON Schema, or tools; nil for all others
}

// Local is a named value of the file.
type Local struct {
	Name  string
	Expr  hclsyntax.Expression
	Refs  Refs
	Range diagnostic.Range
}

// Refs is what an expression refers to. Locals are followed: nodes and variables behind them are included.
type Refs struct {
	Vars, Locals, Nodes []string // nodes by ID
	Secrets             []string
	Direct              []string // IDs of nodes referred to by the expression itself
}

// Node finds a node, gate or module by ID.
func (p *Pipeline) Node(id string) (*Node, bool) { n, ok := p.NodeByID[id]; return n, ok }

// IDOf is the ID of what a reference such as gate.review means.
func IDOf(kind Kind, name string) string {
	if kind == KindNode {
		return name
	}
	return string(kind) + "." + name
}

// Outputs is the schema of the node's outputs, with what its inputs leave open in its type's filled in.
func (n *Node) Outputs() *sdk.Schema { return &n.Gives }

// Address is how the file refers to the node: node.x, gate.x, module.x.
func (n *Node) Address() string { return string(n.Kind) + "." + n.Name }

// Step is the node's segment of an address.
func (n *Node) Step(key sdk.Key, iter int) sdk.Step {
	return sdk.Step{Kind: string(n.Kind), Name: n.Name, Key: key, Iter: iter}
}

// New makes one that declares nothing.
func New() *Pipeline {
	return &Pipeline{Language: 1, Locals: map[string]*Local{}, VariableByName: map[string]*Variable{}, NodeByID: map[string]*Node{}}
}

// Variable finds a variable by name.
func (p *Pipeline) Variable(name string) (*Variable, bool) {
	v, ok := p.VariableByName[name]
	return v, ok
}

// Bundle gives everything that is needed to load the pipeline again without its folder.
func (p *Pipeline) Bundle() Bundle { return p.bundle }

// SetBundle sets it, once the pipeline is loaded.
func (p *Pipeline) SetBundle(b Bundle) { p.bundle = b }

// Graph gives the nodes and what each needs, with node types as labels.
func (p *Pipeline) Graph() *graph.Graph {
	g := graph.New(p.Name)
	for _, n := range p.Nodes {
		note := ""
		if n.ForEach {
			note = "for each"
		}
		if n.When {
			note = joined(note, "when")
		}
		if n.Repeat != nil {
			note = joined(note, fmt.Sprintf("repeat ≤ %d", n.Repeat.Max))
		}
		g.Add(n.ID, n.Type.Name, note)
	}
	for _, n := range p.Nodes {
		for _, need := range n.Needs {
			g.Need(n.ID, need)
		}
	}
	return g
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

// IsKind says whether references to vertices of the graph begin with that root.
func IsKind(root string) bool {
	return root == string(KindNode) || root == string(KindGate) || root == string(KindModule)
}

// Union adds to a list what is not there yet.
func Union(to, from []string) []string {
	for _, s := range from {
		if !slices.Contains(to, s) {
			to = append(to, s)
		}
	}
	return to
}

// Grouped sorts IDs by kind and gives their names.
func (p *Pipeline) Grouped(ids []string) map[Kind][]string {
	if len(ids) == 0 {
		return nil
	}
	out := map[Kind][]string{}
	for _, id := range ids {
		n := p.NodeByID[id]
		out[n.Kind] = append(out[n.Kind], n.Name)
	}
	return out
}
