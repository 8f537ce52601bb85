package expr

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var splitFunction = Function{
	"split", "text cut at a separator",
	`split(",", "a,b")`, `["a", "b"]`,
	guarded(stdlib.SplitFunc, func(args []cty.Value) error {
		if strings.Count(args[1].AsString(), args[0].AsString()) >= maxParts {
			return tooMany("split")
		}
		return nil
	}),
}
