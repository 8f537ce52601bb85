package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var sortFunction = Function{
	"sort", "texts in order",
	`sort(["b", "a"])`, `["a", "b"]`,
	stdlib.SortFunc,
}
