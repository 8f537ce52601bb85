package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var substrFunction = Function{
	"substr", "part of a text: offset, length (-1 for the rest)",
	`substr("hello", 1, 3)`, `"ell"`,
	stdlib.SubstrFunc,
}
