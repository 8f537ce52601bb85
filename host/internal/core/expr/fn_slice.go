package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var sliceFunction = Function{
	"slice", "the elements from a position to before another",
	`slice([1, 2, 3], 0, 2)`, `[1, 2]`,
	stdlib.SliceFunc,
}
