package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var maxFunction = Function{
	"max", "the greatest number",
	`max(1, 3, 2)`, `3`,
	stdlib.MaxFunc,
}
