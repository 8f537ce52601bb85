package decode

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// toolsInput reads an input that is written as a list of names of node types, and reaches the node as what these are.
func (l *Decoder) toolsInput(in *pipeline.Input) {
	list, ok := in.Expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		l.Fail(in.Expr.Range(), `write it like ["control.http", "control.json_query"]`, "%s: want a list of names of node types", in.Name)
		return
	}
	tools := []any{}
	seen := map[string]bool{}
	for _, e := range list.Exprs {
		l.Subject = in.Name
		l.Read(sdk.Schema{Type: "string"}, func(x any) {
			name := l.pluginName(x.(string))
			if seen[name] {
				l.Fail(e.Range(), "leave one of them out", "%s: %q stands there twice", in.Name, name)
				return
			}
			seen[name] = true
			if t := l.tool(e, x.(string)); t != nil {
				tools = append(tools, t)
			}
		})(e)
	}
	in.Fixed = tools
}

// tool gives a node type as the value of a sdk.Tool; nil when that was refused.
func (l *Decoder) tool(e hclsyntax.Expression, written string) any {
	t, ok := l.nodeType(l.pluginName(written))
	if !ok {
		l.unknownType(e.Range(), written)
		return nil
	}
	tool, err := sdk.ToolOf(t)
	if err != nil {
		l.Fail(e.Range(), "a node that makes calls can give texts, numbers, lists and objects only", "%s", err)
		return nil
	}
	var inputs sdk.Values
	data, err := tool.Inputs.MarshalJSON()
	if err == nil {
		err = inputs.UnmarshalJSON(data)
	}
	if err != nil {
		l.Fail(e.Range(), "", "%s: %s", t.Name, err)
		return nil
	}
	return map[string]any{"name": tool.Name, "description": tool.Description, "inputs": map[string]any(inputs)}
}
