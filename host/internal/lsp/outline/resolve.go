package outline

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/lsp/place"
	"github.com/myspinbot/spinbot/sdk"
)

// functions of the language; what reads files gives a value of which only the type is known.
var functions = func() map[string]function.Function {
	t := library.Table(&library.Files{})
	for name, gives := range map[string]cty.Type{"file": cty.String, "templatefile": cty.DynamicPseudoType, "artifact": datum.ArtifactType} {
		t[name] = function.New(&function.Spec{
			VarParam: &function.Parameter{Name: "args", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true, AllowNull: true},
			Type:     function.StaticReturnType(gives),
			Impl:     func([]cty.Value, cty.Type) (cty.Value, error) { return cty.UnknownVal(gives), nil },
		})
	}
	return t
}()

// Resolve gives the type of a value from its source as it would stand at a place, with the documentation of its parts
// where there is any. Of what ends with a splat it gives the type of one element: that is what a dot after it means.
func (f *File) Resolve(src string, p Place) (sdk.Schema, bool) {
	e, diags := expr.ParseExpression([]byte(src), "", hcl.InitialPos)
	if diags.HasErrors() || e == nil {
		return sdk.Schema{}, false
	}
	s := f.schemaOf(e, p)
	if _, splat := e.(*hclsyntax.SplatExpr); splat && s.Items != nil {
		s = *s.Items
	}
	return s, true
}

// schemaOf follows references through schemas, which keep documentation; what they cannot say is inferred.
func (f *File) schemaOf(e hclsyntax.Expression, p Place) sdk.Schema {
	switch x := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return f.traverse(x.Traversal, p)
	case *hclsyntax.RelativeTraversalExpr:
		return walk(f.schemaOf(x.Source, p), x.Traversal)
	case *hclsyntax.ParenthesesExpr:
		return f.schemaOf(x.Expression, p)
	case *hclsyntax.IndexExpr:
		return element(f.schemaOf(x.Collection, p))
	case *hclsyntax.SplatExpr:
		of := element(f.schemaOf(x.Source, p))
		if each, ok := x.Each.(*hclsyntax.RelativeTraversalExpr); ok {
			of = walk(of, each.Traversal)
		}
		return sdk.Schema{Type: "array", Items: &of}
	case *hclsyntax.FunctionCallExpr:
		if s, ok := f.passes(x, p); ok {
			return s
		}
	}
	return datum.SchemaOf(f.infer(e, f.locals(p)).Type())
}

// passes follows the functions that give their first argument, or an element of it, so that its documentation is kept.
func (f *File) passes(x *hclsyntax.FunctionCallExpr, p Place) (sdk.Schema, bool) {
	if len(x.Args) == 0 {
		return sdk.Schema{}, false
	}
	switch x.Name {
	case "succeeded", "reverse", "slice", "distinct", "compact":
		return f.schemaOf(x.Args[0], p), true
	case "one", "element":
		return element(f.schemaOf(x.Args[0], p)), true
	case "values":
		of := element(f.schemaOf(x.Args[0], p))
		return sdk.Schema{Type: "array", Items: &of}, true
	}
	return sdk.Schema{}, false
}

func (f *File) traverse(t hcl.Traversal, p Place) sdk.Schema {
	root := t.RootName()
	if s, ok := f.Named(root, p); ok {
		return walk(s, t[1:])
	}
	if root == "run" {
		return walk(runSchema, t[1:])
	}
	name, ok := stepName(t, 1)
	if !ok {
		return sdk.Schema{}
	}
	return walk(f.Type(root, name), t[2:])
}

// walk follows steps into a type.
func walk(s sdk.Schema, steps hcl.Traversal) sdk.Schema {
	for i := range steps {
		name, named := stepName(steps, i)
		if inner, ok := s.Properties.Get(name); named && ok {
			s = inner
			continue
		}
		if s.IsArtifact() && named {
			s, _ = ArtifactSchema.Properties.Get(name)
			continue
		}
		if _, attr := steps[i].(hcl.TraverseAttr); attr && s.Type == "array" {
			return sdk.Schema{}
		}
		s = element(s)
	}
	return s
}

