package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var floorFunction = Function{
	"floor", "the next whole number below",
	`floor(1.8)`, `1`,
	stdlib.FloorFunc,
}
