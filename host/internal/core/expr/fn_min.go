package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var minFunction = Function{
	"min", "the smallest number",
	`min(2, 1, 3)`, `1`,
	stdlib.MinFunc,
}
