package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var reverseFunction = Function{
	"reverse", "from back to front",
	`reverse([1, 2])`, `[2, 1]`,
	stdlib.ReverseListFunc,
}
