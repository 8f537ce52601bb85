package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var setintersectionFunction = Function{
	"setintersection", "elements of all of the sets",
	`setintersection(["a", "b"], ["b"])`, `toset(["b"])`,
	stdlib.SetIntersectionFunc,
}
