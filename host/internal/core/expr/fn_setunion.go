package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var setunionFunction = Function{
	"setunion", "elements of any of the sets",
	`setunion(["a"], ["b"])`, `toset(["a", "b"])`,
	stdlib.SetUnionFunc,
}
