package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var trimFunction = Function{
	"trim", "text without the given characters at both ends",
	`trim("--a--", "-")`, `"a"`,
	stdlib.TrimFunc,
}
