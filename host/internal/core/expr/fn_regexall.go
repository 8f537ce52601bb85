package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var regexallFunction = Function{
	"regexall", "all matches of a regular expression (RE2)",
	`regexall("[a-z]", "1a2b")`, `["a", "b"]`,
	matched("regexall", stdlib.RegexAllFunc),
}
