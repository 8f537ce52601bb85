package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var lowerFunction = Function{
	"lower", "text in small letters",
	`lower("HeLLo")`, `"hello"`,
	stdlib.LowerFunc,
}
