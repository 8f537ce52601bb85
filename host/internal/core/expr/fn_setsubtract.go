package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var setsubtractFunction = Function{
	"setsubtract", "elements of the first set that the second lacks",
	`setsubtract(["a", "b"], ["b"])`, `toset(["a"])`,
	stdlib.SetSubtractFunc,
}
