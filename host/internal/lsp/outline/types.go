package outline

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/sdk"
)

var runSchema = sdk.Schema{Type: "object", Properties: sdk.Properties{
	{Name: "id", Schema: sdk.Schema{Type: "string", Description: "the run's id"}},
	{Name: "user", Schema: sdk.Schema{Type: "string", Description: "who submitted the run"}},
}}

// Type is the type that a reference such as node.plan has, with the documentation of its parts; any when it is not
// known.
func (f *File) Type(root, name string) sdk.Schema {
	d, ok := f.Decl(root, name)
	if !ok {
		return sdk.Schema{}
	}
	item, _ := f.item(d.Item)
	m := remember(item)
	switch root {
	case "var":
		s, _ := variableType(m)
		s.Description = constant(m.attribute("description"))
		return s
	case "local":
		return datum.SchemaOf(f.value(root, name).Type())
	case "secret":
		return sdk.Schema{Type: "string", Sensitive: true}
	case "output":
		s := datum.SchemaOf(f.infer(m.attribute("value"), nil).Type())
		s.Description = constant(m.attribute("description"))
		return s
	}
	one := f.Outputs(d.Item)
	if m.attribute("for_each") == nil {
		return one
	}
	switch over := f.over(d.Item).Type(); {
	case over.IsListType(), over.IsTupleType():
		return sdk.Schema{Type: "array", Items: &one}
	case over.IsMapType(), over.IsSetType(), over.IsObjectType():
		return sdk.Schema{Type: "object", Additional: &one}
	}
	return sdk.Schema{Items: &one, Additional: &one} // one or the other, which shows when it runs
}

// Outputs is the type of what one instance of a node, gate or module gives.
func (f *File) Outputs(item int) sdk.Schema {
	it, _ := f.item(item)
	switch it.Kind {
	case "node":
		return f.nodeOutputs(item)
	case "gate":
		return pipeline.GateOutputs(f.Form(item))
	case "module":
		if child := f.Module(item); child != nil && child.enter() {
			defer child.leave()
			return child.outputs()
		}
	}
	return sdk.Schema{}
}

// depth guards against modules within themselves.
const depthKey = "(depth)"

func (f *File) enter() bool {
	if v, within := f.values[depthKey]; within && !v.IsNull() {
		return false
	}
	f.values[depthKey] = cty.True
	return true
}

func (f *File) leave() { delete(f.values, depthKey) }

func (f *File) outputs() sdk.Schema {
	out := sdk.Schema{Type: "object"}
	for _, d := range f.Decls("output") {
		out.Properties = append(out.Properties, sdk.Property{Name: d.Name, Schema: f.Type("output", d.Name)})
	}
	return out
}

// Inputs is the type of what the file takes as a module: its variables.
func (f *File) Inputs() sdk.Schema {
	in := sdk.Schema{Type: "object"}
	for _, d := range f.Decls("var") {
		item, _ := f.item(d.Item)
		in.Properties = append(in.Properties, sdk.Property{Name: d.Name, Schema: f.Type("var", d.Name)})
		if remember(item).attribute("default") == nil {
			in.Required = append(in.Required, d.Name)
		}
	}
	return in
}

// Takes is the type of the inputs of a node, gate or module; false when it is not known.
func (f *File) Takes(item int) (sdk.Schema, bool) {
	it, _ := f.item(item)
	switch it.Kind {
	case "node":
		t, ok := f.NodeType(item)
		return t.Inputs, ok
	case "gate":
		return pipeline.GateInputs(), true
	case "module":
		if child := f.Module(item); child != nil {
			return child.Inputs(), true
		}
	}
	return sdk.Schema{}, false
}

func (f *File) nodeOutputs(item int) sdk.Schema {
	t, ok := f.NodeType(item)
	if !ok {
		return sdk.Schema{}
	}
	out := t.Outputs
	out.Properties = slices.Clone(t.Outputs.Properties)
	it, _ := f.item(item)
	for i := range out.Properties {
		p := &out.Properties[i]
		if e := remember(it).attribute(p.Schema.TypeFrom); p.Schema.TypeFrom != "" && e != nil {
			description := p.Schema.Description
			p.Schema, _, _ = typeexpr.ParseType(e)
			p.Schema.Description = description
		}
	}
	return out
}

