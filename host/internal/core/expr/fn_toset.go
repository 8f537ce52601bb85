package expr

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var tosetFunction = Function{
	"toset", "a list as a set: each element once, in no order",
	`toset(["a", "a"])`, `toset(["a"])`,
	stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
}
