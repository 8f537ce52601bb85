package expr

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var csvdecodeFunction = Function{
	"csvdecode", "the rows of a CSV text with a header line, as objects",
	`csvdecode("a,b\n1,2")`, `[{ a = "1", b = "2" }]`,
	guarded(stdlib.CSVDecodeFunc, func(args []cty.Value) error {
		if s := args[0].AsString(); strings.Count(s, ",")+strings.Count(s, "\n") > maxParts {
			return tooMany("csvdecode")
		}
		return nil
	}),
}
