package expr

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var tonumberFunction = Function{
	"tonumber", "text as a number",
	`tonumber("5")`, `5`,
	guarded(stdlib.MakeToFunc(cty.Number), func(args []cty.Value) error { return fewDigits(args[0]) }),
}
