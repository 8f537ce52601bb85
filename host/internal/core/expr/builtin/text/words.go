package text

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var wordsFunction = builtin.New(
	"words", "the words of a text, cut at white space",
	`words(" two  words ")`, `["two", "words"]`,
	wordsFunc,
)

var wordsFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "text", Type: cty.String}},
	Type:         function.StaticReturnType(cty.List(cty.String)),
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		words := strings.Fields(args[0].AsString())
		if len(words) > builtin.MaxParts {
			return cty.NilVal, builtin.TooMany("words")
		}
		return textList(words), nil
	},
})

func textList(list []string) cty.Value {
	if len(list) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	out := make([]cty.Value, len(list))
	for i := range list {
		out[i] = cty.StringVal(list[i])
	}
	return cty.ListVal(out)
}