// Follow gives the type that a reference has, such as node.plan.scenes[0], where names has every name that it may begin with.
func Follow(names sdk.Schema, src string) (sdk.Schema, bool) {
	e, diags := expr.ParseExpression([]byte(src), "", hcl.InitialPos)
	if diags.HasErrors() || e == nil {
		return sdk.Schema{}, false
	}
	t, diags := hcl.AbsTraversalForExpr(e)
	if diags.HasErrors() {
		return sdk.Schema{}, false
	}
	s, ok := names.Properties.Get(t.RootName())
	return walk(s, t[1:]), ok
}

// ArtifactSchema is what an artifact looks like in an expression.
var ArtifactSchema = sdk.Schema{Type: "object", Properties: sdk.Properties{
	{Name: "digest", Schema: sdk.Schema{Type: "string", Description: "SHA-256 of its bytes"}},
	{Name: "media_type", Schema: sdk.Schema{Type: "string", Description: "such as image/png"}},
	{Name: "size", Schema: sdk.Schema{Type: "number", Description: "in bytes"}},
	{Name: "name", Schema: sdk.Schema{Type: "string", Description: "the file's name"}},
}}

// element is the type of an element of a list or a map.
func element(s sdk.Schema) sdk.Schema {
	switch {
	case s.Items != nil:
		return *s.Items
	case s.Additional != nil:
		return *s.Additional
	case s.Type == "object" && len(s.Properties) > 0:
		first := datum.Type(&s.Properties[0].Schema)
		for i := range s.Properties {
			if !datum.Type(&s.Properties[i].Schema).Equals(first) {
				return sdk.Schema{}
			}
		}
		return s.Properties[0].Schema
	}
	return sdk.Schema{}
}

// Named gives the type of a name that means something only at the place: each, self, the variables of loops.
func (f *File) Named(name string, p Place) (sdk.Schema, bool) {
	for i := len(p.Loops) - 1; i >= 0; i-- {
		for j, v := range p.Loops[i].Vars {
			if v != name {
				continue
			}
			outer := p
			outer.Loops = p.Loops[:i]
			over, ok := f.Resolve(p.Loops[i].Over, outer)
			switch {
			case !ok:
				return sdk.Schema{}, true
			case j == len(p.Loops[i].Vars)-1:
				return element(over), true
			case over.Type == "array":
				return sdk.Schema{Type: "number"}, true
			}
			return sdk.Schema{Type: "string"}, true
		}
	}
	switch name {
	case "each":
		return f.Each(p)
	case "self":
		return f.Self(p)
	case "trigger":
		if len(p.Blocks) > 0 && p.Blocks[0].Type == "trigger" && len(p.Blocks[0].Labels) > 0 && p.Attribute == "inputs" {
			return pipeline.TriggerGives(pipeline.TriggerKind(p.Blocks[0].Labels[0])), true
		}
	}
	return sdk.Schema{}, false
}

// Each is the type of each at a place; false where there is none.
func (f *File) Each(p Place) (sdk.Schema, bool) {
	if p.Item < 0 || len(p.Blocks) == 0 {
		return sdk.Schema{}, false
	}
	item, _ := f.item(p.Item)
	e := remember(item).attribute("for_each")
	if e == nil || len(p.Blocks) == 1 && (p.Attribute == "for_each" || p.Attribute == "when") {
		return sdk.Schema{}, false
	}
	key, value := sdk.Schema{Type: "string"}, element(f.schemaOf(e, Place{Item: -1}))
	switch t := f.over(p.Item).Type(); {
	case t.IsListType(), t.IsTupleType():
		key = sdk.Schema{Type: "number"}
	case t == cty.DynamicPseudoType:
		key = sdk.Schema{}
	}
	key.Description = "the element's index in a list, or its key in a map"
	if value.Description == "" {
		value.Description = "the element of for_each that this instance is for"
	}
	return sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "key", Schema: key}, {Name: "value", Schema: value}}}, true
}

