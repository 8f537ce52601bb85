package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var flattenFunction = Function{
	"flatten", "lists within a list dissolved",
	`flatten([[1], [2, [3]]])`, `[1, 2, 3]`,
	stdlib.FlattenFunc,
}
