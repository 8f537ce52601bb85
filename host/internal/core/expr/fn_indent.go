package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var indentFunction = Function{
	"indent", "every line but the first moved to the right",
	`indent(2, "a\nb")`, `"a\n  b"`,
	stdlib.IndentFunc,
}
