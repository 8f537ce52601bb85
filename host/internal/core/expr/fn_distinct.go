package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var distinctFunction = Function{
	"distinct", "each element once, in order of first sight",
	`distinct(["a", "b", "a"])`, `["a", "b"]`,
	stdlib.DistinctFunc,
}
