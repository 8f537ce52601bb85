package expr

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var toboolFunction = Function{
	"tobool", "text as true or false",
	`tobool("true")`, `true`,
	stdlib.MakeToFunc(cty.Bool),
}
