package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var signumFunction = Function{
	"signum", "-1, 0 or 1",
	`signum(-5)`, `-1`,
	stdlib.SignumFunc,
}
