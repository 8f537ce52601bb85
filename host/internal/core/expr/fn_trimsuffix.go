package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var trimsuffixFunction = Function{
	"trimsuffix", "text without what it ends with",
	`trimsuffix("a.png", ".png")`, `"a"`,
	stdlib.TrimSuffixFunc,
}
