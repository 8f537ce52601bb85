package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var titleFunction = builtin.New(
	"title", "the first letter of every word in capitals",
	`title("hello world")`, `"Hello World"`,
	stdlib.TitleFunc,
)
