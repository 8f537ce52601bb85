package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var coalescelistFunction = Function{
	"coalescelist", "the first list that has elements",
	`coalescelist([], [1])`, `[1]`,
	stdlib.CoalesceListFunc,
}
