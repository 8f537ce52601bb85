package decode

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk"
)

// nodeBlocks may stand in a node.
var nodeBlocks = []string{"retry", "device", "input", "degrade", "cache", "repeat", "limits"}

// nodeWords may stand in a node, beside its inputs.
var nodeWords = []string{"for_each", "when", "depends_on", "timeout", "idle_timeout", "on_failure", "on_lost", "priority"}

func (l *Decoder) nodeBlock(b *hclsyntax.Block) {
	if !l.Labels(b, `node "plugin.verb" "name" { }`, 2) {
		return
	}
	n := l.newNode(pipeline.KindNode, b)
	l.typeOf(n, b)
	l.nodeAttributes(n, b)
	for _, inner := range b.Body.Blocks {
		l.nodeInner(n, b, inner)
	}
	l.declare(n, b)
}

func (l *Decoder) newNode(kind pipeline.Kind, b *hclsyntax.Block) *pipeline.Node {
	name := b.Labels[len(b.Labels)-1]
	return &pipeline.Node{
		ID: pipeline.IDOf(kind, name), Kind: kind, Name: name, Range: diagnostic.RangeOf(b.DefRange()), Whole: diagnostic.RangeOf(b.Range()),
		OnFailure: pipeline.FailRun, OnLost: pipeline.FailRun, Retry: pipeline.Retry{Attempts: 1},
	}
}

// declare adds a node that has been read to the pipeline.
func (l *Decoder) declare(n *pipeline.Node, b *hclsyntax.Block) {
	if other, twice := l.Pipeline.NodeByID[n.ID]; twice {
		l.Duplicate(b.LabelRanges[len(b.Labels)-1], string(n.Kind), n.Name, other.Range)
		return
	}
	l.Pipeline.NodeByID[n.ID] = n
	l.Pipeline.Nodes = append(l.Pipeline.Nodes, n)
}

func (l *Decoder) typeOf(n *pipeline.Node, b *hclsyntax.Block) {
	name := l.pluginName(b.Labels[0])
	t, ok := l.nodeType(name)
	if ok {
		n.Type, n.Gives = t, t.Outputs
		n.Gives.Properties = slices.Clone(t.Outputs.Properties)
		for _, name := range t.Inputs.Properties.Names() {
			if slices.Contains(sdk.ReservedInputs(), name) {
				l.Fail(b.LabelRanges[0], "the plugin's author must rename it", "node type %s has an input with the reserved name %q", t.Name, name)
			}
		}
		return
	}
	l.unknownType(b.LabelRanges[0], b.Labels[0])
}

