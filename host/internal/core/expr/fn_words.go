package expr

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var wordsFunction = Function{
	"words", "the words of a text, cut at white space",
	`words(" two  words ")`, `["two", "words"]`,
	wordsFunc,
}

var wordsFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "text", Type: cty.String}},
	Type:         function.StaticReturnType(cty.List(cty.String)),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		words := strings.Fields(args[0].AsString())
		if len(words) > maxParts {
			return cty.NilVal, tooMany("words")
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
