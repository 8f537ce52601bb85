package collection

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var rangeFunction = builtin.New(
	"range", "numbers from 0, or from a to before b, in steps of c",
	`range(3)`, `[0, 1, 2]`,
	rangeFunc,
)

var rangeFunc = function.New(&function.Spec{
	VarParam:     &function.Parameter{Name: "bounds", Type: cty.Number},
	Type:         function.StaticReturnType(cty.List(cty.Number)),
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		start, step := cty.Zero, cty.NumberIntVal(1)
		var end cty.Value
		switch len(args) {
		case 1:
			end = args[0]
		case 2, 3:
			start, end = args[0], args[1]
			if end.LessThan(start).True() {
				step = cty.NumberIntVal(-1)
			}
			if len(args) == 3 {
				step = args[2]
			}
		default:
			return cty.NilVal, fmt.Errorf("want range(end), range(start, end) or range(start, end, step)")
		}
		return count(start, end, step)
	},
})

func count(start, end, step cty.Value) (cty.Value, error) {
	up := step.GreaterThan(cty.Zero).True()
	if step.Equals(cty.Zero).True() || up == end.LessThan(start).True() && !end.Equals(start).True() {
		return cty.NilVal, fmt.Errorf("the step never leads from the start to the end")
	}
	var out []cty.Value
	for n := start; up && n.LessThan(end).True() || !up && n.GreaterThan(end).True(); n = n.Add(step) {
		if len(out) == builtin.MaxItems {
			return cty.NilVal, fmt.Errorf("range of more than %d numbers", builtin.MaxItems)
		}
		out = append(out, n)
	}
	if len(out) == 0 {
		return cty.ListValEmpty(cty.Number), nil
	}
	return cty.ListVal(out), nil
}