// Self is the type of self at a place; false where there is none.
func (f *File) Self(p Place) (sdk.Schema, bool) {
	if p.Item < 0 || len(p.Blocks) < 2 {
		return sdk.Schema{}, false
	}
	switch inner := p.Blocks[1]; {
	case inner.Type == "repeat" && (p.Attribute == "until" || p.Attribute == "next"):
		return f.Outputs(p.Item), true
	case inner.Type == "form" && len(p.Blocks) > 2 && len(inner.Labels) == 1:
		return f.Form(p.Item).Properties.Get(inner.Labels[0])
	}
	return sdk.Schema{}, false
}

// locals gives the names that mean something only at the place, as far as evaluation needs them.
func (f *File) locals(p Place) map[string]cty.Value {
	out := map[string]cty.Value{}
	add := func(name string) {
		if s, ok := f.Named(name, p); ok {
			out[name] = cty.UnknownVal(datum.Type(&s))
		}
	}
	add("each")
	add("self")
	for _, l := range p.Loops {
		for _, v := range l.Vars {
			add(v)
		}
	}
	return out
}

// Expected is what the language, a node type or a module says of the value that the place stands in: the word of the
// language, if it is one, and the type that the value has there.
func (f *File) Expected(p Place) (word language.Word, s sdk.Schema, ok bool) {
	if p.Attribute == "" || len(p.Blocks) == 0 {
		return word, s, false
	}
	path := append([]string{p.Attribute}, p.Path...)
	block, known := language.Find(types(p.Blocks)...)
	inputs := sdk.Schema{}
	if known && (block.Inputs || p.Attribute == "set" || p.Attribute == "next") && p.Item >= 0 {
		inputs, _ = f.Takes(p.Item)
	}
	if w, isWord := block.Word(p.Attribute); isWord {
		word, s = w, WordSchema(w)
		switch {
		case (w.Name == "set" || w.Name == "next") && w.Type == "object":
			s = inputs
		case w.Name == "inputs" && block.Name == "trigger":
			s = f.Inputs()
		}
		return word, Part(s, p.Path), true
	}
	if !block.Inputs {
		return word, s, false
	}
	s = Part(inputs, path)
	return word, s, true
}

func types(blocks []place.Block) []string {
	out := make([]string, len(blocks))
	for i := range blocks {
		out[i] = blocks[i].Type
	}
	return out
}

// Part is the type of a part of a value: path leads to it by names, and by "[]" for an element.
func Part(s sdk.Schema, path []string) sdk.Schema {
	for _, step := range path {
		inner, ok := s.Properties.Get(step)
		switch {
		case step == "[]":
			s = element(s)
		case ok:
			s = inner
		case s.Additional != nil:
			s = *s.Additional
		default:
			return sdk.Schema{}
		}
	}
	return s
}

// WordSchema is the type of a word of the language.
func WordSchema(w language.Word) sdk.Schema {
	s := sdk.Schema{Description: w.Doc}
	if e, diags := expr.ParseExpression([]byte(w.Type), "", hcl.InitialPos); !diags.HasErrors() {
		if t, _, diags := typeexpr.ParseType(e); !diags.HasErrors() {
			t.Description = w.Doc
			s = t
		}
	}
	switch w.Type {
	case "duration":
		s.Type, s.Format = "string", sdk.FormatDuration
	case "size":
		s.Type, s.Format = "string", sdk.FormatBytes
	case "type":
		s.XType = sdk.XTypeSchema
	case "path":
		s.Type = "string"
	case "object":
		s.Type = "object"
	}
	for _, o := range w.Options {
		s.Enum = append(s.Enum, o)
	}
	return s
}
