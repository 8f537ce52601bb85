package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var elementFunction = Function{
	"element", "the element at a position, counting around the end",
	`element(["a", "b"], 2)`, `"a"`,
	stdlib.ElementFunc,
}
