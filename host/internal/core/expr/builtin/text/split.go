package text

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var splitFunction = builtin.New(
	"split", "text cut at a separator",
	`split(",", "a,b")`, `["a", "b"]`,
	builtin.Guarded(stdlib.SplitFunc, func(args []cty.Value) error {
		if strings.Count(args[1].AsString(), args[0].AsString()) >= builtin.MaxParts {
			return builtin.TooMany("split")
		}
		return nil
	}),
)