// Form is the type of what a gate's form gives.
func (f *File) Form(item int) sdk.Schema {
	it, _ := f.item(item)
	form := sdk.Schema{Type: "object"}
	for _, b := range remember(it).parse().Body.Blocks {
		if b.Type == "form" && len(b.Labels) == 1 {
			form.Properties = append(form.Properties, sdk.Property{Name: b.Labels[0], Schema: fieldType(b)})
		}
	}
	return form
}

func fieldType(b *hclsyntax.Block) sdk.Schema {
	s := sdk.Schema{Type: "string"}
	if a := b.Body.Attributes["type"]; a != nil {
		s, _, _ = typeexpr.ParseType(a.Expr)
	}
	if a := b.Body.Attributes["description"]; a != nil {
		s.Description = constant(a.Expr)
	}
	return s
}

func variableType(m *memo) (s sdk.Schema, set bool) {
	if e := m.attribute("type"); e != nil {
		s, set, _ = typeexpr.ParseType(e)
	}
	return s, set
}

// value is what is known of a reference's value before a run. Within a cycle nothing is.
func (f *File) value(root, name string) cty.Value {
	key := root + "." + name
	if v, known := f.values[key]; known {
		return v
	}
	f.values[key] = cty.DynamicVal
	d, ok := f.Decl(root, name)
	if !ok {
		return cty.DynamicVal
	}
	item, _ := f.item(d.Item)
	var v cty.Value
	if root == "local" {
		v = f.infer(remember(item).attribute(name), nil)
	} else {
		s := f.Type(root, name)
		t := datum.Type(&s)
		if _, set := variableType(remember(item)); root == "var" && set && t.IsListType() {
			t = cty.Set(t.ElementType())
		}
		v = cty.UnknownVal(t)
	}
	f.values[key] = v
	return v
}

// over is what is known of an item's for_each.
func (f *File) over(item int) cty.Value {
	it, _ := f.item(item)
	key := fmt.Sprint("for_each of item ", item)
	if v, known := f.values[key]; known {
		return v
	}
	f.values[key] = cty.DynamicVal
	v := f.infer(remember(it).attribute("for_each"), nil)
	f.values[key] = v
	return v
}

// infer gives what is known of an expression's value, more being names beside those that the file declares.
func (f *File) infer(e hclsyntax.Expression, more map[string]cty.Value) (v cty.Value) {
	if e == nil {
		return cty.DynamicVal
	}
	defer func() {
		if recover() != nil { // an expression that is broken in a way which HCL's evaluation does not expect
			v = cty.DynamicVal
		}
	}()
	members := map[string]map[string]cty.Value{}
	for _, t := range e.Variables() {
		if name, ok := stepName(t, 1); ok {
			root := t.RootName()
			if members[root] == nil {
				members[root] = map[string]cty.Value{}
			}
			members[root][name] = f.value(root, name)
		}
	}
	names := map[string]cty.Value{"run": cty.UnknownVal(datum.Type(&runSchema))}
	for _, w := range language.Roots() {
		if m := members[w.Name]; m != nil && w.Name != "run" {
			names[w.Name] = cty.ObjectVal(m)
		} else if w.Name != "run" {
			names[w.Name] = cty.DynamicVal
		}
	}
	names["each"], names["self"], names["trigger"] = cty.DynamicVal, cty.DynamicVal, cty.DynamicVal
	maps.Copy(names, more)
	v, found := expr.Infer(e, &hcl.EvalContext{Variables: names, Functions: functions})
	if found.HasErrors() {
		return cty.DynamicVal
	}
	v, _ = v.Unmark()
	return v
}

// stepName gives the name at a place of a reference: node.x and node["x"] alike.
func stepName(t hcl.Traversal, i int) (string, bool) {
	if i >= len(t) {
		return "", false
	}
	switch s := t[i].(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String {
			return s.Key.AsString(), true
		}
	}
	return "", false
}
