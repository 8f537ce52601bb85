package text

import (
	"encoding/json"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

var jsondecodeFunction = builtin.New(
	"jsondecode", "the value that a JSON text holds",
	`jsondecode("{\"a\":1}")`, `{ a = 1 }`,
	jsonDecodeFunc,
)

// jsonDecodeFunc refuses numbers out of range, and what is too deep or too much, before it is read.
var jsonDecodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "text", Type: cty.String}},
	Type: func(args []cty.Value) (cty.Type, error) {
		if v := args[0]; v.IsKnown() && !v.IsNull() {
			d := json.NewDecoder(strings.NewReader(v.AsString()))
			d.UseNumber()
			parts, depth := 0, 0
			for t, err := d.Token(); err == nil; t, err = d.Token() {
				switch t {
				case json.Delim('{'), json.Delim('['):
					depth++
				case json.Delim('}'), json.Delim(']'):
					depth--
				}
				if depth > builtin.MaxNesting {
					return cty.NilType, builtin.TooDeep("jsondecode")
				}
				if parts++; parts > builtin.MaxParts {
					return cty.NilType, builtin.TooMany("jsondecode")
				}
				if n, ok := t.(json.Number); ok {
					if _, err := datum.NumberIn(string(n)); err != nil {
						return cty.NilType, function.NewArgError(0, err)
					}
				}
			}
		}
		return stdlib.JSONDecodeFunc.ReturnTypeForValues(args)
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return stdlib.JSONDecodeFunc.Call(args) },
})
