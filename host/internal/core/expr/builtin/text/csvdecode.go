package text

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var csvdecodeFunction = builtin.New(
	"csvdecode", "the rows of a CSV text with a header line, as objects",
	`csvdecode("a,b\n1,2")`, `[{ a = "1", b = "2" }]`,
	builtin.Guarded(stdlib.CSVDecodeFunc, func(args []cty.Value) error {
		if s := args[0].AsString(); strings.Count(s, ",")+strings.Count(s, "\n") > builtin.MaxParts {
			return builtin.TooMany("csvdecode")
		}
		return nil
	}),
)
