package expr

import (
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Param is one parameter of a function.
type Param struct {
	// Name as documentation shows it; Type is a type of the language.
	Name, Type string
	// Variadic is true of a last parameter that may stand any number of times.
	Variadic bool
}

// fileFunctions are those that read the pipeline's folder or the library, and that Functions therefore leaves out.
var fileFunctions = []Function{
	{Name: "file", Doc: "the text of a file in the pipeline's folder", Example: `file("prompts/script.txt")`, Result: `"Write a film about cats"`},
	{Name: "templatefile", Doc: "the text of a file in the pipeline's folder, with the names given to it filled in",
		Example: `templatefile("prompts/script.txt", { topic = "cats" })`, Result: `"Write a film about cats"`},
	{Name: "artifact", Doc: "a file of the pipeline's folder as an artifact, for the inputs of a trigger",
		Example: `artifact("faces/anna.png").media_type`, Result: `"image/png"`},
	{Name: "asset", Doc: "an asset of the library as an artifact: its newest version, or the one behind an @",
		Example: `asset("face/anna@3").media_type`, Result: `"image/png"`},
}

// Documented lists every function that can be called, by name, those that read files and assets too.
func Documented() []Function {
	functions := Table(&Files{})
	list := append(Functions(), fileFunctions...)
	list = slices.DeleteFunc(list, func(f Function) bool { _, there := functions[f.Name]; return !there })
	for i := range list {
		list[i].impl = functions[list[i].Name]
	}
	slices.SortFunc(list, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Params gives the function's parameters in their order.
func (f Function) Params() []Param {
	var out []Param
	for _, p := range f.impl.Params() {
		out = append(out, Param{Name: p.Name, Type: TypeText(p.Type)})
	}
	if p := f.impl.VarParam(); p != nil {
		out = append(out, Param{Name: p.Name, Type: TypeText(p.Type), Variadic: true})
	}
	return out
}

// Returns is the type of what it gives, "any" when that depends on what it is given.
func (f Function) Returns() string {
	args := make([]cty.Type, len(f.impl.Params()))
	for i, p := range f.impl.Params() {
		args[i] = p.Type
	}
	t, err := returnType(f.impl, args)
	if err != nil {
		return "any"
	}
	return TypeText(t)
}

func returnType(f function.Function, args []cty.Type) (t cty.Type, err error) {
	defer func() {
		if recover() != nil { // a function that cannot say without values
			t = cty.DynamicPseudoType
		}
	}()
	return f.ReturnType(args)
}

// Signature writes how the function is called: clamp(number: number, least: number, most: number) number.
func (f Function) Signature() string {
	var params []string
	for _, p := range f.Params() {
		name := p.Name
		if p.Variadic {
			name += "..."
		}
		params = append(params, name+": "+p.Type)
	}
	return f.Name + "(" + strings.Join(params, ", ") + ") " + f.Returns()
}

// TypeText writes a type as the language does; a list of different things is a tuple.
func TypeText(t cty.Type) string {
	switch {
	case t.Equals(ArtifactType):
		return "artifact"
	case t == cty.String:
		return "string"
	case t == cty.Number:
		return "number"
	case t == cty.Bool:
		return "bool"
	case t.IsListType():
		return "list(" + TypeText(t.ElementType()) + ")"
	case t.IsSetType():
		return "set(" + TypeText(t.ElementType()) + ")"
	case t.IsMapType():
		return "map(" + TypeText(t.ElementType()) + ")"
	case t.IsTupleType():
		return tupleText(t)
	case t.IsObjectType():
		types := t.AttributeTypes()
		parts := make([]string, 0, len(types))
		for _, name := range slices.Sorted(maps.Keys(types)) {
			parts = append(parts, name+" = "+TypeText(types[name]))
		}
		if len(parts) == 0 {
			return "object({})"
		}
		return "object({ " + strings.Join(parts, ", ") + " })"
	}
	return "any"
}

func tupleText(t cty.Type) string {
	parts := []string{}
	for _, e := range t.TupleElementTypes() {
		parts = append(parts, TypeText(e))
	}
	same := slices.Compact(slices.Clone(parts))
	switch len(same) {
	case 0:
		return "list(any)"
	case 1:
		return "list(" + same[0] + ")"
	}
	return "tuple([" + strings.Join(parts, ", ") + "])"
}
