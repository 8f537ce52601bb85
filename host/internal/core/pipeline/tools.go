package pipeline

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/sdk"
)

// toolsInput reads an input that is written as a list of names of node types, and reaches the node as what these are.
func (l *loader) toolsInput(in *input) {
	list, ok := in.expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		l.fail(in.expr.Range(), `write it like ["control.http", "control.json_query"]`, "%s: want a list of names of node types", in.name)
		return
	}
	tools := []any{}
	seen := map[string]bool{}
	for _, e := range list.Exprs {
		l.subject = in.name
		l.read(sdk.Schema{Type: "string"}, func(x any) {
			name := l.pluginName(x.(string))
			if seen[name] {
				l.fail(e.Range(), "leave one of them out", "%s: %q stands there twice", in.name, name)
				return
			}
			seen[name] = true
			if t := l.tool(e, x.(string)); t != nil {
				tools = append(tools, t)
			}
		})(e)
	}
	in.fixed = tools
}

// tool gives a node type as the value of a sdk.Tool; nil when that was refused.
func (l *loader) tool(e hclsyntax.Expression, written string) any {
	t, ok := l.nodeType(l.pluginName(written))
	if !ok {
		l.unknownType(e.Range(), written)
		return nil
	}
	tool, err := sdk.ToolOf(t)
	if err != nil {
		l.fail(e.Range(), "a node that makes calls can give texts, numbers, lists and objects only", "%s", err)
		return nil
	}
	var inputs sdk.Values
	data, err := tool.Inputs.MarshalJSON()
	if err == nil {
		err = inputs.UnmarshalJSON(data)
	}
	if err != nil {
		l.fail(e.Range(), "", "%s: %s", t.Name, err)
		return nil
	}
	return map[string]any{"name": tool.Name, "description": tool.Description, "inputs": map[string]any(inputs)}
}
