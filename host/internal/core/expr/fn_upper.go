package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var upperFunction = Function{
	"upper", "text in capital letters",
	`upper("hello")`, `"HELLO"`,
	stdlib.UpperFunc,
}
