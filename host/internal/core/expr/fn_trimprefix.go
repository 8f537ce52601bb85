package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var trimprefixFunction = Function{
	"trimprefix", "text without what it begins with",
	`trimprefix("v1.2", "v")`, `"1.2"`,
	stdlib.TrimPrefixFunc,
}
