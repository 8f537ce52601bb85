package expr

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var tostringFunction = Function{
	"tostring", "a value as text",
	`tostring(5)`, `"5"`,
	stdlib.MakeToFunc(cty.String),
}
