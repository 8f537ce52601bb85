package expr

import (
	"math/big"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/sdk"
)

var numberFunctions = []Function{
	{"abs", "a number without its sign", `abs(-2)`, `2`, stdlib.AbsoluteFunc},
	{"ceil", "the next whole number above", `ceil(1.2)`, `2`, stdlib.CeilFunc},
	{"floor", "the next whole number below", `floor(1.8)`, `1`, stdlib.FloorFunc},
	{"round", "a number rounded to so many places (0 when left out), halves away from zero", `round(2.345, 2)`, `2.35`, roundFunc},
	{"max", "the greatest number", `max(1, 3, 2)`, `3`, stdlib.MaxFunc},
	{"min", "the smallest number", `min(2, 1, 3)`, `1`, stdlib.MinFunc},
	{"clamp", "a number kept between two bounds", `clamp(12, 0, 10)`, `10`, clampFunc},
	{"pow", "a number to the power of another", `pow(2, 10)`, `1024`, stdlib.PowFunc},
	{"log", "the logarithm of a number to a base", `log(8, 2)`, `3`, stdlib.LogFunc},
	{"signum", "-1, 0 or 1", `signum(-5)`, `-1`, stdlib.SignumFunc},
	{"parseint", "text read as a whole number to a base", `parseint("ff", 16)`, `255`, stdlib.ParseIntFunc},
	{"bytes", "a size written for people as a number of bytes", `bytes("20MiB")`, `20971520`, bytesFunc},
	{"duration", "a duration written for people as seconds", `duration("1m30s")`, `90`, durationFunc},
}

func textToNumber(fn func(s string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "text", Type: cty.String}},
		Type:         function.StaticReturnType(cty.Number),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := fn(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return v, nil
		},
	})
}

var bytesFunc = textToNumber(func(s string) (cty.Value, error) {
	n, err := sdk.ParseBytes(s)
	return cty.NumberIntVal(n), err
})

var durationFunc = textToNumber(func(s string) (cty.Value, error) {
	d, err := sdk.ParseDuration(s)
	if err != nil {
		return cty.NilVal, err
	}
	seconds := new(big.Float).SetPrec(512).SetInt64(d.Nanoseconds())
	return cty.NumberVal(seconds.Quo(seconds, big.NewFloat(1e9))), nil
})

// roundFunc works on the decimal digits, so that 2.345 is rounded as a person would.
var roundFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "number", Type: cty.Number}},
	VarParam:     &function.Parameter{Name: "places", Type: cty.Number},
	Type:         function.StaticReturnType(cty.Number),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		places := 0
		if len(args) > 2 {
			return cty.NilVal, function.NewArgErrorf(2, "want round(number) or round(number, places)")
		}
		if len(args) == 2 {
			var err error
			if places, err = whole(args[1], 0, 100); err != nil {
				return cty.NilVal, function.NewArgError(1, err)
			}
		}
		f := args[0].AsBigFloat()
		if f.IsInt() || f.IsInf() {
			return args[0], nil
		}
		if f.MantExp(nil) < -1024 {
			return cty.Zero, nil
		}
		n, err := numberOut(f)
		if err != nil {
			return cty.NilVal, err
		}
		r, _ := new(big.Rat).SetString(string(n))
		return cty.ParseNumberVal(r.FloatString(places))
	},
})

var clampFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "number", Type: cty.Number}, {Name: "least", Type: cty.Number}, {Name: "most", Type: cty.Number},
	},
	Type:         function.StaticReturnType(cty.Number),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		n, least, most := args[0], args[1], args[2]
		switch {
		case least.GreaterThan(most).True():
			return cty.NilVal, function.NewArgErrorf(1, "the least is above the most")
		case n.LessThan(least).True():
			return least, nil
		case n.GreaterThan(most).True():
			return most, nil
		}
		return n, nil
	},
})
