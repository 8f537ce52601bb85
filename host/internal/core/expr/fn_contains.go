package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var containsFunction = Function{
	"contains", "whether a list or set has an element",
	`contains(["a", "b"], "a")`, `true`,
	stdlib.ContainsFunc,
}
