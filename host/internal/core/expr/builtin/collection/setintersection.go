package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var setintersectionFunction = builtin.New(
	"setintersection", "elements of all of the sets",
	`setintersection(["a", "b"], ["b"])`, `toset(["b"])`,
	stdlib.SetIntersectionFunc,
)
