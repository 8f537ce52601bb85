package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var compactFunction = Function{
	"compact", "without empty texts and nulls",
	`compact(["a", "", "b"])`, `["a", "b"]`,
	stdlib.CompactFunc,
}
