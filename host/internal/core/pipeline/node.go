package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// nodeBlocks may stand in a node.
var nodeBlocks = []string{"retry", "device", "input", "degrade", "cache", "repeat", "limits"}

// nodeWords may stand in a node, beside its inputs.
var nodeWords = []string{"for_each", "when", "depends_on", "timeout", "idle_timeout", "on_failure", "on_lost", "priority"}

func (l *loader) nodeBlock(b *hclsyntax.Block) {
	if !l.labels(b, `node "plugin.verb" "name" { }`, 2) {
		return
	}
	n := l.newNode(KindNode, b)
	l.typeOf(n, b)
	l.nodeAttributes(n, b)
	for _, inner := range b.Body.Blocks {
		l.nodeInner(n, b, inner)
	}
	l.declare(n, b)
}

func (l *loader) newNode(kind Kind, b *hclsyntax.Block) *Node {
	name := b.Labels[len(b.Labels)-1]
	return &Node{
		ID: id(kind, name), Kind: kind, Name: name, Range: rangeOf(b.DefRange()), Whole: rangeOf(b.Range()),
		OnFailure: FailRun, OnLost: FailRun, Retry: Retry{Attempts: 1}, file: l.file,
	}
}

// declare adds a node that has been read to the pipeline.
func (l *loader) declare(n *Node, b *hclsyntax.Block) {
	if other, twice := l.p.nodes[n.ID]; twice {
		l.duplicate(b.LabelRanges[len(b.Labels)-1], string(n.Kind), n.Name, other.Range)
		return
	}
	l.p.nodes[n.ID] = n
	l.p.Nodes = append(l.p.Nodes, n)
	l.blocks = append(l.blocks, b)
}

func (l *loader) typeOf(n *Node, b *hclsyntax.Block) {
	name := l.pluginName(b.Labels[0])
	t, ok := l.nodeType(name)
	if ok {
		n.Type, n.outputs = t, t.Outputs
		n.outputs.Properties = slices.Clone(t.Outputs.Properties)
		for _, name := range t.Inputs.Properties.Names() {
			if slices.Contains(sdk.ReservedInputs(), name) {
				l.fail(b.LabelRanges[0], "the plugin's author must rename it", "node type %s has an input with the reserved name %q", t.Name, name)
			}
		}
		return
	}
	l.unknownType(b.LabelRanges[0], b.Labels[0])
}

// unknownType says that there is no such node type, and which there are.
func (l *loader) unknownType(at hcl.Range, written string) {
	name := l.pluginName(written)
	if l.typeNames == nil {
		l.typeNames = l.types.Names()
		slices.Sort(l.typeNames)
	}
	detail := "list what there is with: spinbot node-types"
	plugin, _, _ := strings.Cut(name, ".")
	var siblings []string
	for _, other := range l.typeNames {
		if strings.HasPrefix(other, plugin+".") {
			siblings = append(siblings, other)
		}
	}
	if hint := expr.DidYouMean(name, l.typeNames); hint != "" {
		detail = strings.TrimPrefix(hint, "; ") + "\n" + detail
	} else if len(siblings) > 0 {
		detail = plugin + " offers " + strings.Join(siblings, ", ")
	}
	if w, ok := l.types.(explainer); ok {
		if why := w.Why(name); why != "" {
			detail = why
		}
	}
	l.fail(at, detail, "unknown node type %q", written)
}

// nodeAttributes tells the words of the language from inputs.
func (l *loader) nodeAttributes(n *Node, b *hclsyntax.Block) {
	readers := l.commonWords(n)
	readers["timeout"] = l.duration(&n.Timeout)
	readers["idle_timeout"] = l.duration(&n.IdleTimeout)
	readers["on_lost"] = l.choice(&n.OnLost, FailRun, Ask)
	readers["priority"] = l.number(&n.Priority, -1000, 1000)
	l.wordsAndInputs(n, b, readers)
}

// commonWords are the readers of what nodes, gates and modules all may have.
func (l *loader) commonWords(n *Node) map[string]func(hclsyntax.Expression) {
	return map[string]func(hclsyntax.Expression){
		"for_each":   func(e hclsyntax.Expression) { n.ForEach, n.forEach = true, e },
		"when":       func(e hclsyntax.Expression) { n.When, n.when = true, e },
		"depends_on": func(hclsyntax.Expression) {}, // read by resolve, when all nodes are known
		"on_failure": l.choice(&n.OnFailure, FailRun, SkipDependents, Continue, Pause),
	}
}

func (l *loader) wordsAndInputs(n *Node, b *hclsyntax.Block, readers map[string]func(hclsyntax.Expression)) {
	for _, a := range inOrder(b.Body.Attributes) {
		switch read := readers[a.Name]; {
		case read != nil:
			l.subject = a.Name
			read(a.Expr)
		case slices.Contains(sdk.ReservedInputs(), a.Name):
			l.fail(a.NameRange, "words that may stand here: "+strings.Join(sorted(readers), ", "), "a %s takes no %s", n.Kind, a.Name)
		default:
			l.input(n, a)
		}
	}
}

