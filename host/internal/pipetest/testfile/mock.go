package testfile

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/recording"
	"github.com/myspinbot/spinbot/sdk"
)

// Mock stands in for every node of a type, for one node, or for one instance of it.
type Mock struct {
	// Target is a node type, or an address within a run: node.script, node.shot[2], module.finish/node.mix.
	Target   string
	At       Steps // nil: a node type
	Range    hcl.Range
	Outputs  hclsyntax.Expression // nil: none; with recorded: what it gives otherwise, or was left out
	Fail     hclsyntax.Expression // nil: it does not
	Recorded *recording.Recording // nil: none
}

// FailSchema is what may stand in fail = { }.
var FailSchema = sdk.Schema{Type: "object", Required: []string{"message"}, Properties: sdk.Properties{
	{Name: "message", Schema: sdk.Schema{Type: "string", MinLength: new(1)}},
	{Name: "hint", Schema: sdk.Schema{Type: "string"}},
	{Name: "detail", Schema: sdk.Schema{Type: "string"}},
	// other causes are no end of a node's own, and are tried again without limit
	{Name: "cause", Schema: sdk.Schema{Type: "string", Enum: []any{string(sdk.CauseFailed), string(sdk.CauseHung), string(sdk.CauseOOM),
		string(sdk.CauseSpilling), string(sdk.CauseLost)}}},
	{Name: "permanent", Schema: sdk.Schema{Type: "boolean"}},
	{Name: "attempts", Schema: sdk.Schema{Type: "integer", Minimum: number("1")}},
}}

func (d *decoder) mock(b *hclsyntax.Block, to *[]*Mock) {
	target, ok := d.label(b, `mock "render.clip" { outputs = { … } }, by node type, or mock "node.name" { }`)
	if !ok {
		return
	}
	m := &Mock{Target: target, Range: b.DefRange()}
	if isAddress(target) {
		var err error
		switch m.At, err = ParseSteps(target); {
		case err != nil:
			d.fail(b.LabelRanges[0], "", "%s", err)
		case m.At.Last().Kind == "gate":
			d.fail(b.LabelRanges[0], "answer it: answer \""+target+"\" { approved = true }", "a gate is not mocked")
		case m.At.Last().Kind == "module":
			d.fail(b.LabelRanges[0], "mock what is in it: mock \""+target+"/node.name\" { }, or by node type", "a module is not mocked")
		}
	}
	for _, other := range *to {
		if other.Target == target {
			d.fail(b.DefRange(), "the first stands at line "+strconv.Itoa(other.Range.Start.Line), "second mock of %q", target)
		}
	}
	d.attributes(b.Body, "in a mock block", map[string]reader{
		"outputs": d.expression(&m.Outputs),
		"fail":    d.expression(&m.Fail),
		"recorded": func(e hclsyntax.Expression) {
			m.Recorded = d.record(e, "recorded")
		},
	})
	d.noBlocks(b)
	_, said := b.Body.Attributes["recorded"]
	if m.Outputs == nil && m.Fail == nil && !said {
		d.fail(b.DefRange(), "say what it gives: outputs = { … }, recorded = \"FILE\", or fail = { message = \"…\" }", "the mock of %q does nothing", target)
	}
	*to = append(*to, m)
}

// types reads the recorded file that node types come from on a machine that lacks them.
func (d *decoder) types(e hclsyntax.Expression) {
	d.record(e, "types")
}

// record reads a recorded file, once.
func (d *decoder) record(e hclsyntax.Expression, what string) *recording.Recording {
	var name string
	if d.text(what, &name)(e); name == "" {
		return nil
	}
	path := filepath.Join(d.dir, filepath.FromSlash(name))
	if known := d.recorded[path]; known != nil {
		return known
	}
	r, err := recording.Read(path)
	if err != nil {
		d.fail(e.Range(), "spinbot test --record RUN --out "+path+" writes it anew", "%s", err)
		return nil
	}
	d.recorded[path] = r
	d.suite.types = append(d.suite.types, r.NodeTypes...)
	return r
}

// isAddress tells an address from a node type.
func isAddress(target string) bool {
	kind, _, _ := strings.Cut(target, ".")
	return kind == "node" || kind == "gate" || kind == "module"
}

// Concerns says whether the mock stands in for a node, or for an instance of it.
func (m *Mock) Concerns(v Vertex) bool {
	if v.Node.Kind != pipeline.KindNode {
		return false
	}
	if m.At == nil {
		return m.Target == v.Node.Type.Name
	}
	_, ok := m.At.Whole().Covers(v.At)
	return ok
}

// unknown says what a mock may have meant that concerns no node.
func (m *Mock) unknown(known []string) string {
	if len(known) == 0 {
		return "the pipeline has no nodes"
	}
	return "its nodes and their types are " + strings.Join(known, ", ") + expr.DidYouMean(m.Target, known)
}
