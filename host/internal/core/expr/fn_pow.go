package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var powFunction = Function{
	"pow", "a number to the power of another",
	`pow(2, 10)`, `1024`,
	stdlib.PowFunc,
}
