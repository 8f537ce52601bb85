package text

import (
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var regexreplaceFunction = builtin.New(
	"regexreplace", "every match of a regular expression (RE2) replaced",
	`regexreplace("a1b2", "[0-9]", "#")`, `"a#b#"`,
	regexReplaceFunc,
)

var regexReplaceFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "text", Type: cty.String}, {Name: "pattern", Type: cty.String}, {Name: "by", Type: cty.String},
	},
	Type:         function.StaticReturnType(cty.String),
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if expr.Matching("regexreplace", args) > builtin.MaxMatch {
			return cty.NilVal, function.NewArgErrorf(0, "the text is too long for this regular expression")
		}
		re, err := regexp.Compile(args[1].AsString())
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(1, "not a regular expression: %s", err)
		}
		text, by := args[0].AsString(), args[2].AsString()
		longest := len(by) + strings.Count(by, "$")*len(text)
		matches := 0
		re.ReplaceAllStringFunc(text, func(string) string { matches++; return "" })
		if matches*longest > builtin.MaxText {
			return cty.NilVal, builtin.TooLong("regexreplace")
		}
		return cty.StringVal(re.ReplaceAllString(text, by)), nil
	},
})
