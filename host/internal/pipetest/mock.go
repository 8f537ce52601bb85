package pipetest

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

// mock stands in for every node of a type, for one node, or for one instance of it.
type mock struct {
	// target is a node type, or an address within a run: node.script, node.shot[2], module.finish/node.mix.
	target   string
	at       steps // nil: a node type
	rng      hcl.Range
	outputs  hclsyntax.Expression // nil: none; with recorded: what it gives otherwise, or was left out
	fail     hclsyntax.Expression // nil: it does not
	recorded *recording.Recording // nil: none
}

// failSchema is what may stand in fail = { }.
var failSchema = sdk.Schema{Type: "object", Required: []string{"message"}, Properties: sdk.Properties{
	{Name: "message", Schema: sdk.Schema{Type: "string", MinLength: new(1)}},
	{Name: "hint", Schema: sdk.Schema{Type: "string"}},
	{Name: "detail", Schema: sdk.Schema{Type: "string"}},
	// other causes are no end of a node's own, and are tried again without limit
	{Name: "cause", Schema: sdk.Schema{Type: "string", Enum: []any{string(sdk.CauseFailed), string(sdk.CauseHung), string(sdk.CauseOOM),
		string(sdk.CauseSpilling), string(sdk.CauseLost)}}},
	{Name: "permanent", Schema: sdk.Schema{Type: "boolean"}},
	{Name: "attempts", Schema: sdk.Schema{Type: "integer", Minimum: number("1")}},
}}

func (d *decoder) mock(b *hclsyntax.Block, to *[]*mock) {
	target, ok := d.label(b, `mock "render.clip" { outputs = { … } }, by node type, or mock "node.name" { }`)
	if !ok {
		return
	}
	m := &mock{target: target, rng: b.DefRange()}
	if isAddress(target) {
		var err error
		switch m.at, err = parseSteps(target); {
		case err != nil:
			d.fail(b.LabelRanges[0], "", "%s", err)
		case m.at.last().Kind == "gate":
			d.fail(b.LabelRanges[0], "answer it: answer \""+target+"\" { approved = true }", "a gate is not mocked")
		case m.at.last().Kind == "module":
			d.fail(b.LabelRanges[0], "mock what is in it: mock \""+target+"/node.name\" { }, or by node type", "a module is not mocked")
		}
	}
	for _, other := range *to {
		if other.target == target {
			d.fail(b.DefRange(), "the first stands at line "+strconv.Itoa(other.rng.Start.Line), "second mock of %q", target)
		}
	}
	d.attributes(b.Body, "in a mock block", map[string]reader{
		"outputs": d.expression(&m.outputs),
		"fail":    d.expression(&m.fail),
		"recorded": func(e hclsyntax.Expression) {
			m.recorded = d.record(e, "recorded")
		},
	})
	d.noBlocks(b)
	_, said := b.Body.Attributes["recorded"]
	if m.outputs == nil && m.fail == nil && !said {
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

// find gives the mock of a task: the nearer block's before the file's, and the narrower before the wider.
func find(instance steps, nodeType string, levels ...[]*mock) *mock {
	for _, mocks := range levels {
		var best *mock
		most := -1
		for _, m := range mocks {
			narrow, ok := m.at.covers(instance)
			if m.at == nil {
				narrow, ok = -1, m.target == nodeType
			}
			if ok && (best == nil || narrow > most) {
				best, most = m, narrow
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}

// concerns says whether the mock stands in for a node, or for an instance of it.
func (m *mock) concerns(v vertex) bool {
	if v.node.Kind != pipeline.KindNode {
		return false
	}
	if m.at == nil {
		return m.target == v.node.Type.Name
	}
	_, ok := m.at.whole().covers(v.at)
	return ok
}

// suggestion is the mock to write for a node type, in HCL.
func suggestion(t sdk.NodeType) string {
	var required []sdk.Property
	width := 0
	for _, p := range t.Outputs.Properties {
		if t.Outputs.IsRequired(p.Name) {
			required, width = append(required, p), max(width, len(p.Name))
		}
	}
	var b strings.Builder
	b.WriteString("mock \"" + t.Name + "\" {\n  outputs = {")
	for _, p := range required {
		b.WriteString("\n    " + p.Name + strings.Repeat(" ", width-len(p.Name)) + " = " + example(p.Schema, p.Name))
	}
	if len(required) > 0 {
		b.WriteString("\n  ")
	}
	return b.String() + "}\n}"
}

// example is a value of a schema, in HCL.
func example(s sdk.Schema, name string) string {
	switch {
	case s.IsArtifact():
		ext := ""
		for _, accept := range s.Accept {
			if e := extensions[accept]; e != "" && ext == "" {
				ext = e
			}
		}
		return `artifact("testdata/` + name + ext + `")`
	case len(s.Enum) > 0:
		if text, ok := s.Enum[0].(string); ok {
			return strconv.Quote(text)
		}
	}
	return map[string]string{"string": `"…"`, "number": "1", "integer": "1", "boolean": "true", "array": "[]"}[s.Type] + map[bool]string{true: "{}"}[s.Type == "object" || s.Type == ""]
}

// extensions of the media types that node types say they give.
var extensions = map[string]string{
	"video/mp4": ".mp4", "video/*": ".mp4", "audio/wav": ".wav", "audio/*": ".wav", "image/png": ".png", "image/*": ".png",
	"image/jpeg": ".jpg", "application/x-subrip": ".srt", "text/plain": ".txt", "text/markdown": ".md", "application/json": ".json",
}

// unknown says what a mock may have meant that concerns no node.
func (m *mock) unknown(known []string) string {
	if len(known) == 0 {
		return "the pipeline has no nodes"
	}
	return "its nodes and their types are " + strings.Join(known, ", ") + expr.DidYouMean(m.target, known)
}
