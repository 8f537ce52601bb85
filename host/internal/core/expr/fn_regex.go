package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var regexFunction = Function{
	"regex", "the first match of a regular expression (RE2)",
	`regex("[0-9]+", "shot 12")`, `"12"`,
	matched("regex", stdlib.RegexFunc),
}
