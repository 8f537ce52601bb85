package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var concatFunction = Function{
	"concat", "lists one after the other",
	`concat([1], [2, 3])`, `[1, 2, 3]`,
	stdlib.ConcatFunc,
}
