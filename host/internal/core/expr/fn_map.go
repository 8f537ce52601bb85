package expr

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var mapFunctions = []Function{
	{"keys", "the keys of a map or object, in order", `keys({ b = 1, a = 2 })`, `["a", "b"]`, stdlib.KeysFunc},
	{"values", "the values of a map or object, in the order of the keys", `values({ b = 1, a = 2 })`, `[2, 1]`, stdlib.ValuesFunc},
	{"lookup", "the value at a key, or else the default", `lookup({ a = 1 }, "b", 0)`, `0`, stdlib.LookupFunc},
	{"merge", "maps and objects laid over each other; the last wins", `merge({ a = 1 }, { a = 2, b = 3 })`, `{ a = 2, b = 3 }`, stdlib.MergeFunc},
	{"zipmap", "a list of keys and a list of values made a map", `zipmap(["a", "b"], [1, 2])`, `{ a = 1, b = 2 }`, stdlib.ZipmapFunc},
}

var setFunctions = []Function{
	{"setunion", "elements of any of the sets", `setunion(["a"], ["b"])`, `toset(["a", "b"])`, stdlib.SetUnionFunc},
	{"setintersection", "elements of all of the sets", `setintersection(["a", "b"], ["b"])`, `toset(["b"])`, stdlib.SetIntersectionFunc},
	{"setsubtract", "elements of the first set that the second lacks", `setsubtract(["a", "b"], ["b"])`, `toset(["a"])`, stdlib.SetSubtractFunc},
	{"setproduct", "every combination of elements", `setproduct(["a", "b"], [1])`, `[["a", 1], ["b", 1]]`, setProductFunc},
}

// setProductFunc is the library's, refused when it would make more combinations than anyone wants.
var setProductFunc = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "sets", Type: cty.DynamicPseudoType},
	Type: func(args []cty.Value) (cty.Type, error) {
		product := 1
		for _, a := range args {
			if a.IsKnown() && !a.IsNull() && a.CanIterateElements() {
				product *= max(1, a.LengthInt())
			}
			if product > maxItems {
				return cty.NilType, fmt.Errorf("setproduct of more than %d combinations", maxItems)
			}
		}
		return stdlib.SetProductFunc.ReturnTypeForValues(args)
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return stdlib.SetProductFunc.Call(args) },
})
