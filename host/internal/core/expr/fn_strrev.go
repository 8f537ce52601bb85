package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var strrevFunction = Function{
	"strrev", "text from back to front",
	`strrev("abc")`, `"cba"`,
	stdlib.ReverseFunc,
}
