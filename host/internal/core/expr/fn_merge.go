package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var mergeFunction = Function{
	"merge", "maps and objects laid over each other; the last wins",
	`merge({ a = 1 }, { a = 2, b = 3 })`, `{ a = 2, b = 3 }`,
	stdlib.MergeFunc,
}
