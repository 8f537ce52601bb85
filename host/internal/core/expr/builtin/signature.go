package builtin

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// Param is one parameter of a function.
type Param struct {
	// Name as documentation shows it; Type is a type of the language.
	Name, Type string
	// Variadic is true of a last parameter that may stand any number of times.
	Variadic bool
}

// Params gives the function's parameters in their order.
func (f Function) Params() []Param {
	var out []Param
	for _, p := range f.Impl.Params() {
		out = append(out, Param{Name: p.Name, Type: datum.TypeText(p.Type)})
	}
	if p := f.Impl.VarParam(); p != nil {
		out = append(out, Param{Name: p.Name, Type: datum.TypeText(p.Type), Variadic: true})
	}
	return out
}

// Returns is the type of what it gives, "any" when that depends on what it is given.
func (f Function) Returns() string {
	args := make([]cty.Type, len(f.Impl.Params()))
	for i, p := range f.Impl.Params() {
		args[i] = p.Type
	}
	t, err := returnType(f.Impl, args)
	if err != nil {
		return "any"
	}
	return datum.TypeText(t)
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
