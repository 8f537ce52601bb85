package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var absFunction = Function{
	"abs", "a number without its sign",
	`abs(-2)`, `2`,
	stdlib.AbsoluteFunc,
}
