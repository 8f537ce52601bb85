package expr

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var parseintFunction = Function{
	"parseint", "text read as a whole number to a base",
	`parseint("ff", 16)`, `255`,
	guarded(stdlib.ParseIntFunc, func(args []cty.Value) error { return fewDigits(args[0]) }),
}
