package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var lookupFunction = Function{
	"lookup", "the value at a key, or else the default",
	`lookup({ a = 1 }, "b", 0)`, `0`,
	stdlib.LookupFunc,
}
