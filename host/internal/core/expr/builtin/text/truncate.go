package text

import (
	"strings"
	"unicode"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var truncateFunction = builtin.New(
	"truncate", "at most so many characters, cut off with … at a word's end",
	`truncate("a long sentence", 8)`, `"a long…"`,
	truncateFunc,
)

var truncateFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "text", Type: cty.String}, {Name: "length", Type: cty.Number}},
	Type:         function.StaticReturnType(cty.String),
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		n, err := builtin.Whole(args[1], 1, 1<<30)
		if err != nil {
			return cty.NilVal, function.NewArgError(1, err)
		}
		runes := []rune(args[0].AsString())
		if len(runes) <= n {
			return args[0], nil
		}
		cut := string(runes[:n-1])
		if i := strings.LastIndexFunc(cut, unicode.IsSpace); i > 0 && !unicode.IsSpace(runes[n-1]) {
			cut = cut[:i]
		}
		return cty.StringVal(strings.TrimRightFunc(cut, unicode.IsSpace) + "…"), nil
	},
})