func (l *loader) choice(to *string, options ...string) func(hclsyntax.Expression) {
	enum := make([]any, len(options))
	for i := range options {
		enum[i] = options[i]
	}
	return l.read(sdk.Schema{Type: "string", Enum: enum}, func(x any) { *to = x.(string) })
}

func (l *loader) input(n *Node, a *hclsyntax.Attribute) {
	in := input{name: a.Name, expr: a.Expr, rng: rangeOf(a.NameRange)}
	for i := range n.Type.Inputs.Properties {
		if p := &n.Type.Inputs.Properties[i]; p.Name == a.Name {
			in.schema = &p.Schema
		}
	}
	switch {
	case n.Type.Name == "": // already said
	case in.schema == nil && n.Type.Inputs.Additional != nil:
		in.schema = n.Type.Inputs.Additional
	case in.schema == nil:
		l.unknownInput(n, a) // its expression is checked all the same
	case in.schema.XType == sdk.XTypeSchema:
		l.typeInput(n, &in)
	case in.schema.XType == sdk.XTools:
		l.toolsInput(&in)
	}
	for _, other := range n.inputs {
		if other.name == in.name {
			l.duplicate(a.NameRange, "input", in.name, other.rng)
			return
		}
	}
	n.inputs = append(n.inputs, in)
}

func (l *loader) unknownInput(n *Node, a *hclsyntax.Attribute) {
	names := n.Type.Inputs.Properties.Names()
	known := append(slices.Clone(nodeWords), names...)
	if near := expr.Nearest(a.Name, known); near != "" {
		if l.guessed == nil {
			l.guessed = map[string]bool{}
		}
		l.guessed[n.ID+"."+near] = true
	}
	detail := fmt.Sprintf("%s takes %s%s", n.Type.Name, strings.Join(names, ", "), expr.DidYouMean(a.Name, known))
	if len(names) == 0 {
		detail = n.Type.Name + " takes no inputs"
	}
	l.fail(a.NameRange, detail, "unknown input %q", a.Name)
}

// typeInput reads an input that is written as a type expression and reaches the node as JSON Schema. Outputs that
// take their type from it get it.
func (l *loader) typeInput(n *Node, in *input) {
	schema, _, found := expr.ParseType(in.expr)
	l.hcl(found)
	var v sdk.Values
	data, err := schema.MarshalJSON()
	if err == nil {
		err = v.UnmarshalJSON(data)
	}
	if err != nil || found.HasErrors() {
		v = sdk.Values{}
	}
	in.fixed = map[string]any(v)
	for i := range n.outputs.Properties {
		if p := &n.outputs.Properties[i]; p.Schema.TypeFrom == in.name {
			p.Schema = schema
		}
	}
}

// nodeInner reads a block within a node.
func (l *loader) nodeInner(n *Node, outer, b *hclsyntax.Block) {
	if b.Type != "degrade" && slices.Contains(nodeBlocks, b.Type) && l.second(outer, b) {
		return
	}
	switch b.Type {
	case "retry":
		l.attributes(b, map[string]func(hclsyntax.Expression){
			"attempts": l.number(&n.Retry.Attempts, 1, 100),
			"backoff":  l.duration(&n.Retry.Backoff),
		})
		l.noBlocks(b)
	case "device":
		l.deviceBlock(n, b)
	case "input":
		for _, a := range inOrder(b.Body.Attributes) {
			l.input(n, a)
		}
		l.noBlocks(b)
	case "repeat":
		l.repeatBlock(n, b)
	case "degrade":
		l.degradeBlock(n, b)
	case "cache":
		l.cacheBlock(n, b)
	case "limits":
		l.limitsBlock(n, b)
	default:
		l.unknownBlock(b, "in a node block", nodeBlocks)
	}
}

// limitsBlock reads limits { memory, budget, output, log, calls }.
func (l *loader) limitsBlock(n *Node, b *hclsyntax.Block) {
	var budget, calls int
	l.attributes(b, map[string]func(hclsyntax.Expression){
		"memory": l.size(&n.Limits.Memory),
		"budget": l.number(&budget, 1, math.MaxInt64),
		"output": l.size(&n.Limits.Output),
		"log":    l.size(&n.Limits.Log),
		"calls":  l.number(&calls, 1, math.MaxInt64),
	})
	n.Limits.Budget, n.Limits.Calls = int64(budget), int64(calls)
	l.noBlocks(b)
}

// second reports a block without labels that stands twice in another.
func (l *loader) second(outer, b *hclsyntax.Block) bool {
	l.labels(b, b.Type+" { }", 0)
	for _, other := range outer.Body.Blocks {
		if other.Type == b.Type && other.TypeRange.Start.Byte < b.TypeRange.Start.Byte {
			l.fail(b.DefRange(), fmt.Sprintf("the first stands at line %d", other.TypeRange.Start.Line), "second %s block", b.Type)
			return true
		}
	}
	return false
}
