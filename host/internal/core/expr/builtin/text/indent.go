package text

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var indentFunction = builtin.New(
	"indent", "every line but the first moved to the right",
	`indent(2, "a\nb")`, `"a\n  b"`,
	builtin.Guarded(stdlib.IndentFunc, func(args []cty.Value) error {
		n, err := builtin.Whole(args[0], 0, builtin.MaxText)
		if err != nil {
			return err
		}
		if s := args[1].AsString(); len(s)+n*max(1, strings.Count(s, "\n")) > builtin.MaxText {
			return builtin.TooLong("indent")
		}
		return nil
	}),
)
