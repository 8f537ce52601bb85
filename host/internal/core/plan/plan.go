// Package plan says what a run would do, without doing it: which nodes have a known result, which will run and which
// depend on what is not known yet. It is pure: known results and learned durations are given to it.
package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/sdk"
)

// Verdict says what would become of a node.
type Verdict string

// The verdicts.
const (
	Cached  Verdict = "cached"  // its result is known
	Runs    Verdict = "run"     // it will run
	Skipped Verdict = "skip"    // it will not run
	Asks    Verdict = "ask"     // a person decides
	Unknown Verdict = "unknown" // whether or how often it runs depends on what is not known
)

// Node is what would become of one node.
type Node struct {
	// At is its address within the run, without keys: module.finish/node.mix.
	At, Type string
	Verdict  Verdict
	Why      string
	// Instances is how many there are, and Cached how many of them have a known result; -1: not known.
	Instances, Cached int
	// Sources are the attempts whose results are known.
	Sources []string
	// Case is what its inputs make of its node type, such as engine = latentsync; nil: nothing special, or it is not known yet.
	Case *sdk.Case
	// Device is what the node asks for, the instance that asks for most; nil: nothing. Inputs are what is known of its inputs.
	Device *pipeline.Device
	Inputs sdk.Values
	// Where says on which device it would run now, Waits why it would wait.
	Where, Waits string
	// Each is how long one instance takes, the longest, learned from Samples attempts of earlier runs; where there are none, as
	// its node type says. 0: nothing is known.
	Each    time.Duration
	Samples int
	// Warns says what is to be thought over before it runs: that it takes hours.
	Warns string
}

// Sources is what is known besides the pipeline.
type Sources struct {
	// Result gives the known result for a node of a key: its outputs and the attempt that gave them.
	Result func(n *pipeline.Node, key string) (outputs sdk.Values, source string, ok bool)
	// Vault gives secrets, and seals as a run would, so that results are found; nil: there are none.
	Vault eval.Vault
	// Where says where a node would go that asks for devices, or else why it would wait; nil: nobody knows.
	Where func(n *pipeline.Node, d pipeline.Device, inputs sdk.Values) (where, waits string)
	// Uses is told of each node that may run, with what is known of an instance's inputs; nil: nobody cares.
	Uses func(at string, n *pipeline.Node, known sdk.Values)
	// Past gives the attempts of a node that ended well in earlier runs; nil: none are known.
	Past func(at string) []Past
	// Length gives how long a recording or film takes to play; 0: nobody knows. nil: nobody looks.
	Length func(a sdk.Artifact) time.Duration
}

// Past is an attempt that ended well.
type Past struct {
	Lasted  time.Duration
	Outputs sdk.Values // as far as they are in the journal
}

// Plan is what a run would do.
type Plan struct {
	Nodes []Node // modules before what is in them, else in an order in which each comes after what it needs
	// Work adds up what all that will run takes; Least is how long the run takes when nothing has to wait.
	Work, Least time.Duration
	// Complete says whether both durations count everything that will run.
	Complete bool
}

// Make plans a run with the values of its variables, as Pipeline.Inputs gave them.
func Make(p *pipeline.Pipeline, inputs sdk.Values, from Sources) Plan {
	m := &maker{from: from, lengths: map[string]time.Duration{}}
	m.plan.Complete = true
	m.frame(eval.Open(p, inputs, from.Vault), "")
	return m.plan
}

type maker struct {
	from    Sources
	plan    Plan
	lengths map[string]time.Duration // of recordings, by digest
}

// frame plans the nodes of one pipeline. It gives when its last node ends, and whether all its results are known.
func (m *maker) frame(scope *eval.Scope, in string) (ends time.Duration, known bool) {
	p := scope.Pipeline()
	f := &frame{maker: m, scope: scope, in: in, state: map[string]Verdict{}, ends: map[string]time.Duration{}}
	order, _ := p.Graph().Order()
	known = true
	for _, id := range order {
		n, ok := p.Node(id)
		if !ok {
			continue
		}
		f.node(n)
		ends = max(ends, f.ends[id])
		known = known && (f.state[id] == Cached || f.state[id] == Skipped)
	}
	m.plan.Least = max(m.plan.Least, ends)
	return ends, known
}

type frame struct {
	*maker
	scope *eval.Scope
	in    string
	state map[string]Verdict
	ends  map[string]time.Duration // of each node, from the run's beginning
}

func (f *frame) node(n *pipeline.Node) {
	row := len(f.plan.Nodes)
	f.plan.Nodes = append(f.plan.Nodes, Node{At: f.in + string(n.Kind) + "." + n.Name, Type: n.Type.Name, Instances: -1})
	var begins time.Duration
	open, skipped := "", ""
	for _, need := range n.Needs {
		begins = max(begins, f.ends[need])
		switch f.state[need] {
		case Skipped:
			skipped = f.name(need)
		case Cached:
		default:
			open = f.name(need)
		}
	}
	out := f.decide(n, open, skipped, begins)
	f.uses(n, out.Node)
	at := &f.plan.Nodes[row]
	at.Verdict, at.Why, at.Instances, at.Cached, at.Sources = out.Verdict, out.Why, out.Instances, out.Cached, out.Sources
	f.state[n.ID] = out.Verdict
	if len(out.inputs) == 0 {
		out.inputs = []sdk.Values{f.scope.Known(n.ID, sdk.Key{})}
	}
	f.place(at, n, out.inputs)
	took := f.took(at, n, out.inputs)
	f.ends[n.ID] = max(begins+took, out.ends)
}

