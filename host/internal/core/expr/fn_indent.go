package expr

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var indentFunction = Function{
	"indent", "every line but the first moved to the right",
	`indent(2, "a\nb")`, `"a\n  b"`,
	guarded(stdlib.IndentFunc, func(args []cty.Value) error {
		n, err := whole(args[0], 0, maxText)
		if err != nil {
			return err
		}
		if s := args[1].AsString(); len(s)+n*max(1, strings.Count(s, "\n")) > maxText {
			return tooLong("indent")
		}
		return nil
	}),
}
