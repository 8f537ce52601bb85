package expr

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var tolistFunction = Function{
	"tolist", "a set or tuple as a list",
	`tolist(["a", 1])`, `["a", "1"]`,
	stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
}
