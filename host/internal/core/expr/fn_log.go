package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var logFunction = Function{
	"log", "the logarithm of a number to a base",
	`log(8, 2)`, `3`,
	stdlib.LogFunc,
}
