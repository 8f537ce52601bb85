package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var titleFunction = Function{
	"title", "the first letter of every word in capitals",
	`title("hello world")`, `"Hello World"`,
	stdlib.TitleFunc,
}