// unknownType says that there is no such node type, and which there are.
func (l *Decoder) unknownType(at hcl.Range, written string) {
	name := l.pluginName(written)
	if l.typeNames == nil {
		l.typeNames = l.Types.Names()
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
	if w, ok := l.Types.(pipeline.Explainer); ok {
		if why := w.Why(name); why != "" {
			detail = why
		}
	}
	l.Fail(at, detail, "unknown node type %q", written)
}

// nodeAttributes tells the words of the language from inputs.
func (l *Decoder) nodeAttributes(n *pipeline.Node, b *hclsyntax.Block) {
	readers := l.commonWords(n)
	readers["timeout"] = l.Duration(&n.Timeout)
	readers["idle_timeout"] = l.Duration(&n.IdleTimeout)
	readers["on_lost"] = l.Choice(&n.OnLost, pipeline.FailRun, pipeline.Ask)
	readers["priority"] = l.Number(&n.Priority, -1000, 1000)
	l.wordsAndInputs(n, b, readers)
}

// commonWords are the readers of what nodes, gates and modules all may have.
func (l *Decoder) commonWords(n *pipeline.Node) map[string]func(hclsyntax.Expression) {
	return map[string]func(hclsyntax.Expression){
		"for_each":   func(e hclsyntax.Expression) { n.ForEach, n.ForEachExpr = true, e },
		"when":       func(e hclsyntax.Expression) { n.When, n.WhenExpr = true, e },
		"depends_on": func(e hclsyntax.Expression) { n.DependsOn = e },
		"on_failure": l.Choice(&n.OnFailure, pipeline.FailRun, pipeline.SkipDependents, pipeline.Continue, pipeline.Pause),
	}
}

func (l *Decoder) wordsAndInputs(n *pipeline.Node, b *hclsyntax.Block, readers map[string]func(hclsyntax.Expression)) {
	for _, a := range syntax.InOrder(b.Body.Attributes) {
		switch read := readers[a.Name]; {
		case read != nil:
			l.Subject = a.Name
			read(a.Expr)
		case slices.Contains(sdk.ReservedInputs(), a.Name):
			l.Fail(a.NameRange, "words that may stand here: "+strings.Join(syntax.Sorted(readers), ", "), "a %s takes no %s", n.Kind, a.Name)
		default:
			l.input(n, a)
		}
	}
}

func (l *Decoder) input(n *pipeline.Node, a *hclsyntax.Attribute) {
	in := pipeline.Input{Name: a.Name, Expr: a.Expr, Range: diagnostic.RangeOf(a.NameRange)}
	for i := range n.Type.Inputs.Properties {
		if p := &n.Type.Inputs.Properties[i]; p.Name == a.Name {
			in.Schema = &p.Schema
		}
	}
	switch {
	case n.Type.Name == "": // already said
	case in.Schema == nil && n.Type.Inputs.Additional != nil:
		in.Schema = n.Type.Inputs.Additional
	case in.Schema == nil:
		l.unknownInput(n, a) // its expression is checked all the same
	case in.Schema.XType == sdk.XTypeSchema:
		l.typeInput(n, &in)
	case in.Schema.XType == sdk.XTools:
		l.toolsInput(&in)
	}
	for _, other := range n.Inputs {
		if other.Name == in.Name {
			l.Duplicate(a.NameRange, "input", in.Name, other.Range)
			return
		}
	}
	n.Inputs = append(n.Inputs, in)
}

func (l *Decoder) unknownInput(n *pipeline.Node, a *hclsyntax.Attribute) {
	names := n.Type.Inputs.Properties.Names()
	known := append(slices.Clone(nodeWords), names...)
	if near := expr.Nearest(a.Name, known); near != "" {
		l.Guessed[n.ID+"."+near] = true
	}
	detail := fmt.Sprintf("%s takes %s%s", n.Type.Name, strings.Join(names, ", "), expr.DidYouMean(a.Name, known))
	if len(names) == 0 {
		detail = n.Type.Name + " takes no inputs"
	}
	l.Fail(a.NameRange, detail, "unknown input %q", a.Name)
}

// typeInput reads an input that is written as a type expression and reaches the node as JSON Schema. Outputs that
// take their type from it get it.
func (l *Decoder) typeInput(n *pipeline.Node, in *pipeline.Input) {
	schema, _, found := typeexpr.ParseType(in.Expr)
	l.HCL(found)
	var v sdk.Values
	data, err := schema.MarshalJSON()
	if err == nil {
		err = v.UnmarshalJSON(data)
	}
	if err != nil || found.HasErrors() {
		v = sdk.Values{}
	}
	in.Fixed = map[string]any(v)
	for i := range n.Gives.Properties {
		if p := &n.Gives.Properties[i]; p.Schema.TypeFrom == in.Name {
			p.Schema = schema
		}
	}
}

// nodeInner reads a block within a node.
func (l *Decoder) nodeInner(n *pipeline.Node, outer, b *hclsyntax.Block) {
	if b.Type != "degrade" && slices.Contains(nodeBlocks, b.Type) && l.Second(outer, b) {
		return
	}
	switch b.Type {
	case "retry":
		l.Attributes(b, map[string]func(hclsyntax.Expression){
			"attempts": l.Number(&n.Retry.Attempts, 1, 100),
			"backoff":  l.Duration(&n.Retry.Backoff),
		})
		l.NoBlocks(b)
	case "device":
		l.deviceBlock(n, b)
	case "input":
		for _, a := range syntax.InOrder(b.Body.Attributes) {
			l.input(n, a)
		}
		l.NoBlocks(b)
	case "repeat":
		l.repeatBlock(n, b)
	case "degrade":
		l.degradeBlock(n, b)
	case "cache":
		l.cacheBlock(n, b)
	case "limits":
		l.limitsBlock(n, b)
	default:
		l.UnknownBlock(b, "in a node block", nodeBlocks)
	}
}

// limitsBlock reads limits { memory, budget, output, log, calls }.
func (l *Decoder) limitsBlock(n *pipeline.Node, b *hclsyntax.Block) {
	var budget, calls int
	l.Attributes(b, map[string]func(hclsyntax.Expression){
		"memory": l.Size(&n.Limits.Memory),
		"budget": l.Number(&budget, 1, math.MaxInt64),
		"output": l.Size(&n.Limits.Output),
		"log":    l.Size(&n.Limits.Log),
		"calls":  l.Number(&calls, 1, math.MaxInt64),
	})
	n.Limits.Budget, n.Limits.Calls = int64(budget), int64(calls)
	l.NoBlocks(b)
}
