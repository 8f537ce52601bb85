package expr

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var tomapFunction = Function{
	"tomap", "an object as a map",
	`tomap({ a = 1 })["a"]`, `1`,
	stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
}
