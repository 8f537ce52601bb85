// Package plan says what a run would do, without doing it: which nodes have a known result, which will run and which
// depend on what is not known yet. It is pure: known results and learned durations are given to it.
package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
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
	// Device is what the node asks for; nil: nothing.
	Device *pipeline.Device
	// Where says on which device it would run now, Waits why it would wait.
	Where, Waits string
	// Each is how long one instance takes, learned from Samples attempts of earlier runs; 0: nothing is known.
	Each    time.Duration
	Samples int
}

// Sources is what is known besides the pipeline.
type Sources struct {
	// Result gives the known result for a node of a key: its outputs and the attempt that gave them.
	Result func(n *pipeline.Node, key string) (outputs sdk.Values, source string, ok bool)
	// Vault gives secrets, and seals as a run would, so that results are found; nil: there are none.
	Vault pipeline.Vault
	// Where says where a node would go that asks for devices, or else why it would wait; nil: nobody knows.
	Where func(n *pipeline.Node, d pipeline.Device) (where, waits string)
	// Took gives how long one instance of a node takes, and of how many attempts that is the median.
	Took func(at string) (time.Duration, int)
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
	m := &maker{from: from}
	m.plan.Complete = true
	m.frame(p.Open(inputs, from.Vault), "")
	return m.plan
}

type maker struct {
	from Sources
	plan Plan
}

// frame plans the nodes of one pipeline. It gives when its last node ends, and whether all its results are known.
func (m *maker) frame(scope *pipeline.Scope, in string) (ends time.Duration, known bool) {
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
	scope *pipeline.Scope
	in    string
	state map[string]Verdict
	ends  map[string]time.Duration // of each node, from the run's beginning
}

func (f *frame) node(n *pipeline.Node) {
	row := len(f.plan.Nodes)
	f.plan.Nodes = append(f.plan.Nodes, Node{At: f.in + string(n.Kind) + "." + n.Name, Type: n.Type.Name, Instances: -1})
	if d, ok := n.Wants(nil); ok {
		f.plan.Nodes[row].Device = &d
		if f.from.Where != nil {
			f.plan.Nodes[row].Where, f.plan.Nodes[row].Waits = f.from.Where(n, d)
		}
	}
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
	at := &f.plan.Nodes[row]
	at.Verdict, at.Why, at.Instances, at.Cached, at.Sources = out.Verdict, out.Why, out.Instances, out.Cached, out.Sources
	f.state[n.ID] = out.Verdict
	took := f.took(at, n)
	f.ends[n.ID] = max(begins+took, out.ends)
}

func (f *frame) name(id string) string {
	n, _ := f.scope.Pipeline().Node(id)
	return string(n.Kind) + "." + n.Name
}

// took adds a node's work up and gives how long the node takes when its instances go side by side.
func (f *frame) took(at *Node, n *pipeline.Node) time.Duration {
	if at.Verdict != Runs && at.Verdict != Unknown || n.Kind != pipeline.KindNode {
		return 0
	}
	at.Each, at.Samples = f.from.Took(at.At)
	if at.Samples == 0 || at.Instances < 0 {
		f.plan.Complete = false
		return at.Each
	}
	f.plan.Work += at.Each * time.Duration(at.Instances-at.Cached)
	return at.Each
}

// decided is what decide found out, and when a module would end.
type decided struct {
	Node
	ends time.Duration
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
	_ = f.scope.SetNode(n.ID, pipeline.Expansion{Skip: true, Each: n.ForEach}, nil) // a skip fits every node
}

// instances looks for the results of a node's instances.
func (f *frame) instances(n *pipeline.Node, x pipeline.Expansion, open string) decided {
	out := decided{Node: Node{Instances: len(x.Keys), Verdict: Runs}}
	results := make([]sdk.Values, 0, len(x.Keys))
	for _, key := range x.Keys {
		inputs, diags := f.scope.Inputs(n.ID, key, pipeline.Turn{})
		switch {
		case diags.HasErrors() && open != "":
			out.Why = "its inputs depend on " + open
			continue
		case diags.HasErrors():
			out.Verdict, out.Why = Unknown, diags[0].Summary
			continue
		}
		k, err := pipeline.ResultKey(n.Type, inputs)
		if err != nil {
			continue
		}
		if outputs, source, ok := f.from.Result(n, k); ok && n.Repeat == nil {
			out.Cached++
			out.Sources = append(out.Sources, source)
			results = append(results, outputs)
		}
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
func (f *frame) module(n *pipeline.Node, x pipeline.Expansion, open string, begins time.Duration) decided {
	out := decided{Node: Node{Instances: len(x.Keys), Verdict: Runs}}
	results := make([]sdk.Values, 0, len(x.Keys))
	for _, key := range x.Keys {
		child, diags := f.scope.Enter(n.ID, key, pipeline.Turn{})
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