// uses tells of a node's instances, or of what all of them have in common where these are not known.
func (f *frame) uses(n *pipeline.Node, out Node) {
	if f.from.Uses == nil || n.Kind != pipeline.KindNode || out.Verdict == Skipped || out.Instances == 0 {
		return
	}
	keys := []sdk.Key{{}}
	if x, ds := f.scope.Expand(n.ID); !ds.HasErrors() {
		keys = x.Keys
	}
	for _, key := range keys {
		f.from.Uses(f.in+n.Address()+key.String(), n, f.scope.Known(n.ID, key))
	}
}

func (f *frame) name(id string) string {
	n, _ := f.scope.Pipeline().Node(id)
	return string(n.Kind) + "." + n.Name
}

// decided is what decide found out, and when a module would end.
type decided struct {
	Node
	inputs []sdk.Values // what is known of those of the instances that will run
	ends   time.Duration
}

func (f *frame) decide(n *pipeline.Node, open, skipped string, begins time.Duration) decided {
	say := func(v Verdict, instances int, format string, args ...any) decided {
		return decided{Node: Node{Verdict: v, Instances: instances, Why: fmt.Sprintf(format, args...)}}
	}
	if skipped != "" {
		f.skip(n)
		return say(Skipped, 0, "%s is skipped", skipped)
	}
	x, diags := f.scope.Expand(n.ID)
	if diags.HasErrors() {
		if none, empty := f.scope.Empty(n.ID); empty {
			x, diags = none, nil
		}
	}
	switch {
	case diags.HasErrors() && open == "":
		return say(Unknown, -1, "%s", diags[0].Summary)
	case diags.HasErrors() && n.When:
		return say(Unknown, -1, "whether it runs depends on %s", open)
	case diags.HasErrors():
		return say(Unknown, -1, "how often it runs depends on %s", open)
	case x.Skip:
		f.skip(n)
		return say(Skipped, 0, "when is false")
	}
	if len(x.Keys) == 0 {
		_ = f.scope.SetNode(n.ID, x, nil) // the expansion is its own
		return say(Cached, 0, "its for_each is over nothing")
	}
	switch n.Kind {
	case pipeline.KindGate:
		return say(Asks, len(x.Keys), "a person decides")
	case pipeline.KindModule:
		return f.module(n, x, open, begins)
	default:
		return f.instances(n, x, open)
	}
}

func (f *frame) skip(n *pipeline.Node) {
	_ = f.scope.SetNode(n.ID, eval.Expansion{Skip: true, Each: n.ForEach}, nil) // a skip fits every node
}

// instances looks for the results of a node's instances.
func (f *frame) instances(n *pipeline.Node, x eval.Expansion, open string) decided {
	out := decided{Node: Node{Instances: len(x.Keys), Verdict: Runs}}
	results := make([]sdk.Values, 0, len(x.Keys))
	for _, key := range x.Keys {
		inputs, diags := f.scope.Inputs(n.ID, key, eval.Turn{})
		switch {
		case diags.HasErrors() && open != "":
			out.Why = "its inputs depend on " + open
		case diags.HasErrors():
			out.Verdict, out.Why = Unknown, diags[0].Summary
		default:
			k, err := pipeline.ResultKey(n.Type, inputs)
			if err != nil {
				break
			}
			if outputs, source, ok := f.from.Result(n, k); ok && n.Repeat == nil {
				out.Cached++
				out.Sources = append(out.Sources, source)
				results = append(results, outputs)
				continue
			}
		}
		out.inputs = append(out.inputs, f.scope.Known(n.ID, key))
	}
	switch {
	case len(results) == len(x.Keys):
		if f.scope.SetNode(n.ID, x, results) == nil {
			out.Verdict, out.Why = Cached, "known from "+short(out.Sources)
		}
	case out.Why != "":
	case out.Cached > 0:
		out.Why = fmt.Sprintf("%d of %d results are known", out.Cached, out.Instances)
	case n.Cache == nil:
		out.Why = "its results are not cached"
	default:
		out.Why = "no result with these inputs is known"
	}
	return out
}

func short(sources []string) string {
	if len(sources) == 1 {
		return sources[0]
	}
	runs := []string{}
	for _, s := range sources {
		id, _, _ := strings.Cut(s, "/")
		if !slices.Contains(runs, id) {
			runs = append(runs, id)
		}
	}
	return strings.Join(runs, ", ")
}

// module plans what is in a module, once for each of its instances.
func (f *frame) module(n *pipeline.Node, x eval.Expansion, open string, begins time.Duration) decided {
	out := decided{Node: Node{Instances: len(x.Keys), Verdict: Runs}}
	results := make([]sdk.Values, 0, len(x.Keys))
	for _, key := range x.Keys {
		child, diags := f.scope.Enter(n.ID, key, eval.Turn{})
		if diags.HasErrors() {
			out.Why = "its inputs depend on " + open
			if open == "" {
				out.Verdict, out.Why = Unknown, diags[0].Summary
			}
			f.plan.Complete = false
			return out
		}
		ends, known := f.frame(child, f.in+n.Step(key, 0).String()+"/")
		out.ends = max(out.ends, begins+ends)
		if !known || n.Repeat != nil {
			continue
		}
		if outputs, diags := child.Outputs(); !diags.HasErrors() {
			results = append(results, outputs)
			out.Cached++
		}
	}
	if len(results) == len(x.Keys) && f.scope.SetNode(n.ID, x, results) == nil {
		out.Verdict, out.Why = Cached, "all in it is known"
	}
	return out
}
