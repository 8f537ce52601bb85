package collection

import (
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var distinctFunction = builtin.New(
	"distinct", "each element once, in order of first sight",
	`distinct(["a", "b", "a"])`, `["a", "b"]`,
	distinctFunc,
)

// distinctFunc is the library's, but for the time it takes: that grows with the square of the list.
var distinctFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "list", Type: cty.List(cty.DynamicPseudoType)}},
	Type:         func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, t cty.Type) (cty.Value, error) {
		if !args[0].IsWhollyKnown() {
			return cty.UnknownVal(t), nil
		}
		var out []cty.Value
		seen := map[int][]cty.Value{} // by hash
		for it := args[0].ElementIterator(); it.Next(); {
			_, e := it.Element()
			h := e.Hash()
			if !slices.ContainsFunc(seen[h], e.RawEquals) {
				seen[h], out = append(seen[h], e), append(out, e)
			}
		}
		if len(out) == 0 {
			return cty.ListValEmpty(t.ElementType()), nil
		}
		return cty.ListVal(out), nil
	},
})
