package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var ceilFunction = Function{
	"ceil", "the next whole number above",
	`ceil(1.2)`, `2`,
	stdlib.CeilFunc,
}
