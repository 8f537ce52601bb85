package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var splitFunction = Function{
	"split", "text cut at a separator",
	`split(",", "a,b")`, `["a", "b"]`,
	stdlib.SplitFunc,
}
